# SPDX-License-Identifier: GPL-2.0-only
"""Memory as C code under test sees it: places by name, made up when first read.

Nothing has a byte layout: a place is an object and a path of members and elements, so a
configuration's `#ifdef`s in structures don't matter. Two made-up objects with different names are
taken to be different objects; every verdict prints that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from premap.csource.ctypes import ArrayType, CType, PointerType, StructType, VoidType
from premap.interp.inputs import Inputs
from premap.interp.values import (
    Aggregate,
    Index,
    Path,
    Place,
    Pointer,
    Value,
    int_type,
    is_unknown,
    normalise,
    plain,
)
from premap.model.errors import NotModelled

NONNULL_BIT = 1 << 63
NOT_ERROR_BIT = 1 << 62


class Object:
    """A C object: a variable, something allocated, or what a made-up pointer points to."""

    __slots__ = (
        "address",
        "cells",
        "embedded",
        "local",
        "memory",
        "name",
        "type",
        "unions",
        "zeroed",
    )

    def __init__(
        self, memory: Memory, name: str, ctype: CType, address: int, *, local: bool
    ) -> None:
        self.memory = memory
        self.name = name
        self.type = ctype
        self.address = address
        self.local = local
        self.zeroed = False
        self.cells: dict[Path, Value] = {}
        self.embedded: dict[str, Place] = {}
        """Members that are other objects: what container_of() was given."""
        self.unions: set[Path] = set()
        """Members that share their place with others, as far as they were used."""

    def name_of(self, path: Path) -> str:
        """Return the C-like name of a place in this object."""
        text = self.name
        joint = "->"
        for step in path:
            if isinstance(step, Index):
                text += f"[{self.memory.namer.text(step.word)}]"
            else:
                text += f"{joint}{step}"
            joint = "."
        return text

    def load(self, path: Path, ctype: CType) -> Value:
        """Read the place; made up where nobody wrote it."""
        found = self.cells.get(path)
        if found is not None:
            return found
        self._refuse_aliases(path)
        if isinstance(ctype, ArrayType):
            return Value(PointerType(ctype.element), Pointer(Place(self, path), 1))
        value = zero_of(ctype) if self._inherits(path) else self.memory.make_up(self, path, ctype)
        self.cells[path] = value
        return value

    def store(self, path: Path, value: Value) -> None:
        """Write the place."""
        self._refuse_aliases(path)
        if any(path[: length + 1] in self.unions for length in range(len(path))):
            raise NotModelled(f"{self.name_of(path)} is written, a member of a union")
        if isinstance(value.data, Aggregate):
            self._store_aggregate(path, value)
            return
        for known in [known for known in self.cells if known[: len(path)] == path]:
            del self.cells[known]
        self.cells[path] = value

    def forget(self) -> None:
        """Everything may have changed: what is read from now on is made up anew."""
        self.cells.clear()

    def _store_aggregate(self, path: Path, value: Value) -> None:
        for known in [known for known in self.cells if known[: len(path)] == path]:
            del self.cells[known]
        self.cells[path] = Value(value.type, Aggregate({}))
        for member, content in value.data.members.items():
            self.cells[path + member] = content

    def _inherits(self, path: Path) -> bool:
        """Return whether the place is in an aggregate that was written whole, so that it is 0."""
        prefixes = (self.cells.get(path[:length]) for length in range(len(path)))
        return any(whole is not None and isinstance(whole.data, Aggregate) for whole in prefixes)

    def _refuse_aliases(self, path: Path) -> None:
        """Refuse what an earlier write through another symbolic index may have changed."""
        for position, step in enumerate(path):
            if not isinstance(step, Index):
                continue
            for known in self.memory.written.get(self.name, ()):
                if len(known) <= position or known[:position] != path[:position]:
                    continue
                other = known[position]
                if isinstance(other, Index) and other != step and (other.symbolic or step.symbolic):
                    raise NotModelled(
                        f"{self.name_of(path)} may be {self.name_of(known)}, which was written"
                    )


class Memory:
    """All objects of one run, and the version of what unknown code may have changed."""

    def __init__(self, inputs: Inputs, namer: Namer) -> None:
        self.inputs = inputs
        self.namer = namer
        self.objects: dict[str, Object] = {}
        self.written: dict[str, list[Path]] = {}
        self.history = 0
        """Number of what was written and called so far; results of unknown code depend on it."""
        self.epoch = ""
        """Suffix of the names of what is read after unknown code ran."""
        self.reader: Callable[[str, Value], None] | None = None
        """Called with what is made up, where someone wants to watch."""

    def object(self, name: str, ctype: CType, *, nonnull: bool = False) -> Object:
        """Return the made-up object of that name, making it up if it is new."""
        found = self.objects.get(name)
        if found is None:
            address = self.inputs.word(f"&{name}")
            if nonnull:
                address = (address | NONNULL_BIT) & ~NOT_ERROR_BIT
            found = self.objects[name] = Object(self, name, ctype, address, local=False)
        elif is_unknown_target(found.type) and not is_unknown_target(ctype):
            found.type = ctype
        return found

    def adopt(self, made: Object) -> None:
        """Enter an object that was made elsewhere under its name."""
        self.objects[made.name] = made

    def note_write(self, place: Place, value: Value) -> None:
        """Record a write that code elsewhere could see."""
        if place.object.local:
            return
        self.written.setdefault(place.object.name, []).append(place.path)
        self.history = self.namer.number((self.history, "write", str(place), describe(value)))

    def forget_shared(self, why: tuple[Any, ...]) -> None:
        """Unknown code ran: whatever it could reach may have changed."""
        self.history = self.namer.number((self.history, *why))
        self.epoch = f"@{self.history}"
        for known in self.objects.values():
            if not known.local:
                known.forget()

    def make_up(self, owner: Object, path: Path, ctype: CType) -> Value:
        """Make up the content of a place that nobody wrote."""
        if owner.zeroed:
            return zero_of(ctype)
        if owner.local:
            raise NotModelled(f"{owner.name_of(path)} is read before it is written")
        name = owner.name_of(path) + self.epoch
        value = self.named(name, ctype, self._word(owner, path))
        if self.reader is not None:
            self.reader(name, value)
        return value

    def named(self, name: str, ctype: CType, word: int | None = None) -> Value:
        """Return the made-up value of that name and type; `word`, if it was made up already."""
        if isinstance(ctype, StructType):
            raise NotModelled(f"{name}: a whole structure is read")
        if word is None:
            word = self.inputs.word(name)
        if isinstance(ctype, PointerType) or is_unknown(ctype):
            target = ctype.target if isinstance(ctype, PointerType) else ctype
            pointee = self.objects.get(name)
            if pointee is None:
                pointee = self.objects[name] = Object(self, name, target, word, local=False)
            return Value(ctype, Pointer(Place(pointee), word))
        return Value(ctype, normalise(word, int_type(ctype)))

    def _word(self, owner: Object, path: Path) -> int:
        name = owner.name + self.epoch
        arguments: list[int] = []
        joint = "->"
        for step in path:
            if isinstance(step, Index) and step.symbolic:
                arguments.append(step.word)
                name += "[]"
            elif isinstance(step, Index):
                name += f"[{self.namer.text(step.word)}]"
            else:
                name += f"{joint}{step}"
            joint = "."
        if not arguments:
            return self.inputs.word(owner.name_of(path) + self.epoch)
        return self.inputs.apply(name, *arguments)


class Namer:
    """Gives equal histories equal, short names; shared by all runs of one comparison."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._next = itertools.count(1)

    def number(self, history: tuple[Any, ...]) -> int:
        """Return the number of a history: the same for the same one, in whichever run."""
        found = self._numbers.get(history)
        if found is None:
            found = self._numbers[history] = next(self._next)
        return found

    def text(self, word: int) -> str:
        """Return a word as part of a name."""
        known = plain(word)
        return str(known) if known is not None else f"#{self.number(('word', word))}"

    def concrete(self, value_of: Callable[[Any], Any]) -> Namer:
        """Return the names of a concrete run: words of histories have the values they take.

        Histories that become the same then have one name.
        """
        made = Namer()
        same = {0: 0}
        for history, number in sorted(self._numbers.items(), key=itemgetter(1)):
            first = same.get(history[0], history[0])
            known = (first, *(_concrete(part, value_of) for part in history[1:]))
            same[number] = made._numbers.setdefault(known, number)
        made._next = itertools.count(len(self._numbers) + 1)
        return made


def _concrete(part: Any, value_of: Callable[[Any], Any]) -> Any:
    if isinstance(part, tuple):
        return tuple(_concrete(each, value_of) for each in part)
    return part if isinstance(part, str | int | None) else value_of(part)


def is_unknown_target(ctype: CType) -> bool:
    """Return whether a pointer's target says nothing: `void`, or a type that was not found."""
    return isinstance(ctype, VoidType) or (is_unknown(ctype) and not isinstance(ctype, StructType))


def zero_of(ctype: CType) -> Value:
    """Return the zero of a scalar type, or NULL."""
    if isinstance(ctype, PointerType):
        return Value(ctype, Pointer(None, 0))
    if isinstance(ctype, StructType):
        return Value(ctype, Aggregate({}))
    return Value(ctype, 0)


def describe(value: Value) -> Any:
    """Return what identifies a value within a run: a word, or a pointer's address and place."""
    data = value.data
    if isinstance(data, Pointer):
        return data.address if data.place is None else (data.address, str(data.place))
    if isinstance(data, Aggregate):
        return tuple(sorted((str(path), describe(each)) for path, each in data.members.items()))
    return data
