# SPDX-License-Identifier: GPL-2.0-only
"""C values: words with a type, pointers that know what they point to, and aggregates.

A scalar's word always holds the value as C would extend it to 64 bits: an `int` of -1 is
2**64 - 1, a `u8` of 255 is 255. So conversions to wider types cost nothing, and one width of
word is enough for all of C's integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from premap.csource.ctypes import (
    BOOL,
    CHAR,
    INT,
    LONG,
    UNSIGNED_INT,
    UNSIGNED_LONG,
    ArrayType,
    CType,
    EnumType,
    IntType,
    PointerType,
    StructType,
    VoidType,
)
from premap.model.errors import NotModelled
from premap.model.words import U64_MAX, add, mul, sub

if TYPE_CHECKING:
    from premap.interp.objects import Object

UINT = UNSIGNED_INT
ULONG = UNSIGNED_LONG
PGPROT = IntType("pgprot_t", 64, signed=False)
"""`pgprot_t` is a structure of one word in most architectures; here it is that word."""


NONNULL_BIT = 1 << 63
_NO_ERROR = U64_MAX ^ (1 << 62)
Unit = int | str
"""What elements are counted in: their size in bytes, or a type whose layout is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """A step from an array to one of its elements; `word` may be symbolic."""

    word: int
    unit: Unit
    """What is counted."""

    def __eq__(self, other: object) -> bool:
        # Symbolic words are interned: the same term is the same object.
        if not isinstance(other, Index):
            return False
        if self.unit != other.unit:
            return False
        known = plain(self.word)
        return self.word is other.word if known is None else known == plain(other.word)

    def __hash__(self) -> int:
        return hash(self.word)

    @property
    def symbolic(self) -> bool:
        """Whether the element can't be told."""
        return plain(self.word) is None


Step = str | Index
Path = tuple[Step, ...]
Stale = dict[Path, tuple[Path, bool]]
"""Members whose bytes were written as those of another one, of which, and whether both begin at the
same byte."""


class Place(Struct, frozen=True):
    """Somewhere in memory: an object, and the way in it through members and elements."""

    object: Object
    path: Path = ()

    def field(self, name: str) -> Place:
        """Return the place of the member `name`."""
        return Place(self.object, (*self.path, name))

    def element(self, index: int, unit: Unit) -> Place:
        """Return the place that is `index` elements on: the array's own place for element 0.

        From an element of another size on, bytes are counted.
        """
        path = self.path
        if path and isinstance(path[-1], Index):
            last, path = path[-1], path[:-1]
            if last.unit == unit:
                index = add(last.word, index)
            elif isinstance(last.unit, int) and isinstance(unit, int):
                index = add(mul(last.word, last.unit), mul(index, unit))
                unit = 1
            else:
                raise NotModelled(f"{self} is one {last.unit}, and {unit} are counted from it")
        if plain(index) == 0:
            return Place(self.object, path)
        return Place(self.object, (*path, Index(index, unit)))

    def load(self, ctype: CType) -> Value:
        """Read the place."""
        return self.object.load(self.path, ctype)

    def store(self, value: Value) -> None:
        """Write the place, without telling anyone."""
        self.object.store(self.path, value)

    def __str__(self) -> str:
        return self.object.name_of(self.path)


class Pointer(Struct, frozen=True):
    """A C pointer: to a place, or (NULL, error pointers, casts) just an address."""

    place: Place | None
    address: int


class Aggregate(Struct, frozen=True):
    """The value of a structure or union: the members that were given, the rest being zero."""

    members: dict[Path, Value]
    stale: Stale = field(default_factory=dict)
    """As in StructCopy."""


class Origin(Struct, frozen=True):
    """By which name members of a structure are made up: that of where it was read, and when."""

    name: str
    member: bool = False
    """Whether the name is that of a member, so that a dot follows, not an arrow."""
    epoch: str = ""

    def __str__(self) -> str:
        return self.name + self.epoch


class StructCopy(Struct, frozen=True):
    """The value of a structure that was read whole: what is known of it, and where it came from.

    Members that `known` (by the path within) does not have are made up, by the name `origin`.
    """

    origin: Origin
    known: dict[Path, Value]
    stale: Stale = field(default_factory=dict)
    """Members of unions that are not known any more."""


class Truth(Struct, frozen=True):
    """The 0 or 1 of a comparison, kept as the condition that it is."""

    condition: bool


class Element(Struct, frozen=True, eq=False):
    """An access of an element of an array, which can't be told."""

    array: str
    index: int
    length: int
    """How many elements there are."""
    guard: bool = True
    """When it is accessed, on this path."""


class FunctionName(Struct, frozen=True):
    """A function designator."""

    name: str


class Value(Struct, frozen=True):
    """A C rvalue; `data` is a word for scalars, or a Pointer, Truth, Aggregate, FunctionName."""

    type: CType
    data: Any


_INTEGERS = (IntType, EnumType)
SCALARS = (*_INTEGERS, PointerType)
"""Types whose values are words."""


def is_unknown(ctype: CType) -> bool:
    """Return whether the type could not be found, so that its width and sign are not known."""
    return not isinstance(ctype, SCALARS)


def int_type(ctype: CType) -> IntType:
    """Return the integer type that computes for `ctype`: an enum's own, a pointer's address."""
    if isinstance(ctype, IntType):
        return ctype
    if isinstance(ctype, EnumType):
        return _OF_ENUMS[ctype.width, ctype.signed]
    return ULONG


_OF_ENUMS = {(32, True): INT, (32, False): UINT, (64, True): LONG, (64, False): ULONG}


def made_up_address(word: int) -> int:
    """Return a made-up word as the address of something: neither NULL nor an error pointer."""
    return (word | NONNULL_BIT) & _NO_ERROR


def size_of(ctype: CType) -> int | None:
    """Return sizeof a type in bytes where that needs no layout, else None."""
    if isinstance(ctype, _INTEGERS):
        return max(1, int_type(ctype).width // 8)
    if isinstance(ctype, PointerType):
        return 8
    if isinstance(ctype, ArrayType):
        size = size_of(ctype.element)
        return None if size is None or ctype.length is None else size * ctype.length
    return 1 if isinstance(ctype, VoidType) else None


def unit_of(ctype: CType) -> Unit:
    """Return what pointers to a type count in."""
    size = size_of(ctype)
    if size is not None:
        return size
    if isinstance(ctype, StructType) and ctype.tag:
        return f"{ctype.kind} {ctype.tag}"
    return str(ctype)


def normalise(word: int, ctype: IntType) -> int:
    """Truncate a word to an integer type and extend it to 64 bits again, as its sign says."""
    if ctype.width >= 64:
        return word
    mask = (1 << ctype.width) - 1
    if not ctype.signed:
        return word & mask
    sign = 1 << (ctype.width - 1)
    return sub((word & mask) ^ sign, sign)


def plain(word: int) -> int | None:
    """Return a word as a Python integer, None where it is symbolic."""
    if isinstance(word, int):
        return word
    return int(word) if getattr(word, "is_const", False) else None


def to_signed(word: int) -> int:
    """Return a plain word as the Python integer that a signed C type of it means."""
    return word - (1 << 64) if word >> 63 else word


__all__ = ["BOOL", "CHAR", "INT", "LONG", "PGPROT", "UINT", "ULONG"]
