# SPDX-License-Identifier: GPL-2.0-only
"""What code that is not executed reaches from the pointers that it is given.

Of what is not a local variable, all. Of local variables: those that arguments point to, and what
these point to in turn. A pointer to a number that is a member reaches that member, one into an
array all of its elements, and any other the whole variable, as with container_of().
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from premap.csource.ctypes import ArrayType, CType, PointerType, StructType, VoidType
from premap.interp.bindings import MappingObject
from premap.interp.machine import Machine
from premap.interp.operators import UNKNOWN
from premap.interp.scalars import UNTYPED, is_scalar, kind_of, word_of
from premap.interp.values import (
    Aggregate,
    FunctionName,
    Index,
    Path,
    Place,
    Pointer,
    StructCopy,
    Value,
    is_unknown,
    unit_of,
)
from premap.model.errors import NotModelled

MOST_ELEMENTS = 256
"""Elements of an array that a call may change, each made up anew."""


KEPT = "kept"
"""What an argument begins with that a call was not given (`shown_of_kept()`)."""


def around(value: Value) -> tuple[Place, CType] | None:
    """Return the part of a local variable that a pointer reaches, and its type; else None."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or not place.object.local or isinstance(place.object, MappingObject):
        return None
    held, path = place.object, place.path
    while path and isinstance(path[-1], Index):
        path = path[:-1]
    declared = held.known_members.get(path) if path else held.type
    if isinstance(declared, ArrayType):
        return Place(held, path), declared
    target = value.type.target if isinstance(value.type, PointerType) else None
    wide = 0 if target is None else kind_of(target)[0]
    if path and path == place.path and declared is not None and 0 < wide <= kind_of(declared)[0]:
        return place, declared
    return Place(held), held.type


def reached(given: Sequence[Value]) -> list[Value]:
    """Return the pointers to local variables among values, and those that they lead to.

    Raises NotModelled where that would be the mapping.
    """
    found: dict[Place, Value] = {}
    waiting: list[Value] = []
    for value in given:
        inside = list(_pointers_in(value))
        if not isinstance(value.data, Pointer):
            _refuse_mapping("a structure", inside)
        waiting += inside
    parts = [value for value in waiting if part_of_mapping(value) is not None]
    while waiting:
        value = waiting.pop(0)
        part = around(value)
        if part is None or part[0] in found:
            continue
        place = part[0]
        found[place] = value
        depth, cells = len(place.path), place.object.cells
        held = [value for path, value in cells.items() if path[:depth] == place.path]
        within = [each for value in held for each in _pointers_in(value)]
        _refuse_mapping(place, within)
        waiting += within
    return parts + list(found.values())


def _refuse_mapping(holder: object, inside: list[Value]) -> None:
    """Refuse that a call gets the mapping by way of something else."""
    if any(isinstance(each.data.place.object, MappingObject) for each in inside):
        raise NotModelled(f"{holder}, which leads to the mapping, is given to a call")


def kept(machine: Machine) -> list[Value]:
    """Return pointers to what earlier calls were given, and to what any code may know."""
    exposed = [
        Value(PointerType(known.type), Pointer(Place(known), known.address))
        for known in machine.memory.exposed
    ]
    for value in exposed:
        if isinstance(value.data.place.object, MappingObject):
            raise NotModelled("the address of the mapping was made a number before a call")
    return machine.escaped + exposed


