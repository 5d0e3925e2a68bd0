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
_COUNTED = frozenset({"atomic", "count", "link"})
"""Kinds of calls that another of the same kind takes back."""
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
    undone = _undone(events)
    events = [event for event in events if not any(event is each for each in undone)]
    kept = [event for event, when in outliving(events) if when]
    registers = _registers(events)
    for event in events:
        told = event.kind in _UNKNOWN or event in registers
        if told or any(event is each for each in kept):
            yield f"{event.name}() was called{_where(event)}"
    for _ in stepped.outcome.machine.locks:
        yield "a lock is held"


def _undone(events: list[Event]) -> list[Event]:
    """Return calls that others took back, and those: what was counted on, and off again, say."""
    from premap.interp.unknown import table

    pending: list[Event] = []
    undone: list[Event] = []
    for event in events:
        known = table().get(event.name)
        if known is None or event.kind not in _COUNTED or event.succeeded is not True:
            continue
        same = (each for each in pending if each.name in known.undoes and _of_one(each, event))
        partner = next(same, None)
        if partner is None:
            pending.append(event)
        else:
            pending = [each for each in pending if each is not partner]
            undone += (partner, event)
    return undone


def _of_one(one: Event, other: Event) -> bool:
    """Say whether two calls are about the same thing: counters by as much, entries wherever.

    A member has its structure's address where nothing says how that is laid out: its path counts.
    """
    pairs = list(zip(_things(one), _things(other), strict=False))
    if other.kind == "link":
        pairs = pairs[:1]
    return all(here == there and _same(a, b) for (a, here), (b, there) in pairs)


def _same(one: object, other: object) -> bool:
    """Say whether two words are known to be the same: terms are not asked."""
    return one is other or (type(one) is type(other) is int and one == other)


def _things(event: Event) -> Iterator[tuple[object, object]]:
    """Yield each argument, and the path of the place that it points to."""
    for word, value in zip(event.arguments, event.given, strict=False):
        place = getattr(value.data, "place", None)
        yield word, None if place is None else place.path


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
