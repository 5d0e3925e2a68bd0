# SPDX-License-Identifier: GPL-2.0-only
"""Whether an exploration, at the pace that it has, will ever come to its end.

Where a path splits, half of what is left is taken to lie on either side. That is no measure of
time, and a pace changes by a factor of ten or thirty: only what would take a hundred times as long
as it may is given up for that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

FIRST_LOOK = 24
"""The first look is at this part of the work that there may be, the next ones at twice as much."""
HOPELESS = 100
"""How many times the work that there may be is too much."""


class _Split(Protocol):
    @property
    def split(self) -> bool: ...


class Pace:
    """How much is left of one exploration, from look to look."""

    def __init__(self, begun: float, work: float) -> None:
        """`begun`: the effort spent before, `work`: what this exploration may spend (units)."""
        self._begun = begun
        self._most = HOPELESS * work
        self._last = begun
        self._next = begun + work / FIRST_LOOK if work < math.inf else math.inf
        self._left: float | None = None
        self._slow = False

    def skip(self, work: float) -> None:
        """Leave out of account what was done meanwhile for something else."""
        self._begun += work
        self._last += work
        self._next += work

    def hopeless(self, spent: float, pending: Iterable[Sequence[_Split]]) -> bool:
        """Return whether what is `pending` (how its paths begin) is too much, at this pace.

        Between two looks, that is what the last one said.
        """
        if spent < self._next:
            return self._slow
        left = sum(0.5 ** sum(each.split for each in prefix) for prefix in pending)
        before, since = self._left, spent - self._last
        self._left, self._last = left, spent
        self._next = self._begun + 2 * (spent - self._begun)
        self._slow = before is not None and left * since > self._most * (before - left)
        return self._slow
