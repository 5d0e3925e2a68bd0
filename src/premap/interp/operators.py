# SPDX-License-Identifier: GPL-2.0-only
"""C's operators on values: promotions, conversions, arithmetic and comparisons of LP64 kernels.

Where an operand's type could not be found, the result is an uninterpreted function of the
operands whose name begins with `?`: the same computation gives the same result, and a difference
that depends on one is `unknown`, never `different`.
"""

from __future__ import annotations

import itertools
from typing import Any

from premap.csource.ctypes import (
    CType,
    EnumType,
    FunctionType,
    IntType,
    PointerType,
    StructType,
    UnknownType,
    VoidType,
)
from premap.interp.inputs import Inputs
from premap.interp.scalars import is_scalar, of_truth, truth, word_of
from premap.interp.undefined import Undefined
from premap.interp.values import (
    INT,
    LONG,
    FunctionName,
    Index,
    Path,
    Place,
    Pointer,
    Step,
    Truth,
    Unit,
    Value,
    int_type,
    is_unknown,
    made_up_address,
    normalise,
    plain,
    to_signed,
    unit_of,
)
from premap.model.errors import NotModelled
from premap.model.words import (
    SIGN_BIT,
    U64_MAX,
    add,
    invert,
    lnot,
    mul,
    select,
    shl,
    signed_lt,
    sub,
)
from premap.symbolic.node import Node

UNKNOWN = UnknownType("?")
FUNCTION = FunctionType(UNKNOWN, ())
"""That of functions whose own type nothing here hangs on."""
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_SMALL = 1 << 31
_TRUTHS = frozenset({"bool", "_Bool"})


_INTEGERS = (IntType, EnumType)
_POINTERS = (Pointer, FunctionName)


def _is_truth(ctype: CType) -> bool:
    """Return whether a type is `bool`, of which every value is 0 or 1."""
    return isinstance(ctype, IntType) and ctype.name in _TRUTHS


def convert(inputs: Inputs, value: Value, ctype: CType) -> Value:
    """Convert a value to a type, as assignment, argument passing and casts do."""
    same = value.type is ctype or value.type == ctype
    if (same and not _is_truth(ctype)) or isinstance(ctype, VoidType):
        return value
    if isinstance(ctype, _INTEGERS):
        return _to_integer(value, int_type(ctype), ctype)
    if isinstance(ctype, PointerType):
        if isinstance(value.data, _POINTERS):
            _note_structure(value)
            return Value(ctype, value.data)
        return Value(ctype, Pointer(None, word_of(value)))
    if isinstance(value.data, FunctionName) or not is_scalar(value):
        return Value(ctype, value.data)
    if isinstance(value.type, PointerType) or value.type == UNKNOWN:
        return Value(ctype, value.data)
    return Value(ctype, Pointer(None, inputs.apply(f"?({ctype})", word_of(value))))


def _note_structure(value: Value) -> None:
    """Note to which structure a pointer leads that becomes another kind of pointer."""
    target = value.type.target if isinstance(value.type, PointerType) else None
    if isinstance(target, StructType) and isinstance(value.data, Pointer):
        place = value.data.place
        if place is not None:
            place.object.typed.setdefault(place.path, target)


def _to_integer(value: Value, target: IntType, ctype: CType) -> Value:
    if target.name in _TRUTHS:
        return Value(ctype, Truth(truth(value)))
    if isinstance(value.data, Pointer) and value.data.place is not None:
        value.data.place.object.expose()
    if isinstance(value.data, Truth) and (target.width > 1 or not target.signed):
        return Value(ctype, value.data)
    return Value(ctype, normalise(word_of(value), target))


def promoted(ctype: CType) -> IntType:
    """Return what C's integer promotions make of a type."""
    integer = int_type(ctype)
    return integer if integer.width >= 32 else INT


def common_type(left: CType, right: CType) -> IntType:
    """Return the type that two operands are computed in (the usual arithmetic conversions)."""
    a, b = promoted(left), promoted(right)
    if a.width != b.width:
        return a if a.width > b.width else b
    return b if a.signed else a


