# SPDX-License-Identifier: GPL-2.0-only
"""What calls of a hook leave behind when there is no mapping in the end: merged, or failed."""

from __future__ import annotations

from collections.abc import Sequence

from premap.interp.machine import Event

SILENT = frozenset({"log", "barrier", "time"})
"""Kinds of event that tell or order something, and change nothing."""
_NOTHING = SILENT | {"lock", "unlock"}
_REPEATABLE = frozenset({"event"})
"""Kinds that may happen once more: an access time, say."""
_TAKEN = frozenset({"get", "alloc"})
_GIVEN_BACK = frozenset({"put", "free"})
_STAYS = frozenset({"atomic", "init", "work"})


def outliving(events: Sequence[Event]) -> Event | None:
    """Return what takes, counts or gives something that nothing makes up for, if something does.

    A reference is given back by a call with the same argument; memory, by any that frees some.
    """
    pending: list[Event] = []
    for event in events:
        if event.kind in _STAYS:
            return event
        partner = next((each for each in pending if _make_up(each, event)), None)
        if partner is not None:
            pending.remove(partner)
        elif _direction(event):
            pending.append(event)
    return pending[0] if pending else None


def _make_up(one: Event, other: Event) -> bool:
    """Return whether two calls, in either order, take something and give it back."""
    if {_direction(one), _direction(other)} != {"take", "give"}:
        return False
    if "alloc" in (one.kind, other.kind):
        return {one.kind, other.kind} == {"alloc", "free"}
    return _same(one.arguments[:1], other.arguments[:1])


def _same(one: Sequence[object], other: Sequence[object]) -> bool:
    """Return whether the arguments are known to be the same: equal terms are one object."""
    return all(
        a is b or (isinstance(a, int | str) and isinstance(b, int | str) and a == b)
        for a, b in zip(one, other, strict=False)
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


def doubtful(events: Sequence[Event]) -> Event | None:
    """Return a call of which it takes a person to say if it may be made once more."""
    known = _NOTHING | _REPEATABLE
    return next((event for event in events if event.kind not in known), None)
