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


def difference(case: dict[str, Any]) -> Difference:
    found = first_difference(case["scenario"][1:], case["results"], case["there"])
    assert found is not None
    return found


def changed(found: Difference, **result: Any) -> Difference:
    """Return the same difference with something else in the kernel's last result."""
    results = (*found.kernel_results[:-1], {**found.kernel, **result})
    return Difference(found.steps, found.model_results, results)


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
        wrong = changed(found, ret="ENOMEM")
        assert known(wrong, (6, 18)) is None

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_a_mapping_that_is_missing(self, case: dict[str, Any]) -> None:
        found = difference(case)
        wrong = changed(found, vmas=[])
        assert known(wrong, (6, 18)) is None

    @pytest.mark.parametrize("case", CASES, ids=names)
    def test_the_same_without_a_move(self, case: dict[str, Any]) -> None:
        found = difference(case)
        still = tuple(step for step in found.steps if step["op"] != "mremap")
        wrong = Difference((*still, {"op": "fork"}), found.model_results, found.kernel_results)
        assert known(wrong, (6, 18)) is None
