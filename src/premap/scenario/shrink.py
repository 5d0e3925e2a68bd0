# SPDX-License-Identifier: GPL-2.0-only
"""Making a scenario that shows something small, while it still shows it.

A pass proposes smaller scenarios, best first; whatever still shows it is taken, and the pass begins
again. Passes repeat until none of them gets anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from premap.model.words import PAGE_SIZE
from premap.scenario.errors import ScenarioError
from premap.scenario.reader import Json
from premap.scenario.steps import Names, check_step

Steps = tuple[Json, ...]
Pass = Callable[[Steps], Iterator[Steps]]
Shows = Callable[[Steps], bool]
MOST_TRIES = 3000


def drop_steps(steps: Steps) -> Iterator[Steps]:
    """Leave out runs of steps, long ones first, from the end."""
    size = len(steps) // 2
    while size:
        for start in range(len(steps) - size, -1, -size):
            yield steps[:start] + steps[start + size :]
        size //= 2


def drop_two(steps: Steps) -> Iterator[Steps]:
    """Leave out two steps that stand apart, such as one and what undoes it."""
    for second in range(len(steps) - 1, -1, -1):
        for first in range(second - 1, -1, -1):
            yield steps[:first] + steps[first + 1 : second] + steps[second + 1 :]


def drop_keys(steps: Steps) -> Iterator[Steps]:
    """Leave out a part of a device's programme."""
    for place, step in enumerate(steps):
        if step["op"] == "device":
            for key in step.keys() - {"op", "name", "hook"}:
                yield _with(steps, place, {k: v for k, v in step.items() if k != key})


def drop_names(steps: Steps) -> Iterator[Steps]:
    """Leave out a name of a list: a flag, a callback."""
    for place, step in enumerate(steps):
        for key, value in step.items():
            if isinstance(value, list):
                for index in range(len(value)):
                    yield _with(steps, place, {**step, key: value[:index] + value[index + 1 :]})


def simpler_values(steps: Steps) -> Iterator[Steps]:
    """Replace a value by the plainest one of its kind."""
    for place, step in enumerate(steps):
        for key, plain in (("file", None), ("offset", 0), ("prot", "rw"), ("prot", "r")):
            if key in step and step["op"] != "device" and step[key] != plain:
                yield _with(steps, place, {**step, key: plain})


def shorter_ranges(steps: Steps) -> Iterator[Steps]:
    """Shorten a range: to a page, to half, by a page; from either end."""
    for place, step in enumerate(steps):
        for key in ("len", "new_len"):
            length = step.get(key, 0)
            for less in (PAGE_SIZE, length // 2 & -PAGE_SIZE, length - PAGE_SIZE):
                if 0 < less < length:
                    yield _with(steps, place, {**step, key: less})
                    yield _with(steps, place, {**step, key: less, **_moved(step, length - less)})
                    if "new_len" in step:
                        yield _with(steps, place, {**step, "len": less, "new_len": less})


def _moved(step: Json, distance: int) -> Json:
    keys = [key for key in ("addr", "new_addr", "offset") if step.get(key)]
    return {key: step[key] + distance for key in keys}


def _with(steps: Steps, place: int, step: Json) -> Steps:
    return (*steps[:place], step, *steps[place + 1 :])


PASSES: tuple[Pass, ...] = (
    drop_steps,
    drop_keys,
    drop_names,
    shorter_ranges,
    simpler_values,
    drop_two,
)


def _well_formed(steps: Steps) -> bool:
    names = Names()
    try:
        for step in steps:
            check_step(step, "", 0)
            names.check(step, "", 0)
    except ScenarioError:
        return False
    return True


class Shrinker:
    """Shrinks steps while `shows(steps)` is true; it is asked a limited number of times."""

    def __init__(self, shows: Shows, tries: int = MOST_TRIES) -> None:
        self.shows = shows
        self.left = tries
        self.seen: set[str] = set()

    def shrink(self, steps: Steps) -> Steps:
        """Return the smallest steps found."""
        before = None
        while before != steps and self.left > 0:
            before = steps
            for each in PASSES:
                steps = self._run(each, steps)
        return steps

    def _run(self, proposals: Pass, steps: Steps) -> Steps:
        while True:
            better = next((each for each in proposals(steps) if self._accepts(each)), None)
            if better is None:
                return steps
            steps = better

    def _accepts(self, steps: Steps) -> bool:
        key = repr(steps)
        if key in self.seen or self.left <= 0 or not _well_formed(steps):
            return False
        self.seen.add(key)
        self.left -= 1
        return self.shows(steps)
