# SPDX-License-Identifier: GPL-2.0-only
"""Pairs that do the same get that verdict, and agree when they run on plain numbers."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge, new_side, old_side, run_both
from tests.equivalence.pairs import PAIRS

from premap.equivalence import ACCEPTED

RUNS = 2000


@pytest.mark.parametrize("name", PAIRS)
class TestPairs:
    def test_verdict(self, name: str) -> None:
        pair = PAIRS[name]
        verdict = judge(pair.old, pair.new, pair.extra)
        assert {difference.id for difference in verdict.differences} == pair.accepted, verdict
        assert verdict.status == ("equivalent-except" if pair.accepted else "equivalent")
        assert pair.accepted <= ACCEPTED

    def test_random_runs_agree(self, name: str) -> None:
        pair = PAIRS[name]
        old, new = old_side(pair.old, pair.extra), new_side(pair.new, pair.extra)
        for seed in range(RUNS):
            assert run_both(old, new, seed) == [], seed

    def test_the_verdict_states_its_bounds(self, name: str) -> None:
        pair = PAIRS[name]
        verdict = judge(pair.old, pair.new, pair.extra)
        assert any("4 KiB" in bound for bound in verdict.bounds)


@pytest.mark.parametrize("name", PAIRS)
def test_no_pair_agrees_by_accident(name: str) -> None:
    """A hook that always fails is told from each of them."""
    pair = PAIRS[name]
    assert judge(pair.old, "\treturn -EUCLEAN;\n", pair.extra).status == "different"
