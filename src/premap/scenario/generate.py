# SPDX-License-Identifier: GPL-2.0-only
"""Random scenarios that aim at boundaries. The same seed and model give the same scenario.

Each step is chosen after the one before it ran on the model: where it aims, and what the format
does not allow, depends on what is mapped.
"""

from __future__ import annotations

import random

from msgspec import Struct

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario import drills_corners as corners
from premap.scenario.aim import Layout, Range
from premap.scenario.allowed import COMMITTING, comparable, half_shared, misled, reached
from premap.scenario.backend import Backend
from premap.scenario.drills import DRILLS, ON_HOST, Drill, deck
from premap.scenario.drills_limits import stack_gap
from premap.scenario.failures import ASKED, PLANNED
from premap.scenario.families import FAMILIES, STACKS, Family
from premap.scenario.outcome import FAILED, attempt, begun
from premap.scenario.programmes import Programme, Programmer
from premap.scenario.reader import Json, Scenario
from premap.scenario.replay import model_backend
from premap.scenario.site import NoRoom, Site
from premap.scenario.situations import Like, Situations
from premap.scenario.steps import FORMAT
from premap.scenario.undo import protection, undoing

NOT_ON_HOST = frozenset({*ASKED, "limit", "heap", "brk", "name", "device", "fail"})
LAST = 4
"""Steps that may still be taken back."""
LIMITED = {
    "AS": ("mmap", "mremap", "resize", "brk", "grow"),
    "DATA": ("mmap", "mprotect", "resize", "brk"),
    "MEMLOCK": ("mlock", "mlock", "mlock", "mmap", "mlockall", "brk", "resize", "grow"),
    "STACK": ("grow", "grow"),
    "MAPS": ("mmap", "mprotect", "munmap", "mremap"),
    "COMMIT": ("mmap", "mprotect", "mremap", "resize", "touch", "grow"),
    "RAM": ("mmap", "mmap", "mprotect", "resize", "brk"),
    "RESERVE": ("limit", "mmap"),
}
"""The steps that may meet a limit."""
AFTERWARDS = {
    "mseal": ("munmap", "mprotect", "madvise", "madvise", "madvise", "mremap", "mmap"),
    "seal": ("mmap", "mmap", "mprotect"),
}
"""What may be tried after a step that forbids something."""
LOOKED_AT = frozenset({"brk", "mlock", "mlockall", "mprotect", "mremap", "munmap", "madvise"})
"""Steps after which it may be worth a look at the page tables, or at what is counted."""
FAR = (1 << 64) - PAGE_SIZE
"""A length with which every range wraps."""
ALL = 1 << 47
"""A length that no address space has."""
NEARLY_ALL = ALL - 4 * PAGE_SIZE
"""A length for which there never is room."""
ROUNDED = (1 << 64) - 1
"""A length that is rounded up to nothing."""
FAR_OFFSETS = (FAR, FAR, (1 << 63) - PAGE_SIZE, (1 << 63) - 4 * PAGE_SIZE, 1 << 63)
"""Offsets (bytes) at which a file's numbers end."""
ODD_MOVES = (["FIXED"], ["DONTUNMAP"], ["FIXED", "DONTUNMAP"])
"""Flags of mremap() that don't go together."""


class Kind(Struct, frozen=True):
    """What a mapping is made of: a file or none, protection, flags."""

    file: str | None
    prot: str
    sharing: str


