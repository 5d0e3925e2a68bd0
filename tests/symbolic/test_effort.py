# SPDX-License-Identifier: GPL-2.0-only
"""Limits are counts of work: they end an exploration at the same place on any machine."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from premap.symbolic import Explorer, OutOfTime, Solver, SolverGaveUp, var
from premap.symbolic.terms import Condition

a, b = var("a"), var("b")
HARD: list[Condition] = [
    a * b == 0x7FFFFFFFFFFFFFE7 * 3,
    a > 3,
    b > 3,
    a < b,
    a * a * b % 1000003 == 77,
]

COUNT = """
from tests.symbolic.test_effort import counted
print(*counted())
"""


def mixed() -> list[bool]:
    """Multiply, so that the solver has something to do."""
    return [bool(a + b > a), bool(a * b == 77), bool(a * a % 1009 < 5), bool(b > 5)]


def counted() -> tuple[int, int]:
    """Return how many paths a program has, and the work of finding that out."""
    explorer = Explorer(patience_ms=4, solver_limit_ms=5)
    return len(list(explorer.explore(mixed))), explorer.effort.spent


def test_the_same_work_counts_the_same_whatever_was_done_before() -> None:
    first = counted()
    Explorer().check([a * b == 12, a > 3])
    assert counted() == first


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_work_counts_the_same_in_every_process(seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", COUNT],
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(map(int, ran.stdout.split())) == counted()


def test_a_limit_ends_an_exploration_at_the_same_place() -> None:
    def seen() -> list[str]:
        explorer, conditions = (
            Explorer(deadline_seconds=0.01, patience_ms=4),
            [],
        )
        with pytest.raises(OutOfTime):
            conditions += [str(path.condition) for path in explorer.explore(mixed)]
        return conditions

    assert seen() == seen()


def test_a_machine_that_is_slow_sees_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    first, began = counted(), time.process_time()
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "process_time", lambda: began + next(ticks))
    assert counted() == first


def test_time_that_no_work_accounts_for_ends_it_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1_000_000, 500))
    monkeypatch.setattr(time, "process_time", lambda: next(ticks))
    with pytest.raises(OutOfTime, match="more time than the work"):
        list(Explorer(deadline_seconds=10).explore(mixed))


def test_a_solver_that_gave_up_answers_the_next_question() -> None:
    solver = Solver()
    with pytest.raises(SolverGaveUp):
        solver.check(HARD, 1)
    assert solver.check([a * 3 == 21, a < 8]) is not None
    assert solver.check([a < 5, a > 7]) is None
    with pytest.raises(SolverGaveUp):
        solver.check(HARD, 1)


def test_a_limit_takes_answers_away_and_changes_none() -> None:
    drawn = random.Random(4)
    parts: list[Condition] = [
        *(a * b % modulus == drawn.randrange(modulus) for modulus in (7, 13, 255, 4093)),
        *(a * a + b == drawn.getrandbits(20) for _ in range(3)),
        *((a ^ b) & mask == drawn.getrandbits(64) & mask for mask in (0xFF, 0xF0F0)),
        *(condition for bound in (3, 1 << 12) for condition in (a < bound, b > bound)),
    ]
    limited, gave_up, answered = Solver(), 0, 0
    for _ in range(30):
        asked = drawn.sample(parts, drawn.randint(1, 4))
        try:
            found = limited.check(asked, drawn.choice((1, 2, 5)))
        except SolverGaveUp:
            gave_up += 1
            continue
        answered += 1
        assert found is None or found.satisfies(asked)
        if found is None:
            with_time = Solver(2000)
            try:
                assert with_time.check(asked) is None
            except SolverGaveUp:
                pytest.fail("what took a little work is too hard alone")
    assert gave_up > 0
    assert answered > 0
