# SPDX-License-Identifier: GPL-2.0-only
"""Handler in, edits or a reason out: wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from premap import releases
from premap.conversion import docs, effects
from premap.conversion import group as groups
from premap.conversion.function import convert_function
from premap.conversion.group import Group, group_of
from premap.conversion.rewriting import Change
from premap.csource.edit import apply_edits
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.nodes import callee, calls_in
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.idioms import IDIOMS, r1_table
from premap.idioms.idiom import Declined, Hook
from premap.idioms.population import POPULATIONS
from premap.idioms.twins import TWINS, is_hook_twin
from premap.records import Conversion, Edit, Handler, Note, Reason
from premap.releases import Release

_ORDER = [idiom.id for idiom in IDIOMS]


@dataclass(frozen=True, slots=True)
class _Result:
    edits: tuple[Edit, ...]
    idioms: frozenset[str]
    notes: tuple[Note, ...]
    new_name: str


def target_release(target: Release | str, tree: KernelTree | None) -> Release:
    """Return the release to write for; the tree's own headers say what it has, if it is that one.

    Raises UnknownRelease.
    """
    if isinstance(target, Release):
        return target
    if tree is None or tree.release != target:
        return releases.named(target)
    return tree.once(("release", target), lambda: _from_tree(target, tree))


def _from_tree(target: str, tree: KernelTree) -> Release:
    def header(name: str) -> str:
        try:
            return tree.open(name).text.decode("latin-1")
        except SourceError:
            return ""

    return releases.from_headers(target, header)


def convert_file(
    source: SourceFile,
    tree: KernelTree | None,
    target: Release | str,
    only: str | None = None,
) -> list[Conversion]:
    """Convert every legacy handler that the file's tables name; `only` those called that.

    One record for each initializer, in order. Handlers that share a function have the same edit
    of it. Raises UnknownRelease for a target whose hooks can't be written.
    """
    release = target_release(target, tree)
    scope = Scope(source, tree)
    handlers = [h for h in find_handlers(source, scope) if h.member == "mmap"]
    return [
        _conversion(handler, scope, handlers, release)
        for handler in handlers
        if only is None or handler.name == only
    ]


def convert_handler(
    handler: Handler, source: SourceFile, tree: KernelTree | None, target: Release | str
) -> Conversion:
    """Convert one handler, with the functions and tables of the file that go with it."""
    release = target_release(target, tree)
    scope = Scope(source, tree)
    handlers = [h for h in find_handlers(source, scope) if h.member == "mmap"]
    return _conversion(handler, scope, handlers, release)


def apply(conversions: Iterable[Conversion], source: SourceFile) -> bytes:
    """Return the text of `source` with the edits of every conversion made."""
    edits = [
        edit for conversion in conversions for edit in conversion.edits if edit.file == source.name
    ]
    return apply_edits(source.text, edits)


def _conversion(
    handler: Handler, scope: Scope, handlers: Sequence[Handler], release: Release
) -> Conversion:
    try:
        found = _convert(handler, scope, handlers, release)
    except Declined as declined:
        line = declined.line or handler.line
        return Conversion(handler, reason=Reason(declined.id, declined.message, line))
    except RecursionError:
        reason = Reason("too-deep", "expressions are nested too deeply", handler.line)
        return Conversion(handler, reason=reason)
    idioms = tuple(id_ for id_ in _ORDER if id_ in found.idioms)
    return Conversion(handler, found.new_name, found.edits, idioms, found.notes)


def _convert(
    handler: Handler, scope: Scope, handlers: Sequence[Handler], release: Release
) -> _Result:
    _check_site(handler)
    source = scope.source
    twin = TWINS.get(handler.name)
    if twin is not None and is_hook_twin(twin):
        _check_twin(twin.name, release)
        edit = _table_edit(handler, source, twin.name)
        return _Result((edit,), frozenset({"R1", "H1"}), _by_table(release), twin.name)
    if handler.name not in source.functions:
        raise Declined("handler-elsewhere", f"{handler.name}() is not defined in this file")
    return _convert_group(handler, group_of(handler, source, handlers), scope, release)


def _check_twin(name: str, release: Release) -> None:
    if not release.has(name):
        raise Declined("release-lacks-helper", f"{release.name} has no {name}()")


def _check_site(handler: Handler) -> None:
    if handler.name in groups.NO_FUNCTION:
        raise Declined("no-function", f"the member is {handler.name}")
    if not handler.name.isidentifier():
        raise Declined("handler-not-plain", f"`{handler.name}` is no function's name")
    if handler.ops != groups.HAS_TWIN:
        raise Declined("not-file-operations", f"{handler.ops} has no mmap_prepare member")
    if handler.in_macro is not None:
        raise Declined("macro-table", f"the macro {handler.in_macro} defines the table")


def _convert_group(handler: Handler, group: Group, scope: Scope, release: Release) -> _Result:
    source = group.source
    groups.check_users(group)
    acting = groups.acting(group)
    functions = list(group.functions())
    for function in functions:
        if not _is_static(function, scope):
            raise Declined("exported-handler", f"{function.name}() is not static", function.node)
    hooks = [_hook(function, group, acting, release) for function in functions]
    renamed = list(groups.renamings(group))
    for twin in group.twins:
        _check_twin(twin, release)
    renamed = _documented(hooks, renamed, group)
    edits: list[Edit] = []
    idioms: set[str] = {"R1"} | ({"R5"} if _several_arms(group) else set())
    for hook in hooks:
        done = convert_function(
            hook,
            group.names[hook.function.name],
            _within(renamed, hook.function),
            is_hook=hook.function.name in group.hooks,
        )
        effects.check(hook)
        acts = any(callee(call) in POPULATIONS | acting for call in calls_in(hook.function.body))
        effects.check_close(hook, acts=acts)
        edits.append(done.edit)
        idioms |= done.idioms
    edits += [
        Edit(source.name, change.start, change.end, change.new.encode("latin-1"))
        for change in renamed
        if not any(_inside(change, function) for function in functions)
    ]
    idioms |= {"R4"} if renamed else set()
    for site in group.handlers:
        if site.name in group.hooks:
            edits.append(_table_edit(site, source, group.hooks[site.name]))
    notes = tuple(note for hook in hooks for note in hook.notes) + _by_table(release)
    ordered = tuple(sorted(edits, key=lambda edit: edit.start))
    return _Result(ordered, frozenset(idioms), notes, group.hooks[handler.name])


def _documented(hooks: Iterable[Hook], renamed: list[Change], group: Group) -> list[Change]:
    """Return the renamings and the changes of the functions' kernel-doc comments."""
    changes = [
        change
        for hook in hooks
        for change in docs.parameter_changes(hook, is_hook=hook.function.name in group.hooks)
    ]
    kept = [
        old
        for old in renamed
        if not any(change.start <= old.start < change.end for change in changes)
    ]
    return [*kept, *changes]


