# SPDX-License-Identifier: GPL-2.0-only
"""Macros are text in C, and nodes here: what differs where parentheses are missing is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.nodes import parse_expression, parse_statement
from premap.interp.syntax import part, text_of

_CLOSED = frozenset(
    {
        "call_expression",
        "char_literal",
        "concatenated_string",
        "false",
        "field_expression",
        "identifier",
        "null",
        "number_literal",
        "parenthesized_expression",
        "string_literal",
        "subscript_expression",
        "true",
        "type_descriptor",
    }
)
"""Expressions that no operator beside them can tear apart."""
_LISTS = frozenset({"argument_list", "initializer_list", "init_declarator"})
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"|\b[A-Za-z_]\w*\b')


def holds_together(node: Node, body: str) -> bool:
    """Return whether a macro's body, as text in place of its use, is one operand there."""
    top = node
    while top.parent is not None and _is_operator(top.parent):
        top = top.parent
    if top.id == node.id:
        return node.parent is None or node.parent.type not in _LISTS or not _is_list(body)
    text, start = text_of(top), node.start_byte - top.start_byte
    end = start + node.end_byte - node.start_byte
    body = body.strip()
    return _are_nodes(text[:start] + body + text[end:], ((start, start + len(body)),))


def arguments_hold_together(body: str, arguments: Mapping[str, Node]) -> bool:
    """Return whether the arguments of a macro, as text in its body, are operands there."""
    if all(node.type in _CLOSED for node in arguments.values()):
        return True
    pieces: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = last = 0
    body = body.strip()
    for match in _NAME.finditer(body):
        if match[0] not in arguments:
            continue
        given = text_of(arguments[match[0]])
        pieces += (body[last : match.start()], given)
        length += match.start() - last
        ranges.append((length, length + len(given)))
        length, last = length + len(given), match.end()
    return _are_nodes("".join((*pieces, body[last:])), tuple(ranges))


def _is_list(body: str) -> bool:
    return "," in body and parse_expression(body).type == "comma_expression"


def _is_operator(node: Node) -> bool:
    return node.type.endswith("_expression") and node.type != "parenthesized_expression"


@lru_cache(maxsize=4096)
def _are_nodes(text: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Return whether C sees each of these ranges of a text as a whole."""
    try:
        root, base = parse_expression(text), 0
    except NotC:
        try:
            root, base = parse_statement("{" + text + ";}"), 1
        except NotC:
            return False
    for start, end in ranges:
        first, last = root.start_byte + base + start, root.start_byte + base + end
        found = root.descendant_for_byte_range(first, last)
        if found is None or (found.start_byte, found.end_byte) != (first, last):
            return False
    return True


def is_one_statement(use: Node, body: Node) -> bool:
    """Return whether a macro's statements are one where it is used, as `do { } while (0)` is.

    Of several after an `if`, only the first belongs to it; an `else` belongs to the nearest `if`.
    """
    statement = use.parent
    around = None if statement is None else statement.parent
    if around is None or around.type not in _HOLDS_ONE:
        return True
    several = body.parent is not None and body.parent.type == "function_definition"
    takes_else = part(around, "alternative") is not None
    return not several and not (takes_else and body.type == "if_statement")


_HOLDS_ONE = frozenset(
    {"if_statement", "else_clause", "for_statement", "while_statement", "do_statement"}
)
"""Statements of which another one is a part, alone."""
