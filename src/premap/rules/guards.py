# SPDX-License-Identifier: GPL-2.0-only
"""What compilers leave out, by conditions that the configuration decides."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import text_of, unwrapped

_LEAVES = ("return_statement", "goto_statement")


def is_left_out_without(option: str, node: Node) -> bool:
    """Tell whether kernels without an option leave a node out, as `IS_ENABLED()` is false there.

    It is in `if (IS_ENABLED(option))`, in the other arm of the opposite, to the right of it and
    `&&`, or after an `if` of the opposite that returns.
    """
    is_set = f"IS_ENABLED({option})"
    while (parent := node.parent) is not None:
        condition = parent.child_by_field_name("condition")
        if parent.type == "if_statement" and condition is not None:
            if parent.child_by_field_name("consequence") == node:
                found = is_set in _parts(condition, "&&")
            else:
                found = node != condition and f"!{is_set}" in _parts(condition, "||")
        elif parent.type == "compound_statement":
            before = (each for each in parent.named_children if each.end_byte <= node.start_byte)
            found = any(_returns(f"!{is_set}", each) for each in before)
        else:
            right = parent.child_by_field_name("right") == node
            left = parent.child_by_field_name("left")
            found = right and left is not None and is_set in _parts(left, "&&")
        if found:
            return True
        node = parent
    return False


def _returns(unset: str, statement: Node) -> bool:
    """Whether a statement is an `if` by which kernels without an option return."""
    condition = statement.child_by_field_name("condition")
    taken = statement.child_by_field_name("consequence")
    if statement.type != "if_statement" or condition is None or taken is None:
        return False
    if taken.type == "compound_statement":
        inner = [each for each in taken.named_children if each.type != "comment"]
        taken = inner[-1] if inner else taken
    return taken.type in _LEAVES and unset in _parts(condition, "||")


def _parts(condition: Node, operator: str) -> Iterator[str]:
    """Yield the operands of a chain of `&&` or `||`, as text without blanks."""
    inner = unwrapped(condition)
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if text_of(inner.child_by_field_name("operator")) != operator or left is None or right is None:
        yield "".join(text_of(inner).split())
        return
    yield from _parts(left, operator)
    yield from _parts(right, operator)
