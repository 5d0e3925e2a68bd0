# SPDX-License-Identifier: GPL-2.0-only
"""What an expression changes and uses with no order between the two: C leaves that undefined."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import find_all
from premap.interp.machine import Frame, Machine
from premap.interp.syntax import of_syntax, part, text_of, unwrapped

_ORDERED = {"&&", "||"}
_WHOLE = ("statement", "declaration", "declarator", "clause")
"""How the types of nodes end that an expression is a whole one in."""


def refuse_unordered(machine: Machine, frame: Frame, node: Node, target: Node) -> None:
    """Raise NotModelled if what `node` changes is used beside it, in no order."""
    if _is_unordered(node, target):
        name = text_of(unwrapped(target))
        raise machine.failure(frame, node, f"the order in which {name} is changed and used")


@of_syntax
def _is_unordered(node: Node, target: Node) -> bool:
    inner, outer, name = node, node.parent, text_of(unwrapped(target))
    while outer is not None and not outer.type.endswith(_WHOLE):
        if not _orders(outer):
            others = (each for each in outer.named_children if each != inner)
            if any(_uses(each, name) for each in others):
                return True
        inner, outer = outer, outer.parent
    return False


def _orders(node: Node) -> bool:
    """Return whether the parts of an expression are evaluated one after the other."""
    if node.type in {"conditional_expression", "comma_expression", "compound_statement"}:
        return True
    return node.type == "binary_expression" and (text_of(part(node, "operator")) in _ORDERED)


def _uses(node: Node, name: str) -> bool:
    if text_of(unwrapped(node)) == name:
        return True
    return any(text_of(each) == name for each in find_all(node, "identifier", "field_expression"))
