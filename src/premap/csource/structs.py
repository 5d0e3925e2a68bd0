# SPDX-License-Identifier: GPL-2.0-only
"""Definitions of structs and unions, read member by member so that one odd member harms no other.

Members of anonymous structs and unions, and of `struct_group()`, are fields of their parent.
Config options are not decided: the members of all `#if` arms are there, with their arms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from premap.csource import ctypes
from premap.csource.ctypes import CType
from premap.csource.declarators import TypeReader, declared_name
from premap.csource.nodes import find_all, parse, text_of
from premap.csource.text import matching, without_directives

if TYPE_CHECKING:
    from tree_sitter import Node

    from premap.csource.source import SourceFile

MAX_NESTING = 32
"""Structs within structs deeper than this are left out."""
_INK = re.compile(rb"\S")
_STOP = re.compile(rb"[;{(]")
_NESTED = re.compile(rb"\s*(?:const\s+|volatile\s+)*(struct|union)\b\s*([A-Za-z_]\w*)?\s*\{")
_GROUP = re.compile(rb"\s*(struct_group(?:_attr|_tagged)?|__struct_group)\s*\(")
_GROUP_SKIPS = {b"struct_group": 1, b"struct_group_attr": 2, b"struct_group_tagged": 2}
_BITMAP = re.compile(rb"\s*DECLARE_BITMAP\s*\(\s*(\w+)\s*,(.*)\)\s*\Z", re.DOTALL)
_FLEXIBLE = re.compile(rb"\s*(?:__)?DECLARE_FLEX_ARRAY\s*\((.*),\s*(\w+)\s*\)\s*\Z", re.DOTALL)


@lru_cache(maxsize=4096)
def _parsed(member: bytes) -> Node:
    """Parse one member; the same headers are read for the old and for the new version of a file."""
    return parse(b"struct s {" + member + b";};")


Step = tuple[str, int]
"""Kind of a container ("struct" or "union"), and a number of its own for the member of it."""


class Field(Struct, eq=False):
    """One member, or a member of an anonymous one."""

    name: str
    path: tuple[Step, ...]
    """Containers from the struct itself down to the anonymous one that holds it."""
    bits: int | None
    """Width of a bit-field, in bits."""
    arms: tuple[str, ...]
    line: int
    _read: Callable[[], CType]
    _type: CType | None = None

    @property
    def type(self) -> CType:
        """Its type, worked out when first asked for."""
        if self._type is None:
            self._type = self._read()
        return self._type

    @property
    def in_union(self) -> bool:
        """Whether it shares its place with another member."""
        return any(kind == "union" for kind, _ in self.path)


def overlap(one: Field, other: Field) -> bool:
    """Tell whether two fields of one struct share their bytes, as members of a union do."""
    for (kind, index), (_, other_index) in zip(one.path, other.path, strict=False):
        if index != other_index:
            return kind == "union"
    return True


class StructDef(Struct, frozen=True, eq=False):
    """The definition of one struct or union."""

    kind: str
    tag: str | None
    fields: tuple[Field, ...]
    """In the order of the file; a name appears twice where `#if` arms define it twice."""
    source: SourceFile
    start: int
    """Byte offset of the opening brace."""
    end: int
    """Byte offset after the closing brace."""
    arms: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return the first field of this name."""
        return next((found for found in self.fields if found.name == name), None)


def read_struct(
    source: SourceFile, kind: str, tag: str | None, brace: int, types: TypeReader, nesting: int = 0
) -> StructDef | None:
    """Read the definition whose opening brace is at `brace` of `source`.

    None if the brace is never closed.
    """
    close = source.closing(brace)
    if close is None or nesting > MAX_NESTING:
        return None
    reader = _Reader(source, types, nesting)
    reader.read(brace + 1, close, (), kind)
    arms = source.arms_at(brace)
    return StructDef(kind, tag, tuple(reader.fields), source, brace, close + 1, arms)


