# SPDX-License-Identifier: GPL-2.0-only
"""Which type a cast is to, where the parser took it for something else."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.ctypes import (
    CType,
    UnknownType,
)
from premap.interp import (
    statictypes,
)
from premap.interp.machine import Frame, Machine
from premap.interp.syntax import child, text_of
from premap.interp.types import (
    named_type,
)


def cast_type(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return the type of `(u64)` that was parsed as an expression: before `(x)`, `-x` or `*x`."""
    if node.type != "parenthesized_expression" or node.named_child_count != 1:
        return None
    inner = node.named_children[0]
    return _named_type(machine, frame, inner) if inner.type == "identifier" else None


def cast_types(machine: Machine, frame: Frame, node: Node) -> list[CType]:
    """Return the types of `(u64)(u32)`, parsed as a call: that which is cast to first in front.

    None at all, if it is something else.
    """
    if node.type != "call_expression":
        ctype = cast_type(machine, frame, node)
        return [] if ctype is None else [ctype]
    given = [each for each in child(node, "arguments").named_children if each.type != "comment"]
    if len(given) != 1 or given[0].type != "identifier":
        return []
    inner = _named_type(machine, frame, given[0])
    outer = cast_types(machine, frame, child(node, "function"))
    return [] if inner is None or not outer else [inner, *outer]


def _named_type(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return the type that an identifier names, None if it names something else."""
    name = text_of(node)
    if node.start_byte in frame.marks:
        return statictypes.type_argument(machine, frame, node)
    if name in frame.macros:
        given, outer = frame.macros[name]
        return None if given.type != "identifier" else _named_type(machine, outer, given)
    if frame.variable(name) is not None:
        return None
    ctype = named_type(frame.scope, name)
    return None if isinstance(ctype, UnknownType) else ctype
