# SPDX-License-Identifier: GPL-2.0-only
"""Tests of single flags that stand side by side, joined by && or ||: one call for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tree_sitter import Node

from premap.csource.nodes import text_of
from premap.idioms import flags
from premap.idioms.idiom import Hook, Piece, Pieces

Tested = Callable[[Node, Hook], tuple[str, ...]]
"""Return the flags that an operand tests in the way wanted; () if it is no such test."""


def is_joined(node: Node, operator: str) -> bool:
    """Tell whether an expression is two others with the operator between."""
    return text_of(node.child_by_field_name("operator")) == operator


def rewrite(
    node: Node,
    hook: Hook,
    operator: str,
    tested: Tested,
    test: Callable[[tuple[str, ...]], flags.Test],
) -> Pieces | None:
    """Each run of tests without comments between them becomes one; None if there is none."""
    parent = hook.parent(node)
    if parent is not None and is_joined(parent, operator):
        return None
    pieces: list[Piece] = []
    found = False
    at = node.start_byte
    for run in _runs(list(_operands(node, operator)), hook, tested):
        pieces.append(hook.between(at, run[0].start_byte))
        at = run[-1].end_byte
        names = [name for operand in run for name in tested(operand, hook)]
        if len(run) > 1:
            found = True
            pieces.append(flags.call(test(tuple(dict.fromkeys(names))), hook, node))
        else:
            pieces.append(run[0])
    return tuple(pieces) if found else None


def _operands(node: Node, operator: str) -> Iterator[Node]:
    for side in ("left", "right"):
        operand = node.child_by_field_name(side)
        if operand is not None and is_joined(operand, operator):
            yield from _operands(operand, operator)
        elif operand is not None:
            yield operand


def _runs(operands: list[Node], hook: Hook, tested: Tested) -> Iterator[list[Node]]:
    run: list[Node] = []
    for operand in operands:
        joins = (
            bool(run)
            and bool(tested(run[-1], hook))
            and bool(tested(operand, hook))
            and "/" not in hook.between(run[-1].end_byte, operand.start_byte)
        )
        if run and not joins:
            yield run
            run = []
        run.append(operand)
    yield run
