# SPDX-License-Identifier: GPL-2.0-only
"""What integer type an enum is: gcc's choice hangs on its constants, and on attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tree_sitter import Node

from premap.csource import ctypes, regions
from premap.csource.ctypes import CType
from premap.csource.macros import compiled
from premap.csource.nodes import find_all, parse, text_of
from premap.csource.source import SourceFile
from premap.csource.text import without_directives

if TYPE_CHECKING:
    from premap.csource.scope import Scope

_ATTRIBUTES = re.compile(rb"packed|mode")
"""What makes an enum smaller, or larger."""
_DIRECTIVE = re.compile(rb"^[ \t]*#", re.MULTILINE)
_HEAD = b"enum e "
_PLAIN = re.compile(rb"\benum\s*(?:[A-Za-z_]\w*\s*)?\Z")
"""What stands before the brace of an enum whose type gcc chooses."""


def type_of(scope: Scope, node: Node) -> CType:
    """Return the type of an enum_specifier; UnknownType where its constants can't all be told."""
    tag = node.child_by_field_name("name")
    name = None if tag is None else text_of(tag)
    if node.child_by_field_name("body") is not None:
        return _chosen(name, [_given(scope, node)])
    if name is None:
        return ctypes.UnknownType("enum")
    return named(scope, name)


def named(scope: Scope, tag: str) -> CType:
    """Return the type of the enum with this tag; UnknownType where it can't be told."""
    return scope.once("enum", tag, lambda: _named(scope, tag))


def constants(text: bytes) -> Iterator[tuple[str, Node | None, int, bool]]:
    """Yield an enum's constants, from its text in braces: name, expression, what to add to that.

    The expression is that of the last constant that was set, None for 0 where none was. The last
    item tells whether that is so in every configuration: there may be an `#if` in between.
    """
    expression: Node | None = None
    offset, since = -1, 0
    directives = [match.start() for match in _DIRECTIVE.finditer(text)]
    for node in find_all(parse(_HEAD + without_directives(text) + b";"), "enumerator"):
        given = node.child_by_field_name("value")
        at = node.start_byte - len(_HEAD)
        if given is None:
            offset += 1
        else:
            expression, offset, since = given, 0, at
        certain = not any(since < each < at for each in directives)
        yield text_of(node.child_by_field_name("name")), expression, offset, certain


def _named(scope: Scope, name: str) -> CType:
    for file in scope.files_with(name):
        braces = [
            (start, end)
            for tag, start, end in regions.enums(file)
            if tag == name and compiled(file.arms_at(start))
        ]
        if braces:
            return _chosen(name, (_range(scope, file, start, end) for start, end in braces))
    return ctypes.UnknownType(f"enum {name}")


def _given(scope: Scope, node: Node) -> tuple[int, int] | None:
    """Return the least and the greatest constant of an enum_specifier with a body."""
    body = node.child_by_field_name("body")
    around = node.parent if node.parent is not None else node
    if body is None or body.text is None or around.text is None:
        return None
    before = around.text[: body.start_byte - around.start_byte]
    behind = around.text[body.end_byte - around.start_byte :]
    return _limits(scope, before, body.text, behind)


def _range(scope: Scope, file: SourceFile, start: int, end: int) -> tuple[int, int] | None:
    """Return the least and the greatest constant between two braces of a file."""
    before = file.code[file.code.rfind(b"enum", 0, start) : start]
    stop = file.code.find(b";", end)
    behind = file.code[end + 1 : stop if stop >= 0 else end + 1]
    return _limits(scope, before, file.code[start : end + 1], behind)


def _limits(scope: Scope, before: bytes, text: bytes, behind: bytes) -> tuple[int, int] | None:
    if not _PLAIN.search(before) or _ATTRIBUTES.search(before) or _ATTRIBUTES.search(behind):
        return None
    values = []
    for _, expression, offset, _ in constants(text):
        base = 0 if expression is None else scope.constant(expression)
        if base is None:
            return None
        values.append(base + offset)
    return (min(values), max(values)) if values else None


def _chosen(name: str | None, ranges: Iterable[tuple[int, int] | None]) -> CType:
    """Return the type for constants of these ranges, one for each definition: all have to agree."""
    kinds = {None if each is None else _kind(*each) for each in ranges}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return ctypes.UnknownType(f"enum {name or '<anonymous>'}")
    signed, width = kind
    return ctypes.EnumType(name, signed=signed, width=width)


def _kind(least: int, greatest: int) -> tuple[bool, int]:
    signed = least < 0
    fits = least >= -(1 << 31) and greatest < 1 << (31 if signed else 32)
    return signed, 32 if fits else 64
