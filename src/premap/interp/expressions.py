# SPDX-License-Identifier: GPL-2.0-only
"""Evaluates what operators make of expressions, one small function a kind of node."""

from __future__ import annotations

from tree_sitter import Node

import premap.interp.primary  # noqa: F401  registers the evaluators of what this is made of
from premap.csource.ctypes import (
    ArrayType,
    CType,
    EnumType,
    IntType,
    PointerType,
    StructType,
    UnknownType,
)
from premap.interp import (
    layouts,
    operators,
    sequence,
    statictypes,
)
from premap.interp.casts import cast_type
from premap.interp.dispatch import PLACERS, evaluate, evaluates, place_of, short
from premap.interp.lvalues import (
    address_of,
    is_arrow,
    member_of,
    member_place,
    pointed,
    read,
    write,
)
from premap.interp.machine import Frame, Machine
from premap.interp.operators import FUNCTION, UNKNOWN, convert
from premap.interp.purity import has_effects
from premap.interp.scalars import of_truth, truth, word_of
from premap.interp.syntax import child, only_child, part, text_of, unwrapped
from premap.interp.values import (
    INT,
    ULONG,
    Aggregate,
    FunctionName,
    Place,
    Pointer,
    StructCopy,
    Value,
    normalise,
    plain,
    size_of,
)
from premap.model.errors import NotModelled
from premap.model.words import lnot, select


@evaluates("parenthesized_expression")
def _parenthesized(machine: Machine, frame: Frame, node: Node) -> Value:
    return evaluate(machine, frame, only_child(node))


