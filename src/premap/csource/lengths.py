# SPDX-License-Identifier: GPL-2.0-only
"""How many elements an array has whose length is left to its initializer."""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, CType, EnumType, IntType, PointerType
from premap.csource.nodes import text_of, unwrapped

_ELEMENT = re.compile(r"\\(?:x[0-9A-Fa-f]+|[0-7]{1,3}|[abefnrtv\\'\"?])|[^\\]")
"""One character of a string, as it is written."""


def completed(ctype: CType, value: Node | None, constant: Callable[[Node], int | None]) -> CType:
    """Return a variable's type with the length that its initializer gives it, if it is left open.

    The type stays as it is where the length can't be told.
    """
    if (
        not isinstance(ctype, ArrayType)
        or ctype.length is not None
        or ctype.length_text
        or value is None
    ):
        return ctype
    value = unwrapped(value)
    if value.type == "initializer_list":
        length = _listed(ctype.element, value, constant)
    else:
        length = len(characters(value) or []) or None
    return ctype if length is None else ArrayType(ctype.element, length, str(length))


def characters(node: Node) -> list[int] | None:
    """Return the bytes of a string literal, with the NUL behind; None if they can't be told."""
    parts = node.named_children if node.type == "concatenated_string" else [node]
    found: list[int] = []
    for part in (each for each in parts if each.type != "comment"):
        text = text_of(part)
        if part.type != "string_literal" or not text.startswith('"') or not text.isascii():
            return None
        written = _ELEMENT.findall(text[1:-1])
        if "".join(written) != text[1:-1]:
            return None
        found += map(_byte, written)
    return [*found, 0]


def _byte(written: str) -> int:
    """Return the byte that one character of a string stands for."""
    if written[0] != "\\":
        return ord(written)
    if written[1] == "x":
        return int(f"0{written[1:]}", 0) & 0xFF
    if written[1].isdigit():
        return int(written[1:], 8) & 0xFF
    return _ESCAPES.get(written[1], ord(written[1]))


_ESCAPES = {"a": 7, "b": 8, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def _listed(element: CType, value: Node, constant: Callable[[Node], int | None]) -> int | None:
    """Return the length that a list in braces gives."""
    position = length = 0
    for item in value.named_children:
        if item.type == "comment":
            continue
        if item.type == "initializer_pair":
            start = _designated(item, constant)
            if start is None:
                return None
            position = start
        elif item.type.startswith("preproc_") or not _is_one(element, item, constant):
            return None
        position += 1
        length = max(length, position)
    return length or None


def _designated(item: Node, constant: Callable[[Node], int | None]) -> int | None:
    """Return which element `[n] = value` sets; of a range, the last."""
    designators = item.children_by_field_name("designator")
    if len(designators) != 1 or designators[0].type not in _DESIGNATORS:
        return None
    last = designators[0].named_children[-1:]
    return constant(last[0]) if last else None


_DESIGNATORS = ("subscript_designator", "subscript_range_designator")


_PLAIN = frozenset(
    {"number_literal", "char_literal", "cast_expression", "pointer_expression", "null"}
)


def _is_one(element: CType, item: Node, constant: Callable[[Node], int | None]) -> bool:
    """Tell whether an item of a list is one element: others' braces may be left out.

    A name may be a macro's, which may be several.
    """
    if item.type == "initializer_list":
        return True
    if isinstance(element, IntType | EnumType | PointerType):
        texts = isinstance(element, PointerType) and item.type == "string_literal"
        return texts or item.type in _PLAIN or constant(item) is not None
    return False
