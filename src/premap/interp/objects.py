# SPDX-License-Identifier: GPL-2.0-only
"""C objects: what is known of the places within one, by the path of members and elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from premap.csource.ctypes import (
    ArrayType,
    CType,
    FunctionType,
    PointerType,
    StructType,
    UnknownType,
    VoidType,
)
from premap.interp.paths import is_vague, may_overlap, within
from premap.interp.scalars import UNTYPED, kind_of, same_bits, zero_of
from premap.interp.undefined import Freed, Undefined, Uninitialised
from premap.interp.values import (
    Aggregate,
    Element,
    Index,
    Origin,
    Path,
    Place,
    Pointer,
    Stale,
    StructCopy,
    Unit,
    Value,
    made_up_address,
    plain,
    to_signed,
    unit_of,
)
from premap.model.errors import NotModelled

if TYPE_CHECKING:
    from premap.csource.scope import Scope
    from premap.interp.memory import Memory

_NUMBER = re.compile(r"#\d+\b")
"""What tells local variables of the same name apart."""
_CALL = re.compile(r"@\d+(\([^()]*\))?")
"""What follows a function's name in the name of what a call returned."""
_NOT_HELD = (FunctionType, VoidType, UnknownType)
Content = tuple[dict[Path, Value], dict[Path, None], dict[Path, Origin], Stale, bool, bool]
"""What is in an object: cells, stores, sources, what is stale, whether the rest is 0, or nothing is
there any more."""