@evaluates("field_expression")
def _field(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = unwrapped(child(node, "argument"))
    dotted = not is_arrow(node)
    if dotted and not _names_place(frame, argument):
        return _member_of_value(machine, frame, argument, text_of(child(node, "field")))
    place, ctype = member_place(machine, frame, node)
    return read(machine, frame, place, ctype)


def _names_place(frame: Frame, node: Node) -> bool:
    """Return whether an expression may be an lvalue: calls are, where they are uses of macros."""
    if node.type != "call_expression":
        return node.type in PLACERS
    name = text_of(part(node, "function"))
    if frame.scope.function(name):
        return False
    return any(macro.parameters is not None for macro in frame.scope.macro(name))


def _member_of_value(machine: Machine, frame: Frame, argument: Node, name: str) -> Value:
    """Return a member of a structure that is no place, such as what a function returned."""
    whole = evaluate(machine, frame, argument)
    if not isinstance(whole.data, StructCopy | Aggregate):
        raise NotModelled(f"a member of `{short(argument)}`")
    held = machine.new_local("returned", whole.type)
    held.object.store((), whole)
    place, ctype = member_of(machine, frame, Place(held.object), whole.type, name)
    return read(machine, frame, place, ctype)


@evaluates("subscript_expression")
def _subscript(machine: Machine, frame: Frame, node: Node) -> Value:
    place, ctype = place_of(machine, frame, node)
    return read(machine, frame, place, ctype)


@evaluates("pointer_expression")
def _pointer(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = child(node, "argument")
    if text_of(node.children[0]) == "*":
        pointer = evaluate(machine, frame, argument)
        if isinstance(pointer.data, FunctionName):
            return pointer
        place, ctype = pointed(pointer)
        return read(machine, frame, place, ctype)
    if argument.type == "identifier":
        name = text_of(argument)
        known_here = frame.variable(name) or name in frame.macros
        if not known_here and frame.scope.variable(name) is None and frame.scope.function(name):
            return Value(PointerType(FUNCTION), FunctionName(name))
    element = unwrapped(argument)
    if element.type == "subscript_expression":  # which is not accessed: `&t[i]` is `t + i`
        array = evaluate(machine, frame, child(element, "argument"))
        index = evaluate(machine, frame, child(element, "index"))
        return operators.binary(machine.inputs, "+", array, index)
    place, ctype = place_of(machine, frame, argument)
    return Value(PointerType(ctype), Pointer(place, address_of(machine.inputs, place)))


@evaluates("binary_expression")
def _binary(machine: Machine, frame: Frame, node: Node) -> Value:
    operator = text_of(child(node, "operator"))
    left_node, right_node = child(node, "left"), child(node, "right")
    ctype = cast_type(machine, frame, left_node) if operator in ("+", "-", "*") else None
    if ctype is not None:
        return convert(machine.inputs, _cast_operand(machine, frame, operator, right_node), ctype)
    left = evaluate(machine, frame, left_node)
    if operator in ("&&", "||"):
        return _logical(machine, frame, operator, left, right_node)
    right = evaluate(machine, frame, right_node)
    return operators.binary(machine.inputs, operator, left, right)


def _cast_operand(machine: Machine, frame: Frame, operator: str, node: Node) -> Value:
    """Return what is cast in `(u64)-x`, `(u64)+x` or `(u64)*x`, which look like two operands."""
    if node.type == "binary_expression":  # the cast binds closer
        raise machine.failure(frame, node, f"`{short(node)}` after a cast")
    value = evaluate(machine, frame, node)
    if operator == "*":
        return read(machine, frame, *pointed(value))
    return operators.unary(machine.inputs, operator, value)


def _logical(machine: Machine, frame: Frame, operator: str, left: Value, right: Node) -> Value:
    condition = truth(left)
    decisive = operator == "||"
    if not isinstance(condition, bool) and has_effects(machine, frame, right):
        condition = machine.decide(frame, right, condition)
    if not isinstance(condition, bool):
        known = _guarded(machine, frame, right, lnot(condition) if decisive else condition)
        if known is not None:
            other = truth(known)
            return of_truth(condition | other if decisive else condition & other)
        condition = machine.decide(frame, right, condition)
    if condition is decisive:
        return of_truth(decisive)
    return of_truth(truth(evaluate(machine, frame, right)))


def _guarded(
    machine: Machine,
    frame: Frame,
    node: Node,
    guard: bool,  # noqa: FBT001
) -> Value | None:
    """Return what an expression without effects gives, whether or not what guards it holds.

    None where it can't be told, for it may be that the guard keeps it from being evaluated.
    """
    with machine.memory.guarded(guard):
        try:
            return evaluate(machine, frame, node)
        except NotModelled:
            return None


@evaluates("unary_expression")
def _unary(machine: Machine, frame: Frame, node: Node) -> Value:
    value = evaluate(machine, frame, child(node, "argument"))
    return operators.unary(machine.inputs, text_of(child(node, "operator")), value)


@evaluates("conditional_expression")
def _conditional(machine: Machine, frame: Frame, node: Node) -> Value:
    test = evaluate(machine, frame, child(node, "condition"))
    condition = truth(test)
    consequence = part(node, "consequence")
    alternative = child(node, "alternative")
    if not isinstance(condition, bool):
        term = _as_term(machine, frame, condition, consequence, alternative)
        if term is not None:
            return term
        condition = machine.decide(frame, node, condition)
    chosen, other = consequence, alternative
    if not condition:
        chosen, other = alternative, consequence or child(node, "condition")
    value = test if chosen is None else evaluate(machine, frame, chosen)
    return _in_common(machine, value, statictypes.type_of(machine, frame, other))


def _in_common(machine: Machine, value: Value, other: CType) -> Value:
    """Return what was chosen, in the type that the choice has."""
    if not isinstance(value.type, IntType | EnumType):
        return value
    if isinstance(other, IntType | EnumType):
        return convert(machine.inputs, value, operators.common_type(value.type, other))
    if not isinstance(other, UnknownType):
        return value
    word = word_of(value)
    known = plain(word)
    if known is None or known >= _IN_EVERY_TYPE:
        word = machine.inputs.apply("?(choice)", word)
    return Value(UNKNOWN, word)


_IN_EVERY_TYPE = 1 << 31
"""Numbers below are the same in each type that a choice may have: no less than 32 bits."""


def _as_term(
    machine: Machine,
    frame: Frame,
    condition: bool,  # noqa: FBT001
    then: Node | None,
    otherwise: Node,
) -> Value | None:
    """Return `c ? a : b` as one term where both sides are plain numbers, else None."""
    if then is None or has_effects(machine, frame, then) or has_effects(machine, frame, otherwise):
        return None
    a = _guarded(machine, frame, then, condition)
    b = _guarded(machine, frame, otherwise, lnot(condition))
    if a is None or b is None or not (_is_number(a) and _is_number(b)):
        return None
    ctype = operators.common_type(a.type, b.type)
    word_a, word_b = normalise(word_of(a), ctype), normalise(word_of(b), ctype)
    return Value(ctype, select(condition, word_a, word_b))


def _is_number(value: Value) -> bool:
    return isinstance(value.type, IntType) and not isinstance(value.data, Pointer)


@evaluates("assignment_expression")
def _assignment(machine: Machine, frame: Frame, node: Node) -> Value:
    operator, target = text_of(child(node, "operator")), child(node, "left")
    sequence.refuse_unordered(machine, frame, node, target)
    right = evaluate(machine, frame, child(node, "right"))
    place, ctype = place_of(machine, frame, target)
    if operator != "=":
        left = read(machine, frame, place, ctype)
        right = operators.binary(machine.inputs, operator[:-1], left, right)
    stored = write(machine, place, ctype, right)
    if machine.observer is not None:
        machine.observer("write", frame, node, (place, stored))
    return stored


@evaluates("update_expression")
def _update(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = child(node, "argument")
    sequence.refuse_unordered(machine, frame, node, argument)
    place, ctype = place_of(machine, frame, argument)
    before = read(machine, frame, place, ctype)
    operator = "+" if "++" in text_of(child(node, "operator")) else "-"
    after = operators.binary(machine.inputs, operator, before, Value(INT, 1))
    stored = write(machine, place, ctype, after)
    if machine.observer is not None:
        machine.observer("write", frame, node, (place, stored))
    prefix = node.children[0].type in ("++", "--")
    return stored if prefix else before


@evaluates("comma_expression")
def _comma(machine: Machine, frame: Frame, node: Node) -> Value:
    evaluate(machine, frame, child(node, "left"))
    return evaluate(machine, frame, child(node, "right"))


@evaluates("cast_expression")
def _cast(machine: Machine, frame: Frame, node: Node) -> Value:
    ctype = statictypes.declared_type(machine, frame, child(node, "type"))
    if statictypes.misread_cast(ctype, node):
        raise machine.failure(frame, node, f"`{short(node)}`, which is misread as a cast")
    return convert(machine.inputs, evaluate(machine, frame, child(node, "value")), ctype)


@evaluates("sizeof_expression")
def _sizeof(machine: Machine, frame: Frame, node: Node) -> Value:
    descriptor = part(node, "type")
    if descriptor is not None:
        ctype = statictypes.declared_type(machine, frame, descriptor)
    else:
        ctype = statictypes.operand_type(machine, frame, child(node, "value"))
    return size_value(machine, frame, ctype)


def size_value(machine: Machine, frame: Frame, ctype: CType) -> Value:
    """Return `sizeof (type)`, in bytes; made up where it hangs on a layout."""
    size = size_of(ctype)
    if size is None or isinstance(ctype, UnknownType):
        layouts.agree(machine, frame.scope, ctype)
        return Value(ULONG, machine.inputs.word(_size_name(machine, ctype)))
    return Value(ULONG, size)


def _size_name(machine: Machine, ctype: CType) -> str:
    """Return by which name the size of a type is made up."""
    name = f"sizeof({ctype})"
    if ctype == UNKNOWN:
        raise NotModelled("the size of an expression whose type was not found")
    if isinstance(ctype, ArrayType) and not ctype.length_text:
        raise NotModelled("the size of an array whose length was not found")
    if isinstance(ctype, StructType) and ctype.tag is None:
        text = f"{name} may be of different types"
        machine.memory.namer.agree(("size", name), ctype.origin, text)
    return name
