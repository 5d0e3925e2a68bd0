# SPDX-License-Identifier: GPL-2.0-only
"""Where the next step of a random scenario goes: at the boundaries of what is mapped.

Ranges are chosen by what they do to the layout: a mapping exactly, its beginning, end or middle,
several with the holes between them, a hole exactly, beside a mapping. Pages are counted from the
beginning of the window.
"""

from __future__ import annotations

import random

from msgspec import Struct

from premap.model.words import PAGE_SHIFT
from premap.scenario.reader import Json

STACK_GAP = 256
"""Pages that stay free below a stack."""
MOST = 12
"""Pages that a range of random length has at most."""


class Range(Struct, frozen=True):
    """Pages [first, first + count) of the window."""

    first: int
    count: int

    @property
    def end(self) -> int:
        """One past the last page."""
        return self.first + self.count


class Layout:
    """The mappings of a window, as the last result says."""

    def __init__(self, window: tuple[int, int], vmas: list[Json]) -> None:
        self.low = window[0]
        self.pages = (window[1] - window[0]) >> PAGE_SHIFT
        self.vmas = vmas
        self.ranges = [self._range(vma) for vma in vmas]

    def _range(self, vma: Json) -> Range:
        first = (vma["start"] - self.low) >> PAGE_SHIFT
        return Range(first, (vma["end"] - vma["start"]) >> PAGE_SHIFT)

    def address(self, page: int) -> int:
        """Return the address of a page."""
        return self.low + (page << PAGE_SHIFT)

    def holes(self) -> list[Range]:
        """Return what lies free between mappings, before the first and after the last."""
        edges = [0]
        for each in self.ranges:
            edges += [each.first, each.end]
        edges.append(self.pages)
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [Range(first, end - first) for first, end in pairs if end > first]

    def free(self, where: Range) -> bool:
        """Say whether nothing is mapped in a range that lies in the window."""
        if where.end > self.pages:
            return False
        return not any(each.first < where.end and where.first < each.end for each in self.ranges)

    def room(self, count: int) -> bool:
        """Say whether so many pages fit somewhere in the window, below the gaps of all stacks."""
        pairs = zip(self.ranges, self.vmas, strict=True)
        stack = next((each.first for each, vma in pairs if "gd" in vma["flags"]), None)
        end = self.pages if stack is None else stack - STACK_GAP
        return any(min(hole.end, end) - hole.first >= count for hole in self.holes())

    @property
    def has_stack(self) -> bool:
        """Say whether something grows down: what is free below that may be its gap."""
        return any("gd" in vma["flags"] for vma in self.vmas)

    def at(self, page: int) -> Json | None:
        """Return the mapping that has a page."""
        for each, vma in zip(self.ranges, self.vmas, strict=True):
            if each.first <= page < each.end:
                return vma
        return None

    def reached(self, page: int) -> Json | None:
        """Return the mapping that an access to a page reaches: its own, or a stack above it."""
        for each, vma in zip(self.ranges, self.vmas, strict=True):
            if page < each.end:
                return vma if each.first <= page or "gd" in vma["flags"] else None
        return None

    def beside(self, where: Range) -> list[Json]:
        """Return the mappings that touch a range from outside."""
        found = (self.at(where.first - 1), self.at(where.end))
        return [vma for vma in found if vma is not None]


class Aim:
    """Chooses ranges of a layout at random."""

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick

    def mapped(self, layout: Layout) -> Range:
        """Return a range that has to do with a mapping, if there is one."""
        if not layout.ranges or self.pick.random() < 0.05:
            return self.anywhere(layout)
        choices = (self._exact, self._exact, self._part, self._part, self._part, self._span)
        return self.pick.choice(choices)(layout)

    def new(self, layout: Layout) -> Range:
        """Return a range for a new mapping."""
        if not layout.ranges:
            return self.anywhere(layout)
        choices = (self._hole, self._beside, self._beside, self._beside, self.mapped)
        return self.pick.choice(choices)(layout)

    def page(self, layout: Layout) -> int:
        """Return a page for an access, most of the time a mapped one."""
        if not layout.ranges or self.pick.random() < 0.05:
            return self.pick.randrange(layout.pages)
        where = self.pick.choice(layout.ranges)
        return self.pick.choice((where.first, where.end - 1, self._within(where)))

    def anywhere(self, layout: Layout) -> Range:
        """Return any range of the window."""
        first = self.pick.randrange(layout.pages)
        return Range(first, self.pick.randint(1, min(MOST, layout.pages - first)))

    def _within(self, where: Range) -> int:
        return self.pick.randrange(where.first, where.end)

    def _exact(self, layout: Layout) -> Range:
        return self.pick.choice(layout.ranges)

    def _part(self, layout: Layout) -> Range:
        """Return the beginning of a mapping, its end, or what lies between two of its pages."""
        whole = self.pick.choice(layout.ranges)
        first, last = sorted((self._within(whole), self._within(whole)))
        kind = self.pick.randrange(3)
        if kind == 0:
            return Range(whole.first, last + 1 - whole.first)
        if kind == 1:
            return Range(first, whole.end - first)
        return Range(first, last + 1 - first)

    def _span(self, layout: Layout) -> Range:
        """Return a range over several mappings, from an edge or page to an edge or page."""
        place = self.pick.randrange(len(layout.ranges))
        other = min(len(layout.ranges) - 1, place + self.pick.randrange(3))
        one, two = layout.ranges[place], layout.ranges[other]
        first = self.pick.choice((one.first, one.first, self._within(one), max(0, one.first - 1)))
        end = self.pick.choice((two.end, two.end, self._within(two) + 1, two.end + 1))
        end = min(max(end, first + 1), layout.pages)
        return Range(first, end - first)

    def _hole(self, layout: Layout) -> Range:
        """Return a hole, or an end of it."""
        holes = layout.holes()
        if not holes:
            return self.mapped(layout)
        hole = self.pick.choice(holes)
        count = self.pick.randint(1, min(hole.count, MOST))
        kind = self.pick.randrange(3)
        if kind == 0 and hole.count <= MOST:
            return hole
        return Range(hole.first if kind == 1 else hole.end - count, count)

    def _beside(self, layout: Layout) -> Range:
        """Return a range that begins where a mapping ends, or ends where one begins."""
        where = self.pick.choice(layout.ranges)
        count = self.pick.choice((1, 1, 2, 2, 3, 4, where.count))
        if self.pick.random() < 0.5 and where.end < layout.pages:
            return Range(where.end, min(count, layout.pages - where.end))
        if where.first == 0:
            return self.anywhere(layout)
        count = min(count, where.first)
        return Range(where.first - count, count)
