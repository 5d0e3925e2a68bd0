# SPDX-License-Identifier: GPL-2.0-only
"""`_Generic`: chooses by type. Types have no qualifiers here, so that two choices may be alike."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.ctypes import (
    ArrayType,
    CType,
    FunctionType,
    IntType,
    PointerType,
    UnknownType,
)
from premap.interp.dispatch import evaluate
from premap.interp.machine import Frame, Machine
from premap.interp.memory import describe
from premap.interp.purity import has_effects
from premap.interp.statictypes import declared_type, operand_type, type_of
from premap.interp.syntax import text_of
from premap.interp.values import Value

_WORDS = frozenset({"char", "short", "int", "long", "signed", "unsigned"})
_LONG_LONG = frozenset({"u64", "__u64", "s64", "__s64"})
_SAME = frozenset({"bool", "_Bool"})


def choose(machine: Machine, frame: Frame, node: Node) -> Value:
    """Evaluate `_Generic (x, type: y, …)`."""
    chosen = _chosen(machine, frame, node)
    value = evaluate(machine, frame, chosen[0])
    for other in chosen[1:]:
        if has_effects(machine, frame, chosen[0]) or has_effects(machine, frame, other):
            raise machine.failure(frame, node, "a choice of _Generic that hangs on `const`")
        second = evaluate(machine, frame, other)
        if (second.type, describe(second)) != (value.type, describe(value)):
            raise machine.failure(frame, node, "a choice of _Generic that hangs on `const`")
    return value


def type_of_choice(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of what _Generic chooses."""
    return type_of(machine, frame, _chosen(machine, frame, node)[0])


def _chosen(machine: Machine, frame: Frame, node: Node) -> list[Node]:
    """Return the expressions whose type fits; several, where only qualifiers tell them apart."""
    subject, *rest = (child for child in node.named_children if child.type != "comment")
    wanted = _decayed(operand_type(machine, frame, subject))
    if _is_untold(wanted):
        raise machine.failure(frame, node, "_Generic of an expression whose type was not found")
    default = None
    found = []
    for named, expression in zip(rest[::2], rest[1::2], strict=True):
        if text_of(named) == "default":
            default = expression
            continue
        ctype = declared_type(machine, frame, named)
        fits = _is_same(wanted, ctype)
        if fits is None:
            raise machine.failure(frame, node, f"_Generic: whether {wanted} is {ctype}")
        if fits:
            found.append(expression)
    if not found and default is not None:
        found = [default]
    if not found:
        raise machine.failure(frame, node, f"_Generic without a choice for {wanted}")
    return found


def _decayed(ctype: CType) -> CType:
    if isinstance(ctype, ArrayType):
        return PointerType(ctype.element)
    return PointerType(ctype) if isinstance(ctype, FunctionType) else ctype


def _is_untold(ctype: CType) -> bool:
    while isinstance(ctype, PointerType | ArrayType):
        ctype = ctype.target if isinstance(ctype, PointerType) else ctype.element
    return isinstance(ctype, UnknownType)


def _is_same(one: CType, other: CType) -> bool | None:
    """Return whether two types are one to C; None where that can't be told."""
    if isinstance(one, PointerType) and isinstance(other, PointerType):
        return _is_same(one.target, other.target)
    if isinstance(one, IntType) and isinstance(other, IntType):
        if one != other:
            return False
        names = _spelling(one), _spelling(other)
        return None if None in names else names[0] == names[1]
    if _is_untold(one) or _is_untold(other):
        return None
    return one == other


def _spelling(ctype: IntType) -> tuple[str, ...] | None:
    """Return C's own words for an integer type, in a fixed order; None of an unknown typedef."""
    if ctype.name in _SAME:
        return ("bool",)
    if ctype.name in _LONG_LONG:
        return ("long", "long")
    words = ctype.name.split()
    if not set(words) <= _WORDS:
        return ("int",) if ctype.width in (16, 32) else None
    if "char" in words:
        return ("char",) if words == ["char"] else ("char", "signed" if ctype.signed else "other")
    return tuple(word for word in words if word == "long") or ("int",)
