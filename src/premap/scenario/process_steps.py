# SPDX-License-Identifier: GPL-2.0-only
"""Random steps that concern the whole process, or that only some families have."""

from __future__ import annotations

import random

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import STACK_GAP, Aim, Layout, Range
from premap.scenario.allowed import comparable
from premap.scenario.reader import Json
from premap.scenario.steps import SEALS

NAMES = ("one", "two", None)
LOCKS: tuple[list[str], ...] = (
    ["CURRENT"],
    ["FUTURE"],
    ["FUTURE", "ONFAULT"],
    ["CURRENT", "FUTURE"],
    ["ONFAULT"],
    [],
)


class ProcessSteps:
    """Chooses such steps; the generator has the rest.

    `limited` are the limits that were set, `limit` is the last of them, `heap` is the page at which
    the data segment begins, and `memfds` are the files that can be sealed.
    """

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick
        self.aim = Aim(pick)
        self.limited: set[str] = set()
        self.limit = ""
        self.locked_all = False
        self.heap: int | None = None
        self.memfds: list[str] = []

    @property
    def fatal(self) -> bool:
        """Whether an access might meet a failure that it can't survive."""
        return False

    def numbers(self, layout: Layout, where: Range) -> Json:
        """Return the keys of a range."""
        return {"addr": layout.address(where.first), "len": where.count << PAGE_SHIFT}

    def _mlockall(self, layout: Layout) -> Json | None:
        del layout
        flags = self.pick.choice(LOCKS)
        if "CURRENT" in flags and "MEMLOCK" in self.limited:
            return None
        self.locked_all = self.locked_all or "CURRENT" in flags
        return {"flags": flags}

    def _munlockall(self, layout: Layout) -> Json:
        del layout
        return {}

    def _mseal(self, layout: Layout) -> Json:
        step = self.numbers(layout, self.aim.mapped(layout))
        if self.pick.random() < 0.2:
            step["len"] = self.pick.choice((0, step["len"] - 1, (1 << 64) - PAGE_SIZE))
        return step

    def _seal(self, layout: Layout) -> Json | None:
        del layout
        if not self.memfds:
            return None
        names = self.pick.choice((["WRITE"], ["FUTURE_WRITE"], ["FUTURE_WRITE"], list(SEALS)))
        return {"file": self.pick.choice(self.memfds), "seals": names}

    def _name(self, layout: Layout) -> Json:
        where = self.numbers(layout, self.aim.mapped(layout))
        if self.pick.random() < 0.05:
            where["len"] = self.pick.choice((0, 1, (1 << 64) - 1))
        return {**where, "name": self.pick.choice(NAMES)}

    def _heap(self, layout: Layout) -> Json | None:
        """Begin a data segment at a mapping's edge, or in a hole."""
        where = self.aim.new(layout)
        self.heap = where.first
        odd = self.pick.choice((0, 0, 0, 1, PAGE_SIZE // 2))
        return {"addr": layout.address(where.first) + odd}

    def _brk(self, layout: Layout) -> Json | None:
        """Grow or shrink the data segment by some pages, or up to what follows."""
        if self.heap is None:
            return None
        edges = [each.first for each in layout.ranges] + [each.end for each in layout.ranges]
        near = [edge for edge in edges if edge >= self.heap] or [self.heap]
        page = self.pick.choice((*near, self.heap, self.heap + self.pick.randrange(1, 12)))
        page = max(0, min(page + self.pick.choice((-2, -1, -1, 0, 0, 0, 1)), layout.pages))
        return {"addr": layout.address(page) - self.pick.choice((0, 0, 0, 1, PAGE_SIZE // 2))}

    def _limit(self, layout: Layout) -> Json | None:
        """Set a limit close to what there is."""
        choices = {"AS", "DATA", "MEMLOCK", "MAPS", "COMMIT", "STACK", "RAM", "RESERVE"}
        if self.locked_all:
            choices.discard("MEMLOCK")
        which = self.pick.choice(sorted(choices))
        self.limited.add(which)
        self.limit = which
        if which == "MAPS":
            return {"of": which, "to": max(0, len(layout.vmas) + self.pick.randrange(-1, 5))}
        if self.pick.random() < 0.12:
            return {"of": which, "to": 0}
        if which in ("RAM", "RESERVE"):
            return {"of": which, "to": self.pick.choice((1, 1, 2, 3, 5)) << PAGE_SHIFT}
        pages = self._used(layout, which) + self.pick.choice((0, 1, 2, 3, 4, 6, 10, 20))
        return {"of": which, "to": pages << PAGE_SHIFT}

    def _used(self, layout: Layout, which: str) -> int:
        """Return about how many pages there are of what a limit is for."""
        flag = {"DATA": "wr", "MEMLOCK": "lo", "COMMIT": "ac"}.get(which)
        pairs = zip(layout.vmas, layout.ranges, strict=True)
        if which == "STACK":
            return max((each.count for vma, each in pairs if "gd" in vma["flags"]), default=4)
        return sum(each.count for vma, each in pairs if flag is None or flag in vma["flags"])

    def _counts(self, layout: Layout) -> Json:
        del layout
        return {}

    def _entries(self, layout: Layout) -> Json:
        del layout
        return {}

    def _anon(self, layout: Layout) -> Json:
        del layout
        return {}

    def _grow(self, layout: Layout) -> Json | None:
        """Access what lies below a stack: the next page, or one near the gap's end."""
        stack = self.stack(layout)
        if stack is None:
            return None
        below = [each.end for each in layout.ranges if each.end <= stack.first]
        page = stack.first - self.pick.choice((1, 1, 1, 2, 3, 8))
        if below and self.pick.random() < 0.4:
            page = below[-1] + STACK_GAP + self.pick.choice((-1, 0, 0, 1))
        access = self.pick.choice("rw")
        free = 0 <= page < stack.first and layout.at(page) is None
        if self.fatal or not free or not comparable(layout.reached(page), access):
            return None
        within = self.pick.choice((0, 0, 1, PAGE_SIZE - 1))
        return {"op": "touch", "addr": layout.address(page) + within, "access": access}

    def stack(self, layout: Layout) -> Range | None:
        """Return a mapping that grows down, None without one."""
        pairs = zip(layout.vmas, layout.ranges, strict=True)
        stacks = [each for vma, each in pairs if "gd" in vma["flags"]]
        return self.pick.choice(stacks) if stacks else None

    def near_gap(self, layout: Layout) -> Range | None:
        """Return a range about where the gap below a stack ends, None without one."""
        stack = self.stack(layout)
        if stack is None:
            return None
        count = self.pick.choice((1, 1, 2, 3))
        first = stack.first - STACK_GAP - count + self.pick.choice((-3, -1, 0, 0, 1, 2))
        return Range(first, count) if first >= 0 else None
