# SPDX-License-Identifier: GPL-2.0-only
"""What a call has left behind of a mapping that is not there, and which line made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from premap.interp.naming import MOMENT

if TYPE_CHECKING:
    from premap.equivalence import Stepped
    from premap.equivalence.stepping import Step
    from premap.interp.machine import Event

_HOOKS = ("mmap", "mmap_prepare")
_UNKNOWN = frozenset({"call", "event"})
"""Kinds of calls of which nobody knows what would make up for them."""
_DEVICE = "io"
"""The kind of calls that read a device's registers or, without a result, write them."""


def of(stepped: Stepped) -> list[str]:
    """Say what survives: of a call that failed, or whose mapping merged with another.

    What was written and is again as it was, or taken and given back, does not.
    """
    failed = stepped.result.startswith("-")
    if not failed and not any(step.kind == "merge" for step in stepped.steps):
        return []
    hook = max((i for i, step in enumerate(stepped.steps) if step.kind in _HOOKS), default=0)
    found = [*_state(stepped, hook), *_calls(stepped)]
    return [*_mapped(stepped), *found] if failed else found


def _mapped(stepped: Stepped) -> Iterator[str]:
    yield from (f"a mapping at {vma['start']:#x}" for vma in stepped.vmas)
    kept = stepped.outcome.file.f_count - 1
    if kept:
        yield f"{kept} reference{'' if kept == 1 else 's'} of the file"


def _state(stepped: Stepped, hook: int) -> Iterator[str]:
    """Yield what was written from that step on, where others see it, and not put back."""
    seen_by_others = _written(stepped)
    before = _values(stepped.steps[:hook])
    last: dict[str, Step] = {}
    for step in stepped.steps[hook:]:
        name, value = _named(step)
        if step.kind == "read":
            before.setdefault(name, value)
        elif step.kind == "write" and name in seen_by_others:
            before.setdefault(name, "")
            last[name] = step
    for name, step in last.items():
        if _named(step)[1] != before[name]:
            yield f"{name} was written{_place(step)}"


def _written(stepped: Stepped) -> set[str]:
    """Return the names of what is no local variable, and of no mapping's, and was written."""
    memory = stepped.outcome.machine.memory
    return {
        memory.objects[name].name_of(path)
        for name, paths in memory.written.items()
        for path in paths
        if name in memory.objects
    }


def _values(steps: list[Step]) -> dict[str, str]:
    """Return the values that places have after these steps, by name, as text."""
    return dict(_named(step) for step in steps if step.kind in ("read", "write"))


def _named(step: Step) -> tuple[str, str]:
    """Return the name and the value of what was read or written; a moment in it left out."""
    name, _, value = step.text.rpartition(" is " if step.kind == "read" else " = ")
    return MOMENT.sub("", name), value


def _calls(stepped: Stepped) -> Iterator[str]:
    """Yield calls that took, counted or gave something for good, and those nobody knows of."""
    from premap.equivalence.effects import outliving

    events = stepped.outcome.machine.events[stepped.outcome.split :]
    kept = [event for event, when in outliving(events) if when]
    registers = _registers(events)
    for event in events:
        told = event.kind in _UNKNOWN or event in registers
        if told or any(event is each for each in kept):
            yield f"{event.name}() was called{_where(event)}"
    for _ in stepped.outcome.machine.locks:
        yield "a lock is held"


def _registers(events: list[Event]) -> list[Event]:
    """Return the writes to registers that are not written again, as if to take that back."""
    from premap.interp.unknown import table

    written: dict[str, list[Event]] = {}
    for event in events:
        if event.kind == _DEVICE and table()[event.name].returns == "void":
            written.setdefault(str(event.arguments[-1]), []).append(event)
    return [first for first, *again in written.values() if not again]


def _where(event: Event) -> str:
    return f" ({event.where})" if event.where else ""


def _place(step: Step) -> str:
    return "" if step.line is None else f" ({step.file}:{step.line})"
