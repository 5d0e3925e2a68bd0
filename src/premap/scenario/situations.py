# SPDX-License-Identifier: GPL-2.0-only
"""Situations of several steps: three neighbours that become one, in every way that there is."""

from __future__ import annotations

from msgspec import Struct

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import Layout, Range
from premap.scenario.allowed import comparable, half_shared
from premap.scenario.failures import ASKED, FailingSteps
from premap.scenario.reader import Json

JOINING = ("vma_merge", "vma_merge", "anon_vma_clone", "anon_vma_clone", "vma_dup", "vma_tree")
"""What may fail where neighbours become one."""


SHARED = ("SHARED", "SHARED", "PRIVATE")


class Like(Struct, frozen=True):
    """What three neighbours are made of, and the offset (bytes) of the first."""

    file: str | None
    prot: str
    sharing: str
    offset: int


class Situations(FailingSteps):
    """Plans whole situations: `script` are the steps that are still to come of one."""

    devices: bool
    window: tuple[int, int]
    script: list[Json]

    def next_of_script(self, layout: Layout) -> Json | None:
        """Return the next step of a situation; accesses that can't be compared are left out."""
        while self.script:
            step = self.script.pop(0)
            if self._may(layout, step):
                self._note(layout, step)
                return step
        return None

    def _may(self, layout: Layout, step: Json) -> bool:
        """Say whether a step concerns nothing but the window, and is the same everywhere."""
        op = step["op"]
        if op == "fork":
            return self.may_fork and not half_shared(layout.vmas)
        if op == "limit":
            return step["of"] != "MEMLOCK" or not self.locked_all
        if op == "brk":
            return self.heap is not None
        if op == "mlockall" and "CURRENT" in step["flags"]:
            return "MEMLOCK" not in self.limited
        return op not in ("touch", "peek") or self._may_touch(layout, step)

    def _note(self, layout: Layout, step: Json) -> None:
        """Take note of what stays after a step."""
        op = step["op"]
        if op == "fork":
            self.forked = True
        elif op == "fail":
            (self.armed.discard if step.get("never") else self.armed.add)(step["point"])
        elif op == "limit":
            self.limited.add(step["of"])
        elif op == "mlockall":
            self.locked_all = self.locked_all or "CURRENT" in step["flags"]
        elif op == "heap":
            self.heap = (step["addr"] - layout.low) >> PAGE_SHIFT

    def _may_touch(self, layout: Layout, step: Json) -> bool:
        page = (step["addr"] - layout.low) >> PAGE_SHIFT
        return not self.fatal and comparable(layout.reached(page), step.get("access", "r"))

    def sealed(self, step: Json) -> None:
        """Plan what a seal of memory forbids, or of a file; `step` sealed it."""
        if step["op"] == "mseal":
            where = {"addr": step["addr"], "len": step["len"]}
            advice = self.pick.choice(("DONTNEED", "DONTNEED", "FREE", "WIPEONFORK", "DONTFORK"))
            self.script = [{"op": "madvise", **where, "advice": advice}]
        elif self.pick.random() < 0.7:
            where = {"addr": self.window[0], "len": PAGE_SIZE, "offset": 0}
            prot, sharing = self.pick.choice(("rw", "rw", "r")), self.pick.choice(SHARED)
            made = {"op": "mmap", "file": step["file"], **where, "prot": prot}
            self.script = [{**made, "flags": [sharing, "FIXED"]}]

    def met(self, layout: Layout, point: str) -> None:
        """Plan what surely meets a failure that little else does."""
        first = self.pick.randrange(layout.pages - 4)
        like = Like(None, "r" if point == "accounting" else "rw", "PRIVATE", 0)
        whole = Range(first, self.pick.choice((2, 3, 4)))
        part = self.pick.choice((whole, Range(first, 1), Range(whole.end - 1, 1)))
        step, numbers = self._map(layout, like, whole, whole), self.numbers(layout, part)
        if point == "accounting":
            change: Json = {"op": "mprotect", **numbers, "prot": "rw"}
            self.script = [step, {"op": "fail", "point": point}, change, {"op": "counts"}, change]
        else:
            advice = self.pick.choice(("POPULATE_WRITE", "POPULATE_WRITE", "POPULATE_READ"))
            made: Json = {"op": "madvise", **numbers, "advice": advice}
            touch = {"op": "touch", "addr": layout.address(part.first), "access": "w"}
            before = self.pick.choice(
                ([], [touch], [touch, {"op": "fork"}], [{**touch, "access": "r"}])
            )
            failing = {"op": "fail", "point": point, "after": self.pick.choice((0, 0, 1))}
            calm = {"op": "fail", "point": point, "never": True}
            entries: Json = {"op": "entries"}
            self.script = [step, *before, failing, made, entries, calm, made, entries]

    def committed(self, layout: Layout) -> None:
        """Plan shared memory that is paid for page by page, with little left."""
        first = self.pick.randrange(layout.pages - 4)
        where = Range(first, 3)
        step = self._map(layout, Like(None, "rw", "SHARED", 0), where, where)
        step["flags"] = [*step["flags"], "NORESERVE"]
        pages = sum(each.count for each in layout.ranges) + self.pick.choice((0, 1, 2))
        limit = {"op": "limit", "of": "COMMIT", "to": pages << PAGE_SHIFT}
        touches: list[Json] = [
            {"op": "touch", "addr": layout.address(first + page), "access": "w"}
            for page in range(3)
        ]
        again: Json = {"op": "madvise", **self.numbers(layout, where), "advice": "DONTNEED"}
        self.limited.add("COMMIT")
        self.script = [step, limit, *touches, again, touches[0], {"op": "counts"}]

    def reprogrammed(self, layout: Layout, device: Json, like: Like) -> None:
        """Plan neighbours of one device, with operations of their own, that become one."""
        first = self.pick.randrange(layout.pages - 3)
        other = self.pick.choice([prot for prot in ("rw", "r", "rx") if prot != like.prot])
        for page in range(3):
            at, prot = Range(first + page, 1), other if page == 1 else like.prot
            operations = self.pick.choice(([], [], ["close"], ["open", "close"], ["fault"]))
            self.script.append({**device, "vm_ops": operations})
            step = self._map(layout, like, Range(first, 3), at)
            self.script.append({**step, "prot": prot})
        middle = {"op": "mprotect", **self.numbers(layout, Range(first + 1, 1))}
        self.script.append({**middle, "prot": like.prot})
        self.script += [{"op": "counts"}, {**middle, "prot": other}, {**middle, "prot": like.prot}]

    def joined(self, layout: Layout, like: Like) -> None:
        """Plan three neighbours, pages in some of them, and a step that may make them one."""
        counts = [self.pick.choice((1, 1, 2, 3)) for _ in range(3)]
        first = self.pick.randrange(layout.pages - 2 * sum(counts))
        left = Range(first, counts[0])
        middle = Range(left.end, counts[1])
        right = Range(middle.end, counts[2])
        ways = (self._split, self._split, self._filled, self._moved)
        apart, join = self.pick.choice(ways)(layout, like, (left, middle, right))
        between = self._failures() if self.devices else []
        asked: list[Json] = []
        if self.devices:
            asked = [{"op": op} for op in self.pick.sample(ASKED, 2)]
        self.script = [*apart, *between, join, *asked]
        if between:
            self.script += [join, {"op": "anon"}]

    def _failures(self) -> list[Json]:
        if self.pick.random() < 0.65:
            return []
        after = self.pick.choice((0, 0, 0, 1))
        return [{"op": "fail", "point": self.pick.choice(JOINING), "after": after}]

    def _map(self, layout: Layout, like: Like, where: Range, at: Range) -> Json:
        """Map `where` as what lies `at` there would be, in a mapping that begins with `like`."""
        offset = like.offset + ((at.first - where.first) << PAGE_SHIFT)
        flags = [like.sharing, "FIXED"]
        made = {"file": like.file, **self.numbers(layout, at), "prot": like.prot}
        return {"op": "mmap", **made, "flags": flags, "offset": offset}

    def _touched(self, layout: Layout, *ranges: Range) -> list[Json]:
        steps: list[Json] = []
        for where in ranges:
            access = self.pick.choice(("w", "w", "w", "r", None, None, None))
            page = self.pick.randrange(where.first, where.end)
            if access is not None:
                steps.append({"op": "touch", "addr": layout.address(page), "access": access})
        if self.pick.random() < 0.12:
            steps.append({"op": "fork"})
        return steps

    def _split(
        self, layout: Layout, like: Like, parts: tuple[Range, Range, Range]
    ) -> tuple[list[Json], Json]:
        """Change the middle of one mapping, and change it back; or only where it begins or ends."""
        left, middle, right = parts
        whole = Range(left.first, right.end - left.first)
        changed = self.pick.choice((middle, middle, middle, left, right))
        there, back = self._change(layout, like, changed)
        made = self._map(layout, like, whole, whole)
        return [made, there, *self._touched(layout, left, middle, right)], back

    def _change(self, layout: Layout, like: Like, where: Range) -> tuple[Json, Json]:
        numbers = self.numbers(layout, where)
        kind = self.pick.randrange(5 if self.devices else 4)
        if kind == 0:
            prot = self.pick.choice([prot for prot in ("rw", "r", "rx", "") if prot != like.prot])
            return (
                {"op": "mprotect", **numbers, "prot": prot},
                {"op": "mprotect", **numbers, "prot": like.prot},
            )
        if kind == 1:
            return {"op": "mlock", **numbers}, {"op": "munlock", **numbers}
        if kind in (2, 3):
            there, back = self.pick.choice((("DONTFORK", "DOFORK"), ("RANDOM", "NORMAL")))
            return (
                {"op": "madvise", **numbers, "advice": there},
                {"op": "madvise", **numbers, "advice": back},
            )
        return {"op": "name", **numbers, "name": "one"}, {"op": "name", **numbers, "name": None}

    def _filled(
        self, layout: Layout, like: Like, parts: tuple[Range, Range, Range]
    ) -> tuple[list[Json], Json]:
        """Fill the hole between two mappings, or only lengthen one."""
        left, middle, right = parts
        sides = self.pick.choice(((left, right), (left, right), (left,), (right,)))
        made = [self._map(layout, like, left, side) for side in sides]
        gone = {"op": "munmap", **self.numbers(layout, middle)}
        touched = self._touched(layout, *sides)
        return [*made, gone, *touched], self._map(layout, like, left, middle)

    def _moved(
        self, layout: Layout, like: Like, parts: tuple[Range, Range, Range]
    ) -> tuple[list[Json], Json]:
        """Move a mapping to between two others."""
        left, middle, right = parts
        apart, _ = self._filled(layout, like, parts)
        source = Range(right.end + 1, middle.count)
        if source.end > layout.pages:
            source = Range(0, middle.count)
        made = self._map(layout, like, left, middle)
        made.update(self.numbers(layout, source))
        flags = ["MAYMOVE", "FIXED", *self.pick.choice(((), (), ("DONTUNMAP",)))]
        if self.pick.random() < 0.2 and source.count > 1:
            made = {**made, "flags": [*made["flags"], "LOCKED"]}
            source = Range(source.first + 1, source.count - 1)
            middle = Range(middle.first + 1, middle.count - 1)
        move = {
            "op": "mremap",
            **self.numbers(layout, source),
            "new_len": middle.count << PAGE_SHIFT,
            "flags": flags,
            "new_addr": layout.address(middle.first),
        }
        return [made, *apart, *self._touched(layout, source)], move