def part_of_mapping(value: Value) -> Place | None:
    """Return the member of a VMA or descriptor that a pointer points to."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    inside = place is not None and place.path and isinstance(place.object, MappingObject)
    return place if inside else None


def _pointers_in(value: Value) -> Iterator[Value]:
    """Yield the pointers to local variables, and to a mapping, in a value."""
    data = value.data
    if isinstance(data, Pointer) and data.place is not None and data.place.object.local:
        yield value
    elif isinstance(data, StructCopy | Aggregate):
        members = data.known if isinstance(data, StructCopy) else data.members
        for held in members.values():
            yield from _pointers_in(held)


def is_over(value: Value) -> bool:
    """Tell whether a pointer leads to a variable whose block was left: no code may write it."""
    part = around(value)
    return part is not None and part[0].object.freed


def change(machine: Machine, name: str, value: Value) -> bool:
    """Let what a pointer reaches be anything, and return whether it is ours: `name` says by what.

    Ours are local variables and members of a mapping.
    """
    member = part_of_mapping(value)
    if member is not None:
        target = value.type.target if isinstance(value.type, PointerType) else VoidType()
        _make_up(machine, name, member, target)
        return True
    part = around(value)
    if part is not None:
        _make_up(machine, name, *part)
    return part is not None


def _make_up(machine: Machine, name: str, place: Place, ctype: CType) -> None:
    if isinstance(ctype, ArrayType):
        length = ctype.length
        if length is None or length > MOST_ELEMENTS or isinstance(ctype.element, ArrayType):
            raise NotModelled(f"{place}, an array that long, is changed by a call")
        for number in range(length):
            element = place.element(number, unit_of(ctype.element))
            _make_up(machine, f"{name}[{number}]", element, ctype.element)
        return
    if not isinstance(ctype, StructType) and (is_unknown(ctype) or kind_of(ctype) == UNTYPED):
        raise NotModelled(f"{place} is changed by a call, and its type is not known")
    place.object.store(place.path, machine.memory.named(name, ctype))


def shown(value: Value, within: tuple[Place, ...] = ()) -> Any:
    """Return what a call shows of an argument: a word, or a variable's content.

    `within` are the variables whose content is being shown: they may point to themselves.
    """
    if isinstance(value.data, FunctionName):
        return value.data.name
    if isinstance(value.data, StructCopy | Aggregate):
        return ("struct", *_held(value.data, within))
    if not is_scalar(value):
        raise NotModelled("something else than a number, a pointer or a structure is passed")
    member = part_of_mapping(value)
    if member is not None:
        return _member_of_mapping(member)
    part = around(value)
    if part is None:
        return word_of(value)
    whole, inside = part[0], value.data.place.path[len(part[0].path) :]
    steps = tuple(step.word if isinstance(step, Index) else step for step in inside)
    if whole in within:
        return ("again", within.index(whole), *steps)
    return ("local", *steps, "holds", *_content(whole, (*within, whole)))


def shown_of_kept(machine: Machine) -> tuple[Any, ...]:
    """Return one more argument of every call of unknown code: what it knows from earlier ones."""
    held = tuple(shown(value) for value in kept(machine))
    return ((KEPT, *held),) if held else ()


def _member_of_mapping(place: Place) -> tuple[str, Any]:
    """Return which member a pointer points to, by a name for both VMA and descriptor."""
    name = ".".join(map(str, place.path)).removeprefix("vma_").removeprefix("vm_")
    held = place.object.load(place.path, UNKNOWN)
    if not is_scalar(held):
        raise NotModelled(f"the address of {place} is passed")
    return name, word_of(held)


def _held(data: StructCopy | Aggregate, within: tuple[Place, ...]) -> Iterator[Any]:
    """Yield what a structure's value holds: where its members come from, and those that differ."""
    yield str(data.origin) if isinstance(data, StructCopy) else "zero"
    members = data.known if isinstance(data, StructCopy) else data.members
    for path, held in sorted(members.items(), key=lambda cell: _shown(cell[0])):
        if is_scalar(held) or isinstance(held.data, FunctionName):
            yield _shown(path)
            yield shown(held, within)
        elif isinstance(held.data, Aggregate | StructCopy):
            yield _shown(path)
            yield "zero" if isinstance(held.data, Aggregate) else str(held.data.origin)
    yield from sorted(_shown(path) for path in data.stale)


def _content(place: Place, within: tuple[Place, ...]) -> Iterator[Any]:
    """Yield what a variable of our own holds where a pointer points to, by member.

    What was only read is what its name says.
    """
    depth, held_in = len(place.path), place.object
    yield held_in.copied_name(place.path) or ""
    yield "zero" if held_in.is_zeroed(place.path) else "unset"
    for path, held in sorted(held_in.cells.items(), key=lambda cell: _shown(cell[0])):
        if path[:depth] != place.path or path not in held_in.stores:
            continue
        if is_scalar(held) or isinstance(held.data, Aggregate | FunctionName):
            held_in.memory.note_number(held)
            yield _shown(path[depth:])
            yield "zero" if isinstance(held.data, Aggregate) else shown(held, within)
    copied = ((path, origin) for path, origin in held_in.sources.items() if len(path) > depth)
    for path, origin in sorted(copied, key=lambda each: _shown(each[0])):
        if path[:depth] == place.path:
            yield f"{_shown(path[depth:])} {origin}"


def _shown(path: Path) -> str:
    return ".".join(step if isinstance(step, str) else f"[{step.word}]" for step in path)