def binary(inputs: Inputs, operator: str, left: Value, right: Value) -> Value:
    """Compute `left operator right`; both operands were evaluated."""
    if isinstance(left.type, PointerType) or isinstance(right.type, PointerType):
        return _pointers(inputs, operator, left, right)
    if is_unknown(left.type) or is_unknown(right.type):
        return _uninterpreted(inputs, operator, left, right)
    if operator in ("<<", ">>"):
        return _shift(operator, left, right)
    ctype = common_type(left.type, right.type)
    a = normalise(word_of(left), ctype)
    b = normalise(word_of(right), ctype)
    if operator in COMPARISONS:
        return of_truth(compare(operator, a, b, signed=ctype.signed))
    if operator in ("/", "%") and ctype.signed:
        _check_quotient(a, b, ctype)
    return Value(ctype, normalise(arithmetic(operator, a, b, signed=ctype.signed), ctype))


def _check_quotient(a: int, b: int, ctype: IntType) -> None:
    """Refuse the one quotient of signed numbers that overflows: processors may trap then."""
    least = U64_MAX << (ctype.width - 1) & U64_MAX
    if b == U64_MAX and a == least:
        raise Undefined(f"the least {ctype.name}, divided by -1")


def compare(operator: str, a: int, b: int, *, signed: bool) -> bool:
    """Compare two words that were converted to a common type."""
    if operator == "==":
        return a == b
    if operator == "!=":
        return a != b
    if operator in (">", "<="):
        less = signed_lt(b, a) if signed else b < a
        return less if operator == ">" else lnot(less)
    less = signed_lt(a, b) if signed else a < b
    return less if operator == "<" else lnot(less)


def arithmetic(operator: str, a: int, b: int, *, signed: bool) -> int:
    """Compute with two words of a common type; the caller truncates."""
    if operator == "+":
        return add(a, b)
    if operator == "-":
        return sub(a, b)
    if operator == "*":
        return mul(a, b)
    if operator == "&":
        return a & b
    if operator == "|":
        return a | b
    if operator == "^":
        return a ^ b
    if operator in ("/", "%"):
        return _divide(operator, a, b, signed=signed)
    raise NotModelled(f"operator {operator}")


def _divide(operator: str, a: int, b: int, *, signed: bool) -> int:
    if b == 0:
        raise Undefined("division by zero")
    negative_a = bool(signed and signed_lt(a, 0))
    negative_b = bool(signed and signed_lt(b, 0))
    a = sub(0, a) if negative_a else a
    b = sub(0, b) if negative_b else b
    result = a // b if operator == "/" else a % b
    negate = negative_a != negative_b if operator == "/" else negative_a
    return sub(0, result) if negate else result


def _shift(operator: str, left: Value, right: Value) -> Value:
    ctype = promoted(left.type)
    a = normalise(word_of(left), ctype)
    count = word_of(right)
    if count >= ctype.width:
        raise Undefined(f"a shift by the width of {ctype.name} or more")
    if operator == "<<":
        result = shl(a, count)
    elif ctype.signed:
        result = shifted_right(a, count)
    else:
        result = a >> count
    return Value(ctype, normalise(result, ctype))


def _uninterpreted(inputs: Inputs, operator: str, left: Value, right: Value) -> Value:
    a, b = word_of(left), word_of(right)
    if operator in ("==", "!=") and (_small(a) or _small(b)):
        return of_truth(compare(operator, a, b, signed=False))
    result = inputs.apply(f"?{operator}", a, b)
    if operator in COMPARISONS:
        return of_truth(result != 0)
    return Value(UNKNOWN, Pointer(None, result))


def _small(word: int) -> bool:
    """Return whether a word is a number that is the same in every integer type."""
    return isinstance(word, int) and word < _SMALL


def unary(inputs: Inputs, operator: str, value: Value) -> Value:
    """Compute `!`, `-`, `~` or `+` of a value."""
    if operator == "!":
        return of_truth(lnot(truth(value)))
    if is_unknown(value.type):
        return Value(UNKNOWN, Pointer(None, inputs.apply(f"?{operator}", word_of(value))))
    if isinstance(value.type, PointerType):
        raise NotModelled(f"unary {operator} of a pointer")
    ctype = promoted(value.type)
    word = normalise(word_of(value), ctype)
    if operator == "-":
        word = sub(0, word)
    elif operator == "~":
        word = invert(word)
    return Value(ctype, normalise(word, ctype))


