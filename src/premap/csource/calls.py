# SPDX-License-Identifier: GPL-2.0-only
"""Who else is concerned by a handler: helpers that get its VMA, and every mention of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from tree_sitter import Node

from premap.csource.errors import LargeSource
from premap.csource.nodes import arguments, callee, path_to, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.csource.text import comments

MAX_HELPERS = 500
"""Helpers of one handler that are followed."""

MAX_MENTIONS = 1000
"""Mentions of one name in one file; more is no kernel code."""

MentionKind = Literal[
    "definition", "prototype", "call", "export", "table", "reference", "macro", "comment", "string"
]


class Passing(Struct, frozen=True, eq=False):
    """A same-file function that gets the VMA (or descriptor) as an argument."""

    function: Function
    parameter: str
    """Name that the value has in it."""
    index: int
    """Which of its parameters that is, from 0."""
    caller: Function
    call: Node
    """The call_expression in `caller`."""


class Mention(Struct, frozen=True):
    """One place of a file where a name stands."""

    kind: MentionKind
    start: int
    """Byte offset of the name."""
    end: int
    line: int
    inside: str | None
    """The function, or the macro, whose body it is in."""


def receivers(function: Function, parameters: Sequence[str]) -> list[Passing]:
    """Return the calls by which the values of `parameters` reach functions of the same file.

    Followed transitively, also through local variables that are set to the plain value (`v =
    vma`); each call once.
    """
    found: list[Passing] = []
    todo = [(function, name) for name in parameters]
    seen: set[tuple[int, str]] = set()
    while todo and len(found) < MAX_HELPERS:
        caller, name = todo.pop(0)
        key = (caller.node.start_byte, name)
        if key in seen:
            continue
        seen.add(key)
        for passing in _passings(caller, name):
            found.append(passing)
            todo.append((passing.function, passing.parameter))
    return found


def _passings(caller: Function, name: str) -> Iterator[Passing]:
    names = aliases(caller, name)
    for call in caller.source.nodes_in(caller, "call_expression"):
        called = callee(call)
        for index, argument in enumerate(arguments(call)):
            if called is None or text_of(unwrapped(argument)) not in names:
                continue
            for target in caller.source.functions_of(called):
                if index < len(target.parameters):
                    yield Passing(target, target.parameters[index].name, index, caller, call)


def aliases(function: Function, name: str) -> set[str]:
    """Return `name`, and the local variables that are somewhere set to it or to one of them."""
    pairs = list(_copies(function))
    found = {name}
    while True:
        more = {to for to, origin in pairs if origin in found} - found
        if not more:
            return found
        found |= more


def _copies(function: Function) -> Iterator[tuple[str, str]]:
    for node in function.source.nodes_in(function, "init_declarator assignment_expression"):
        declares = node.type == "init_declarator"
        value = node.child_by_field_name("value" if declares else "right")
        target = node.child_by_field_name("declarator" if declares else "left")
        while target is not None and target.type == "pointer_declarator":
            target = target.child_by_field_name("declarator")
        if value is None or target is None or target.type != "identifier":
            continue
        value = unwrapped(value)
        if value.type == "identifier":
            yield text_of(target), text_of(value)


def mentions(source: SourceFile, name: str) -> list[Mention]:
    """Return every place of the file where the word `name` stands, comments included.

    Raises LargeSource if there are more than MAX_MENTIONS.
    """
    word = re.compile(rb"(?<!\w)%b(?!\w)" % re.escape(name.encode("latin-1", "replace")))
    in_comments = _Ranges(list(comments(source.seen)))
    found: list[Mention] = []
    for match in word.finditer(source.seen):
        if len(found) >= MAX_MENTIONS:
            raise LargeSource(source.name, f"mentions {name} more than {MAX_MENTIONS} times")
        kind, inside = _kind(source, match.start(), in_comments)
        line = source.line_of(match.start())
        found.append(Mention(kind, match.start(), match.end(), line, inside))
    return found


class _Ranges:
    """Answers whether a byte lies in one of some sorted ranges, asked in rising order."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._ranges = ranges
        self._at = 0

    def holds(self, byte: int) -> bool:
        while self._at < len(self._ranges) and self._ranges[self._at][1] <= byte:
            self._at += 1
        return self._at < len(self._ranges) and self._ranges[self._at][0] <= byte


def _kind(source: SourceFile, byte: int, in_comments: _Ranges) -> tuple[MentionKind, str | None]:
    function = function_at(source, byte)
    inside = None if function is None else function.name
    if in_comments.holds(byte):
        return "comment", inside
    macro = source.macro_at(byte)
    if macro is not None:
        return "macro", macro.name
    if source.code[byte : byte + 1] == b" ":
        return "string", inside
    path = path_to(source.root, byte)
    if function is not None and byte < function.body.start_byte:
        return "definition", None
    return _kind_in_tree(path), inside


def _kind_in_tree(path: list[Node]) -> MentionKind:
    leaf = path[-1]
    for node in reversed(path[:-1]):
        if node.type == "call_expression":
            called = node.child_by_field_name("function")
            if called == leaf:
                return "call"
            if (callee(node) or "").startswith("EXPORT_"):
                return "export"
        elif node.type in {"initializer_pair", "initializer_list"}:
            return "table"
        elif node.type == "function_declarator":
            declarator = node.child_by_field_name("declarator")
            exported = text_of(declarator).startswith("EXPORT_")
            return "export" if exported else "prototype"
        elif node.type == "declaration" and text_of(node).startswith("EXPORT_"):
            return "export"
    return "reference"


def function_at(source: SourceFile, byte: int) -> Function | None:
    """Return the function definition that holds the byte."""
    return source.function_at(byte)


def callers(source: SourceFile, name: str) -> set[str]:
    """Names of the functions of the file that call or otherwise use `name` in their code."""
    used: set[MentionKind] = {"call", "reference"}
    return {m.inside for m in mentions(source, name) if m.kind in used and m.inside is not None}
