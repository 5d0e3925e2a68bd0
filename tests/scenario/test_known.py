# SPDX-License-Identifier: GPL-2.0-only
"""Where releases differ: for each entry of the table, scenarios that were run on both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from premap.scenario import model_backend
from premap.scenario.difference import Difference, first_difference
from premap.scenario.known import KNOWN, Known, known
from premap.scenario.outcome import outcomes

FILES = sorted((Path(__file__).parent / "known").glob("*.jsonl"))
CASES = [json.loads(line) for path in FILES for line in path.read_text().splitlines()]
"""`results` are what the model does, `there` what a kernel of `release` did."""
CHARGED = [case for case in CASES if case["known"].endswith("-charge")]
LIMITED = [case for case in CASES if case["known"] == "limit-met"]
FAILING = [case for case in CASES if case["known"] == "failure-met"]


def difference(case: dict[str, Any]) -> Difference:
    header, *steps = case["scenario"]
    window = tuple(header["window"])
    found = first_difference(steps, case["results"], case["there"], window)
    assert found is not None
    return found


def changed(found: Difference, **result: Any) -> Difference:
    """Return the same difference with something else in the kernel's last result."""
    results = (*found.kernel_results[:-1], {**found.kernel, **result})
    return Difference(found.steps, found.model_results, results, found.window)


def names(case: dict[str, Any]) -> str:
    return str(case["known"])


class TestTable:
    def test_every_entry_has_a_scenario(self) -> None:
        assert {case["known"] for case in CASES} == {entry.id for entry in KNOWN}

    @pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.id)
    def test_every_entry_is_documented(self, entry: Known) -> None:
        page = Path(__file__).parents[2] / "docs/conform.md"
        assert f"| `{entry.id}` | {entry.since[0]}.{entry.since[1]} |" in page.read_text()

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_the_model_does_as_the_later_release(self, case: dict[str, Any]) -> None:
        header, *steps = case["scenario"]
        assert outcomes(steps, tuple(header["window"]), model_backend()) == case["results"]

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_the_earlier_release_is_explained(self, case: dict[str, Any]) -> None:
        entry = known(difference(case), tuple(case["release"]))
        assert entry is not None
        assert entry.id == case["known"]

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_the_later_release_is_not(self, case: dict[str, Any]) -> None:
        (entry,) = (entry for entry in KNOWN if entry.id == case["known"])
        assert known(difference(case), entry.since) != entry


class TestWhatIsNotExplained:
    """A mistake that looks alike must not hide behind an entry."""

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_another_result(self, case: dict[str, Any]) -> None:
        found = difference(case)
        wrong = changed(found, ret="ENODEV")
        assert known(wrong, (6, 18)) is None

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_a_mapping_that_is_missing(self, case: dict[str, Any]) -> None:
        found = difference(case)
        wrong = changed(found, vmas=[])
        assert known(wrong, (6, 18)) is None

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_the_same_after_other_steps(self, case: dict[str, Any]) -> None:
        found = difference(case)
        others = ({"op": "fork"},) * len(found.steps)
        wrong = Difference(others, found.model_results, found.kernel_results, found.window)
        assert known(wrong, (6, 18)) is None

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_a_mapping_that_is_shorter(self, case: dict[str, Any]) -> None:
        found = difference(case)
        vmas = [{**vma, "end": vma["end"] - 4096} for vma in found.kernel["vmas"]]
        assert known(changed(found, vmas=vmas), (6, 18)) is None


