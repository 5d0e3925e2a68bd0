# SPDX-License-Identifier: GPL-2.0-only
"""Arithmetic that tells of overflows, or saturates (include/linux/overflow.h).

check_add_overflow() and its like compute as if numbers had no end, whatever types the operands
have, and say whether the result fits where it goes. A number here is a word and whether it is
negative; a sum or a product has a `high` part, too, in units of 2**64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, EnumType, IntType, PointerType
from premap.interp.dispatch import evaluate
from premap.interp.expansion import spelled
from premap.interp.expressions import size_value
from premap.interp.lvalues import write
from premap.interp.machine import Frame, Machine
from premap.interp.scalars import of_truth, word_of
from premap.interp.statictypes import operand_type, type_argument
from premap.interp.syntax import part, text_of
from premap.interp.types import member_type
from premap.interp.values import ULONG, Value, int_type, normalise, plain
from premap.model.errors import NotModelled
from premap.model.words import SIGN_BIT, U64_MAX, add, mul, select, sub

_OPERATIONS = {
    f"{prefix}_{name}_overflow": name
    for prefix in ("check", "__builtin")
    for name in ("add", "sub", "mul")
}


def _check(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Compute, write what of the result fits, and return whether that is not all of it."""
    operation = _OPERATIONS[text_of(part(node, "function"))]
    a, b = (evaluate(machine, frame, argument) for argument in arguments[:2])
    target = evaluate(machine, frame, arguments[2])
    if not isinstance(target.type, PointerType) or target.data.place is None:
        raise machine.failure(frame, node, "where the result of an operation goes is not known")
    ctype = target.type.target
    known = (a.type, b.type, ctype)
    if not all(isinstance(each, IntType | EnumType) for each in known):
        raise machine.failure(frame, node, "an operation on values whose type was not found")
    into = int_type(ctype)
    if operation == "mul":
        total, fits = _product(machine, frame, node, (a, b), into)
    else:
        total, fits = _sum(a, b, into, subtract=operation == "sub")
    write(machine, target.data.place, ctype, Value(ctype, normalise(total, into)))
    return of_truth(fits == False)  # noqa: E712 - a symbolic condition


def _is_negative(value: Value) -> bool:
    return int_type(value.type).signed and (word_of(value) & SIGN_BIT) != 0


def _one(condition: bool) -> int:  # noqa: FBT001 - a symbolic condition
    return select(condition, 1, 0)


def _sum(a: Value, b: Value, into: IntType, *, subtract: bool) -> tuple[int, bool]:
    """Return the low word of a sum or difference, and whether all of it fits into a type."""
    x, y = word_of(a), word_of(b)
    low = sub(x, y) if subtract else add(x, y)
    high = sub(0, _one(_is_negative(a)))
    if subtract:
        high = add(sub(high, _one(x < y)), _one(_is_negative(b)))
    else:
        high = sub(add(high, _one(low < x)), _one(_is_negative(b)))
    same = normalise(low, into) == low
    if not into.signed:
        return low, same & (high == 0)
    return low, same & (high == select((low & SIGN_BIT) != 0, U64_MAX, 0))


def _product(
    machine: Machine, frame: Frame, node: Node, factors: tuple[Value, Value], into: IntType
) -> tuple[int, bool]:
    """Return the low word of a product, and whether all of it fits into a type."""
    a, b = factors
    negative = _is_negative(a) != _is_negative(b)
    x, y = _magnitude(a), _magnitude(b)
    if plain(x) is not None:
        x, y = y, x
    known = plain(y)
    if known is None:
        whole = _fits_in_word(machine, frame, node, x, y)
    else:
        whole = known == 0 or x <= U64_MAX // known
    size = mul(x, y)
    most = (1 << (into.width - into.signed)) - 1
    lowest = most + 1 if into.signed else 0
    fits = whole & (size <= select(negative, lowest, most))
    return select(negative, sub(0, size), size), fits


def _magnitude(value: Value) -> int:
    word = word_of(value)
    return select(_is_negative(value), sub(0, word), word)


def _fits_in_word(machine: Machine, frame: Frame, node: Node, x: int, y: int) -> bool:
    """Return whether the product of two words is less than 2**64."""
    if machine.decide(frame, node, y == 0):
        return True
    return mul(x, y) // y == x


def saturated(machine: Machine, frame: Frame, node: Node, name: str, given: Sequence[int]) -> int:
    """Return size_add(), size_sub() or size_mul() of two words: SIZE_MAX if it does not fit."""
    a, b = (Value(ULONG, word) for word in given)
    if name == "mul":
        total, fits = _product(machine, frame, node, (a, b), ULONG)
    else:
        total, fits = _sum(a, b, ULONG, subtract=name == "sub")
    if name == "sub":
        fits = fits & (given[0] != U64_MAX) & (given[1] != U64_MAX)
    return select(fits, total, U64_MAX)


def _sizes(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Compute `size_add(a, b)` and its like; array_size() and array3_size() multiply."""
    name = text_of(part(node, "function"))
    operation = name.removeprefix("size_") if name.startswith("size_") else "mul"
    total, *rest = (_size(evaluate(machine, frame, argument)) for argument in arguments)
    for word in rest:
        total = saturated(machine, frame, node, operation, (total, word))
    return Value(ULONG, total)


def _size(value: Value) -> int:
    if not isinstance(value.type, IntType | EnumType):
        raise NotModelled("a size whose type was not found")
    return word_of(value)


def _struct_size(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Compute struct_size(), struct_size_t() and flex_array_size()."""
    name = text_of(part(node, "function"))
    if name == "struct_size_t":
        ctype = type_argument(machine, frame, arguments[0])
    else:
        pointer = operand_type(machine, frame, arguments[0])
        if not isinstance(pointer, PointerType):
            raise machine.failure(frame, node, f"{name}() of what is no pointer")
        ctype = pointer.target
    array = member_type(frame.scope, ctype, spelled(machine, frame, arguments[1]))
    if not isinstance(array, ArrayType):
        raise machine.failure(frame, node, f"{name}() of what is no array")
    count = _size(evaluate(machine, frame, arguments[2]))
    element = word_of(size_value(machine, frame, array.element))
    total = saturated(machine, frame, node, "mul", (count, element))
    if name != "flex_array_size":
        total = saturated(
            machine, frame, node, "add", (word_of(size_value(machine, frame, ctype)), total)
        )
    return Value(ULONG, total)


MACROS: dict[str, Callable[[Machine, Frame, Node, Sequence[Node]], Value]] = {
    **dict.fromkeys(_OPERATIONS, _check),
    **dict.fromkeys(("size_add", "size_sub", "size_mul", "array_size", "array3_size"), _sizes),
    **dict.fromkeys(("struct_size", "struct_size_t", "flex_array_size"), _struct_size),
}