def _pointers(inputs: Inputs, operator: str, left: Value, right: Value) -> Value:
    if operator in ("==", "!="):
        same = same_place(left.data, right.data)
        if same is not None:
            return of_truth(same == (operator == "=="))
    if operator in COMPARISONS:
        steps = _elements(left.data, right.data)
        if steps is not None:
            return of_truth(compare(operator, *steps, signed=True))
        found = compare(operator, word_of(left), word_of(right), signed=False)
        if operator in ("==", "!="):
            _note_identity(found, left, right)
        return of_truth(found)
    if operator in ("+", "-") and not isinstance(right.type, PointerType):
        count = word_of(right)
        return advance(inputs, left, count if operator == "+" else sub(0, count))
    if operator == "+":
        return advance(inputs, right, word_of(left))
    if operator == "-":
        return _distance(left, right)
    raise NotModelled(f"operator {operator} on pointers")


def _note_identity(condition: object, one: Value, other: Value) -> None:
    """Note a condition that hangs on which of their kind two pointers lead to, and on no layout."""
    if not isinstance(condition, Node) or one.type != other.type:
        return
    if not (_leads_to_kind(one) and _leads_to_kind(other)):
        return
    equal = condition.args[0] if condition.op == "not" else condition
    parts = equal.args if equal.op == "conj" else (equal,)
    one.data.place.object.memory.namer.identities.update(part.uid for part in parts)


def _leads_to_kind(pointer: Value) -> bool:
    """Return whether what a pointer leads to was declared as what it is taken for."""
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    target = pointer.type.target if isinstance(pointer.type, PointerType) else None
    if place is None or target is None or isinstance(target, VoidType | UnknownType):
        return False
    path = _array_of(place)
    declared = place.object.known_members.get(path) if path else place.object.type
    return target in (declared, getattr(declared, "element", None))


def same_place(one: Any, other: Any) -> bool | None:
    """Return whether two pointers are equal; None where that can't be told.

    A structure and its first member have one address, members that have a size have different ones,
    and so have elements of an array, and local variables.
    """
    if not isinstance(one, Pointer) or not isinstance(other, Pointer):
        return None
    if one.place is None or other.place is None:
        return None
    held = one.place.object
    if held is not other.place.object:
        return False if held.local and other.place.object.local else None
    paths = one.place.path, other.place.path
    if held.begin_of(paths[0]) == held.begin_of(paths[1]):
        return True
    if any(path and isinstance(path[-1], str) and path not in held.solid for path in paths):
        return None
    parted = next((n for n, (a, b) in enumerate(itertools.zip_longest(*paths)) if a != b), 0)
    a, b = (path[parted] if parted < len(path) else None for path in paths)
    if isinstance(a, Index) or isinstance(b, Index):
        return None if _may_be_one(a, b) else False
    if a is None or b is None:
        return None
    if paths[1][: parted + 1] in held.unions.get(paths[0][: parted + 1], {}):
        return None
    return None if any(held.may_be_past(path) for path in paths) else False


def _may_be_one(one: Step | None, other: Step | None) -> bool:
    """Return whether two steps into an array, of which none leads to the first, may be the same."""
    words = [step.word for step in (one, other) if isinstance(step, Index)]
    units = {step.unit for step in (one, other) if isinstance(step, Index)}
    return len(units) > 1 or any(plain(word) is None for word in words)


def _elements(one: Any, other: Any) -> tuple[int, int] | None:
    """Return which elements of one array of structures two pointers point to; else None.

    The addresses of those are made up, and their order is that of the elements.
    """
    if not isinstance(one, Pointer) or not isinstance(other, Pointer):
        return None
    if one.place is None or other.place is None or one.place.object is not other.place.object:
        return None
    if _array_of(one.place) != _array_of(other.place):
        return None
    last = [place.path[-1] for place in (one.place, other.place) if place.path]
    units = {step.unit for step in last if isinstance(step, Index)}
    if len(units) != 1 or isinstance(next(iter(units)), int):
        return None
    (unit,) = units
    return _steps(one.place, unit)[0], _steps(other.place, unit)[0]


