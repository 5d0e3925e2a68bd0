# SPDX-License-Identifier: GPL-2.0-only
"""Memory as C code under test sees it: places by name, made up when first read.

Nothing has a byte layout: a place is an object and a path of members and elements, so a
configuration's `#ifdef`s in structures don't matter. Two made-up objects with different names are
taken to be different objects; every verdict prints that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from premap.csource.ctypes import CType, PointerType, StructType, VoidType
from premap.interp.inputs import Inputs
from premap.interp.naming import MOMENT, Namer
from premap.interp.objects import Content, Object, unwritten
from premap.interp.scalars import UNTYPED, kind_of
from premap.interp.values import (
    Aggregate,
    Element,
    Index,
    Origin,
    Path,
    Place,
    Pointer,
    StructCopy,
    Truth,
    Value,
    int_type,
    is_unknown,
    made_up_address,
    normalise,
)


class _Mark(Struct, frozen=True):
    """What was in memory at some moment, but for the content of objects."""

    kept: int
    """How many contents had been kept for older marks."""
    objects: dict[str, Object]
    written: dict[str, int]
    """How many writes there had been, by object."""
    history: int
    epoch: str


class Memory:
    """All objects of one run, and the version of what unknown code may have changed."""

    def __init__(self, inputs: Inputs, namer: Namer) -> None:
        self.inputs = inputs
        self.namer = namer
        self.objects: dict[str, Object] = {}
        """All of them, by key."""
        self.holding: dict[Object, None] = {}
        """Those of them that may hold something which unknown code can change."""
        self.written: dict[str, list[Path]] = {}
        self.shared: set[tuple[str, Path]] = set()
        """What was written, and is left to other threads since a lock was taken or released."""
        self.disturbed = False
        """Whether other threads may have changed anything."""
        self.history = 0
        """Number of what was written and called so far; results of unknown code depend on it."""
        self.epoch = ""
        """Suffix of the names of what is read after unknown code ran."""
        self.marks: list[_Mark] = []
        """What one may go back to, the newest last."""
        self.mark = 0
        """The number of the newest mark that was ever set."""
        self.kept: list[tuple[Object, int, Content]] = []
        """What objects held that were changed since a mark, with the mark they knew then."""
        self.moments: dict[int, int] = {}
        """Which number of a history came how manieth in this run: what `@` in a name counts."""
        self.numbers: list[object] = []
        """Numbers, none of them a pointer to a place, that were written where others may see them,
        or given to what only reads."""
        self.bytes_of: dict[StructType, None] = {}
        """Structures of which bytes were accessed, or given to what looks at them: in which members
        these are hangs on the layout."""
        self.elements: list[Element] = []
        """Elements of arrays that were accessed, but for those of which it can be told which."""
        self.exposed: list[Object] = []
        """Local variables whose address was made a number."""
        self.reader: Callable[[str, Value], None] | None = None
        """Called with what is made up, where someone wants to watch."""

    def set_mark(self) -> None:
        """Remember everything, to go back to it; each mark is dropped by the one who set it."""
        written = {key: len(paths) for key, paths in self.written.items()}
        self.mark += 1
        self.marks.append(
            _Mark(len(self.kept), dict(self.objects), written, self.history, self.epoch)
        )

    def go_back(self) -> None:
        """Let everything be as it was when the newest mark was set."""
        mark = self.marks[-1]
        while len(self.kept) > mark.kept:
            changed, known, content = self.kept.pop()
            changed.restore(known, content)
        self.objects = dict(mark.objects)
        for key in [*self.written]:
            del self.written[key][mark.written.get(key, 0) :]
            if key not in mark.written:
                del self.written[key]
        self.history, self.epoch = mark.history, mark.epoch
        self.holding = {known: None for known in self.objects.values() if not known.local}

    def drop_mark(self) -> None:
        """Forget the newest mark."""
        self.marks.pop()
        if not self.marks:
            self.kept.clear()

    def object(self, name: str, ctype: CType, *, nonnull: bool = False) -> Object:
        """Return the made-up object of that name, making it up if it is new."""
        found = self.objects.get(name)
        if found is None:
            address = self.inputs.word(f"&{name}")
            if nonnull:
                address = made_up_address(address)
            found = self.objects[name] = Object(self, name, ctype, address, local=False)
        elif is_unknown_target(found.type) and not is_unknown_target(ctype):
            found.type = ctype
        return found

    def at(self, key: str, ctype: CType) -> Object:
        """Return the made-up object of that key, making it up if it is new."""
        found = self.objects.get(key)
        if found is not None or not key.startswith("*"):
            return found or self.object(key, ctype)
        self.named(key[1:], PointerType(ctype))
        return self.objects[key]

    def adopt(self, made: Object) -> None:
        """Enter an object that was made elsewhere under its name."""
        self.objects[made.key] = made

    def number(self, *what: Any) -> int:
        """Return the number of what happened so far, and then this."""
        number = self.namer.number((self.history, *what))
        self.moments.setdefault(number, len(self.moments) + 1)
        return number

    def by_moment(self, name: str) -> str:
        """Return a made-up name with the moments of this run in place of numbers of histories."""
        return MOMENT.sub(lambda found: f"@{self.moments.get(int(found[1]), '?')}", name)

    def note_write(self, place: Place, value: Value) -> None:
        """Record a write that code elsewhere could see."""
        if place.object.local:
            return
        self.written.setdefault(place.object.key, []).append(place.path)
        self.note_number(value)
        self.history = self.number("write", str(place), describe(value))

    def note_number(self, value: Value) -> None:
        """Note a number that may be seen."""
        data = value.data
        if isinstance(data, StructCopy | Aggregate):
            for member in (data.known if isinstance(data, StructCopy) else data.members).values():
                self.note_number(member)
        elif not isinstance(data, Pointer):
            self.numbers.append(data.condition if isinstance(data, Truth) else data)
        elif data.place is None:
            self.numbers.append(data.address)

    @contextmanager
    def guarded(self, guard: bool) -> Iterator[None]:  # noqa: FBT001
        """Note of all that is accessed that it is so only where a condition holds."""
        first = len(self.elements)
        yield
        for number in range(first, len(self.elements)):
            known = self.elements[number]
            self.elements[number] = replace(known, guard=guard & known.guard)

    def let_others(self, why: tuple[Any, ...]) -> None:
        """Let other threads run: what this one wrote until now is there, but may not stay."""
        self.disturbed = True
        self.shared.update((known.key, path) for known in self.holding for path in known.stores)
        self.forget_shared(why)

    def between_calls(self) -> None:
        """Let others run between two calls, as long as they like: nothing hangs on the first one.

        So what is found then has the same names in both versions, whatever each did before.
        """
        self.history = 0
        self.let_others(("between calls",))

    def forget_shared(self, why: tuple[Any, ...]) -> None:
        """Unknown code ran: whatever it could reach may have changed."""
        self.history = self.number(*why)
        self.epoch = f"@{self.history}"
        holding, self.holding = self.holding, {}
        for known in holding:
            known.forget()

    def make_up(self, owner: Object, path: Path, ctype: CType) -> Value:
        """Make up the content of a place that nobody wrote."""
        copied = owner.copied_name(path)
        if copied is not None:
            return self.named(copied, ctype)
        if owner.local:
            raise unwritten(owner.name_of(path))
        name = owner.name_of(path)
        if (kind := kind_of(ctype)) is not UNTYPED:
            self.namer.agree(("type", name), kind, f"{name} is read as different types")
        name += self.epoch
        value = self.named(name, ctype, self._word(owner, path))
        if self.reader is not None:
            self.reader(name, value)
        return value

    def named(self, name: str, ctype: CType, word: int | None = None) -> Value:
        """Return the made-up value of that name and type; `word`, if it was made up already."""
        if isinstance(ctype, StructType):
            return Value(ctype, StructCopy(Origin(name), {}))
        if word is None:
            word = self.inputs.word(name)
        if isinstance(ctype, PointerType) or is_unknown(ctype):
            target = ctype.target if isinstance(ctype, PointerType) else ctype
            pointee = self.objects.get(f"*{name}")
            if pointee is None:
                pointee = Object(self, name, target, word, local=False)
                pointee.pointee = True
                self.objects[pointee.key] = pointee
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


def is_unknown_target(ctype: CType) -> bool:
    """Return whether a pointer's target says nothing: `void`, or a type that was not found."""
    return isinstance(ctype, VoidType) or (is_unknown(ctype) and not isinstance(ctype, StructType))


def describe(value: Value) -> Any:
    """Return what identifies a value within a run: a word, or a pointer's address and place."""
    data = value.data
    if isinstance(data, Pointer):
        return data.address if data.place is None else (data.address, str(data.place))
    if isinstance(data, StructCopy | Aggregate):
        members = data.known if isinstance(data, StructCopy) else data.members
        origin = str(data.origin) if isinstance(data, StructCopy) else ""
        known = sorted((str(path), describe(each)) for path, each in members.items())
        return (origin, *known, *sorted(map(str, data.stale)))
    return data
