# SPDX-License-Identifier: GPL-2.0-only
"""Where a drill takes place: pages of its own, and the steps that are planned on them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import Layout, Range
from premap.scenario.programmes import Programme, least_pages, most_pages
from premap.scenario.reader import Json

FAR_TOO_MUCH = 1 << 40
"""A limit (bytes) that nothing here reaches."""
MOST = 12
"""Files, and devices, that there may be."""
ASKED = ("counts", "entries", "anon")
"""Steps that ask the kernel what there is."""


class NoRoom(Exception):
    """A drill can't take place here."""


class Site:
    """Collects the `steps` of one drill; `devices` allows what only a kernel of ours can do.

    A drill's own devices have names with an x; what was made earlier in the scenario is in
    `made`, their programmes in `programmes`. `committed`: what may be committed is limited, so that
    there are no new files; `mixed`: no callback may be told of first writes.
    """

    def __init__(
        self,
        pick: random.Random,
        layout: Layout,
        made: set[str],
        programmes: dict[str, Programme],
        *,
        devices: bool,
        committed: bool = False,
        mixed: bool = False,
    ) -> None:
        self.pick = pick
        self.layout = layout
        self.made = made
        self.programmes = programmes
        self.devices = devices
        self.committed = committed
        self.mixed = mixed
        self.steps: list[Json] = []

    def one_of(self, *choices: Any) -> Any:
        """Return one of the arguments."""
        return self.pick.choice(choices)

    def chance(self, likely: float) -> bool:
        """Say yes, as likely as that."""
        return self.pick.random() < likely

    def add(self, op: str, **keys: Any) -> None:
        """Plan a step."""
        self.steps.append({"op": op, **keys})

    def clean(self, count: int, beside: int = 1) -> Range:
        """Choose so many pages; nothing is mapped there, nor on so many pages beside them."""
        around = Range(0, 0)
        for _ in range(8):  # what is free anyway leaves the numbers as the layout says
            first = self.pick.randrange(beside, self.layout.pages - count - beside)
            around = Range(first - beside, count + 2 * beside)
            if self.layout.free(around):
                return Range(first, count)
        self.munmap(around)
        return Range(around.first + beside, count)

    def fresh(self, count: int, beside: int = 1) -> Range:
        """Choose so many pages, and unmap what is there, or beside them, though it seems free."""
        where = self.clean(count, beside)
        self.munmap(Range(where.first - beside, count + 2 * beside))
        return where

    def empty(self) -> None:
        """Unmap the window, so that what is counted is the drill's own."""
        self.munmap(Range(0, self.layout.pages))

    def address(self, page: int) -> int:
        """Return the address of a page."""
        return self.layout.address(page)

    def numbers(self, where: Range) -> Json:
        """Return the keys of a range."""
        return {"addr": self.layout.address(where.first), "len": where.count << PAGE_SHIFT}

    def part(self, where: Range) -> Range:
        """Return some pages of a range: its beginning, its end, what lies between, or all."""
        if where.count == 1:
            return where
        count = self.pick.randrange(1, where.count)
        firsts = {where.first, where.end - count, self.pick.randint(where.first, where.end - count)}
        return self.pick.choice((where, *(Range(first, count) for first in sorted(firsts))))

    def map(
        self,
        where: Range,
        prot: str = "rw",
        sharing: str = "PRIVATE",
        *flags: str,
        file: str | None = None,
        page: int = 0,
    ) -> None:
        """Map a file from a page on, or memory."""
        keys = {"file": file, **self.numbers(where), "prot": prot}
        self.add("mmap", **keys, flags=[sharing, "FIXED", *flags], offset=page << PAGE_SHIFT)

    def on(self, op: str, where: Range, **keys: Any) -> None:
        """Plan a step on a range."""
        self.add(op, **self.numbers(where), **keys)

    def munmap(self, where: Range) -> None:
        """Unmap a range."""
        self.on("munmap", where)

    def mprotect(self, where: Range, prot: str) -> None:
        """Change the protection of a range."""
        self.on("mprotect", where, prot=prot)

    def advise(self, where: Range, advice: str) -> None:
        """Advise on a range."""
        if self.devices or not advice.startswith("GUARD"):  # not every host has guards
            self.on("madvise", where, advice=advice)

    def move(
        self, where: Range, to: int, *flags: str, count: int | None = None, fixed: bool = True
    ) -> None:
        """Move a range to a page, and make it so many pages long."""
        pages = where.count if count is None else count
        if self.layout.pages < to + pages < 2 * self.layout.pages:
            to = self.layout.pages - pages
        length = pages << PAGE_SHIFT
        more = ["FIXED"] if fixed else []
        moved = {"new_len": length, "flags": ["MAYMOVE", *more, *flags]}
        self.on("mremap", where, **moved, new_addr=self.address(to))

    def resize(self, where: Range, count: int, *flags: str) -> None:
        """Make a range so many pages long, in place unless MAYMOVE is among the flags."""
        if not self.devices and count > where.count:
            flags = ()  # the host would choose an address
        moved = {"new_len": count << PAGE_SHIFT, "flags": list(flags), "new_addr": 0}
        self.on("mremap", where, **moved)

    def touch(self, page: int, access: str = "w") -> None:
        """Access a page, anywhere in it; left out if machines would treat that differently."""
        within = self.pick.choice((0, 0, 0, 1, PAGE_SIZE - 1))
        self.add("touch", addr=self.address(page) + within, access=access)

    def touch_some(self, where: Range, likely: float = 0.6, access: str = "w") -> None:
        """Access some pages of a range."""
        for page in range(where.first, where.end):
            if self.chance(likely):
                self.touch(page, access)

    def peek(self, where: Range) -> None:
        """Read what the pages of a range begin with."""
        for page in range(where.first, where.end):
            self.add("peek", addr=self.address(page))

    def fail(self, point: str, after: int = 0) -> None:
        """Let a point fail; on the host, nothing does."""
        if self.devices:
            self.add("fail", point=point, after=after)

    def calm(self, point: str) -> None:
        """Take a failure back."""
        if self.devices:
            self.add("fail", point=point, never=True)

    def ask(self, *what: str) -> None:
        """Ask the kernel what there is; the host is not asked."""
        if self.devices:
            for op in what or ASKED:
                self.add(op)

    def limit(self, which: str, to: int) -> None:
        """Set a limit: pages, or of MAPS, mappings."""
        if self.devices:
            self.add("limit", of=which, to=to if which == "MAPS" else to << PAGE_SHIFT)

    def no_limit(self, which: str) -> None:
        """Set a limit so high that nothing reaches it."""
        self.limit(which, 65530 if which == "MAPS" else FAR_TOO_MUCH >> PAGE_SHIFT)

    def pages(self, *flags: str, without: Sequence[str] = ()) -> int:
        """Return how many pages have all of these flags, and none of the others."""
        pairs = zip(self.layout.vmas, self.layout.ranges, strict=True)
        return sum(
            each.count
            for vma, each in pairs
            if set(flags) <= set(vma["flags"]) and not set(without) & set(vma["flags"])
        )

    def file(self, name: str, pages: int, mode: str = "rw", kind: str | None = None) -> str:
        """Make a file, unless there is one of this name; return the name."""
        if name not in self.made:
            if self.committed or len(self.made) == MOST:
                raise NoRoom
            self.made.add(name)
            more = {} if kind is None else {kind: True}
            self.add("file", name=name, size=pages << PAGE_SHIFT, mode=mode, **more)
        return name

    def device(self, hook: str = "mmap_prepare", number: int = 0, **keys: Any) -> str:
        """Give a device of the drill's own a programme; return its name."""
        name = f"x{hook[-1]}{number}" + "".join(key[0] for key in _OF_THE_FILE if keys.get(key))
        step = {"op": "device", "name": name, "hook": hook, **keys}
        if name not in self.programmes and len(self.programmes) > MOST:
            raise NoRoom
        action = keys.get("action")
        if action is None:
            self.programmes[name] = Programme(step)
        else:
            lengths = least_pages(action, hook), most_pages(action)
            self.programmes[name] = Programme(step, *lengths)
        self.steps.append(step)
        return name


_OF_THE_FILE = ("cached", "area", "sync", "unsigned")
"""Keys that a device keeps."""
