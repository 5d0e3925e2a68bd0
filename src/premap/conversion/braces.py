# SPDX-License-Identifier: GPL-2.0-only
"""Braces that a converted function needs no more: around one statement that got short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tree_sitter import Node

from premap.conversion.layout import WIDTH
from premap.conversion.rewriting import Change, applied
from premap.csource.errors import NotC
from premap.csource.nodes import find_all, parse_statement
from premap.idioms.idiom import FILE, Hook
from premap.idioms.r1_table import advance
from premap.idioms.r3_file import INLINE

_SHORT = frozenset(
    {"expression_statement", "return_statement", "goto_statement", "break_statement"}
)


def unneeded(hook: Hook, changes: Sequence[Change]) -> Iterator[Change]:
    """Yield the removal of braces around what was longer, or had a longer condition, before."""
    for statement in find_all(hook.function.body, "if_statement"):
        condition = statement.child_by_field_name("condition")
        block = statement.child_by_field_name("consequence")
        if condition is None or block is None or block.type != "compound_statement":
            continue
        if _is_chained(statement, hook) or _was_short(statement, block, hook):
            continue
        if _is_short(statement, block, hook, changes):
            opened, closed = block.children[0], block.children[-1]
            yield Change(condition.end_byte, opened.end_byte, "")
            yield Change(block.named_children[-1].end_byte, closed.end_byte, "")


def _is_chained(statement: Node, hook: Hook) -> bool:
    above = hook.parent(statement)
    return statement.child_by_field_name("alternative") is not None or (
        above is not None and above.type == "else_clause"
    )


def _was_short(statement: Node, block: Node, hook: Hook) -> bool:
    """Tell whether the author put braces where none are needed."""
    head = hook.between(statement.start_byte, block.start_byte)
    [*inner] = block.named_children
    return "\n" not in head and len(inner) == 1 and "\n" not in hook.text(inner[0])


def _is_short(statement: Node, block: Node, hook: Hook, changes: Sequence[Change]) -> bool:
    """Tell whether condition and statement are one line each now."""
    if not block.named_children or any(
        change.start < block.end_byte and change.end > block.named_children[-1].end_byte
        for change in changes
    ):
        return False
    head = applied(hook, statement.start_byte, block.start_byte, changes).replace(FILE, INLINE)
    if "\n" in head.rstrip() or advance(hook.indent(statement) + head.rstrip(), 0) > WIDTH:
        return False
    try:
        inner = parse_statement(applied(hook, block.start_byte, block.end_byte, changes))
    except NotC:
        return False
    [*statements] = inner.named_children
    return (
        len(statements) == 1
        and statements[0].type in _SHORT
        and (statements[0].start_point[0] == statements[0].end_point[0])
    )
