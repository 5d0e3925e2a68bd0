# SPDX-License-Identifier: GPL-2.0-only
"""Small changes of new hooks are not called equivalent, unless that is proven beside them."""

from __future__ import annotations

import pytest
from tests.equivalence.mutants import PAIRS, SAME, Mutant, chosen, mutants, survives

COUNT = 40
SEED = 20260


@pytest.mark.parametrize(
    "mutant", chosen(COUNT, SEED), ids=lambda mutant: f"{mutant.pair}: {mutant.change}"
)
def test_no_mutant_is_called_equivalent(mutant: Mutant) -> None:
    assert not survives(mutant)


def test_every_exception_is_a_mutant() -> None:
    made = {(mutant.pair, mutant.change) for name in PAIRS for mutant in mutants(name)}
    assert SAME.keys() <= made


def test_there_are_enough_to_choose_from() -> None:
    assert len(chosen(10_000, SEED)) > 200
