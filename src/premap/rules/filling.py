# SPDX-License-Identifier: GPL-2.0-only
"""What a path through a hook maps: by an action, or by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from premap.interp.inputs import CALL
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import Value
from premap.model import VmAreaDesc
from premap.model.words import PAGE_SHIFT, shl, sub
from premap.rules.names import Filler, fillers
from premap.rules.paths import Step, Trace
from premap.rules.terms import variables

OFFSET = f"{CALL}pgoff"
LENGTH = f"{CALL}pages"


class Filling(Struct, frozen=True):
    """One call that maps something, with its arguments as words."""

    step: Step
    filler: Filler
    start: Any
    """Where, in bytes."""
    size: Any
    """How much, in bytes."""
    first: Any
    """From what: PFN or physical address; of pages, None."""
    whole: bool
    """Whether it fills the mapping by its nature."""


def fillings(trace: Trace) -> Iterator[Filling]:
    """Yield what a path maps, in order."""
    start, end = bounds(trace)
    for step in trace.steps:
        filler = fillers().get(step.name) if step.kind == "call" else None
        if filler is None:
            continue
        given: list[Any] = scalars(step.given)
        if len(given) <= max(filler.first, filler.size or 0, filler.start or 0):
            continue
        size: Any = sub(end, start)
        if filler.size is not None:
            size = given[filler.size]
        elif filler.pages is not None:
            size = shl(given[filler.pages], PAGE_SHIFT)
        elif filler.start is not None:
            size = 1 << PAGE_SHIFT  # vm_insert_page(); of vm_insert_pages() the least
        where = start if filler.start is None else given[filler.start]
        first = given[filler.first]
        whole = filler.size is None and filler.pages is None and filler.start is None
        yield Filling(step, filler, where, size, first, whole)


def bounds(trace: Trace) -> tuple[Any, Any]:
    """Return the first address of the mapping, and the one after it (bytes)."""
    if isinstance(trace.bound, VmAreaDesc):
        return trace.bound.k_start, trace.bound.k_end
    return trace.bound.vm_start, trace.bound.vm_end


def checked_elsewhere(trace: Trace) -> bool:
    """Whether code that was not seen may have judged the offset or the length, or comes yet."""
    return judged_elsewhere(trace) or trace.stopped is not None


def judged_elsewhere(trace: Trace) -> bool:
    """Whether code that was not seen got the offset or the length, and may have judged it."""
    given = (event.arguments for event in trace.machine.events if event.kind == "call")
    return any({OFFSET, LENGTH} & variables(arguments) for arguments in given)


def scalars(given: tuple[Value, ...]) -> list[Any]:
    """Return arguments as words; None for what is no scalar."""
    return [word_of(value) if is_scalar(value) else None for value in given]