class TestCharges:
    """What is left charged is held against what the steps before can have left."""

    @pytest.mark.parametrize("case", CHARGED, ids=names)
    def test_more_than_that(self, case: dict[str, Any]) -> None:
        found = difference(case)
        counts = found.kernel["ret"]
        wrong = changed(found, ret={**counts, "committed_as": counts["committed_as"] + 16})
        assert known(wrong, (7, 2)) is None

    @pytest.mark.parametrize("case", CHARGED, ids=names)
    def test_less_than_the_model(self, case: dict[str, Any]) -> None:
        found = difference(case)
        counts = found.model["ret"]
        wrong = changed(found, ret={**counts, "committed_as": counts["committed_as"] - 1})
        assert known(wrong, (7, 2)) is None

    @pytest.mark.parametrize("case", CHARGED, ids=names)
    def test_another_count(self, case: dict[str, Any]) -> None:
        found = difference(case)
        wrong = changed(found, ret={**found.kernel["ret"], "map_count": 7})
        assert known(wrong, (7, 2)) is None

    def test_calls_that_succeed_leave_nothing(self) -> None:
        for case in CHARGED:
            found = difference(case)
            better = [
                {**each, "ret": 0} if isinstance(each["ret"], str) else each
                for each in found.model_results
            ]
            wrong = Difference(found.steps, tuple(better), found.kernel_results, found.window)
            entry = known(wrong, (7, 2))
            assert entry is None or entry.id == "shrink-charge"


class TestFailuresElsewhere:
    """Where a failure is met may differ; what it does may not."""

    @pytest.mark.parametrize("case", FAILING, ids=names)
    def test_what_no_failure_gives(self, case: dict[str, Any]) -> None:
        found = difference(case)
        vmas = [
            {**vma, "flags": [flag for flag in vma["flags"] if flag != "mr"]}
            for vma in found.kernel["vmas"]
        ]
        assert known(changed(found, vmas=vmas), (7, 2)) is None

    @pytest.mark.parametrize("case", FAILING, ids=names)
    def test_nobody_asked_for_one(self, case: dict[str, Any]) -> None:
        found = difference(case)
        kept = [each for each in range(len(found.steps)) if found.steps[each]["op"] != "fail"]
        steps, ours, theirs = (
            tuple(each[place] for place in kept)
            for each in (found.steps, found.model_results, found.kernel_results)
        )
        entry = known(Difference(steps, ours, theirs, found.window), (7, 2))
        assert entry is None or entry.id != "failure-met"


class TestLimits:
    """What was left charged may make a call fail that would not; not any call."""

    def test_without_what_left_it(self) -> None:
        found = difference(LIMITED[0])
        kept = [
            place
            for place, step in enumerate(found.steps)
            if step["op"] != "mmap" or "FIXED" not in step["flags"]
        ]
        steps, ours, theirs = (
            tuple(each[place] for place in kept)
            for each in (found.steps, found.model_results, found.kernel_results)
        )
        assert known(Difference(steps, ours, theirs, found.window), (7, 2)) is None

    @pytest.mark.parametrize("case", LIMITED, ids=names)
    def test_where_there_is_no_limit(self, case: dict[str, Any]) -> None:
        found = difference(case)
        steps = tuple({"op": "fork"} if s["op"] == "limit" else s for s in found.steps)
        wrong = Difference(steps, found.model_results, found.kernel_results, found.window)
        assert known(wrong, (7, 2)) is None


MOVED = [
    case for case in CASES if case["known"] == "anonymous-offset" and case["results"][-1]["events"]
]
"""Where a driver is told of the one mapping, or of the parts."""


class TestWhatADriverIsTold:
    @pytest.mark.parametrize("case", MOVED, ids=names)
    def test_less_than_of_a_new_mapping(self, case: dict[str, Any]) -> None:
        found = difference(case)
        for place, event in enumerate(found.kernel["events"]):
            less = [each for each in found.kernel["events"] if each is not event]
            explained = known(changed(found, events=less), (7, 2))
            assert explained is None or event["call"] == "mremap", place

    @pytest.mark.parametrize("case", MOVED, ids=names)
    def test_more(self, case: dict[str, Any]) -> None:
        found = difference(case)
        for event in found.kernel["events"]:
            more = [*found.kernel["events"], {**event, "call": "fault"}]
            assert known(changed(found, events=more), (7, 2)) is None

    def test_there_are_some(self) -> None:
        assert len(MOVED) == 3