def _is_static(function: Function, scope: Scope) -> bool:
    """Tell whether only this file can name the function; some file systems say STATIC."""
    head = function.source.text[function.node.start_byte : function.name_node.start_byte]
    return function.static or any(
        "static" in macro.body.split()
        for word in head.decode("latin-1").split()
        for macro in scope.macro(word)
    )


def _hook(function: Function, group: Group, acting: frozenset[str], release: Release) -> Hook:
    is_hook = function.name in group.hooks
    vma = groups.vma_parameter(function)
    file = groups.file_parameter(function) if is_hook else None
    return Hook(function, release, vma, file, group.helpers, acting)


def _several_arms(group: Group) -> bool:
    return any(
        len(group.source.functions.get(name, ())) > 1 or name in group.source.macros
        for name in group.names
    )


def _within(changes: Sequence[Change], function: Function) -> list[Change]:
    return [change for change in changes if _inside(change, function)]


def _inside(change: Change, function: Function) -> bool:
    return function.node.start_byte <= change.start < function.node.end_byte


def _table_edit(site: Handler, source: SourceFile, name: str) -> Edit:
    """Return the edit of the initializer."""
    old = source.text[site.start : site.end].decode("latin-1")
    before = source.text[source.line_start(site.start) : site.start].decode("latin-1")
    new = r1_table.initializer(old, r1_table.advance(before, 0), name)
    if new is None:
        raise Declined("handler-not-plain", f"`{old}` is no plain initializer", line=site.line)
    return Edit(source.name, site.start, site.end, new.encode("latin-1"))


def _by_table(release: Release) -> tuple[Note, ...]:
    if not release.reviewed:
        return ()
    return (Note("release-by-table", f"{release.name} is known from a table alone"),)
