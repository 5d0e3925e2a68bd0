# SPDX-License-Identifier: GPL-2.0-only
"""What strings say: pieces side by side, and macros among them.

Two strings are one object where they say the same.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.nodes import parse_expression
from premap.interp.layouts import agree_on_names
from premap.interp.machine import Frame, Machine
from premap.interp.syntax import text_of

_NUMBERED = re.compile(r"\\(x[0-9A-Fa-f]*|[0-7]{1,2})\Z")
"""An escape sequence that the next character may belong to."""
_MOST_NESTED = 8


def spelled(machine: Machine, frame: Frame, node: Node) -> str:
    """Return a string literal in quotes; macros that can't be followed stand beside them."""
    text = ""
    for piece in _pieces(machine, frame, node, 0):
        if text.endswith('"') and piece.startswith('"') and not _NUMBERED.search(text[:-1]):
            text = text[:-1] + piece[1:]
        else:
            text = f"{text} {piece}" if text else piece
    return text


def _pieces(machine: Machine, frame: Frame, node: Node, depth: int) -> list[str]:
    if node.type == "string_literal":
        name = text_of(node)[1:-1]
        if depth == 0 and name.isidentifier():  # a name in quotes (expansion._names_quoted)
            _agree(machine, frame, name)
        return [text_of(node)]
    if node.type == "concatenated_string":
        children = (child for child in node.named_children if child.type != "comment")
        return [each for child in children for each in _pieces(machine, frame, child, depth)]
    name = text_of(node)
    if node.type == "identifier" and name in frame.macros:
        inner, outer = frame.macros[name]
        return _pieces(machine, outer, inner, depth)
    if node.type == "parenthesized_expression" and node.named_child_count == 1:
        return _pieces(machine, frame, node.named_children[0], depth)
    bodies = {macro.body.strip() for macro in frame.scope.own_macro(name)}
    body = _parsed(bodies.pop()) if len(bodies) == 1 and depth < _MOST_NESTED else None
    if body is not None and body.type in ("string_literal", "concatenated_string", "identifier"):
        return _pieces(machine, frame, body, depth + 1)
    _agree(machine, frame, name)
    return [name]


def _agree(machine: Machine, frame: Frame, name: str) -> None:
    agree_on_names(machine, frame.scope, name, f"the string {name} may be another one")


def _parsed(body: str) -> Node | None:
    try:
        return parse_expression(body)
    except NotC:
        return None
