# SPDX-License-Identifier: GPL-2.0-only
"""memset() and memcpy() of whole objects: what they leave is known, as the sizes fit by type.

(include/linux/string.h.) With any other size, or a byte that is not 0, they are unknown code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, CType, EnumType, IntType, PointerType, StructType
from premap.interp import operators, unknown
from premap.interp.dispatch import evaluate
from premap.interp.lvalues import read, write
from premap.interp.machine import Frame, Machine
from premap.interp.scalars import is_scalar, word_of, zero_of
from premap.interp.statictypes import declared_type, operand_type
from premap.interp.syntax import part, text_of, unwrapped
from premap.interp.values import Place, Pointer, Value, plain, size_of, unit_of

MOST_ELEMENTS = 64
"""Elements of an array that is set or copied one by one."""


def _memset(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    given = [evaluate(machine, frame, argument) for argument in arguments]
    ctype = _whole(machine, frame, arguments[0], given[0], arguments[-1], given[-1])
    byte = plain(word_of(given[1])) if len(given) > 2 and is_scalar(given[1]) else 0
    if ctype is None or byte != 0:
        return _unknown(machine, frame, node, given)
    for place, each in _parts(given[0].data.place, ctype):
        write(machine, place, each, zero_of(each))
    return given[0]


def _memcpy(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    given = [evaluate(machine, frame, argument) for argument in arguments]
    to = _whole(machine, frame, arguments[0], given[0], arguments[2], given[2])
    source = _whole(machine, frame, arguments[1], given[1], arguments[2], given[2])
    if to is None or source is None or to != source:
        return _unknown(machine, frame, node, given)
    parts = zip(_parts(given[0].data.place, to), _parts(given[1].data.place, to), strict=True)
    held = [(place, each, read(machine, frame, other, each)) for (place, each), (other, _) in parts]
    for place, each, value in held:
        write(machine, place, each, value)
    return given[0]


def _unknown(machine: Machine, frame: Frame, node: Node, given: list[Value]) -> Value:
    where = f"{frame.function.source.name}:{frame.line(node)}"
    name = text_of(part(node, "function"))
    for value in given:
        unknown.note_all_bytes(value)
    return unknown.call_unknown(machine, frame, name, given, where)


def _whole(
    machine: Machine, frame: Frame, argument: Node, pointer: Value, size_node: Node, size: Value
) -> CType | None:
    """Return the type of the object that is written or read whole; None if that can't be told."""
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    if place is None or machine.bindings.is_mapping(place.object):
        return None
    named = operand_type(machine, frame, argument)
    if not isinstance(named, ArrayType):
        named = pointer.type.target if isinstance(pointer.type, PointerType) else named
    if not _is_known(named):
        return None
    measured = _measured(machine, frame, size_node)
    if measured is not None:
        return named if measured == named else None
    known = size_of(named)
    return named if known is not None and known == plain(word_of(size)) else None


def _is_known(ctype: CType) -> bool:
    if isinstance(ctype, ArrayType):
        fits = ctype.length is not None and ctype.length <= MOST_ELEMENTS
        return fits and not isinstance(ctype.element, ArrayType) and _is_known(ctype.element)
    return isinstance(ctype, IntType | EnumType | PointerType | StructType)


def _measured(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return of what a size is the sizeof; None if it is something else."""
    node = unwrapped(node)
    while node.type == "identifier" and text_of(node) in frame.macros:
        given, frame = frame.macros[text_of(node)]
        node = unwrapped(given)
    if node.type != "sizeof_expression":
        return None
    named, value = part(node, "type"), part(node, "value")
    if named is not None:
        return declared_type(machine, frame, named)
    return None if value is None else operand_type(machine, frame, value)


def _parts(place: Place, ctype: CType) -> list[tuple[Place, CType]]:
    """Return the elements of an array, or the object itself."""
    if not isinstance(ctype, ArrayType):
        return [(operators.accessed(place, ctype), ctype)]
    unit = unit_of(ctype.element)
    elements = [place.element(number, unit) for number in range(ctype.length or 0)]
    return [(operators.accessed(element, ctype.element), ctype.element) for element in elements]


MACROS: dict[str, Callable[[Machine, Frame, Node, Sequence[Node]], Value]] = {
    "memset": _memset,
    "memzero_explicit": _memset,
    "memcpy": _memcpy,
    "memmove": _memcpy,
    "__builtin_memset": _memset,
    "__builtin_memcpy": _memcpy,
}
