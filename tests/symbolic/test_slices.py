# SPDX-License-Identifier: GPL-2.0-only
"""Conditions that hang together, and what is asked about those alone."""

from __future__ import annotations

import random
from typing import cast

import pytest

from premap import symbolic
from premap.symbolic import Bool, GuessingSolver, Model, Solver
from premap.symbolic.slices import Leaves
from premap.symbolic.terms import Condition, apply, const, var

A, B, C, D = (var(name) for name in "abcd")
F = apply("f", A)
G = apply("g", D)


def _condition(draw: random.Random) -> Condition:
    left, right = (draw.choice((A, B, C, D, F, G, const(7), A + B, C - D)) for _ in range(2))
    made = draw.choice((left < right, left == right, (left & 12) != 0, left + 5 < right))
    return made if draw.random() < 0.7 else symbolic.any_of(made, (B & 3) == 2)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("kind", [Solver, lambda: GuessingSolver(10_000)])
def test_extending_answers_as_asking_for_all(seed: int, kind: type[Solver]) -> None:
    draw, solver = random.Random(seed), kind()
    conditions: list[Condition] = []
    model = Model()
    for _ in range(12):
        more = _condition(draw)
        found = solver.extend(model, conditions, more)
        everything = Solver().check([*conditions, more])
        assert (found is None) == (everything is None)
        if found is not None:
            conditions.append(more)
            assert found.satisfies(conditions)
            model = found


def test_what_shares_no_name_is_left_out() -> None:
    parts = [cast("Bool", each) for each in (A < B, C < D, F < 5, G < 7)]
    near = Leaves().around([cast("Bool", B < 9)], parts)
    assert set(near.parts) == {parts[0], parts[2]}  # F is a function of A
    assert near.leaves == {"a", "b", "f()"}


def test_the_same_function_of_other_words_hangs_together() -> None:
    one, other = cast("Bool", apply("f", A) < 5), cast("Bool", apply("f", D) > 9)
    near = Leaves().around([one], [other])
    assert list(near.parts) == [other]
    assert Solver().extend(Model({"a": 3, "d": 3}, {("f", (3,)): 10}), [other], one) is not None


def test_what_is_known_needs_no_solver() -> None:
    solver, model = Solver(), Model({"a": 3})
    assert solver.extend(model, [], more=True) is model
    assert solver.extend(model, [], more=False) is None
    assert solver.queries == 0
