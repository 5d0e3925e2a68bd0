# SPDX-License-Identifier: GPL-2.0-only
"""Whether an expression only computes: then it can be a part of a term."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import walk
from premap.interp import (
    constants,
    unknown,
)
from premap.interp.casts import cast_type
from premap.interp.dispatch import PURE_NAMES
from premap.interp.machine import Frame, Machine
from premap.interp.syntax import child, text_of

_EFFECTS = frozenset({"assignment_expression", "update_expression", "compound_statement"})


def has_effects(machine: Machine, frame: Frame, node: Node) -> bool:
    """Return whether evaluating the expression may do more than compute: then it is not a term."""
    for inner in walk(node):
        if inner.type in _EFFECTS or _may_be_undefined(frame, inner):
            return True
        if inner.type == "call_expression":
            function = child(inner, "function")
            if cast_type(machine, frame, function) is None and not _is_pure(
                frame, text_of(function)
            ):
                return True
        if inner.type == "identifier" and text_of(inner) in frame.macros:
            bound, outer = frame.macros[text_of(inner)]
            if has_effects(machine, outer, bound):
                return True
    return False


_PARTIAL = frozenset({"/", "%", "<<", ">>"})


def _may_be_undefined(frame: Frame, node: Node) -> bool:
    """Return whether an operation is defined for some right operands only.

    What guards it (`n && size / n`) has to be decided first.
    """
    if node.type != "binary_expression" or text_of(child(node, "operator")) not in _PARTIAL:
        return False
    right = child(node, "right")
    names = [text_of(each) for each in walk(right) if each.type == "identifier"]
    if any(frame.variable(name) is not None or name in frame.macros for name in names):
        return True
    if names and all(constants.kernel_constant(name) is not None for name in names):
        return False
    return frame.scope.constant(right) is None


def _is_pure(frame: Frame, name: str) -> bool:
    """Return whether calling the name only computes."""
    if name in frame.macros or frame.scope.own_functions(name):
        return False
    entry = unknown.table().get(name)
    return name in PURE_NAMES or (entry is not None and entry.effect in ("pure", "reads"))
