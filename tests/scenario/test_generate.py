# SPDX-License-Identifier: GPL-2.0-only
"""Random scenarios: allowed, the same for the same seed, and aimed at boundaries."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from premap.scenario import Scenario
from premap.scenario.allowed import broken_rule
from premap.scenario.families import FAMILIES, WITHOUT_DEVICES
from premap.scenario.generate import generate
from premap.scenario.outcome import FAILED
from premap.scenario.steps import REQUIRED, Names, check_step

SEEDS = range(25)


def some(family: str, *, devices: bool = True) -> list[Scenario]:
    return [generate(seed, 40, family, devices=devices) for seed in SEEDS]


@pytest.mark.parametrize("family", FAMILIES)
class TestAllowed:
    def test_no_rule_is_broken(self, family: str) -> None:
        for scenario in some(family):
            results = scenario.results or ()
            assert broken_rule(scenario.steps, results, placed=True) is None, scenario.seed

    def test_without_devices_addresses_are_not_the_kernels_choice(self, family: str) -> None:
        for scenario in some(family, devices=False):
            assert broken_rule(scenario.steps, scenario.results or ()) is None, scenario.seed

    def test_steps_are_well_formed(self, family: str) -> None:
        for scenario in some(family):
            names = Names()
            for step in scenario.steps:
                check_step(step, "", 0)
                names.check(step, "", 0)

    def test_nothing_reaches_beyond_the_window(self, family: str) -> None:
        for scenario in some(family):
            low, high = scenario.window
            for result in scenario.results or ():
                assert all(low <= v["start"] < v["end"] <= high for v in result["vmas"])

    def test_the_model_has_every_result(self, family: str) -> None:
        for scenario in some(family):
            assert not any(FAILED in result for result in scenario.results or ())


class TestRules:
    """What the kernel does not check, or machines do differently, over two hooks as over one."""

    def ruled(self, upper: dict[str, Any], lower: dict[str, Any]) -> str | None:
        where = {"addr": 0x10000000, "len": 4096, "prot": "r", "offset": 0}
        steps = (
            {"op": "device", "name": "d0", "hook": "mmap_prepare", **lower},
            {"op": "device", "name": "d1", "hook": "mmap", "lower": "d0", **upper},
            {"op": "mmap", "file": "d1", **where, "flags": ["SHARED", "FIXED"]},
        )
        result = {"ret": 0, "events": [], "vmas": []}
        return broken_rule(steps, [result] * 3)

    def test_a_remap_below_what_is_mixed(self) -> None:
        remap = {"action": {"kind": "remap_full", "page": 0}}
        assert self.ruled({"set": ["MIXEDMAP"]}, remap) == "mmap: MIXEDMAP for a remap"
        assert self.ruled({"set": ["IO"]}, remap) is None

    def test_a_lock_that_nobody_has(self) -> None:
        assert self.ruled({"filled": True}, {"hide_from_rmap": True}) is not None
        assert self.ruled({}, {"hide_from_rmap": True}) is None


class TestSeeds:
    def test_the_same_seed_is_the_same_scenario(self) -> None:
        assert generate("3:4", 40, "merge") == generate("3:4", 40, "merge")

    def test_another_is_another(self) -> None:
        assert generate("3:4", 40, "merge").steps != generate("3:5", 40, "merge").steps

    def test_without_devices(self) -> None:
        for family in WITHOUT_DEVICES:
            for scenario in some(family, devices=False):
                assert "device" not in {step["op"] for step in scenario.steps}

    def test_unknown_family(self) -> None:
        with pytest.raises(KeyError):
            generate(1, 40, "no such family")


class TestAim:
    """What a scenario is worth: how often it meets what the kernel has special code for."""

    def test_every_step_occurs(self) -> None:
        ops = Counter(step["op"] for name in FAMILIES for s in some(name) for step in s.steps)
        assert set(ops) == set(REQUIRED)
        assert min(ops.values()) > 20

    def test_some_calls_fail_and_most_do_not(self) -> None:
        returned = [
            result["ret"] for name in FAMILIES for s in some(name) for result in s.results or ()
        ]
        failed = sum(isinstance(ret, str) and ret.startswith("E") for ret in returned)
        assert 0.08 < failed / len(returned) < 0.4

    def test_many_errors_are_met(self) -> None:
        errors = {
            json.dumps((step["op"], result["ret"]))
            for name in FAMILIES
            for s in some(name)
            for step, result in zip(s.steps, s.results or (), strict=True)
            if isinstance(result["ret"], str) and result["ret"].startswith(("E", "S"))
        }
        assert len(errors) > 20

    def test_mappings_merge(self) -> None:
        """A new mapping that fits leaves no more mappings than there were."""
        merged = 0
        for scenario in some("merge"):
            pairs = pairwise(scenario.results or ())
            for step, (before, after) in zip(scenario.steps[1:], pairs, strict=True):
                fresh = step["op"] == "mmap" and after["ret"] == step["addr"]
                merged += fresh and 0 < len(after["vmas"]) <= len(before["vmas"])
        assert merged > 60
