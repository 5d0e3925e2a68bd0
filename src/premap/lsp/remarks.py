# SPDX-License-Identifier: GPL-2.0-only
"""What the server has to say about places of a document, counted in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from premap.records import Fix, Handler

Level = Literal["error", "warning", "note", "hint"]


class Remark(Struct, frozen=True):
    """Something about the bytes [start, end) of a document."""

    start: int
    end: int
    level: Level
    code: str
    """What `premap explain` takes."""
    message: str
    fix: Fix | None = None


class Site(Struct, frozen=True):
    """A `.mmap` handler that could become a hook, and where in the document that is on offer."""

    handler: Handler
    spans: tuple[tuple[int, int], ...]

    def at(self, start: int, end: int) -> bool:
        """Tell whether a selection touches the handler."""
        return any(first <= end and start <= last for first, last in self.spans)


class Change(Struct, frozen=True):
    """The bytes [start, end) of a document became `length` others."""

    start: int
    end: int
    length: int


def moved(remarks: Iterable[Remark], changes: Iterable[Change]) -> tuple[Remark, ...]:
    """Return the remarks where they are after some changes; those in changed places are gone.

    Fixes are gone as well: they were made for the text before.
    """
    kept = [replace(remark, fix=None) for remark in remarks]
    for change in changes:
        kept = [_moved(each, change) for each in kept if not _touched(each, change)]
    return tuple(kept)


def _touched(remark: Remark, change: Change) -> bool:
    return change.start < remark.end and remark.start < change.end


def _moved(remark: Remark, change: Change) -> Remark:
    if remark.start < change.end:
        return remark
    delta = change.length - (change.end - change.start)
    return replace(remark, start=remark.start + delta, end=remark.end + delta)