class Object:
    """A C object: a variable, something allocated, or what a made-up pointer points to."""

    __slots__ = (
        "_address",
        "cells",
        "embedded",
        "firsts",
        "freed",
        "known_members",
        "local",
        "mark",
        "memory",
        "name",
        "pointee",
        "solid",
        "sources",
        "stale",
        "stores",
        "structs",
        "type",
        "typed",
        "unions",
        "units",
        "vague",
        "within",
        "zeroed",
    )

    def __init__(
        self, memory: Memory, name: str, ctype: CType, address: int | None, *, local: bool
    ) -> None:
        self.memory = memory
        self.name = name
        self.type = ctype
        self._address = address
        self.local = local
        self.mark = memory.mark
        """The newest mark of the memory of which this object's content is known."""
        self.zeroed = False
        self.freed = False
        self.cells: dict[Path, Value] = {}
        self.embedded: dict[str, Place] = {}
        """Members that are other objects: what container_of() was given."""
        self.unions: dict[Path, dict[Path, bool]] = {}
        """Members that share their place with others, as far as they were used: with which, and
        whether both begin at the same byte."""
        self.stale: Stale = {}
        """Members whose bytes are those of another one that was written since."""
        self.known_members: dict[Path, CType] = {}
        """Members of which it was noted whether they are in `unions`, `firsts` and `solid`, and of
        which type they are."""
        self.typed: dict[Path, StructType] = {}
        """As pointers to which structure those were that were converted to other pointers."""
        self.within: dict[Path, tuple[CType, Scope]] = {}
        """What members are members of, as which file sees it."""
        self.units: dict[Path, Unit] = {}
        """What is counted from a place to the next: as what pointers gave access to it."""
        self.solid: set[Path] = set()
        """Members that have a size in every configuration."""
        self.firsts: set[Path] = set()
        """Members that are where what they are members of begins."""
        self.stores: dict[Path, None] = {}
        """What was written, each once, to tell what a symbolic index may have changed."""
        self.vague: dict[Path, None] = {}
        """Those of them that have such an index."""
        self.sources: dict[Path, Origin] = {}
        """Structures that were copied in: the name by which their other members are made up."""
        self.structs: dict[Path, str] = {}
        """As which structure a place was looked into."""
        self.pointee = False
        """Whether the name is that of the pointer that leads here."""

    @property
    def address(self) -> int:
        """Where it is, as a word. That of a local variable is made up where it is asked for."""
        if self._address is None:
            word = self.memory.inputs.word(f"&local:{_NUMBER.sub('', self.name)}")
            self._address = made_up_address(word)
        return self._address

    @property
    def key(self) -> str:
        """By what memory knows the object: a pointer and what it points to have the same name."""
        return f"*{self.name}" if self.pointee else self.name

    def note_address(self, name: str, path: Path) -> None:
        """Note in which structures a member is whose address is made up by this name."""
        holders = (self.within.get(path[: length + 1]) for length in range(len(path)))
        known = self.memory.namer.addresses.setdefault(name, set())
        known.update(filter(None, holders))

    def begin_of(self, path: Path) -> Path:
        """Return the outermost place that begins where a place does, as far as is known."""
        while path in self.firsts:
            path = path[:-1]
        return path

    def name_of(self, path: Path) -> str:
        """Return the C-like name of a place in this object."""
        return self.joined(self.name, path) if path or not self.pointee else f"*{self.name}"

    def joined(self, text: str, path: Path, joint: str = "->") -> str:
        """Return a name with the members and elements of a path after it."""
        for step in path:
            if isinstance(step, Index):
                text += f"[{self.memory.namer.text(step.word)}]"
            else:
                text += f"{joint}{step}"
            joint = "."
        return text

    def load(self, path: Path, ctype: CType) -> Value:
        """Read the place; made up where nobody wrote it."""
        self._refuse_aliases(path)
        if isinstance(ctype, StructType):
            return self._load_structure(path, ctype)
        found = self.cells.get(path)
        if found is not None and not isinstance(found.data, Aggregate):
            return self._read_as(path, found, ctype)
        if self.stale:
            shared = self._of_other_member(path, ctype)
            if shared is not None:
                return shared
        if isinstance(ctype, ArrayType):
            return Value(PointerType(ctype.element), Pointer(Place(self, path), 1))
        zero = self.is_zeroed(path)
        value = zero_of(ctype) if zero else self.memory.make_up(self, path, ctype)
        self._keep()
        self.cells[path] = value
        return value

    def _load_structure(self, path: Path, ctype: StructType) -> Value:
        """Read a structure or union whole."""
        found = self.cells.get(path)
        if found is not None and not isinstance(found.data, Aggregate):
            return found
        if self.stale:
            self._of_other_member(path, ctype)
        depth = len(path)
        stale = {each[depth:]: (by[depth:], same) for each, (by, same) in self._stale_in(path)}
        return Value(ctype, replace(self._whole(path), stale=stale))

    def _stale_in(self, path: Path) -> Iterator[tuple[Path, tuple[Path, bool]]]:
        """Yield what is stale of a place and its members, and by what."""
        return ((each, by) for each, by in self.stale.items() if within(each, path))

    def _of_other_member(self, path: Path, ctype: CType) -> Value | None:
        """Return what a union's member holds since another one of its width was written.

        None for members that share their place with none that was. Raises for others.
        """
        for length in range(len(path) + 1):
            by, same = self.stale.get(path[:length], (None, False))
            if by is None:
                continue
            found, width = self.cells.get(by), kind_of(ctype)[0]
            whole = same and length == len(path) and width
            if whole and found is not None and kind_of(found.type)[0] == width:
                return same_bits(found, ctype)
            text = f"{self.name_of(path)} is read after {self.name_of(by)}"
            raise NotModelled(f"{text}, which shares its place, was written")
        return None

    def _read_as(self, path: Path, found: Value, ctype: CType) -> Value:
        """Return what a cell holds, read as a type of the same size."""
        if found.type is ctype:
            return found
        kinds = kind_of(found.type), kind_of(ctype)
        if kinds[0] == kinds[1] or UNTYPED in kinds:
            return found
        if kinds[0][0] != kinds[1][0]:
            raise NotModelled(f"{self.name_of(path)} is read as {ctype}, but is {found.type}")
        word = found.data.address if isinstance(found.data, Pointer) else found.data
        return Value(ctype, Pointer(None, word) if isinstance(ctype, PointerType) else word)

    def look_into(self, path: Path, ctype: StructType) -> None:
        """Note that the place is used as this structure; members of another would be elsewhere."""
        name = f"{ctype.kind} {ctype.tag}" if ctype.tag else ctype.typedef
        if name is None:
            return
        known = self.structs.get(path)
        if known == name:
            return
        text = f"{self.name_of(path)} is looked into as different structures"
        if known is not None:
            raise NotModelled(f"{text}, {known} and {name}")
        if not self.local:
            self.memory.namer.agree(("struct", self.name_of(path)), name, text)
        self.structs[path] = name

    def expose(self) -> None:
        """Note that a local variable's address was made a number: any code may have it then."""
        if self.local and self not in self.memory.exposed:
            self.memory.exposed.append(self)

    def may_be_array(self, path: Path) -> bool:
        """Return whether something of the same kind may follow what is at a place."""
        if path:
            return isinstance(self.known_members.get(path), ArrayType | UnknownType | None)
        return self.pointee or isinstance(self.type, ArrayType | UnknownType)

    def require_element(self, path: Path, index: int) -> None:
        """Raise Undefined if an array does not have so many elements."""
        length = self._length(path)
        if length is None or index < length:
            return
        name = _NUMBER.sub("", self.name_of(path))
        raise Undefined(f"element {to_signed(index)} of {name} is accessed, which has {length}")

    def may_be_past(self, path: Path) -> bool:
        """Return whether a path may lead to the end of an array, where something else begins."""
        for depth, step in enumerate(path):
            if isinstance(step, Index):
                known, length = plain(step.word), self._length(path[:depth])
                if known is None or length is None or known >= length:
                    return True
        return False

    def note_bytes(self, path: Path, ctype: CType) -> None:
        """Note of which structure bytes are looked at, where a place is taken for another type."""
        known = self.typed.get(path)
        if known is not None and known != ctype and not isinstance(ctype, VoidType):
            self.memory.bytes_of.setdefault(known)

    def note_element(self, path: Path, index: int) -> None:
        """Note that an element of an array is accessed which can't be told."""
        length = self._length(path)
        if length is not None:
            name = _NUMBER.sub("", self.name_of(path))
            self.memory.elements.append(Element(name, index, length))

    def _length(self, path: Path) -> int | None:
        """Return how many elements an array has, as far as is known.

        A member of none or one may be the last of a structure, with any number of them.
        """
        declared = self.known_members.get(path) if path else self.type
        length = declared.length if isinstance(declared, ArrayType) else None
        return None if length is None or (path and length < 2) else length

    def hold(self, path: Path, ctype: CType) -> None:
        """Note what a pointer takes a place for the first of: others are elsewhere, or overlap."""
        if isinstance(ctype, _NOT_HELD):
            return
        self.note_bytes(path, ctype)
        unit, known = unit_of(ctype), self.units.get(path)
        if known == unit:
            return
        if known is None:
            declared = self.known_members.get(path) if path else self.type
            if isinstance(declared, ArrayType):
                declared = declared.element
            if not isinstance(declared, FunctionType | VoidType | UnknownType | None):
                known = unit_of(declared)
        sizes = [each for each in (known, unit) if isinstance(each, int)]
        text = f"{self.name_of(path)} is accessed as different types"
        if not sizes:
            text = f"{self.name_of(path)} is looked into as different structures"
        if known is not None and known != unit:
            raise NotModelled(f"{text}, of {known} and {unit} bytes" if len(sizes) == 2 else text)
        if not self.local:
            self.memory.namer.agree(("unit", self.name_of(path)), unit, text)
        self.units[path] = unit

    def store(self, path: Path, value: Value) -> None:
        """Write the place."""
        self._refuse_aliases(path)
        self._keep()
        self._note(path)
        self._drop(path)
        self._put(path, value)
        for length in range(1, len(path) + 1 if self.unions else 0):
            for sibling, same in self.unions.get(path[:length], {}).items():
                if not self.local:
                    self._refuse_to_mix(path, value, sibling, same=same and length == len(path))
                self._drop(sibling)
                self.stale[sibling] = path[:length], same

    def _refuse_to_mix(self, path: Path, value: Value, sibling: Path, *, same: bool) -> None:
        """Refuse to write a part of a union that was written: its bytes are neither's then."""
        if not any(within(each, sibling) for each in self.stores):
            return
        held = self.cells.get(sibling)
        width = kind_of(value.type)[0]
        if not same or not width or held is None or kind_of(held.type)[0] != width:
            text = f"{self.name_of(path)} is written after {self.name_of(sibling)}"
            raise NotModelled(f"{text}, which shares its place")

    def _drop(self, path: Path) -> None:
        """Forget what a place and its members held, as something else is written there."""
        for known in self._below(path):
            del self.cells[path + known]
        for copied in [each for each in self.sources if within(each, path)]:
            del self.sources[copied]
        for each, _ in [*self._stale_in(path)] if self.stale else ():
            del self.stale[each]

    def _put(self, path: Path, value: Value) -> None:
        data = value.data
        if isinstance(data, StructCopy):
            self.sources[path] = data.origin
            members = data.known
        elif isinstance(data, Aggregate):
            self.cells[path] = Value(value.type, Aggregate({}))
            members = data.members
        else:
            self.cells[path] = value
            return
        for each, (by, same) in data.stale.items():
            self.stale[path + each] = path + by, same
        for member, content in members.items():
            if isinstance(content.data, StructCopy):
                self.sources[path + member] = content.data.origin
            else:
                self.cells[path + member] = content
            self._note(path + member)

    def fill(self, *, zeroed: bool) -> None:
        """Say whether members that nobody wrote are 0."""
        self._keep()
        self.zeroed = zeroed

    def _keep(self) -> None:
        """Note that something is in it, and keep what was for those who may go back to a mark."""
        memory = self.memory
        if not self.local:
            memory.holding[self] = None
        if self.mark != memory.mark and memory.marks:
            memory.kept.append((self, self.mark, self._content()))
            self.mark = memory.mark

    def _content(self) -> Content:
        kept = dict(self.cells), dict(self.stores), dict(self.sources), dict(self.stale)
        return (*kept, self.zeroed, self.freed)

    def restore(self, mark: int, content: Content) -> None:
        """Go back to what was in it."""
        self.mark = mark
        self.cells, self.stores, self.sources, self.stale, self.zeroed, self.freed = content
        self.vague = {path: None for path in self.stores if is_vague(path)}

    def _note(self, path: Path) -> None:
        self.stores[path] = None
        if is_vague(path):
            self.vague[path] = None

    def _whole(self, path: Path) -> StructCopy | Aggregate:
        """Return the content of a structure: what is known of it, and what fills it."""
        known = self.members(path)
        filler = self.filler(path)
        return Aggregate(known) if filler is None else StructCopy(filler, known)

    def members(self, path: Path) -> dict[Path, Value]:
        """Return what is known of a structure's members, by the path within; copies among them."""
        below = self._below(path).items()
        known = {each: held for each, held in below if each and path + each in self.stores}
        for copied, origin in self.sources.items():
            if copied != path and within(copied, path):
                known[copied[len(path) :]] = Value(VoidType(), StructCopy(origin, {}))
        return known

    def _below(self, path: Path) -> dict[Path, Value]:
        """Return what is known of a place and its members, by the path within."""
        depth = len(path)
        return {known[depth:]: v for known, v in self.cells.items() if within(known, path)}

    def filler(self, path: Path) -> Origin | None:
        """Return by which name members of a place that nobody wrote are made up; None: they are 0.

        Raises Uninitialised where they are neither.
        """
        around = self._around(path)
        if around is not None and around in self.sources:
            source, rest = self.sources[around], path[len(around) :]
            name = self.joined(source.name, rest, "." if source.member else "->")
            return Origin(name, source.member or bool(rest), source.epoch)
        if around is not None or self.zeroed:
            return None
        if self.local:
            raise unwritten(self.name_of(path))
        return Origin(self.joined(self.name, path), bool(path), self.memory.epoch)

    def holds(self, path: Path) -> bool:
        """Return whether what was written last to a place, or to one around it, is still there."""
        return path in self.cells or self._around(path) is not None

    def _around(self, path: Path) -> Path | None:
        """Return the innermost place around this one that was written whole, None if none was."""
        outer = (path[:length] for length in range(len(path), -1, -1))
        return next((each for each in outer if within(path, each) and self.is_whole(each)), None)

    def is_whole(self, path: Path) -> bool:
        """Return whether a structure was written here as a whole, and is still there."""
        whole = self.cells.get(path)
        return path in self.sources or (whole is not None and isinstance(whole.data, Aggregate))

    def touched(self, path: Path) -> bool:
        """Return whether something of a structure was written, and is still there."""
        return any(within(each, path) for each in self.stores) or self._around(path) is not None

    def forget(self) -> None:
        """Everything may have changed: what is read from now on is made up anew."""
        if not (self.cells or self.sources or self.stores or self.stale or self.zeroed):
            return
        self._keep()
        self.memory.holding.pop(self, None)
        self.zeroed = False
        self.cells.clear()
        self.sources.clear()
        self.stale.clear()
        self.stores.clear()
        self.vague.clear()

    def is_zeroed(self, path: Path) -> bool:
        """Return whether members of a place that nobody wrote are 0."""
        around = self._around(path)
        return self.zeroed if around is None else around not in self.sources

    def copied_name(self, path: Path) -> str | None:
        """Return by which name a member of a copied structure is made up, None of another place."""
        around = self._around(path)
        return str(self.filler(path)) if around is not None and around in self.sources else None

    def free(self) -> None:
        """End its life: it may not be accessed from now on. Raises Freed if it may not already."""
        self._refuse_freed(())
        self._keep()
        self.freed = True

    def end(self) -> None:
        """End the life of a local variable: its block was left."""
        if self.local and not self.freed:
            self._keep()
            self.freed = True

    def _refuse_freed(self, path: Path) -> None:
        if self.freed and self.local:
            name = _NUMBER.sub("", self.name_of(path))
            raise Freed(f"{name} is used after its block was left")
        if self.freed:
            name = _CALL.sub("()", self.name_of(path))
            raise Freed(f"{name} is used after it was freed")

    def _refuse_aliases(self, path: Path) -> None:
        """Refuse what a write through another index may have changed, or may not."""
        self._refuse_freed(path)
        for known in self.stores if is_vague(path) else self.vague:
            if may_overlap(path, known):
                raise NotModelled(
                    f"{self.name_of(path)} may be {self.name_of(known)}, which was written"
                )


def unwritten(name: str) -> Uninitialised:
    """Return the error that what has this name was never written."""
    return Uninitialised(f"{_NUMBER.sub('', name)} is read before it is written")
