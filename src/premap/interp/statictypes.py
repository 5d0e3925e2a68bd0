# SPDX-License-Identifier: GPL-2.0-only
"""Types of expressions that are not evaluated: `c ? a : b` has the type of both."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, CType, EnumType, IntType, PointerType, UnknownType
from premap.csource.nodes import text_of
from premap.interp.dispatch import evaluate
from premap.interp.machine import Frame, Machine
from premap.interp.operators import COMPARISONS, common_type, promoted
from premap.interp.types import member_type, settled, type_of_descriptor
from premap.interp.values import INT, ULONG
from premap.model.errors import NotModelled

UNTOLD = UnknownType("?")
_LITERALS = frozenset({"number_literal", "char_literal", "true", "false", "null", "string_literal"})
Typer = Callable[[Machine, Frame, Node], CType]


def type_of(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of an expression; UnknownType where it can't be told."""
    if node.type in _LITERALS:
        return evaluate(machine, frame, node).type
    typer = _TYPERS.get(node.type)
    return UNTOLD if typer is None else typer(machine, frame, node)


def _child(machine: Machine, frame: Frame, node: Node, name: str) -> CType:
    child = node.child_by_field_name(name)
    return UNTOLD if child is None else type_of(machine, frame, child)


def common(one: CType, other: CType) -> CType:
    """Return the type of a choice between two numbers; UnknownType of others."""
    if isinstance(one, IntType | EnumType) and isinstance(other, IntType | EnumType):
        return common_type(one, other)
    return UNTOLD


def _inner(machine: Machine, frame: Frame, node: Node) -> CType:
    inner = [child for child in node.named_children if child.type != "comment"]
    return type_of(machine, frame, inner[-1]) if inner else UNTOLD


def _identifier(machine: Machine, frame: Frame, node: Node) -> CType:
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return type_of(machine, outer, inner)
    local = frame.variable(name)
    if local is not None:
        return local.type
    try:
        return evaluate(machine, frame, node).type
    except NotModelled:
        return UNTOLD


def _binary(machine: Machine, frame: Frame, node: Node) -> CType:
    operator = text_of(node.child_by_field_name("operator"))
    if operator in COMPARISONS or operator in ("&&", "||"):
        return INT
    left, right = _child(machine, frame, node, "left"), _child(machine, frame, node, "right")
    if operator in ("<<", ">>") and isinstance(left, IntType | EnumType):
        return promoted(left)
    return common(left, right)


def _unary(machine: Machine, frame: Frame, node: Node) -> CType:
    if text_of(node.child_by_field_name("operator")) == "!":
        return INT
    given = _child(machine, frame, node, "argument")
    return promoted(given) if isinstance(given, IntType | EnumType) else UNTOLD


def _conditional(machine: Machine, frame: Frame, node: Node) -> CType:
    name = "consequence" if node.child_by_field_name("consequence") else "condition"
    return common(_child(machine, frame, node, name), _child(machine, frame, node, "alternative"))


def _cast(machine: Machine, frame: Frame, node: Node) -> CType:
    named = node.child_by_field_name("type")
    return UNTOLD if named is None else type_of_descriptor(machine, frame, named)


def _call(_machine: Machine, frame: Frame, node: Node) -> CType:
    function = frame.scope.function_type(text_of(node.child_by_field_name("function")))
    return UNTOLD if function is None else settled(function.result)


def _field(machine: Machine, frame: Frame, node: Node) -> CType:
    base = _child(machine, frame, node, "argument")
    if any(child.type == "->" for child in node.children):
        base = _target(base)
    return member_type(frame.scope, base, text_of(node.child_by_field_name("field")))


def _pointer(machine: Machine, frame: Frame, node: Node) -> CType:
    given = _child(machine, frame, node, "argument")
    return _target(given) if text_of(node.children[0]) == "*" else PointerType(given)


def _element(machine: Machine, frame: Frame, node: Node) -> CType:
    return _target(_child(machine, frame, node, "argument"))


def _target(ctype: CType) -> CType:
    if isinstance(ctype, PointerType):
        return ctype.target
    return ctype.element if isinstance(ctype, ArrayType) else UNTOLD


def _left(machine: Machine, frame: Frame, node: Node) -> CType:
    return _child(machine, frame, node, "left")


def _right(machine: Machine, frame: Frame, node: Node) -> CType:
    return _child(machine, frame, node, "right")


def _size(_machine: Machine, _frame: Frame, _node: Node) -> CType:
    return ULONG


_TYPERS: dict[str, Typer] = {
    "assignment_expression": _left,
    "binary_expression": _binary,
    "call_expression": _call,
    "cast_expression": _cast,
    "comma_expression": _right,
    "conditional_expression": _conditional,
    "field_expression": _field,
    "identifier": _identifier,
    "parenthesized_expression": _inner,
    "pointer_expression": _pointer,
    "sizeof_expression": _size,
    "subscript_expression": _element,
    "unary_expression": _unary,
}
