# SPDX-License-Identifier: GPL-2.0-only
"""Which differences of a run are one and the same: by what was called, and what came of it.

Each behaviour is shrunk once, and only to what still is this behaviour.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import zip_longest
from typing import Any

from msgspec import Struct, field

from premap.scenario.conform import Compared, Kernel, shrunk
from premap.scenario.difference import Difference
from premap.scenario.outcome import FAILED
from premap.scenario.reader import Json

MOST_ALIKE = 200
"""Scenarios that may differ in ways already known before a run gives up."""


class Behaviour(Struct):
    """One way in which a kernel differs, shrunk; `seeds` are the scenarios that showed it."""

    difference: Difference
    window: tuple[int, int]
    seeds: list[str] = field(default_factory=list)


class Behaviours:
    """Those of one run, in the order in which they were found: at most `most` of them."""

    def __init__(self, kernel: Kernel, most: int) -> None:
        self.kernel = kernel
        self.most = most
        self.found: dict[Hashable, Behaviour] = {}

    def add(self, compared: Compared) -> Behaviour | None:
        """Take note of a scenario that differs; return the behaviour if it is new, shrunk."""
        if compared.difference is None:
            return None
        kind = signature(compared.difference)
        known = self.found.get(kind)
        if known is None:
            smallest = shrunk(compared, self.kernel, alike=signature)
            known = self.found[kind] = Behaviour(smallest, compared.scenario.window)
        known.seeds.append(str(compared.scenario.seed))
        return known if len(known.seeds) == 1 else None

    @property
    def enough(self) -> bool:
        """Whether it is not worth while to go on."""
        again = sum(len(each.seeds) - 1 for each in self.found.values())
        return len(self.found) >= self.most or again >= MOST_ALIKE


def signature(difference: Difference) -> Hashable:
    """Return what is the same for differences that have, by all appearances, one cause."""
    return _called(difference.step), tuple(_apart(difference.model, difference.kernel))


def _called(step: Json) -> Hashable:
    """Return the call, and what makes it another one: not where, and not of what."""
    kinds = [step.get(key) for key in ("advice", "access", "of", "point", "then", "grows")]
    flags = sorted(set(step.get("flags", ())) & {"DONTUNMAP", "GROWSDOWN", "POPULATE"})
    return step["op"], *kinds, *flags


def _apart(model: Json, kernel: Json) -> Iterator[Hashable]:
    """Yield the ways in which two results are different."""
    if FAILED in model or FAILED in kernel:
        yield FAILED, str(model.get(FAILED)).partition(":")[0], FAILED in kernel
        return
    if model["ret"] != kernel["ret"]:
        yield "ret", _returned(model["ret"], kernel["ret"])
    for ours, theirs in zip_longest(model["events"], kernel["events"]):
        if ours != theirs:
            yield "event", (ours or {}).get("call"), (theirs or {}).get("call")
            break
    yield from _mappings(model["vmas"], kernel["vmas"])


def _returned(ours: Any, theirs: Any) -> Hashable:
    """Return two results without the numbers; of counts, which of them differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return tuple(key for key in ours if ours[key] != theirs.get(key))
    if isinstance(ours, list) and isinstance(theirs, list):
        empty: Json = {}
        pairs = zip_longest(ours, theirs, fillvalue=empty)
        one, other = next((pair for pair in pairs if pair[0] != pair[1]), (empty, empty))
        return tuple(key for key in (one or other) if one.get(key) != other.get(key))
    return tuple(each if isinstance(each, str) else "done" for each in (ours, theirs))


def _mappings(model: list[Json], kernel: list[Json]) -> Iterator[Hashable]:
    ours = {(vma["start"], vma["end"]): vma for vma in model}
    theirs = {(vma["start"], vma["end"]): vma for vma in kernel}
    if ours.keys() != theirs.keys():
        yield "mappings", (len(model) > len(kernel)) - (len(model) < len(kernel))
        return
    for where, vma in ours.items():
        other = theirs[where]
        if vma != other:
            flags = sorted(set(vma["flags"]) ^ set(other["flags"]))
            yield "members", *flags, vma["pgoff"] != other["pgoff"], vma["file"] != other["file"]
            return
