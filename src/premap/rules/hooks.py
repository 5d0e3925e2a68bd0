# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a file are mmap hooks, and of which operation table."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from premap.csource.calls import Passing, aliases, receivers
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.regions import functions_named
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.records import Handler
from premap.rules import frames
from premap.rules.frames import Frame, frame_of

if TYPE_CHECKING:
    from premap.rules.operations import Operations
    from premap.rules.paths import Exploration

Member = Literal["mmap", "mmap_prepare"]


class Hook(Struct, eq=False, dict=True):
    """A function that sets a mapping up, with its definitions in `#if` arms."""

    name: str
    member: Member
    functions: Sequence[Function]
    sites: tuple[Handler, ...]
    """Tables that name it; none where only its parameters tell what it is."""
    scope: Scope
    tree: KernelTree | None
    callbacks: dict[tuple[str, str], Exploration] = field(default_factory=dict)
    """Paths of the callbacks of its operations, by table and member."""
    explored: dict[frozenset[tuple[str, str]], Exploration] = field(default_factory=dict)
    """Its paths where words of the call are fixed, by these words."""
    operations: Sequence[Operations] | None = None
    """Tables of VMA operations that it may install, once they were looked for."""
    compared: bool = False
    """Whether its paths are compared with those of the version before a change."""

    @property
    def source(self) -> SourceFile:
        """The file that defines it."""
        return self.functions[0].source

    @property
    def ops(self) -> tuple[str, ...]:
        """Types of the tables that name it."""
        return tuple(dict.fromkeys(site.ops for site in self.sites))

    @property
    def prepares(self) -> bool:
        """Whether it gets a descriptor."""
        return self.member == "mmap_prepare"

    @cached_property
    def frame(self) -> Frame:
        """What is checked before it is called, whichever of its tables the call comes from."""
        return frame_of(self.sites)

    def parameter(self, function: Function) -> str:
        """Name of the parameter that is the descriptor or the VMA; "" if it has none."""
        word = "vm_area_desc" if self.prepares else "vm_area_struct"
        return next((p.name for p in function.parameters if word in p.type_text), "")

    @cached_property
    def passings(self) -> list[Passing]:
        """Same-file functions that get its descriptor or VMA."""
        return [
            passing
            for function in self.functions
            if (name := self.parameter(function))
            for passing in receivers(function, [name])
        ]

    @cached_property
    def bodies(self) -> list[tuple[Function, frozenset[str]]]:
        """Its functions and the helpers that get the descriptor or VMA, and what they call it."""
        given = [(function, self.parameter(function)) for function in self.functions]
        given += [(passing.function, passing.parameter) for passing in self.passings]
        found: dict[tuple[int, str], tuple[Function, frozenset[str]]] = {}
        for function, name in given:
            key = (function.node.start_byte, name)
            if name and key not in found:
                found[key] = (function, frozenset(aliases(function, name)))
        return list(found.values())

    @cached_property
    def exploration(self) -> Exploration:
        """Its paths, as far as the interpreter sees them."""
        from premap.rules.paths import explore  # noqa: PLC0415  loads interpreter and model

        return explore(self)


def find_hooks(
    source: SourceFile, scope: Scope, tree: KernelTree | None, found: Sequence[Handler]
) -> list[Hook]:
    """Return the hooks that the file defines: one that its table names elsewhere is that file's.

    `found` is what sets an mmap member in it.
    """
    sites: dict[tuple[str, str], list[Handler]] = {}
    for handler in found:
        sites.setdefault((handler.name, handler.member), []).append(handler)
    for name, kind, plain in _by_parameters(source):
        if not any(known == name for known, _ in sites):
            elsewhere = list(_sites_elsewhere(source, name, tree))
            if elsewhere or plain:
                sites[name, kind] = elsewhere
    hooks = []
    for (name, member), handlers in sites.items():
        functions = source.functions_of(name)
        if functions:
            hooks.append(
                Hook(name, _kind(functions, member), functions, tuple(handlers), scope, tree)
            )
    return hooks


def sites_of(source: SourceFile, scope: Scope) -> list[Handler]:
    """Return what sets an mmap member; headers are read only for types that are not listed."""
    found = find_handlers(source, None, frames.members())
    listed = frames.table()
    if all(site.ops.removeprefix("struct ") in listed for site in found):
        return found
    return find_handlers(source, scope, frames.members())


def _kind(functions: Sequence[Function], stated: str) -> Member:
    """Tell by its parameters which kind of hook a function is."""
    given = " ".join(parameter.type_text for parameter in functions[0].parameters)
    if "vm_area_desc" in given:
        return "mmap_prepare"
    prepares = stated == "mmap_prepare" and "vm_area_struct" not in given
    return "mmap_prepare" if prepares else "mmap"


def _by_parameters(source: SourceFile) -> Iterator[tuple[str, Member, bool]]:
    """Functions that no table of the file names: kind, and whether the type alone tells that.

    The hook of a framework's table has a type of its own: a table elsewhere has to name it.
    """
    first: dict[str, Function] = {}
    for function in source.functions_saying(b"vm_area_"):
        first.setdefault(function.name, function)
    for name, function in first.items():
        kind = _typed(function)
        if kind is not None and not source.calls_to(re.escape(name)):
            plain = _is_plain(function)
            if plain or not function.static:
                yield name, kind, plain


def _typed(function: Function) -> Member | None:
    """Return which kind of hook may have a function's type."""
    last = function.parameters[-1].type_text if function.parameters else ""
    if function.return_type != "int":
        return None
    if "vm_area_desc" in last:
        return "mmap_prepare"
    return "mmap" if "vm_area_struct" in last else None


def _is_plain(function: Function) -> bool:
    """Whether the type is that of the members of file_operations."""
    types = [parameter.type_text for parameter in function.parameters]
    if "vm_area_desc" in types[-1]:
        return len(types) == 1
    return len(types) == 2 and "struct file" in types[0]


def definitions(source: SourceFile, name: str, tree: KernelTree | None) -> Sequence[Function]:
    """Return the definitions of a handler or callback: of the file, else of one beside it."""
    own = source.functions_of(name)
    if own:
        return own
    if tree is None or not name.isidentifier():
        return ()
    for other in beside(source, name, tree):
        functions = [f for f in functions_named(other, name) if not f.static]
        if functions:
            return functions
    return ()


def _sites_elsewhere(source: SourceFile, name: str, tree: KernelTree | None) -> Iterator[Handler]:
    """Yield what names a function in the tables of files beside its own."""
    functions = source.functions_of(name)
    if tree is None or all(function.static for function in functions):
        return
    for other in beside(source, name, tree):
        found = sites_of(other, Scope(other, tree))
        yield from (handler for handler in found if handler.name == name)


def beside(source: SourceFile, name: str, tree: KernelTree) -> Iterator[SourceFile]:
    """Yield other files of the folder, and of those around it, that say a name."""
    for folder in list(Path(source.name).parents)[:-1]:
        for other in tree.search.beside(name, folder.as_posix()):
            if other != source.name and other.endswith(".c"):
                with contextlib.suppress(SourceError):
                    yield tree.open(other)


__all__ = ["Hook", "Member", "beside", "definitions", "find_hooks"]
