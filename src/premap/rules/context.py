# SPDX-License-Identifier: GPL-2.0-only
"""What a rule looks at: one file, the hooks that it holds, and the release it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct
from tree_sitter import Node

from premap import releases
from premap.csource.nodes import arguments, callee, calls_in, path_to, text_of, unwrapped
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.strstr import says
from premap.csource.tree import KernelTree
from premap.records import Handler
from premap.releases import Release
from premap.rules.hooks import Hook, find_hooks, sites_of
from premap.rules.names import core


class Context(Struct, eq=False, dict=True):
    """One file that is checked."""

    source: SourceFile
    tree: KernelTree | None
    target: str
    before: SourceFile | None = None
    """The file as it was before a patch, where that is known."""

    @cached_property
    def scope(self) -> Scope:
        """What names mean in the file."""
        return Scope(self.source, self.tree)

    @cached_property
    def release(self) -> Release | None:
        """What the release has; None before there was a vma_flags_t in descriptors."""
        try:
            if self.tree is None or self.tree.release != self.target:
                return releases.named(self.target)
            return self.tree.once(("rules", self.target), self._of_tree)
        except releases.UnknownRelease:
            return None

    def _of_tree(self) -> Release:
        return releases.from_headers(self.target, self._header)

    def _header(self, name: str) -> str:
        return "" if self.tree is None else self.tree.bytes_of(name).decode("latin-1")

    def only_with(self, option: str) -> bool:
        """Whether the file is only built in kernels with an option, as far as the tree says."""
        from premap.csource.makefiles import only_with  # noqa: PLC0415  few files ask

        return self.tree is not None and only_with(option, self.source.name, self.tree)

    def at_least(self, release: str) -> bool:
        """Whether the target is this release or a later one."""
        return releases.number(self.target) >= releases.number(release)

    @cached_property
    def sites(self) -> list[Handler]:
        """What sets an mmap member in the file."""
        return sites_of(self.source, self.scope)

    @cached_property
    def hooks(self) -> list[Hook]:
        """The hooks of the file."""
        found = find_hooks(self.source, self.scope, self.tree, self.sites)
        for hook in found:
            hook.compared = self.before is not None
        return found

    @property
    def prepares(self) -> Iterator[Hook]:
        """Hooks that get a descriptor."""
        return (hook for hook in self.hooks if hook.prepares)

    @property
    def is_core(self) -> bool:
        """Whether the file is part of what implements mmap(): it may do what drivers may not."""
        return self.source.name.startswith(core())

    def says(self, *words: bytes) -> bool:
        """Whether the file has one of the words at all: a cheap question before a costly one."""
        return any(says(self.source.code, word) for word in words)

    def holding(self, pattern: re.Pattern[bytes], *types: str) -> Iterator[Node]:
        """Yield the nodes of some types that hold what matches in the code, each once.

        To walk the whole tree for them takes longer than a parse.
        """
        seen: set[int] = set()
        for match in pattern.finditer(self.source.code):
            for node in path_to(self.source.root, match.end() - 1):
                if node.type in types and node.id not in seen:
                    seen.add(node.id)
                    yield node

    @cached_property
    def described(self) -> list[Body]:
        """Functions of the file that have a descriptor, hooks or not, with its names."""
        return list(bodies_with(self.source, "vm_area_desc"))

    @cached_property
    def mapped(self) -> list[Body]:
        """Functions of the file that have a VMA, with its names."""
        return list(bodies_with(self.source, "vm_area_struct"))


class Body(Struct, frozen=True):
    """A function, and the names that a descriptor or VMA has in it."""

    function: Function
    names: frozenset[str]

    def says(self, *words: str) -> bool:
        """Whether one of the words stands in it at all: a walk through it costs more."""
        body = self.function.body
        code = self.function.source.code[body.start_byte : body.end_byte]
        return any(says(code, word.encode()) for word in words)

    def is_it(self, node: Node | None) -> bool:
        """Whether an expression is the plain descriptor or VMA."""
        return node is not None and text_of(unwrapped(node)) in self.names

    def member(self, node: Node) -> str | None:
        """Return which member of it an expression is: "page_prot" of `desc->page_prot`."""
        node = unwrapped(node)
        if node.type != "field_expression" or not self.is_it(node.child_by_field_name("argument")):
            return None
        return text_of(node.child_by_field_name("field"))

    def calls(self, *names: str) -> Iterator[Node]:
        """Yield the calls of these functions whose first argument is the descriptor or VMA."""
        for call in calls_in(self.function.body):
            given = arguments(call)
            if callee(call) in names and given and self.is_it(given[0]):
                yield call


def bodies_with(source: SourceFile, struct: str) -> Iterator[Body]:
    """Yield the functions of a file that have a parameter which points to a structure."""
    from premap.csource.calls import aliases  # noqa: PLC0415

    if struct.encode() not in source.code:
        return
    for function in source.functions_saying(struct.encode()):
        for parameter in function.parameters:
            if struct in parameter.type_text and parameter.name:
                yield Body(function, frozenset(aliases(function, parameter.name)))
