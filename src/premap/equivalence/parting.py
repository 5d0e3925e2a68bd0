# SPDX-License-Identifier: GPL-2.0-only
"""What the paths of the plainest setting tell of those of others.

A failure changes nothing before the point that fails is got to. So paths that never get there are
those that were looked at where nothing fails, and of all others the beginning is known. And what a
mapping replaces, a hook does not see: one path is enough for each way in which the model goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from msgspec.structs import replace

from premap import symbolic
from premap.equivalence.setting import FAILURES, Setting
from premap.model.inject import Injection

Prefix = tuple[symbolic.Decision, ...]


class _Passed(Injection):
    """A failure that never comes: it tells that its point was got to, and succeeded."""

    __slots__ = ("_told",)

    def __init__(self, told: Callable[[], None]) -> None:
        self._told: Callable[[], None] = lambda: None
        super().__init__(0, 1)
        self._told = told

    @property
    def remaining(self) -> int:
        """Return that the point still succeeds."""
        return 1

    @remaining.setter
    def remaining(self, _left: int) -> None:
        self._told()


class Partings:
    """What was got to on the paths of settings in which nothing fails."""

    def __init__(self, explorer: symbolic.Explorer) -> None:
        self._explorer = explorer
        self._passed: dict[str, list[int]] = {}
        """How many decisions had been made each time that a point was got to in this run."""
        self._path: dict[str, int] = {}
        """With how many decisions this path got to each failure of FAILURES."""
        self._prefixes: dict[Setting, dict[tuple[tuple[int, bool], ...], Prefix]] = {}
        self._kinds: dict[Hashable, Prefix] = {}

    def begin(self) -> None:
        """Begin a path."""
        self._path = {}

    def watched(self) -> dict[str, Injection]:
        """Begin a run in which nothing fails; return what tells of each point that may."""
        passed = self._passed = {each.point: [] for each in FAILURES.values()}

        def told(point: str) -> Callable[[], None]:
            return lambda: passed[point].append(self._explorer.decided)

        return {point: _Passed(told(point)) for point in passed}

    def end(self) -> None:
        """End a run, by an exception or not."""
        for name, failure in FAILURES.items():
            at = self._passed.get(failure.point, [])
            if len(at) > failure.after:
                self._path.setdefault(name, at[failure.after])

    def keep(self, setting: Setting, decisions: Prefix) -> None:
        """Keep how a path of such a setting got to what may fail."""
        for name in FAILURES:
            found = self._prefixes.setdefault(replace(setting, fails=name), {})
            if name in self._path:
                prefix = decisions[: self._path[name]]
                found.setdefault(tuple((e.condition.uid, e.answer) for e in prefix), prefix)

    def keep_kind(self, kind: Hashable, decisions: Prefix) -> None:
        """Keep the first path of each kind."""
        self._kinds.setdefault(kind, decisions)

    def kinds(self) -> Sequence[Prefix]:
        """Return a path of each kind, where what lies around the mapping matters, not the hook.

        No hook sees which mappings it replaces, or how many there are.
        """
        return tuple(self._kinds.values())

    def beginnings(self, setting: Setting) -> Sequence[Prefix]:
        """Return what the paths of a setting begin with that have to be looked at, in order."""
        found = self._prefixes.get(setting)
        return ((),) if found is None else tuple(found.values())
