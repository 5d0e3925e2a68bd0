# SPDX-License-Identifier: GPL-2.0-only
"""Random failures, and the steps that meet them."""

from __future__ import annotations

from premap.model.inject import POINTS
from premap.scenario.aim import Layout
from premap.scenario.allowed import COMMITTING, FATAL, has_locked
from premap.scenario.process_steps import ProcessSteps
from premap.scenario.programmes import ERRNOS
from premap.scenario.reader import Json

ASKED = ("counts", "entries", "anon")
"""Steps that ask the kernel what there is."""
HOOKS = ("mmap_hook", "mapped", "action")
FAILURES = (*sorted(POINTS.keys() - set(HOOKS)), *HOOKS)
MEETING = {
    "accounting": ("mmap", "mprotect", "mprotect", "mremap", "resize", "brk", "fork", "grow"),
    "munmap_gather": ("munmap", "mremap", "mmap", "brk"),
    "munmap_tree": ("munmap", "mremap", "brk"),
    "vma_merge": (
        "mmap",
        "mprotect",
        "undo",
        "undo",
        "madvise",
        "mremap",
        "mlock",
        "brk",
        "name",
        "grow",
    ),
    "vma_alloc": ("mmap", "brk"),
    "vma_dup": ("mprotect", "munmap", "madvise", "mlock", "mremap", "fork", "name", "mseal"),
    "vma_tree": ("mmap", "mprotect", "munmap", "mremap", "brk"),
    "anon_vma_clone": ("mremap", "mprotect", "undo", "munmap", "fork"),
    "anon_vma": ("populate", "populate", "fork", "grow", "madvise"),
    "page": ("populate", "populate", "mmap"),
    "page_table": ("populate", "populate", "mmap", "device", "mremap", "fork"),
    "shmem": ("mmap",),
    **dict.fromkeys(HOOKS, ("mmap",)),
}
"""The steps that may meet an injected failure."""
PLANNED = frozenset({"populate", "resize", "calm"})
"""Steps that only come when they are planned."""


class FailingSteps(ProcessSteps):
    """Chooses failures; `armed` are those that may still come, `planned` the steps that come next.

    An access must not meet one that it can't survive: there is none until that has been taken back.
    """

    armed: set[str]
    locked_once = False
    forked = False
    planned: list[str]

    @property
    def fatal(self) -> bool:
        """Whether a failure may come that an access could not survive."""
        return not self.armed.isdisjoint(FATAL)

    def calmed(self, layout: Layout) -> Json | None:
        """Take a failure of pages back once something is locked that a fork may have copied."""
        self.locked_once = self.locked_once or has_locked(layout.vmas)
        if not (self.locked_once and self.forked and "page" in self.armed):
            return None
        self.armed.discard("page")
        return {"op": "fail", "point": "page", "never": True}

    @property
    def may_fork(self) -> bool:
        """Whether nothing stands in the way of a fork that concerns more than the window."""
        return self.limited.isdisjoint(COMMITTING)

    def _fail(self, layout: Layout) -> Json:
        """Return a failure for one of the next calls."""
        del layout
        point = self.pick.choice(FAILURES)
        self.armed.add(point)
        if self.pick.random() < 0.9:
            meeting = [self.pick.choice(MEETING[point])]
            if self.pick.random() < 0.3:
                meeting.append(self.pick.choice(MEETING[point]))
            self.planned = [*meeting, self.pick.choice(ASKED)]
            if point in FATAL or point == "accounting":
                self.planned.append("calm")
        step: Json = {"point": point, "after": self.pick.choice((0, 0, 0, 0, 1, 1, 2, 3))}
        if point in HOOKS:
            step["errno"] = self.pick.choice(ERRNOS)
        return step

    def _calm(self, layout: Layout) -> Json | None:
        """Take a failure back that an access could not survive."""
        del layout
        left = sorted(self.armed & {*FATAL, "accounting"})
        if not left:
            return None
        point = self.pick.choice(left)
        self.armed.discard(point)
        return {"op": "fail", "point": point, "never": True}

    def _populate(self, layout: Layout) -> Json:
        """Fault pages in, by a call that survives it if there are none."""
        step = self.numbers(layout, self.aim.mapped(layout))
        kind = self.pick.random()
        if kind < 0.4:
            return {"op": "mlock", **step}
        if kind < 0.7:
            advice = self.pick.choice(("POPULATE_READ", "POPULATE_WRITE", "POPULATE_WRITE"))
            return {"op": "madvise", **step, "advice": advice}
        step = self.numbers(layout, self.aim.new(layout))
        flags = [self.pick.choice(("PRIVATE", "PRIVATE", "SHARED")), "FIXED"]
        flags.append(self.pick.choice(("POPULATE", "LOCKED")))
        made = {"file": None, **step, "prot": self.pick.choice(("rw", "rw", "r"))}
        return {"op": "mmap", **made, "flags": flags, "offset": 0}