def advance(inputs: Inputs, pointer: Value, count: int) -> Value:
    """Compute `pointer + count`, in elements."""
    if isinstance(count, int) and count == 0:
        return pointer
    data = pointer.data
    target = pointer.type.target if isinstance(pointer.type, PointerType) else UNKNOWN
    unit = unit_of(target)
    place = data.place.element(count, unit) if data.place is not None else None
    return Value(pointer.type, Pointer(place, element_address(inputs, data.address, count, unit)))


def element_address(inputs: Inputs, base: int, count: int, unit: Unit) -> int:
    """Return the address of an element, `count` units after `base`."""
    if isinstance(unit, int):
        return add(base, mul(count, unit))
    return made_up_address(inputs.apply(f"&[{unit}]", base, count))


def accessed(place: Place, ctype: CType) -> Place:
    """Return the place that a pointer to `ctype` gives access to, counted in elements of that type.

    Where it is not a whole number of them away, which element it is is made up. Raises NotModelled
    where what is there was accessed as elements of another size: what one of them holds says
    nothing of the other.
    """
    last = place.path[-1] if place.path else None
    if not isinstance(last, Index):
        place.object.hold(place.path, ctype)
        return place
    unit = unit_of(ctype)
    base = Place(place.object, place.path[:-1])
    if not place.object.may_be_array(base.path):
        raise NotModelled(f"{place} is accessed, which is beyond {base}")
    place.object.hold(base.path, ctype)
    count, whole = _counted(last, unit)
    if whole is not True:
        made_up = place.object.memory.inputs.apply(f"?{last.unit} in {unit}", last.word)
        count = select(whole, count, made_up)
    known = plain(count)
    if known is not None:
        place.object.require_element(base.path, known)
    else:
        place.object.note_element(base.path, count)
    return base.element(count, unit)


def _counted(index: Index, unit: Unit) -> tuple[int, bool]:
    """Return an index in other units, and whether it is a whole number of them."""
    if index.unit == unit:
        return index.word, True
    if not isinstance(index.unit, int) or not isinstance(unit, int):
        return 0, False
    factor, rest = divmod(index.unit, unit)
    if not rest:
        return mul(index.word, factor), True
    size = mul(index.word, index.unit)
    known = plain(size)
    if known is not None:
        count, rest = divmod(to_signed(known), unit)
        return count & U64_MAX, not rest
    if unit & (unit - 1):
        return 0, False
    return shifted_right(size, unit.bit_length() - 1), size & (unit - 1) == 0


def shifted_right(word: int, count: int) -> int:
    """Shift a word to the right, and its sign into it."""
    return sub((word ^ SIGN_BIT) >> count, SIGN_BIT >> count)


def _distance(left: Value, right: Value) -> Value:
    a, b = left.data.place, right.data.place
    if a is None or b is None or a.object is not b.object:
        raise NotModelled("a difference of pointers to different objects")
    if _array_of(a) != _array_of(b):
        raise NotModelled("a difference of pointers to different members")
    unit = unit_of(left.type.target) if isinstance(left.type, PointerType) else str(left.type)
    (first, whole), (second, too) = (_steps(place, unit) for place in (a, b))
    if whole is not True or too is not True:
        raise NotModelled(f"a difference of pointers that may be no whole number of {unit}")
    return Value(LONG, sub(first, second))


def _steps(place: Place, unit: Unit) -> tuple[int, bool]:
    """Return how far a place is from the first of its array, and whether in whole units."""
    last = place.path[-1] if place.path else None
    return _counted(last, unit) if isinstance(last, Index) else (0, True)


def _array_of(place: Place) -> Path:
    """Return the path of the array that a place is an element of: its own, for the first."""
    last = place.path[-1] if place.path else None
    return place.path[:-1] if isinstance(last, Index) else place.path
