# SPDX-License-Identifier: GPL-2.0-only
"""Which of the paths that wait to be run is next, where a program has many.

The first ones are run in order, so all of a program that has few. Of one that has more, the order
would show what its last questions change, again and again, and nothing of what comes of its first
ones. So from there on a path is run where it begins with an answer that none has given yet, at
its place in the program; where each answer was given that can be, further ones show little.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from premap.symbolic.errors import SeenEnough


class Coverage:
    """Chooses paths of one exploration: some in order, then those with an answer that is new."""

    def __init__(self, place: Callable[[], Hashable], in_order: int) -> None:
        """`place` says where the program asks what it asks; so many paths are run in order."""
        self._place = place
        self._left = in_order
        self._given: set[tuple[Hashable, bool]] = set()
        self._waiting: list[Hashable] = []
        """For each path that waits, where it answers False where one before said True."""

    def split(self) -> None:
        """Note that the program goes on with True, and a path that says False waits."""
        place = self._place()
        self._given.add((place, True))
        self._waiting.append(place)

    def next(self) -> int:
        """Return the index of the path that is next; it waits no more.

        Raises SeenEnough if none is worth it.
        """
        self._left -= 1
        index = len(self._waiting) - 1
        if self._left <= 0:
            while index >= 0 and (self._waiting[index], False) in self._given:
                index -= 1
            if index < 0:
                raise SeenEnough("every answer was given on some path")
        self._given.add((self._waiting.pop(index), False))
        return index
