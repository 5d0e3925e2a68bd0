# SPDX-License-Identifier: GPL-2.0-only
"""Of several bounds of one term, the closest says what the others say."""

import itertools
import random

import pytest

from premap import symbolic
from premap.symbolic.bounds import closest
from premap.symbolic.models import Model
from premap.symbolic.node import BoolNode
from premap.symbolic.solver import Solver

X, Y = symbolic.var("x"), symbolic.var("y")
CONSTANTS = (2, 5, 9, 1 << 40)


def conditions(*given: object) -> list[BoolNode]:
    """Return what is a term of these conditions."""
    assert all(isinstance(each, BoolNode) for each in given)
    return [each for each in given if isinstance(each, BoolNode)]


def test_the_closest_bound_on_each_side_is_kept() -> None:
    given = conditions(X < 214, X < 215, X >= 7, X < 300, X >= 3)
    assert set(map(id, closest(given))) == {id(X < 214), id(X >= 7)}


def test_bounds_of_different_terms_are_kept() -> None:
    given = conditions(X < 9, Y < 12, (X & 0xFFFF) < 10, X < Y, X != 3)
    assert closest(given) == given


@pytest.mark.parametrize("seed", range(40))
def test_what_is_kept_says_the_same(seed: int) -> None:
    draw = random.Random(seed)
    terms = [X, Y, X + Y, X & 0xFF]
    made = []
    for _ in range(draw.randint(1, 9)):
        term, constant = draw.choice(terms), draw.choice(CONSTANTS)
        condition = [term < constant, term >= constant, term > constant, term <= constant][
            draw.randrange(4)
        ]
        made += [each for each in (condition,) if isinstance(each, BoolNode)]
    kept = closest(made)
    assert set(map(id, kept)) <= set(map(id, made))
    numbers = sorted({0, 1, *(each + d for each in CONSTANTS for d in (-1, 0, 1)), (1 << 64) - 1})
    for x, y in itertools.product(numbers, repeat=2):
        model = Model({"x": x, "y": y})
        assert model.satisfies(kept) == model.satisfies(made)


def test_a_bound_that_contradicts_is_still_found() -> None:
    solver = Solver(3000)
    assert solver.check([X < 10, X < 20, X >= 15]) is None
    assert solver.extend(Model({"x": 12}), [X < 20, X >= 3], X < 5) is not None
    assert solver.extend(Model({"x": 12}), [X < 20, X >= 3], X < 3) is None
