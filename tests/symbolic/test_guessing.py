# SPDX-License-Identifier: GPL-2.0-only
"""Guesses, against the conditions themselves and against z3."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from premap.symbolic import (
    Bool,
    Condition,
    GuessingSolver,
    Solver,
    Word,
    all_of,
    any_of,
    apply,
    const,
    var,
)
from premap.symbolic.truth import not_

PAGES = var("pages", 52)
PGOFF = var("pgoff", 52)
PROT = var("prot", 3)
SHARED = var("shared", 1)


def _opposite(condition: Condition) -> Condition:
    made: Condition = not_(condition)  # type: ignore[assignment, arg-type]
    return made


def _answered(*conditions: Condition) -> GuessingSolver:
    """Ask for a model that there is; return the solver that gave it."""
    solver = GuessingSolver(1000)
    model = solver.check(conditions)
    assert model is not None
    assert model.satisfies(conditions)
    return solver


class TestEasy:
    @pytest.mark.parametrize(
        "condition",
        [
            PAGES == 7,
            PAGES != 0,
            (PROT & 2) != 0,
            ((PROT >> 1) & 1) == 1,
            PAGES > 1000,
            PAGES + PGOFF == 1 << 40,
            (PAGES << 12) + PGOFF < 100,
            (PGOFF << 12) + (PAGES << 12) - 1 < (PGOFF << 12),
            (PROT | 4) == 7,
            (PROT ^ 5) == 0,
            apply("size", PGOFF) > PAGES,
            any_of(PAGES == 5, PAGES == 6),
            all_of(PAGES == 5, PGOFF == 6, SHARED == 1),
            (((PGOFF & 0x200000) | (PROT & 2)) == 0x200002),
            all_of(((PGOFF & 0x200000) | (PROT & 2)) != 2, (PROT & 2) != 0),
            all_of(PAGES < 64, PAGES + 12 >= 64),
            all_of(PAGES & 0xFFFFFFC0 == 0, (PAGES + 12) & 0xFFFFFFC0 != 0),
        ],
        ids=str,
    )
    def test_z3_is_not_asked(self, condition: Condition) -> None:
        assert _answered(condition).queries == 0

    @pytest.mark.parametrize("answer", [True, False])
    def test_whole_pages_are_compared_with_whole_pages(self, answer: bool) -> None:
        size = (var("bytes", 32) + 0xFFF) & ~0xFFF
        beyond = size - (PAGES << 12) < (PGOFF << 12)
        solver = GuessingSolver(1000)
        asked: list[Condition] = []
        for each in (PAGES == 1, size >= (PAGES << 12), beyond if answer else _opposite(beyond)):
            asked.append(each)
            model = solver.check(asked)
            assert model is not None
            assert model.satisfies(asked)
        assert solver.queries == 0

    def test_a_path_that_grows_goes_on_from_the_last_model(self) -> None:
        solver = GuessingSolver(1000)
        asked: list[Condition] = []
        for condition in (PAGES != 0, PGOFF >= PAGES, (PROT & 2) == 2, SHARED == 0, PGOFF < 3):
            asked.append(condition)
            model = solver.check(asked)
            assert model is not None
            assert model.satisfies(asked)
        assert solver.queries == 0

    def test_a_model_says_nothing_of_what_was_not_asked(self) -> None:
        solver = GuessingSolver(1000)
        solver.check([PAGES == 7])
        found = solver.check([PGOFF == 3])
        assert found is not None
        assert found.variables == {"pgoff": 3}

    def test_what_contradicts_itself_as_written_is_refuted(self) -> None:
        solver = GuessingSolver(1000)
        both = all_of(PAGES < PGOFF, SHARED == 1)
        assert solver.check([_opposite(both), PAGES < PGOFF, SHARED == 1]) is None
        assert solver.check([PAGES < PGOFF, _opposite(PAGES < PGOFF)]) is None
        assert solver.check([(PROT & 3) == 0, PROT == 3]) is None
        assert solver.check([PAGES == 3, PGOFF == 4, PGOFF < PAGES]) is None
        assert solver.queries == 0


class TestHard:
    def test_what_is_not_guessed_is_asked(self) -> None:
        solver = _answered(PAGES * PAGES == 49, PAGES * PGOFF == 77)
        assert solver.queries == 1

    def test_where_there_is_none_z3_says_so(self) -> None:
        solver = GuessingSolver(1000)
        assert solver.check([PAGES > PGOFF, PGOFF > PAGES]) is None
        assert solver.queries == 1


def _word(rng: random.Random, deep: int) -> Word:
    if deep == 0 or rng.random() < 0.2:
        return rng.choice([PAGES, PGOFF, PROT, SHARED, const(rng.choice([0, 1, 2, 4096]))])
    left, right = _word(rng, deep - 1), _word(rng, deep - 1)
    makers = (
        lambda: left + right,
        lambda: left - right,
        lambda: left & right,
        lambda: left | right,
        lambda: left ^ right,
        lambda: left << 12,
        lambda: left >> 3,
        lambda: apply("f", left),
    )
    return rng.choice(makers)()


def _conditions(rng: random.Random) -> Iterator[Condition]:
    for _ in range(rng.randrange(1, 5)):
        left, right = _word(rng, 3), _word(rng, 2)
        made = rng.choice([left < right, left == right, left != right, left <= right])
        yield rng.choice([made, _opposite(made)]) if isinstance(made, Bool) else made


@pytest.mark.parametrize("seed", range(150))
def test_answers_are_those_of_z3(seed: int) -> None:
    rng = random.Random(seed)
    guessing, plain = GuessingSolver(2000), Solver(2000)
    for _ in range(3):
        conditions = list(_conditions(rng))
        found, known = guessing.check(conditions), plain.check(conditions)
        assert (found is None) == (known is None)
        if found is not None:
            assert found.satisfies(conditions)
