# SPDX-License-Identifier: GPL-2.0-only
"""The file that is converted, and those of its tree that may have to change along with it.

A function that is not static may be named anywhere its prototype reaches: in its subsystem, if
a header there declares it; else in the whole tree. Only bytes are searched, and only in files
that speak of mappings; what is found is parsed.
"""

from __future__ import annotations

import re

from premap.conversion.callback import FILE_OPERATIONS, Callback
from premap.csource.handlers import find_sites
from premap.csource.makefiles import only_with
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.records import Handler

WHOLE_TREE = ""
_WIDE = frozenset({"arch", "drivers"})
"""Top folders whose subsystems are one level down."""
_EVERYWHERE = frozenset({"include"})
_AFTER_NAME = rb"\s*\((?:[^;{}()]|\([^;{}()]*\))*\)\s*\{"


class Program:
    """Finds functions, and who names them.

    Without a tree, or for a file that does not lie in it, in the one file alone: the tree says what
    names mean, but nothing in it can name what is outside.
    """

    def __init__(
        self, source: SourceFile, tree: KernelTree | None, callback: Callback = FILE_OPERATIONS
    ) -> None:
        self.source = source
        self.tree = tree
        self.alone = tree is None or not tree.exists(source.name)
        self.callback = callback
        self._scopes: dict[str, Scope] = {}
        self._handlers: list[Handler] | None = None

    def only_with(self, option: str, file: str) -> bool:
        """Tell whether a file is only built in kernels with an option, as far as the tree says."""
        return not self.alone and self.tree is not None and only_with(option, file, self.tree)

    def open(self, name: str) -> SourceFile:
        """Return a file that `_mentioning` found."""
        if self.tree is None or name == self.source.name:
            return self.source
        return self.tree.open(name)

    def scope(self, source: SourceFile) -> Scope:
        """Return what names mean to a file."""
        if source.name not in self._scopes:
            self._scopes[source.name] = Scope(source, self.tree)
        return self._scopes[source.name]

    def handlers(self, source: SourceFile) -> list[Handler]:
        """Return every site of a file that sets a member of the callback's name."""
        member = self.callback.member

        def find() -> list[Handler]:
            return find_sites(source, self.scope(source), (member,))[0]

        if self.tree is not None and source is not self.source:
            return self.tree.once(("legacy sites", source.name, member), find)
        if self._handlers is None:
            self._handlers = find()
        return self._handlers

    def unparsed(self) -> list[Handler]:
        """Return what may set such a member of the file, where the text around it is no C."""
        _, others = find_sites(self.source, self.scope(self.source), (self.callback.member,))
        return [
            Handler(self.source.name, other.line, "?", "?", other.member, other.start, other.start)
            for other in others
            if not other.parsed
        ]

    def is_local(self, function: Function) -> bool:
        """Tell whether only its file can name a function; some file systems say STATIC.

        What a header defines is seen by all that include it.
        """
        if function.source.name.endswith(".h"):
            return False
        head = function.source.seen[function.node.start_byte : function.name_node.start_byte]
        return function.static or any(
            "static" in macro.body.split()
            for word in head.decode("latin-1").split()
            for macro in self.scope(function.source).macro(word)
        )

    def definitions(self, name: str, seen_from: SourceFile, *, far: bool) -> list[Function]:
        """Return what a name means to a file: functions of its own, else of others.

        Those are looked for in the file's subsystem; if `far`, then in the whole tree.
        """
        own = seen_from.functions.get(name, [])
        if self.alone or any(self.is_local(function) for function in own):
            return own
        if not own and not far and not self._defining(name, subsystem(seen_from.name)):
            return []
        found = [f for file in self.users(name, seen_from) for f in _functions(file, name)]
        return [f for f in found if f in own or not self.is_local(f)]

    def users(self, name: str, seen_from: SourceFile) -> list[SourceFile]:
        """Return the files that may name the function that `name` is to a file, that one first."""
        own = seen_from.functions.get(name, [])
        if self.alone or any(self.is_local(function) for function in own):
            return [seen_from]
        found = [self.open(file) for file in self._mentioning(name, subsystem(seen_from.name))]
        if not any(_declares(file, name) for file in found):
            found = [self.open(file) for file in self._mentioning(name, WHOLE_TREE)]
        others = [file for file in found if file is not seen_from and not self._has_own(file, name)]
        return [seen_from, *others]

    def _has_own(self, file: SourceFile, name: str) -> bool:
        """Tell whether a file means a function of its own by the name."""
        return any(self.is_local(function) for function in _functions(file, name))

    def _defining(self, name: str, top: str) -> bool:
        return any(_functions(self.open(file), name) for file in self._mentioning(name, top))

    def _mentioning(self, name: str, top: str) -> list[str]:
        """Names of the files under `top` that hold the word."""
        return [] if self.tree is None else self.tree.search.mentioning(name, top)


def subsystem(name: str) -> str:
    """Return the folder that a file's private headers are in: "fs", or "drivers/gpu"."""
    parts = name.split("/")
    if len(parts) < 2 or parts[0] in _EVERYWHERE:
        return WHOLE_TREE
    return "/".join(parts[:2]) if parts[0] in _WIDE and len(parts) > 2 else parts[0]


def _functions(file: SourceFile, name: str) -> list[Function]:
    """Return the file's definitions of a function; it is only parsed if there may be one."""
    looks_like = re.compile(rb"\b" + re.escape(name.encode("latin-1")) + _AFTER_NAME)
    return file.functions.get(name, []) if looks_like.search(file.code) else []


def _declares(file: SourceFile, name: str) -> bool:
    """Tell whether a header declares the function."""
    if not file.name.endswith(".h"):
        return False
    return name in file.prototypes or name in file.functions
