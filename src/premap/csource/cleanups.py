# SPDX-License-Identifier: GPL-2.0-only
"""Definitions of what is cleaned up at the end of a scope (include/linux/cleanup.h).

`DEFINE_GUARD(mutex, …)` and its like give a name what takes, and what gives back; they are found
by that name in a file and in what it includes.
"""

from __future__ import annotations

import functools
import re
import tomllib
from functools import partial
from pathlib import Path

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
_ON_LOCK = re.compile(r"(\w+)\(_T\)")
"""A call on the lock itself, in the table."""
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


def standard(kind: str, name: str) -> Definition | None:
    """Return what the kernel's own headers mean by `name`, for where no tree is at hand."""
    entry = _table()["classes" if kind == "class" else "frees"].get(name)
    if entry is None:
        return None
    if kind == "free":
        return Definition("DEFINE_FREE", name, tuple(entry))
    if not entry[0]:
        return Definition("DEFINE_LOCK_GUARD_0", name, tuple(entry[1:]))
    return Definition("DEFINE_GUARD", name, tuple(entry))


@functools.cache
def locks() -> dict[str, str]:
    """Kernel functions that take the lock which they are given, with what releases it."""
    pairs = [map(_ON_LOCK.fullmatch, entry[1:]) for entry in _table()["classes"].values()]
    return {takes[1]: gives[1] for takes, gives in pairs if takes and gives}


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    text = Path(__file__).with_name("cleanups.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


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
    for match in _USE.finditer(file.seen):
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
