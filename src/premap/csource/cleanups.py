# SPDX-License-Identifier: GPL-2.0-only
"""Definitions of what is cleaned up at the end of a scope (include/linux/cleanup.h).

`DEFINE_GUARD(mutex, …)` and its like give a name what takes, and what gives back; they are found
by that name in a file and in what it includes.
"""

from __future__ import annotations

import re
from functools import partial

from msgspec import Struct

from premap.csource.scope import Scope
from premap.csource.source import SourceFile

_MACROS = (
    "DEFINE_FREE",
    "DEFINE_GUARD",
    "DEFINE_GUARD_COND",
    "DEFINE_LOCK_GUARD_0",
    "DEFINE_LOCK_GUARD_1",
    "DEFINE_LOCK_GUARD_1_COND",
    "DEFINE_CLASS",
    "EXTEND_CLASS",
)
_EXTENDED = frozenset({"DEFINE_GUARD_COND", "DEFINE_LOCK_GUARD_1_COND", "EXTEND_CLASS"})
"""Macros whose name is two arguments: that of a class, and what is put after it."""
_USE = re.compile(rb"^[ \t]*(" + "|".join(_MACROS).encode() + rb")[ \t]*(\()", re.MULTILINE)
_SEPARATOR = re.compile(rb"[][(){},]")


class Definition(Struct, frozen=True):
    """One use of a macro that defines a clean-up: its arguments, as text, after the name."""

    macro: str
    base: str
    """The class that it extends, or its own name."""
    arguments: tuple[str, ...]


def cleanup(scope: Scope, kind: str, name: str) -> Definition | None:
    """Return what `name` means as a "free" or as a "class"; the nearest definition counts.

    None if there is none, or if `#if` arms give it several.
    """
    return scope.once("cleanup", f"{kind} {name}", partial(_find, scope, kind, name))


def _find(scope: Scope, kind: str, name: str) -> Definition | None:
    for file in scope.files_with(name):
        found = _of_file(scope, file).get((kind, name))
        if found is not None:
            return found[0] if len(set(found)) == 1 else None
    return None


Index = dict[tuple[str, str], list[Definition]]


def _of_file(scope: Scope, file: SourceFile) -> Index:
    if scope.tree is None or file is scope.source:
        return scope.once("cleanups", file.name, partial(_read, file))
    return scope.tree.once(("cleanups", file.name, ""), partial(_read, file))


def _read(file: SourceFile) -> Index:
    found: Index = {}
    for match in _USE.finditer(file.text):
        close = file.closing(match.start(2))
        if close is None:
            continue
        macro = match[1].decode()
        name, *rest = _arguments(file, match.end(2), close)
        base = name
        if macro in _EXTENDED and rest:
            name, rest = name + rest[0], rest[1:]
        kind = "free" if macro == "DEFINE_FREE" else "class"
        found.setdefault((kind, name), []).append(Definition(macro, base, tuple(rest)))
    return found


def _arguments(file: SourceFile, start: int, end: int) -> list[str]:
    """Return the arguments between two parentheses, each on one line."""
    code, depth, first = file.code, 0, start
    pieces = []
    for match in _SEPARATOR.finditer(code, start, end):
        if match[0] in b"([{":
            depth += 1
        elif match[0] in b")]}":
            depth -= 1
        elif depth == 0:
            pieces.append((first, match.start()))
            first = match.end()
    pieces.append((first, end))
    return [_text(file, *piece) for piece in pieces]


def _text(file: SourceFile, start: int, end: int) -> str:
    """Return a piece of a file without its comments."""
    return " ".join(file.code[start:end].decode("latin-1").split())