class Generator(Situations):
    """Chooses the steps of one scenario.

    `devices` allows those, and whatever else the host can't do.
    """

    def __init__(
        self, seed: object, family: Family, *, devices: bool = True, turn: int | None = None
    ) -> None:
        super().__init__(random.Random(f"{family.name}:{seed}:{devices}"))  # noqa: S311 - no secret
        self.family = family
        self.programmer = Programmer(self.pick, family.taste)
        self.hooks = self._hooks() if devices else {}
        self.weights = {
            op: weight for op, weight in family.weights.items() if devices or op not in NOT_ON_HOST
        }
        self.devices = devices
        self.programmes: dict[str, Programme] = {}
        self.files = list(family.files if devices or family.files else ("f0",))
        self.made: list[str] = []
        self.window = family.window
        self.back: list[Json] = []
        self.planned: list[str] = []
        self.script: list[Json] = []
        if turn is None:
            turn = self.pick.randrange(1 << 16)
        self.deck = deck(turn, DRILLS if devices else ON_HOST)
        self.drilled: set[str] = set()
        self.touched = 0
        self.armed: set[str] = set()

    def _hooks(self) -> dict[str, str]:
        hooks = {f"d{place}": hook for place, hook in enumerate(self.family.hooks)}
        return hooks if self.pick.random() < self.family.devices else {}

    def header(self) -> Json:
        """Return the scenario's header."""
        return {"premap": FORMAT, "page_size": PAGE_SIZE, "window": list(self.window)}

    def next(self, vmas: list[Json]) -> Json:
        """Return the next step, where `vmas` is what the last one left."""
        if len(self.made) < len(self.files):
            return self._file(self.files[len(self.made)])
        missing = [name for name in self.hooks if name not in self.programmes]
        if missing:
            return self._programmed(missing[0])
        layout = Layout(self.window, vmas)
        calmed = self.calmed(layout)
        if calmed is not None:
            return calmed
        scripted = self.next_of_script(layout)
        if scripted is not None:
            return scripted
        while True:
            op = self._next_op()
            step = getattr(self, "_" + op)(layout)
            if step is not None:
                self._plan(op)
                step = {"op": op, **step}
                if step["op"] in ("mseal", "seal") and self.pick.random() < 0.5:
                    self.sealed(step)
                return self._remembered(step, layout)

    def _next_op(self) -> str:
        while self.planned:
            op = self.planned.pop(0)
            if op in self.weights or op in PLANNED:
                return op
        return self.pick.choices(list(self.weights), list(self.weights.values()))[0]

    def _plan(self, op: str) -> None:
        """Now and then, look at what a step has left, or run into a limit that it has set."""
        if op == "limit":
            self.planned = self.pick.choices(LIMITED[self.limit], k=self.pick.choice((1, 1, 2)))
        if op in AFTERWARDS and not self.planned and self.pick.random() < 0.4:
            self.planned = [self.pick.choice(AFTERWARDS[op])]
        if op in LOOKED_AT and not self.planned and self.pick.random() < 0.15:
            self.planned = [self.pick.choice(ASKED)]

    def _remembered(self, step: Json, layout: Layout) -> Json:
        self.forked = self.forked or step["op"] == "fork"
        back = undoing(step, layout)
        if back is not None:
            self.back = [*self.back[-LAST:], back]
        return step

    def _join(self, layout: Layout) -> Json | None:
        """Begin a situation: three neighbours that may become one."""
        kind, _ = self._kind(layout, self.aim.anywhere(layout))
        rare = self.pick.random()
        if rare < 0.15 and self.family.weights.get("fail") and self.devices:
            self.met(layout, self.pick.choice(("accounting", "page", "page_table", "anon_vma")))
            return self.script.pop(0)
        if rare < 0.25 and self.family.weights.get("limit") and self.devices:
            self.committed(layout)
            return self.script.pop(0)
        programme = self.programmes.get(kind.file or "")
        if programme is not None and kind.file in self.hooks and rare > 0.6:
            device: Json = {"op": "device", "name": kind.file, "hook": self.hooks[str(kind.file)]}
            old = programme.step
            kept: Json = {key: old[key] for key in ("sync", "area", "cached") if key in old}
            self.programmes[str(kind.file)] = Programme({**device, **kept})
            like = Like(kind.file, "rw" if kind.prot == "" else kind.prot, "SHARED", 0)
            self.reprogrammed(layout, {**device, **kept}, like)
            return self.script.pop(0)
        if not self._fits_all(kind.file):
            return None
        sharing = self.pick.choice(("PRIVATE", "PRIVATE", kind.sharing))
        offset = self.pick.randrange(16) << PAGE_SHIFT
        self.joined(layout, Like(kind.file, kind.prot, sharing, offset))
        return self.script.pop(0)

    def _drill(self, layout: Layout) -> Json | None:
        """Begin the next drill of the deck."""
        return self._begin(next(self.deck), layout)

    def _gap(self, layout: Layout) -> Json | None:
        """Begin a drill that only a large window has room for."""
        return self._begin(self.pick.choice((stack_gap, corners.stacks)), layout)

    def _begin(self, drill: Drill, layout: Layout) -> Json | None:
        limited = not self.limited.isdisjoint(COMMITTING)
        site = Site(
            self.pick,
            layout,
            self.drilled,
            self.programmes,
            devices=self.devices,
            committed=limited,
            mixed=self.programmer.mixed,
        )
        try:
            drill(site)
        except NoRoom:
            return None
        self.script = site.steps
        return self.next_of_script(layout)

    def _fits_all(self, name: str | None) -> bool:
        """Say whether a device, if it is one, may be mapped anywhere, and so may what it calls."""
        steps = {each: programme.step for each, programme in self.programmes.items()}
        limits = [self.programmes[step["name"]] for step in reached(name, steps)]
        anywhere = all((each.least, each.most) == Programme.ANY for each in limits)
        return anywhere and misled(name, steps) is None

    def _undo(self, layout: Layout) -> Json | None:
        """Return what takes one of the last steps back."""
        del layout
        return self.back.pop(self.pick.randrange(len(self.back))) if self.back else None

    def _file(self, name: str) -> Json:
        self.made.append(name)
        size = self.pick.choice((12, 12, 8, 4, 1)) * PAGE_SIZE
        size -= self.pick.choice((0, 0, 0, PAGE_SIZE // 2))
        mode = self.pick.choice(("rw", "rw", "rw", "r"))
        if self.devices and self.pick.random() < 0.05:
            mode = "w"
        step = {"op": "file", "name": name, "size": size, "mode": mode}
        kind = self.pick.choice(self.family.kinds)
        if kind is None or (kind != "memfd" and not self.devices):
            return step
        if kind == "memfd":
            self.memfds.append(name)
        return {**step, kind: True}

    def _programmed(self, name: str) -> Json:
        """Return the step that gives a device a new programme."""
        others = {
            other: hook
            for other, hook in self.hooks.items()
            if other in self.programmes and other != name
        }
        programme = self.programmer.programme(name, self.hooks[name], others)
        self.programmes[name] = programme
        return programme.step

    def _device(self, layout: Layout) -> Json | None:
        del layout
        return self._programmed(self.pick.choice(list(self.hooks))) if self.hooks else None

    def _mmap(self, layout: Layout) -> Json | None:
        kind, neighbour, where = self._new(layout)
        steps = {name: programme.step for name, programme in self.programmes.items()}
        if where.end > layout.pages or misled(kind.file, steps):
            return None
        placing = self._placing(layout, where)
        flags = [kind.sharing, *placing, *self._extra_flags()]
        step = {
            "file": kind.file,
            **self.numbers(layout, where),
            "prot": kind.prot,
            "flags": flags,
            "offset": self._offset(layout, where, neighbour),
        }
        if kind.sharing == "SHARED" and self.pick.random() < (0.5 if "SYNC" in flags else 0.03):
            step["flags"] = ["SHARED_VALIDATE", *flags[1:]]
        if self.pick.random() < 0.01:
            step["flags"] = flags[1:]
        often = 0.3 if layout.has_stack else 0.1
        if self.devices and self.pick.random() < often:
            step["flags"] = [flag for flag in step["flags"] if flag not in placing]
            step["addr"] = self.pick.choice((0, 0, step["addr"]))
        step = self._spoilt(step, ("addr", "len", "offset"), (0, FAR, ALL, NEARLY_ALL, ROUNDED))
        placed = "FIXED" in step["flags"] or "FIXED_NOREPLACE" in step["flags"]
        if placed or step["addr"] + step["len"] <= self.window[1]:
            return step
        return {**step, "addr": 0} if self.devices else None  # no hint that leads out of the window

    def _kind(self, layout: Layout, where: Range) -> tuple[Kind, Json | None]:
        """Return what to map: like a neighbour, so that they may merge, or anything."""
        neighbours = layout.beside(where)
        if not neighbours or self.pick.random() > self.family.alike:
            files = [*self.files, *self.hooks, *self.hooks, *self.family.anonymous]
            prot = self.pick.choice(self.family.prots)
            return Kind(self.pick.choice(files), prot, self.pick.choice(self.family.sharing)), None
        vma = self.pick.choice(neighbours)
        return Kind(
            vma["file"], protection(vma), "SHARED" if "ms" in vma["flags"] else "PRIVATE"
        ), vma

    def _new(self, layout: Layout) -> tuple[Kind, Json | None, Range]:
        """Return what to map, the neighbour that it is like, and where, as the device allows."""
        where = self.aim.new(layout)
        if self.family.window is STACKS and self.pick.random() < 0.3:
            where = self.near_gap(layout) or where
        kind, neighbour = self._kind(layout, where)
        steps = {name: programme.step for name, programme in self.programmes.items()}
        for step in reached(kind.file, steps):
            limit = self.programmes[step["name"]]
            where = Range(where.first, min(max(where.count, limit.least), limit.most))
        return kind, neighbour, where

    def _placing(self, layout: Layout, where: Range) -> list[str]:
        kind = self.pick.random()
        if kind < 0.06:
            return ["FIXED_NOREPLACE"]
        hint = kind < 0.12 and layout.free(where) and not layout.has_stack
        return [] if hint else ["FIXED"]

    def _extra_flags(self) -> list[str]:
        if self.pick.random() > self.family.extra:
            return []
        count = self.pick.choice((1, 1, 1, 2))
        return list(dict.fromkeys(self.pick.choice(self.family.flags) for _ in range(count)))

    def _offset(self, layout: Layout, where: Range, neighbour: Json | None) -> int:
        """Return an offset (bytes): one that continues the neighbour's, or any."""
        if self.pick.random() < 0.01:
            return self.pick.choice(FAR_OFFSETS)
        pgoff = None if neighbour is None else neighbour["pgoff"]
        if isinstance(pgoff, int) and neighbour is not None and self.pick.random() < 0.85:
            start = layout.address(where.first)
            pages = pgoff + ((start - int(neighbour["start"])) >> PAGE_SHIFT)
            if 0 <= pages << PAGE_SHIFT <= FAR:
                return pages << PAGE_SHIFT
        return self.pick.choice((0, 0, 0, 1, 2, 4, 8, self.pick.randrange(16))) << PAGE_SHIFT

    def _spoilt(
        self, step: Json, keys: tuple[str, ...], lengths: tuple[int, ...] = (0, FAR, ROUNDED)
    ) -> Json:
        """Make an argument one that is refused, or rounded up, now and then."""
        key = self.pick.choice(keys)
        if self.pick.random() > 0.04 or not step[key]:
            return step
        if key in ("len", "new_len"):
            length = int(step[key])
            shorter = length - 1, length - PAGE_SIZE // 2
            return {**step, key: self.pick.choice((*lengths, *shorter))}
        odd = self.pick.choice((1, PAGE_SIZE // 2, PAGE_SIZE - 1))
        return {**step, key: int(step[key]) + odd}

    def _munmap(self, layout: Layout) -> Json:
        return self._spoilt(self.numbers(layout, self.aim.mapped(layout)), ("addr", "len"))

    def _mprotect(self, layout: Layout) -> Json:
        where = self.aim.mapped(layout)
        prots = self.family.protects
        if self.pick.random() < self.family.alike / 2:
            prots = tuple(protection(vma) for vma in layout.beside(where)) or prots
        step = {**self.numbers(layout, where), "prot": self.pick.choice(prots)}
        return self._growing(layout, step) or self._spoilt(step, ("addr", "len"))

    def _growing(self, layout: Layout, step: Json) -> Json | None:
        """Now and then, let a change of protection reach to the end of a stack."""
        stack = self.stack(layout)
        if stack is None or self.pick.random() > 0.2:
            grows = {"grows": self.pick.choice(("down", "up", "both"))}
            return {**step, **grows} if self.pick.random() < 0.02 else None
        first = self.pick.randrange(stack.first, stack.end)
        where = Range(first, self.pick.randint(1, stack.end - first))
        return {**step, **self.numbers(layout, where), "grows": "down"}

    def _madvise(self, layout: Layout) -> Json:
        numbers = self.numbers(layout, self.aim.mapped(layout))
        advice = self.pick.choice(self.family.advice)
        step = {**numbers, "advice": advice}
        return self._spoilt(step, ("addr", "len"))

    def _mlock(self, layout: Layout) -> Json:
        step = self.numbers(layout, self.aim.mapped(layout))
        if self.pick.random() < 0.15:
            step["onfault"] = True
        return self._spoilt(step, ("addr", "len"), (0, FAR))

    def _munlock(self, layout: Layout) -> Json:
        step = self.numbers(layout, self.aim.mapped(layout))
        return self._spoilt(step, ("addr", "len"), (0, FAR))

    def _touch(self, layout: Layout) -> Json | None:
        if self.fatal:
            return None
        page = self.aim.page(layout)
        if layout.at(self.touched) is not None and self.pick.random() < 0.3:
            page = self.touched
        self.touched = page
        vma = layout.reached(page)
        access = self.pick.choice("rww")
        if vma is not None and "wr" not in vma["flags"] and self.pick.random() < 0.7:
            access = "r"
        if not comparable(vma, access):
            return None
        return {"addr": layout.address(page), "access": access}

    def _peek(self, layout: Layout) -> Json | None:
        page = self.aim.page(layout)
        if self.fatal or not comparable(layout.reached(page), "r"):
            return None
        return {"addr": layout.address(page)}

    def _fork(self, layout: Layout) -> Json | None:
        if not self.may_fork or half_shared(layout.vmas):
            return None
        step: Json = {"entries": True} if self.devices and self.pick.random() < 0.5 else {}
        if self.pick.random() < 0.3:
            step["then"] = self.pick.choice(("child", "orphan"))
        return step

    def _mremap(self, layout: Layout) -> Json:
        where = self.aim.mapped(layout)
        if self.pick.random() < 0.35:
            step = self._resized(layout, where)
        else:
            step = self._move(layout, where)
        fixed = "FIXED" in step["flags"]
        spoilable = ("addr", "new_len", *(("len", "new_addr") if fixed else ()))
        if self.pick.random() < 0.02:
            step["flags"] = self.pick.choice(ODD_MOVES)
        return self._spoilt(step, spoilable, (0, FAR, ALL))

    def _resize(self, layout: Layout) -> Json:
        return {"op": "mremap", **self._resized(layout, self.aim.mapped(layout))}

    def _resized(self, layout: Layout, where: Range) -> Json:
        """Shrink a range, or grow it: as far as the hole behind it, or further, or less."""
        hole = next((hole.count for hole in layout.holes() if hole.first == where.end), 0)
        grown = self.pick.choice((hole, hole, hole + 1, 1, hole // 2))
        shrunk = self.pick.randint(1, where.count)
        count = self.pick.choice((where.count + grown, where.count + grown, shrunk))
        count = min(count, layout.pages - where.first)
        vma = layout.at(where.end - 1)
        stays = count <= where.count or (
            count <= where.count + hole and vma is not None and vma is layout.at(where.first)
        )
        if not stays:
            stays = self.devices
        flags = ["MAYMOVE"] if stays and self.pick.random() < 0.5 else []
        return {
            **self.numbers(layout, where),
            "new_len": count << PAGE_SHIFT,
            "flags": flags,
            "new_addr": 0,
        }

    def _move(self, layout: Layout, where: Range) -> Json:
        """Move a range, into a hole or over something, of the same length or another."""
        target = self.aim.new(layout)
        count = self.pick.choice((where.count,) * 4 + (target.count, where.count + 1))
        first = min(target.first, layout.pages - min(count, layout.pages))
        if self.pick.random() < 0.3:
            first = max(0, min(target.end, layout.pages) - count)
        flags = ["MAYMOVE", "FIXED"]
        if self.pick.random() < 0.25:
            flags.append("DONTUNMAP")
        if (
            flags[-1] == "DONTUNMAP"
            and self.pick.random() < 0.2
            and self._hint(layout, first, count)
        ):
            flags.remove("FIXED")
        old = 0 if self.pick.random() < 0.05 else where.count
        return {
            "addr": layout.address(where.first),
            "len": old << PAGE_SHIFT,
            "new_len": count << PAGE_SHIFT,
            "flags": flags,
            "new_addr": layout.address(first),
        }

    def _hint(self, layout: Layout, first: int, count: int) -> bool:
        if self.devices:
            return True
        return layout.free(Range(first, count)) and not layout.has_stack


def generate(
    seed: object,
    steps: int,
    family: str,
    *,
    devices: bool = True,
    model: Backend | None = None,
    turn: int | None = None,
) -> Scenario:
    """Return a scenario of so many steps; its `results` are those of the model.

    In a run of many, `turn` is the place of this one: drills (see drills.py) are dealt by it.

    If the model raises an exception, the scenario ends with that step; see `outcome.attempt()`.
    Raises KeyError for a family that there is none of.
    """
    generator = Generator(seed, FAMILIES[family], devices=devices, turn=turn)
    return carried_out(generator, steps, f"{family}:{seed}", model or model_backend())


def carried_out(generator: Generator, steps: int, name: str, model: Backend) -> Scenario:
    """Let a generator choose so many steps, one after the other."""
    header = {**generator.header(), "seed": name}
    chosen: list[Json] = []
    results: list[Json] = []
    vmas: list[Json] = []
    with begun(model, generator.window) as backend:
        while len(chosen) < steps:
            chosen.append(generator.next(vmas))
            results.append(attempt(backend, chosen[-1]))
            if FAILED in results[-1]:
                break
            if chosen[-1]["op"] != "fork" or "then" in chosen[-1]:
                vmas = results[-1]["vmas"]
    return Scenario(
        header,
        tuple(chosen),
        tuple(range(2, len(chosen) + 2)),
        seed=name,
        results=tuple(results),
    )
