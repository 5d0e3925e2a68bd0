# SPDX-License-Identifier: GPL-2.0-only
"""Several ways in which one kernel differs, told apart; the kernel is the model with mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from premap.scenario.behaviours import MOST_ALIKE, Behaviours, signature
from premap.scenario.conform import Kernel, conform
from premap.scenario.model_backend import ModelBackend

Json = dict[str, Any]
Mistake = Callable[[Json, Json], Json]


class Mistaken(ModelBackend):
    """A kernel that is the model but for what functions make of each result."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__()
        self.mistakes = mistakes

    def step(self, step: Json) -> Json:
        result = super().step(step)
        for mistake in self.mistakes:
            result = mistake(step, result)
        return result


def long_unmaps_fail(step: Json, result: Json) -> Json:
    bad = step["op"] == "munmap" and step["len"] > 8192 and result["ret"] == 0
    return {**result, "ret": "ENOMEM"} if bad else result


def locked_is_dumped(step: Json, result: Json) -> Json:
    if step["op"] != "mlock":
        return result
    vmas = [
        {**vma, "flags": [*vma["flags"], "dd"]}
        if "lo" in vma["flags"] and "dd" not in vma["flags"]
        else vma
        for vma in result["vmas"]
    ]
    return {**result, "vmas": vmas}


def counts_one_too_many(step: Json, result: Json) -> Json:
    if step["op"] != "counts":
        return result
    return {**result, "ret": {**result["ret"], "map_count": result["ret"]["map_count"] + 1}}


def behaviours(*mistakes: Mistake, steps: int = 3000, most: int = 8) -> Behaviours:
    found = Behaviours(Kernel(Mistaken(*mistakes), (7, 3), devices=True), most)
    for compared in conform(found.kernel, 1, steps):
        found.add(compared)
        if found.enough:
            break
    return found


class TestApart:
    def test_each_mistake_is_a_way_of_its_own(self) -> None:
        found = behaviours(long_unmaps_fail, locked_is_dumped, counts_one_too_many)
        ways = [each.difference for each in found.found.values()]
        assert {way.step["op"] for way in ways} == {"munmap", "mlock", "counts"}
        assert len(ways) == 3

    def test_each_is_shrunk_to_itself(self) -> None:
        for kind, each in behaviours(long_unmaps_fail, locked_is_dumped).found.items():
            assert signature(each.difference) == kind
            assert len(each.difference.steps) <= 3

    def test_a_rare_one_is_not_lost_behind_a_frequent_one(self) -> None:
        """The mistake in counts is there in most scenarios, and ends their comparison."""
        found = behaviours(counts_one_too_many, long_unmaps_fail)
        seen = {way.difference.step["op"]: len(way.seeds) for way in found.found.values()}
        assert seen["counts"] > 3
        assert seen["munmap"] > 0

    def test_errors_of_a_call_are_told_apart(self) -> None:
        def busy_if_aligned(step: Json, result: Json) -> Json:
            if step["op"] != "munmap" or result["ret"] != 0:
                return result
            return {**result, "ret": "EBUSY" if step["len"] == 4096 else "EIO"}

        found = behaviours(busy_if_aligned)
        returned = {way.difference.kernel["ret"] for way in found.found.values()}
        assert returned == {"EBUSY", "EIO"}


class TestEnough:
    def test_no_difference_is_none(self) -> None:
        found = behaviours(steps=400)
        assert not found.found
        assert not found.enough

    def test_stops_at_the_number_that_was_asked_for(self) -> None:
        found = behaviours(long_unmaps_fail, locked_is_dumped, counts_one_too_many, most=2)
        assert len(found.found) == 2
        assert found.enough

    def test_gives_up_where_everything_differs_alike(self) -> None:
        def always(step: Json, result: Json) -> Json:
            del step
            return {**result, "ret": "EIO"}

        found = behaviours(always, steps=10**6, most=1000)
        again = sum(len(way.seeds) - 1 for way in found.found.values())
        assert again == MOST_ALIKE
