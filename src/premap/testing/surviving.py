# SPDX-License-Identifier: GPL-2.0-only
"""One mmap() of a Python hook, again for each later stage: failing, or merging."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from msgspec import Struct

from premap.model import (
    MAP_FIXED,
    MAP_SHARED,
    PAGE_SHIFT,
    PAGE_SIZE,
    PROT_READ,
    PROT_WRITE,
    AddressSpace,
    Event,
    File,
)
from premap.testing.state import Watch, state_of, watched

ADDRESS = 0x10000000
MERGE = "merge"
CALL = "call"
"""The stage of a call that fails without help."""


class Survivor(Struct, frozen=True):
    """State of a mapping that is not there.

    `stage` is the injection point that failed, "merge", or "call" where the call fails by itself,
    as a hook or `->mapped` refuses it; `name` the path to the state from the
    file, with its value `before` and `after`; `file` and `line` are those that last changed it,
    None where that was not the hook's or a callback's own code.
    """

    stage: str
    name: str
    before: object
    after: object
    file: str | None
    line: int | None

    def __str__(self) -> str:
        place = "" if self.file is None else f" ({self.file}:{self.line})"
        return f"{self.stage}: {self.name} was {self.before!r}, is {self.after!r}{place}"


class _Call(Struct, frozen=True):
    """The mmap() call that is made: pages from `pgoff` on."""

    pages: int
    prot: int
    flags: int
    pgoff: int

    def make(self, mm: AddressSpace, file: File, earlier: int = 0) -> None:
        """Map the file, or the part that lies so many lengths earlier in both directions."""
        length = self.pages * PAGE_SIZE
        pgoff = self.pgoff - earlier * self.pages
        mm.mmap(
            ADDRESS - earlier * length,
            length,
            self.prot,
            self.flags | MAP_FIXED,
            file,
            pgoff << PAGE_SHIFT,
        )


def surviving(
    make: Callable[[], File],
    *,
    watch: Callable[[], dict[str, Any]] | None = None,
    pages: int = 1,
    prot: int = PROT_READ | PROT_WRITE,
    flags: int = MAP_SHARED,
    pgoff: int = 0,
) -> list[Survivor]:
    """Return what survives of one mmap() for each stage after the hook that fails, or merges.

    `make()` returns a new open file, with a driver's state as it is before the call: its
    `private_data` and what hangs off that is watched, and so are its references; `watch()` names
    more objects, which must be new as well. A stage that the call does not reach is passed over.
    The merge is with a mapping of the same file in front, so `pgoff` is `pages` there if it is 0.
    """
    call = _Call(pages, prot, flags, pgoff)
    more = watch or dict
    found = [*_refused(make(), more, call)]
    for point in AddressSpace().points():
        found += _failing(point, make(), more, call)
    behind = _Call(pages, prot, flags, max(pgoff, pages))
    return [*found, *_merging(make(), more, behind)]


def _refused(file: File, more: Callable[[], dict[str, Any]], call: _Call) -> Iterator[Survivor]:
    """Make the call as it is; if it fails, what it did before must be undone as well."""
    mm, roots = AddressSpace(), _roots(file, more)
    before = state_of(roots)
    with watched(roots) as seen, suppress(OSError):
        call.make(mm, file)
    if not mm.vmas():
        yield from _differences(CALL, before, roots, seen)


def _failing(
    point: str, file: File, more: Callable[[], dict[str, Any]], call: _Call
) -> Iterator[Survivor]:
    mm, roots = AddressSpace(), _roots(file, more)
    mm.inject(point, errno.ENOMEM)
    before = state_of(roots)
    with mm.trace() as events, watched(roots) as seen, suppress(OSError):
        call.make(mm, file)
    if _happened(events, "inject") and not mm.vmas():
        yield from _differences(point, before, roots, seen)


def _merging(file: File, more: Callable[[], dict[str, Any]], call: _Call) -> Iterator[Survivor]:
    mm, roots = AddressSpace(), _roots(file, more)
    with suppress(OSError):
        call.make(mm, file, earlier=1)
    before = state_of(roots)
    with mm.trace() as events, watched(roots) as seen, suppress(OSError):
        call.make(mm, file)
    if _happened(events, MERGE):
        yield from _differences(MERGE, before, roots, seen)


def _roots(file: File, more: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return {"file": file, **more()}


def _happened(events: list[Event], kind: str) -> bool:
    return any(event.kind == kind for event in events)


def _differences(
    stage: str, before: dict[str, object], roots: dict[str, Any], seen: Watch
) -> Iterator[Survivor]:
    after = state_of(roots)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            file, line = seen.places.get(name, (None, None))
            yield Survivor(stage, name, was, now, file, line)