class _Reader:
    """Collects the fields of one definition."""

    def __init__(self, source: SourceFile, types: TypeReader, nesting: int) -> None:
        self.source = source
        self.types = types
        self.nesting = nesting
        self.fields: list[Field] = []
        self._count = 0

    def _next(self) -> int:
        self._count += 1
        return self._count

    def read(self, start: int, end: int, path: tuple[Step, ...], kind: str) -> None:
        """Read the members in [start, end) of a container of this kind."""
        if len(path) > MAX_NESTING:
            return
        body = without_directives(self.source.code[start:end])
        for first, last in _members(body):
            self._member(body[first:last], start + first, (*path, (kind, self._next())))

    def _member(self, text: bytes, at: int, path: tuple[Step, ...]) -> None:
        if (group := _GROUP.match(text)) is not None:
            self._group(text, at, path, group)
        elif (nested := _NESTED.match(text)) is not None:
            self._nested(text, at, path, nested)
        elif (bitmap := _BITMAP.match(text)) is not None:
            bits = bitmap[2].decode("latin-1").strip()
            found = ctypes.ArrayType(ctypes.UNSIGNED_LONG, None, f"BITS_TO_LONGS({bits})")
            self._add(bitmap[1].decode(), path, None, at, lambda: found)
        elif (flexible := _FLEXIBLE.match(text)) is not None:
            self._plain(b"%b %b[]" % (flexible[1], flexible[2]), at, path)
        else:
            self._plain(text, at, path)

    def _group(self, text: bytes, at: int, path: tuple[Step, ...], group: re.Match[bytes]) -> None:
        close = matching(text, group.end() - 1)
        start = group.end()
        for _ in range(_GROUP_SKIPS.get(group[1], 3)):
            start = text.find(b",", start) + 1
            if start == 0:
                return
        if close is not None:
            self.read(at + start, at + close, path, "struct")

    def _nested(
        self, text: bytes, at: int, path: tuple[Step, ...], nested: re.Match[bytes]
    ) -> None:
        brace = nested.end() - 1
        close = matching(text, brace)
        if close is None:
            return
        kind = nested[1].decode()
        if not re.search(rb"\w", _without_attributes(text[close + 1 :])):
            self.read(at + brace + 1, at + close, path, kind)
            return
        tag = nested[2].decode() if nested[2] else None
        inner = self._inner_type(kind, tag, at + brace)
        self._declarators(b"int " + text[close + 1 :], at, path, inner)

    def _inner_type(self, kind: str, tag: str | None, brace: int) -> CType:
        definition = read_struct(self.source, kind, tag, brace, self.types, self.nesting + 1)
        if definition is None:
            return ctypes.UnknownType(f"{kind} {tag or '?'}")
        origin = "" if tag else f"{self.source.name}:{brace}"
        return ctypes.StructType(kind, tag, origin, definition=definition)

    def _plain(self, text: bytes, at: int, path: tuple[Step, ...]) -> None:
        self._declarators(text, at, path, None)

    def _declarators(
        self, text: bytes, at: int, path: tuple[Step, ...], base: CType | None
    ) -> None:
        root = _parsed(text)
        for declaration in find_all(root, "field_declaration"):
            for declarator, bits in _fields_of(declaration):
                name = declared_name(declarator)
                if name is None or name.is_missing:
                    continue
                read = self._lazily(declaration, declarator, base)
                width = None if bits is None else self.types.constant(bits)
                self._add(text_of(name), path, width, at, read)
                # `int a, b;` is two members.
                path = (*path[:-1], (path[-1][0], self._next()))
            return

    def _lazily(
        self, declaration: Node, declarator: Node, base: CType | None
    ) -> Callable[[], CType]:
        def read() -> CType:
            specified = self.types.base(declaration) if base is None else base
            return self.types.declared(specified, declarator)

        return read

    def _add(
        self,
        name: str,
        path: tuple[Step, ...],
        bits: int | None,
        at: int,
        read: Callable[[], CType],
    ) -> None:
        source = self.source
        self.fields.append(Field(name, path, bits, source.arms_at(at), source.line_of(at), read))


def _without_attributes(text: bytes) -> bytes:
    text = re.sub(rb"__attribute__\s*\(\(.*?\)\)", b"", text, flags=re.DOTALL)
    return re.sub(rb"\b_+[a-z]\w*\b(?:\s*\([^()]*\))?", b"", text)


def _members(body: bytes) -> Iterator[tuple[int, int]]:
    """Ranges of the members between the braces, without their semicolons."""
    start = at = 0
    while (match := _STOP.search(body, at)) is not None:
        if match.group() == b";":
            first = _INK.search(body, start, match.start())
            if first is not None:
                yield first.start(), match.start()
            start = at = match.end()
            continue
        close = matching(body, match.start())
        if close is None:
            return
        at = close + 1


def _fields_of(declaration: Node) -> Iterator[tuple[Node, Node | None]]:
    """Yield the declarators of a field_declaration, each with the width of its bit-field."""
    pending: Node | None = None
    for index, child in enumerate(declaration.children):
        if declaration.field_name_for_child(index) == "declarator":
            if pending is not None:
                yield pending, None
            pending = child
        elif child.type == "bitfield_clause" and pending is not None:
            yield pending, child.named_children[0] if child.named_children else None
            pending = None
    if pending is not None:
        yield pending, None
