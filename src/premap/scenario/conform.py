# SPDX-License-Identifier: GPL-2.0-only
"""Holding the model against a kernel with random scenarios."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import count

from msgspec import Struct

from premap.model.tree import SortedTree, VmaTree
from premap.model.words import PAGE_SIZE
from premap.scenario.allowed import broken_rule
from premap.scenario.backend import Backend
from premap.scenario.difference import Difference, first_difference
from premap.scenario.families import FAMILIES, WITHOUT_DEVICES
from premap.scenario.generate import generate
from premap.scenario.known import Known, Release, known
from premap.scenario.model_backend import ModelBackend
from premap.scenario.outcome import FAILED, outcomes
from premap.scenario.reader import Json, Scenario, number
from premap.scenario.shrink import MOST_TRIES, Shrinker
from premap.scenario.steps import FORMAT
from premap.scenario.trees import TREES

FEW_TRIES = 40
"""Tries where the kernel dies or hangs: each costs a boot, or a minute."""
SCENARIO_STEPS = 40
"""Steps of one scenario."""


class Kernel(Struct, frozen=True):
    """What the model is held against. `devices`: whether it runs scenarios that have any."""

    backend: Backend
    release: Release
    devices: bool

    @property
    def families(self) -> Sequence[str]:
        """The families of scenarios that it can run."""
        return tuple(FAMILIES) if self.devices else WITHOUT_DEVICES


class Compared(Struct, frozen=True):
    """What came of one scenario: steps that agree, and what ended it if something did.

    `tree` is how the model held its mappings.
    """

    scenario: Scenario
    steps: int
    known: Known | None = None
    difference: Difference | None = None
    tree: type[VmaTree] = SortedTree


def compare(scenario: Scenario, kernel: Kernel, tree: type[VmaTree] = SortedTree) -> Compared:
    """Run a scenario, whose results are the model's, on a kernel.

    A difference that is known of the kernel's release ends the comparison.
    """
    ours = scenario.results or ()
    steps = scenario.steps[: len(ours)]
    theirs = outcomes(steps, scenario.window, kernel.backend)
    found = first_difference(steps, ours, theirs, scenario.window)
    if found is None:
        return Compared(scenario, len(theirs), tree=tree)
    entry = known(found, kernel.release)
    agreed = len(found.steps) - 1
    if entry is not None:
        return Compared(scenario, agreed, known=entry, tree=tree)
    return Compared(scenario, agreed, difference=found, tree=tree)


def conform(
    kernel: Kernel, seed: int, steps: int, families: Sequence[str] | None = None
) -> Iterator[Compared]:
    """Compare random scenarios until so many steps were compared; families take turns."""
    names = families or kernel.families
    done = 0
    for place in count():
        if done >= steps:
            return
        tree = tree_of(place, len(names))
        scenario = generate(
            f"{seed}:{place}",
            SCENARIO_STEPS,
            names[place % len(names)],
            devices=kernel.devices,
            model=ModelBackend(tree=tree),
            turn=place,
        )
        compared = compare(scenario, kernel, tree)
        yield compared
        done += compared.steps


def tree_of(place: int, families: int) -> type[VmaTree]:
    """Return how the model holds its mappings in a scenario; all families have it in all ways."""
    return TREES[(place // families) % len(TREES)]


def shrunk(
    found: Compared, kernel: Kernel, alike: Callable[[Difference], Hashable] | None = None
) -> Difference:
    """Return a difference of the same two backends that takes as few steps as can be found.

    `alike`: only one of which it says the same. Raises ValueError where there was none.
    """
    if found.difference is None:
        raise ValueError("nothing differs")
    kind = None if alike is None else alike(found.difference)
    model, window = ModelBackend(tree=found.tree), found.scenario.window
    best = found.difference

    def shows(steps: tuple[Json, ...]) -> bool:
        nonlocal best
        ours = outcomes(steps, window, model)
        if broken_rule(steps, ours, placed=kernel.devices) is not None:
            return False
        theirs = outcomes(steps[: len(ours)], window, kernel.backend)
        smaller = first_difference(steps, ours, theirs, window)
        if smaller is None or known(smaller, kernel.release) is not None:
            return False
        if _elsewhere(smaller, window) or (alike is not None and alike(smaller) != kind):
            return False
        best = smaller
        return True

    Shrinker(shows, FEW_TRIES if FAILED in best.kernel else MOST_TRIES).shrink(best.steps)
    return best


def _elsewhere(found: Difference, window: tuple[int, int]) -> bool:
    """Say whether the kernel maps what is not in the window, or not all: the model has no more."""
    address = found.kernel.get("ret")
    if found.step["op"] not in ("mmap", "mremap") or not isinstance(address, int):
        return False
    length = number(found.step.get("new_len", found.step["len"]))
    return not window[0] <= address <= window[1] - min(length, PAGE_SIZE << 20)


def scenario_header(window: tuple[int, int]) -> Json:
    """Return the first line of a scenario file."""
    return {"premap": FORMAT, "page_size": PAGE_SIZE, "window": list(window)}


def scenario_text(steps: Sequence[Json], window: tuple[int, int]) -> str:
    """Return steps as a scenario file."""
    return "".join(json.dumps(line) + "\n" for line in (scenario_header(window), *steps))
