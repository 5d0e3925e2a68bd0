# SPDX-License-Identifier: GPL-2.0-only
"""What an old hook took for its mapping and `->mapped` takes now: later, by the same path."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from premap.interp.machine import Event, Machine
from premap.interp.values import Pointer, Value

_EPOCH = re.compile(r"@\d+")
"""In names of memory: since which unknown code ran."""


class Late(Struct, frozen=True):
    """Calls that `->mapped` makes now, and both versions' other calls."""

    calls: Sequence[Event]
    before: Sequence[Event]
    after: Sequence[Event]
    shows: bool
    """When that is noticed: where they come in another order, or are made on something else."""


def moved(old: Machine, new: Machine) -> Late | None:
    """Return what moved into `->mapped`; None if nothing did.

    Also None unless the old version made the very calls one after the other, on what the same
    path from the file leads to. Messages are left out.
    """
    if old.late is not None or new.late is None:
        return None
    first, end = new.late
    late = _calls(new.events[first:end])
    before = _calls(old.events)
    after = _calls([*new.events[:first], *new.events[end:]])
    for start in range(len(before) - len(late), -1, -1):
        block = before[start : start + len(late)]
        if late and all(map(_alike, block, late)):
            rest = [*before[:start], *before[start + len(late) :]]
            shows = _differ(before, [*_calls(new.events[:first]), *late])
            return None if shows is False else Late(late, rest, after, shows)
    return None


def _calls(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.kind != "log"]


def _differ(before: Sequence[Event], after: Sequence[Event]) -> bool:
    """Return when the order of calls, or what they are made on, is another one."""
    if [(each.kind, each.name) for each in before] != [(each.kind, each.name) for each in after]:
        return True
    parts = [part for pair in zip(before, after, strict=True) for part in _parts(*pair)]
    return functools.reduce(operator.or_, parts, False)  # noqa: FBT003


def _parts(one: Event, other: Event) -> Iterator[bool]:
    yield one.moment != other.moment
    for a, b in zip(one.arguments, other.arguments, strict=False):
        words = not isinstance(a, str | tuple) and not isinstance(b, str | tuple)
        yield a != b if words else True


def _alike(one: Event, other: Event) -> bool:
    """Tell whether two calls are of one function, on what the same paths lead to."""
    if (one.kind, one.name) != (other.kind, other.name) or len(one.given) != len(other.given):
        return False
    return all(map(_leads_alike, one.given, other.given))


def _leads_alike(one: Value, other: Value) -> bool:
    if isinstance(one.data, Pointer) and isinstance(other.data, Pointer):
        places = one.data.place, other.data.place
        if None not in places:
            return _EPOCH.sub("", str(places[0])) == _EPOCH.sub("", str(places[1]))
    return one.data is other.data or (isinstance(one.data, int) and one.data == other.data)
