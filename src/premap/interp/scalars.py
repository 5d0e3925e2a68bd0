# SPDX-License-Identifier: GPL-2.0-only
"""Numbers, conditions and pointers: the words that they are, and how wide."""

from __future__ import annotations

from premap.csource.ctypes import CType, PointerType, StructType
from premap.interp.values import (
    INT,
    SCALARS,
    Aggregate,
    FunctionName,
    Pointer,
    Truth,
    Value,
    int_type,
    normalise,
)
from premap.model.errors import NotModelled
from premap.model.words import select

UNTYPED = (0, False)
"""What kind_of() says of a type that tells nothing of its size."""


def word_of(value: Value) -> int:
    """Return a scalar's word; a pointer's is its address."""
    data = value.data
    if isinstance(data, Truth):
        return select(data.condition, 1, 0)
    if isinstance(data, Pointer):
        return data.address
    if isinstance(data, FunctionName):
        raise NotModelled(f"the address of function {data.name} is computed with")
    if not hasattr(data, "__index__"):
        raise NotModelled("a structure is used where a number is wanted")
    word: int = data
    return word


def truth(value: Value) -> bool:
    """Return `value != 0`, as C's `if` and `!` want it."""
    if isinstance(value.data, Truth):
        return value.data.condition
    if isinstance(value.data, FunctionName):
        return True
    return word_of(value) != 0


def of_truth(condition: bool) -> Value:  # noqa: FBT001
    """Return the `int` of a condition."""
    return Value(INT, Truth(condition))


_NUMBERS = (Truth, Pointer)


def is_scalar(value: Value) -> bool:
    """Return whether the value is a number, a condition or a pointer."""
    return isinstance(value.data, _NUMBERS) or hasattr(value.data, "__index__")


def same_bits(found: Value, ctype: CType) -> Value:
    """Return a scalar's bits as another type of the same width."""
    if isinstance(ctype, PointerType):
        held = found.data if isinstance(found.data, Pointer) else Pointer(None, word_of(found))
        return Value(ctype, held)
    return Value(ctype, normalise(word_of(found), int_type(ctype)))


def kind_of(ctype: CType) -> tuple[int, bool]:
    """Return width (bits) and sign of a scalar type; pointers are unsigned words."""
    if isinstance(ctype, SCALARS):
        integer = int_type(ctype)
        return integer.width, integer.signed
    return UNTYPED


def zero_of(ctype: CType) -> Value:
    """Return the zero of a scalar type, or NULL."""
    if isinstance(ctype, PointerType):
        return Value(ctype, Pointer(None, 0))
    if isinstance(ctype, StructType):
        return Value(ctype, Aggregate({}))
    return Value(ctype, 0)
