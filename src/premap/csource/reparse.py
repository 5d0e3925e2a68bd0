# SPDX-License-Identifier: GPL-2.0-only
"""Parse trees of a text that is being edited: what did not change is not parsed again.

While code is broken, tree-sitter may put errors elsewhere than where it parses everything anew. So
this is for what has to be said at once; what is said in the end comes of a whole parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from premap.csource.nodes import parse_again
from premap.csource.source import SourceFile
from premap.csource.text import parser_view

if TYPE_CHECKING:
    from tree_sitter import Tree

LEAST = 32 << 10
"""Bytes below which to parse everything anew takes no time that anyone notices."""


class Parsed(Struct, frozen=True):
    """What a parser saw of a text, and what came of it."""

    view: bytes
    tree: Tree


def reparse(source: SourceFile, before: Parsed | None) -> Parsed | None:
    """Parse a file by what came of its text before an edit; return what the next edit needs."""
    if len(source.text) < LEAST:
        return None
    view = parser_view(source.seen, source.code)
    old = None if before is None else _edited(before, view)
    tree = parse_again(view, old)
    source.root = tree.root_node
    return Parsed(view, tree)


def _edited(before: Parsed, view: bytes) -> Tree:
    """Return a copy of the old tree that knows which bytes have changed."""
    start = _common(before.view, view)
    most = min(len(before.view), len(view)) - start
    end = _common_end(before.view, view, most)
    old_end, new_end = len(before.view) - end, len(view) - end
    tree = before.tree.copy()
    tree.edit(
        start,
        old_end,
        new_end,
        _point(view, start),
        _point(before.view, old_end),
        _point(view, new_end),
    )
    return tree


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts have in common at their beginnings."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: bytes, other: bytes, most: int) -> int:
    """Return how many bytes two texts have in common at their ends, at most so many."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _point(text: bytes, at: int) -> tuple[int, int]:
    return text.count(b"\n", 0, at), at - (text.rfind(b"\n", 0, at) + 1)


__all__ = ["Parsed", "reparse"]
