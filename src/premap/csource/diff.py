# SPDX-License-Identifier: GPL-2.0-only
"""Which lines two texts have in common, quickly for any input.

Lines that occur once in both texts are matched first, as patience diff does; only what lies
between them is compared in full. `difflib` alone takes time quadratic in repeated lines.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

MAX_GAP = 1000
"""Lines on one side of a gap without unique lines that are still compared in full."""


class Change(Struct, frozen=True):
    """Lines [old_start, old_end) became [new_start, new_end); indices from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


class _Gap(Struct, frozen=True):
    """Part of both texts that is yet to be compared."""

    a: int
    b: int
    c: int
    d: int


def changes(old: Sequence[bytes], new: Sequence[bytes]) -> list[Change]:
    """Return what changed from `old` to `new`, in order; neighbours are separate by equal lines."""
    found: list[Change] = []
    todo = [_Gap(0, len(old), 0, len(new))]
    while todo:
        gap = _trimmed(old, new, todo.pop())
        if gap.a == gap.b or gap.c == gap.d:
            found.append(Change(gap.a, gap.b, gap.c, gap.d))
            continue
        anchors = _anchors(old, new, gap)
        if anchors:
            todo += _between(gap, anchors)
        else:
            found += _compared(old, new, gap)
    found = [c for c in found if c.old_start < c.old_end or c.new_start < c.new_end]
    return sorted(found, key=lambda change: (change.old_start, change.new_start))


def _trimmed(old: Sequence[bytes], new: Sequence[bytes], gap: _Gap) -> _Gap:
    a, b, c, d = gap.a, gap.b, gap.c, gap.d
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    return _Gap(a, b, c, d)


def _anchors(old: Sequence[bytes], new: Sequence[bytes], gap: _Gap) -> list[tuple[int, int]]:
    """Longest rising sequence of lines that are unique on both sides."""
    there = _unique(new, gap.c, gap.d)
    pairs = [(i, there[line]) for line, i in _unique(old, gap.a, gap.b).items() if line in there]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(tails, j)
        tails[at : at + 1] = [j]
        ends[at : at + 1] = [index]
        before.append(ends[at - 1] if at else -1)
    chain = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _unique(lines: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    """Index of each line that occurs once in [start, end), in order."""
    counts = Counter(lines[start:end])
    return {lines[i]: i for i in range(start, end) if counts[lines[i]] == 1}


def _between(gap: _Gap, anchors: Sequence[tuple[int, int]]) -> Iterator[_Gap]:
    a, c = gap.a, gap.c
    for i, j in anchors:
        yield _Gap(a, i, c, j)
        a, c = i + 1, j + 1
    yield _Gap(a, gap.b, c, gap.d)


def _compared(old: Sequence[bytes], new: Sequence[bytes], gap: _Gap) -> Iterator[Change]:
    if max(gap.b - gap.a, gap.d - gap.c) > MAX_GAP:
        yield Change(gap.a, gap.b, gap.c, gap.d)
        return
    matcher = difflib.SequenceMatcher(None, old[gap.a : gap.b], new[gap.c : gap.d], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield Change(gap.a + i1, gap.a + i2, gap.c + j1, gap.c + j2)
