# SPDX-License-Identifier: GPL-2.0-only
"""What calls of a hook leave behind when there is no mapping in the end: merged, or failed."""

from __future__ import annotations

from collections import Counter
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
    """Return what takes, counts or gives something that nothing makes up for, if something does."""
    balance = Counter(_direction(event) for event in events)
    stays = next((event for event in events if event.kind in _STAYS), None)
    if stays is None and balance["take"] != balance["give"]:
        more = max("take", "give", key=lambda direction: balance[direction])
        return next(event for event in events if _direction(event) == more)
    return stays


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
