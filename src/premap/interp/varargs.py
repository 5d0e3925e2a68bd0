# SPDX-License-Identifier: GPL-2.0-only
"""Functions with `...`: va_start(), va_arg(), va_copy(), va_end() (include/linux/stdarg.h).

A `va_list` is a variable of our own that holds all that is left of the arguments, so that what it
is given to sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from premap.csource.ctypes import EnumType, IntType, VoidType
from premap.csource.heads import Parameter
from premap.csource.source import Function
from premap.interp import operators
from premap.interp.dispatch import evaluate
from premap.interp.inputs import Inputs
from premap.interp.machine import Frame, Machine
from premap.interp.operators import convert
from premap.interp.scalars import is_scalar, kind_of
from premap.interp.statictypes import type_argument
from premap.interp.types import VA_LIST
from premap.interp.values import INT, Aggregate, FunctionName, Path, Place, Pointer, Value, plain
from premap.model.errors import NotModelled

_VOID = Value(VoidType(), 0)
_NEXT = "next"
"""The member of a list that counts how many of its arguments were taken."""


def parted(function: Function) -> tuple[Sequence[Parameter], bool]:
    """Return the named parameters of a function, and whether it takes others besides."""
    parameters = function.parameters
    if parameters and parameters[-1].name == "...":
        return parameters[:-1], True
    return parameters, False


def promoted(inputs: Inputs, given: Sequence[Value]) -> tuple[Value, ...]:
    """Return arguments as C passes them where the function does not say their types."""
    return tuple(_promoted(inputs, value) for value in given)


def _promoted(inputs: Inputs, value: Value) -> Value:
    if isinstance(value.type, IntType | EnumType):
        return convert(inputs, value, operators.promoted(value.type))
    if not is_scalar(value) and not isinstance(value.data, FunctionName):
        raise NotModelled("a structure is passed by value")
    return value


def _list(machine: Machine, frame: Frame, node: Node) -> Place:
    pointer = evaluate(machine, frame, node)
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    if place is None or not place.object.local:
        raise machine.failure(frame, node, "a va_list that is no variable")
    return place


def _fill(place: Place, held: dict[str, Value]) -> None:
    members: dict[Path, Value] = {(name,): value for name, value in held.items()}
    place.store(Value(VA_LIST.element, Aggregate(members)))


def _start(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    place = _list(machine, frame, arguments[0])
    outer: Frame | None = frame
    while outer is not None and outer.rest is None:
        outer = outer.outer
    if outer is None or outer.rest is None:
        raise machine.failure(frame, node, "va_start() in a function without `...`")
    held = {f"argument {number}": value for number, value in enumerate(outer.rest)}
    _fill(place, {**held, _NEXT: Value(INT, 0)})
    return _VOID


def _take(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    place = _list(machine, frame, arguments[0])
    ctype = type_argument(machine, frame, arguments[1])
    cells, path = place.object.cells, place.path
    position = cells.get((*path, _NEXT))
    number = None if position is None else plain(position.data)
    value = cells.get((*path, f"argument {number}"))
    if number is None or value is None:
        raise machine.failure(frame, node, "va_arg() of a list that is not known, or at its end")
    if kind_of(value.type)[0] != kind_of(ctype)[0]:
        raise machine.failure(frame, node, f"va_arg() of {ctype}, but it is {value.type}")
    place.field(_NEXT).store(Value(INT, number + 1))
    return convert(machine.inputs, value, ctype)


def _copy(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    del node
    to, source = (_list(machine, frame, argument) for argument in arguments[:2])
    depth = len(source.path)
    held = {
        str(path[depth]): value
        for path, value in source.object.cells.items()
        if path[:depth] == source.path and len(path) == depth + 1
    }
    if _NEXT not in held:
        raise NotModelled("va_copy() of a list that is not known")
    _fill(to, held)
    return _VOID


def _end(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    del node
    _fill(_list(machine, frame, arguments[0]), {})
    return _VOID


MACROS = {"va_start": _start, "va_arg": _take, "va_copy": _copy, "va_end": _end}
