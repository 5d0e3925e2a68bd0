# SPDX-License-Identifier: GPL-2.0-only
"""Drills: each keeps to the rules of the format, and all come in turn."""

from __future__ import annotations

from itertools import islice, repeat

import pytest

from premap.scenario import Scenario, model_backend
from premap.scenario.allowed import broken_rule
from premap.scenario.drills import DRILLS, ON_HOST, PER_TURN, Drill, deck
from premap.scenario.families import FAMILIES
from premap.scenario.generate import NOT_ON_HOST, Generator, carried_out
from premap.scenario.outcome import FAILED
from premap.scenario.steps import Names, check_step

SEEDS = range(12)


def drilled(drill: Drill, seed: int, *, devices: bool = True) -> Scenario:
    """Return a scenario that has nothing but one drill, again and again, after some steps."""
    family = FAMILIES["stacks" if seed % 4 == 0 else "fault"]
    generator = Generator(seed, family, devices=devices)
    generator.deck = repeat(drill)
    generator.weights = {"drill": 1}
    return carried_out(generator, 60, f"{drill.__name__}:{seed}", model_backend())


class TestDrills:
    @pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
    def test_keeps_to_the_rules(self, drill: Drill) -> None:
        for seed in SEEDS:
            scenario = drilled(drill, seed)
            results, names = scenario.results or (), Names()
            for step in scenario.steps:
                check_step(step, scenario.seed or "", 0)
                names.check(step, scenario.seed or "", 0)
            assert not any(FAILED in result for result in results), scenario.seed
            assert broken_rule(scenario.steps, results, placed=True) is None, scenario.seed

    @pytest.mark.parametrize("drill", ON_HOST, ids=lambda drill: drill.__name__)
    def test_asks_nothing_of_the_host_that_it_has_not(self, drill: Drill) -> None:
        for seed in SEEDS:
            scenario = drilled(drill, seed, devices=False)
            assert broken_rule(scenario.steps, scenario.results or ()) is None, scenario.seed
            assert not NOT_ON_HOST & {step["op"] for step in scenario.steps}
            assert not any(step.get("entries") for step in scenario.steps)

    @pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
    def test_stays_in_the_window(self, drill: Drill) -> None:
        for seed in SEEDS:
            scenario = drilled(drill, seed)
            low, high = scenario.window
            for result in scenario.results or ():
                assert all(low <= v["start"] < v["end"] <= high for v in result["vmas"])


class TestDeck:
    def test_all_come_before_one_comes_again(self) -> None:
        dealt = list(islice(deck(0, DRILLS), 2 * len(DRILLS)))
        assert set(dealt[: len(DRILLS)]) == set(dealt[len(DRILLS) :]) == set(DRILLS)

    def test_turns_go_on_where_the_last_began(self) -> None:
        first = list(islice(deck(3, DRILLS), 10 + PER_TURN))
        assert list(islice(deck(4, DRILLS), 10)) == first[PER_TURN:]
