# SPDX-License-Identifier: GPL-2.0-only
"""What calls of a hook leave behind when there is no mapping in the end: merged, or failed."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence

from premap.interp.machine import Event

SILENT = frozenset({"log", "barrier", "order", "time"})
"""Kinds of event that tell or order something, and change nothing."""
_NOTHING = SILENT | {"lock", "unlock"}
_REPEATABLE = frozenset({"event"})
"""Kinds that may happen once more: an access time, say."""
_TAKEN = frozenset({"get", "alloc"})
_GIVEN_BACK = frozenset({"put", "free"})
_STAYS = frozenset({"atomic", "init", "work", "link", "count"})


def outliving(events: Sequence[Event]) -> Iterator[tuple[Event, bool]]:
    """Yield what takes, counts or gives something that nothing makes up for, and when that is so.

    A reference is given back by a call with what was asked for it, or with what that gave; memory,
    by any that frees some. It stays where the call succeeded and no other is about the same thing.
    """
    pending: list[Event] = []
    for event in events:
        if event.kind in _STAYS:
            yield event, event.succeeded
            continue
        partner = next((each for each in pending if _make_up(each, event)), None)
        if partner is not None:
            pending.remove(partner)
        elif _direction(event):
            pending.append(event)
    for event in pending:
        others = [each for each in pending if _direction(each) != _direction(event)]
        yield event, functools.reduce(operator.and_, _differ(event, others), event.succeeded)


def _differ(one: Event, others: Sequence[Event]) -> Iterator[bool]:
    """Yield, for each of the others, when it is about something else."""
    for other in others:
        for a, b in itertools.product(_about(one), _about(other)):
            yield True if isinstance(a, str | tuple) or isinstance(b, str | tuple) else a != b


def _about(event: Event) -> Iterator[object]:
    """Yield what names the thing that a call takes or gives: its argument, and what it returned."""
    yield from event.arguments[:1]
    if event.result is not None and _direction(event) == "take":
        yield event.result


def _make_up(one: Event, other: Event) -> bool:
    """Return whether two calls, in either order, take something and give it back."""
    if {_direction(one), _direction(other)} != {"take", "give"}:
        return False
    if "alloc" in (one.kind, other.kind):
        return {one.kind, other.kind} == {"alloc", "free"}
    pairs = list(itertools.product(_about(one), _about(other)))
    return not pairs or any(_same(a, b) for a, b in pairs)


def _same(one: object, other: object) -> bool:
    """Return whether the two are known to be the same: equal terms are one object."""
    return one is other or (
        isinstance(one, int | str) and isinstance(other, int | str) and one == other
    )


def _direction(event: Event) -> str:
    if event.kind in _TAKEN or (event.kind == "pm" and "_get" in event.name):
        return "take"
    if event.kind in _GIVEN_BACK or (event.kind == "pm" and "_put" in event.name):
        return "give"
    return ""


def noticeable(events: Sequence[Event]) -> Event | None:
    """Return a call that does more than lock and log, if there is one."""
    return next((event for event in events if event.kind not in _NOTHING), None)


def doubtful(events: Sequence[Event]) -> list[Event]:
    """Return the calls of which it takes a person to say if they may be made once more."""
    known = _NOTHING | _REPEATABLE
    return [event for event in events if event.kind not in known]
