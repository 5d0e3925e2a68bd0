# SPDX-License-Identifier: GPL-2.0-only
"""What calls of a hook leave behind when there is no mapping in the end: merged, or failed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence

from premap.interp.machine import Event

SILENT = frozenset({"log", "barrier", "time"})
"""Kinds of event that tell or order something, and change nothing."""
_NOTHING = SILENT | {"lock", "unlock"}
_REPEATABLE = frozenset({"event"})
"""Kinds that may happen once more: an access time, say."""
_TAKEN = frozenset({"get", "alloc"})
_GIVEN_BACK = frozenset({"put", "free"})
_STAYS = frozenset({"atomic", "init", "work"})


def outliving(events: Sequence[Event]) -> tuple[Event, bool] | None:
    """Return what takes, counts or gives something that nothing makes up for, if something does.

    A reference is given back by a call with the same argument; memory, by any that frees some. The
    second value says when that is so: where arguments that look different are.
    """
    pending: list[Event] = []
    for event in events:
        if event.kind in _STAYS:
            return event, True
        partner = next((each for each in pending if _make_up(each, event)), None)
        if partner is not None:
            pending.remove(partner)
        elif _direction(event):
            pending.append(event)
    if not pending:
        return None
    others = [each for each in pending if _direction(each) != _direction(pending[0])]
    return pending[0], functools.reduce(operator.and_, _differ(pending[0], others), True)  # noqa: FBT003


def _differ(one: Event, others: Sequence[Event]) -> Iterator[bool]:
    """Yield, for each of the others, when it is about something else."""
    for other in others:
        a, b = one.arguments[:1], other.arguments[:1]
        named = any(isinstance(each, str | tuple) for each in (*a, *b))
        yield True if named or not a or not b else a[0] != b[0]


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
