# SPDX-License-Identifier: GPL-2.0-only
"""What the other rooms ask: compare a conversion with what it replaces, or any two functions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from premap.csource.definitions import defining
from premap.csource.edit import apply_edits
from premap.csource.handlers import find_handlers
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence import callbacks, through
from premap.equivalence.callbacks import link
from premap.equivalence.comparison import verify
from premap.equivalence.limits import TIME_LIMIT
from premap.equivalence.outcome import Member, Side
from premap.interp.model_calls import FILE_HOOKS
from premap.records import Conversion, Edit, Verdict

FILE_OPERATIONS = "struct file_operations"
"""The table whose members the mmap path calls itself."""
_scopes: dict[int, Scope] = {}


class NoSuchHook(Exception):
    """The file has no function of that name, or the function is no mmap hook."""

    def __init__(self, source: SourceFile, name: str | None, detail: str) -> None:
        super().__init__(f"{source.name}: {name or 'hook'}: {detail}")


_WORSE = ("equivalent", "equivalent-except", "unknown", "different")


def verify_conversion(
    conversion: Conversion,
    source: SourceFile,
    tree: KernelTree | None,
    target: str = "",
    *,
    time_limit: float = TIME_LIMIT,
) -> Verdict:
    """Compare a handler with what a conversion made of it, all edits of all files applied."""
    del target
    found = [
        _verified(replace(conversion, through=members), source, tree, time_limit)
        for members in through.choices(conversion.through)
    ]
    if len(found) == 1:
        return found[0]
    worst = max(found, key=lambda verdict: _WORSE.index(verdict.status))
    differences = {
        (each.id, each.message): each for verdict in found for each in verdict.differences
    }
    bounds = dict.fromkeys(each for verdict in found for each in verdict.bounds)
    return replace(worst, differences=tuple(differences.values()), bounds=tuple(bounds))


def _verified(
    conversion: Conversion, source: SourceFile, tree: KernelTree | None, time_limit: float
) -> Verdict:
    """Compare them where each member that they are passed on through is set to one function."""
    old, new = sides_of(conversion, source, tree)
    found = verify(old, new, time_limit=time_limit)
    bounds = through.bounds(conversion.through)
    bounds += callbacks.BOUNDS if new.member == "compat" else ()
    return replace(found, bounds=(*found.bounds, *bounds)) if bounds else found


def sides_of(
    conversion: Conversion, source: SourceFile, tree: KernelTree | None
) -> tuple[Side, Side]:
    """Return a handler, and what a conversion made of it with all edits of all files applied."""
    if conversion.new_name is None:
        raise ValueError("a conversion that was declined has nothing to verify")
    ground = conversion.groundwork
    edits = [edit for edit in conversion.edits if ground is None or edit not in ground.edits]
    edited = dict.fromkeys((source.name, *(edit.file for edit in edits)))
    before = [source if tree is None or n == source.name else tree.open(n) for n in edited]
    after = [_copy(file, [edit for edit in edits if edit.file == file.name]) for file in before]
    if conversion.through:
        before = through.resolved(before, conversion.through, converted=False)
        after = through.resolved(after, conversion.through, converted=True)
    if conversion.handler.ops != FILE_OPERATIONS:
        return callbacks.sides(conversion, before, after, tree)
    if len(before) > 1:
        before = [_copy(file, ()) for file in before]
        link(before)
        link(after)
    return (
        _side_of(before, conversion.handler.name, "mmap", tree),
        _side_of(after, conversion.new_name, "mmap_prepare", tree),
    )


def _copy(file: SourceFile, edits: Sequence[Edit]) -> SourceFile:
    return SourceFile(file.name, apply_edits(file.text, edits), file.path)


def _side_of(
    files: Sequence[SourceFile], name: str, member: Member, tree: KernelTree | None
) -> Side:
    functions = next((file.functions[name] for file in files if name in file.functions), ())
    return Side(name, functions, member, tree, tables=files)


def verify_functions(
    old: tuple[SourceFile, str | None],
    new: tuple[SourceFile, str | None],
    old_tree: KernelTree | None = None,
    new_tree: KernelTree | None = None,
    *,
    time_limit: float = TIME_LIMIT,
) -> Verdict:
    """Compare two versions of a hook; a function that is not named is the only hook of its file.

    Raises NoSuchHook.
    """
    before = hook(old[0], old[1], old_tree)
    after = hook(new[0], new[1], new_tree)
    return verify(before, after, time_limit=time_limit)


def hook(source: SourceFile, name: str | None, tree: KernelTree | None) -> Side:
    """Return a file's hook of that name, or its only one. Raises NoSuchHook."""
    if name is None:
        name = _only_hook(source, tree)
    functions = source.functions.get(name)
    if functions:
        return side(source, name, _member(source, name, functions), tree)
    return _elsewhere(source, name, tree)


def _elsewhere(source: SourceFile, name: str, tree: KernelTree | None) -> Side:
    """Return a hook that a table of this file names, and that another file, or the model, has."""
    own = FILE_HOOKS.get(name)
    if own is not None:
        return Side(name, (), "mmap" if own == "fv" else "mmap_prepare", tree, tables=[source])
    found = [] if tree is None else defining(name, source, tree)
    if len(found) > 1:
        files = ", ".join(file.name for file in found)
        raise NoSuchHook(source, name, f"defined in several files: {files}")
    if not found:
        raise NoSuchHook(source, name, "there is no such function")
    functions = found[0].functions[name]
    return Side(name, functions, _member(found[0], name, functions), tree, tables=[source])


def side(source: SourceFile, name: str, member: Member, tree: KernelTree | None) -> Side:
    """Return one version of a hook as the comparison wants it."""
    return Side(name, source.functions.get(name, ()), member, tree)


def _only_hook(source: SourceFile, tree: KernelTree | None) -> str:
    names = {handler.name for handler in find_handlers(source, Scope(source, tree))}
    names &= source.functions.keys()
    if not names:  # no table in sight: what has the parameters of a hook
        names = {name for name, found in source.functions.items() if _kind(found)}
    if len(names) != 1:
        count = f"{len(names)} mmap hooks" if names else "no mmap hook"
        listed = f" ({', '.join(sorted(names))})" if names else ""
        raise NoSuchHook(source, None, f"the file has {count}{listed}; name one: FILE:FUNCTION")
    return names.pop()


def _member(source: SourceFile, name: str, functions: Sequence[Function]) -> Member:
    """Return which kind of hook a function is. Raises NoSuchHook."""
    kind = _kind(functions)
    if kind is None:
        raise NoSuchHook(
            source, name, "neither an mmap hook (file, vma) nor an mmap_prepare hook (desc)"
        )
    return kind


def _kind(functions: Sequence[Function]) -> Member | None:
    """Return which kind of hook a function is by its parameters, None if it is none."""
    types = [parameter.type_text for parameter in functions[0].parameters]
    if len(types) == 1 and "vm_area_desc" in types[0]:
        return "mmap_prepare"
    if len(types) == 2 and "file" in types[0] and "vm_area_struct" in types[1]:
        return "mmap"
    return None
