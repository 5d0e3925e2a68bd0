# SPDX-License-Identifier: GPL-2.0-only
"""What releases before 7.3 left charged: steps after which a look at the counts shows more there.

Each function says whether a difference is that one. What several of them left charged in one
scenario can't be told apart: the sum is held against all of them.
"""

from __future__ import annotations

from collections.abc import Callable

from premap.model.words import PAGE_SHIFT
from premap.scenario.difference import Difference
from premap.scenario.model_backend import ModelBackend
from premap.scenario.outcome import outcomes
from premap.scenario.reader import Json, number


def charged_for_the_end(difference: Difference) -> bool:
    """Say whether moves that also shrank were charged for what they gave up, and nothing else."""
    return _is_left(difference, _given_up)


def charged_for_replaced(difference: Difference) -> bool:
    """Say whether calls of mmap() that failed left charged what they had replaced."""
    return _is_left(difference, _replaced)


def charged_for_growth(difference: Difference) -> bool:
    """Say whether moves that failed left charged what they were to grow by."""
    return _is_left(difference, _grown)


def limit_met(difference: Difference) -> bool:
    """Say whether the model does as the kernel where so many pages less may be committed.

    A move that shrinks is charged for what it gives up, and may fail for that.
    """
    limits = [step for step in difference.steps if step["op"] == "limit" and step["of"] == "COMMIT"]
    if not limits or difference.kernel.get("ret") != "ENOMEM":
        return False
    last = len(difference.steps) - 1
    if _given_up(difference, last) and isinstance(difference.model.get("ret"), int):
        return _outside(difference, difference.model) == _outside(difference, difference.kernel)
    most = sum(each(difference, place) for each in _LEFT for place in range(last))
    return any(_gives(difference, limits[-1], pages) for pages in range(1, most + 1))


def _outside(difference: Difference, result: Json) -> list[Json]:
    """Return the mappings that have nothing to do with where the last step moves from and to."""
    step = difference.step
    ranges = [
        (number(step[addr]), number(step[addr]) + number(step[length]))
        for addr, length in (("addr", "len"), ("new_addr", "new_len"))
    ]
    return [
        vma
        for vma in result["vmas"]
        if all(vma["end"] <= low or high <= vma["start"] for low, high in ranges)
    ]


def _gives(difference: Difference, limit: Json, pages: int) -> bool:
    """Say whether the last step gives what the kernel's gave where the limit is so much lower."""
    lower = {**limit, "to": number(limit["to"]) - (pages << PAGE_SHIFT)}
    if lower["to"] < 0:
        return False
    steps = (*difference.steps[:-1], lower, difference.step)
    ours = outcomes(steps, difference.window, ModelBackend())
    return len(ours) == len(steps) and ours[-1] == difference.kernel


def _is_left(difference: Difference, left: Callable[[Difference, int], int]) -> bool:
    ours, theirs = difference.model.get("ret"), difference.kernel.get("ret")
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return False
    if {**ours, "committed_as": theirs.get("committed_as")} != theirs:
        return False
    if difference.model["vmas"] != difference.kernel["vmas"]:
        return False
    places = range(len(difference.steps))
    most = sum(each(difference, place) for each in _LEFT for place in places)
    more: int = theirs["committed_as"] - ours["committed_as"]
    return 0 < more <= most and any(left(difference, place) for place in places)


def _given_up(difference: Difference, place: int) -> int:
    """Return how many pages a move to a place asked for gives up."""
    step = difference.steps[place]
    if step["op"] != "mremap" or "FIXED" not in step["flags"]:
        return 0
    return max(0, _pages(step["len"]) - _pages(step["new_len"]))


def _replaced(difference: Difference, place: int) -> int:
    """Return how many accounted pages an mmap() that fails replaces."""
    step = difference.steps[place]
    if step["op"] != "mmap" or "FIXED" not in step["flags"] or not _fails(difference, place):
        return 0
    start = number(step["addr"])
    end = start + number(step["len"])
    return sum(
        max(0, min(end, vma["end"]) - max(start, vma["start"])) >> PAGE_SHIFT
        for vma in difference.model_results[place - 1]["vmas"]
        if "ac" in vma["flags"]
    )


def _grown(difference: Difference, place: int) -> int:
    """Return how many pages a move that fails was to grow by."""
    step = difference.steps[place]
    if step["op"] != "mremap" or "DONTUNMAP" in step["flags"] or not _fails(difference, place):
        return 0
    return max(0, _pages(step["new_len"]) - _pages(step["len"]))


_LEFT = (_given_up, _replaced, _grown)


def _fails(difference: Difference, place: int) -> bool:
    """Say whether a step gives an errno."""
    return isinstance(difference.model_results[place].get("ret"), str)


def _pages(length: int | str) -> int:
    """Return the pages that so many bytes begin."""
    return (number(length) + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT
