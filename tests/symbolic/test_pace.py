# SPDX-License-Identifier: GPL-2.0-only
"""An exploration that would take far too long is given up early; one that would not is not."""

from __future__ import annotations

import pytest

from premap.symbolic import Explorer, GuessingSolver, OutOfTime, var
from premap.symbolic.pace import HOPELESS, Pace

words = [var(f"w{number}") for number in range(200)]


class Half:
    """A decision at which a path split."""

    split = True


class Certain:
    """A decision that could only be taken one way."""

    split = False


def pending(*depths: int) -> list[list[Half]]:
    """Return how paths begin after which so many others parted."""
    return [[Half()] * depth for depth in depths]


def explorer_of(*, hasty: bool) -> Explorer:
    """Return an explorer that has a tenth of a second."""
    explorer = Explorer(deadline_seconds=0.1, max_paths=1 << 20, solver=GuessingSolver(100))
    explorer.hasty = hasty
    return explorer


def asking(count: int) -> list[bool]:
    """Ask so many independent questions."""
    return [bool(word == 1) for word in words[:count]]


@pytest.mark.parametrize("hasty", [False, True])
def test_what_never_ends_is_given_up_before_its_time(hasty: bool) -> None:
    explorer = explorer_of(hasty=hasty)
    with pytest.raises(OutOfTime) as caught:
        list(explorer.explore(lambda: asking(60)))
    assert str(caught.value) == f"{'far ' if hasty else ''}more than 0.1 seconds of work"
    assert (explorer.effort.spent < 50_000) is hasty


@pytest.mark.parametrize("hasty", [False, True])
def test_what_ends_is_looked_at_whole(hasty: bool) -> None:
    assert len(list(explorer_of(hasty=hasty).explore(lambda: asking(5)))) == 32


def test_the_next_exploration_is_a_new_one() -> None:
    explorer = explorer_of(hasty=True)
    with pytest.raises(OutOfTime):
        list(explorer.explore(lambda: asking(60)))
    assert len(list(explorer.explore(lambda: asking(1)))) == 2


def test_work_for_something_else_is_no_reason_to_give_up() -> None:
    explorer = explorer_of(hasty=True)

    def busy() -> list[bool]:
        if explorer.decided == 0:
            explorer.effort.spent += 10_000_000
            explorer.extend(10_000_000)
        return asking(5)

    assert len(list(explorer.explore(busy))) == 32


class TestOneLook:
    def test_the_first_one_only_remembers(self) -> None:
        pace = Pace(0, 600)
        assert not pace.hopeless(100, pending(1))

    def test_nothing_came_nearer(self) -> None:
        pace = Pace(0, 600)
        pace.hopeless(100, pending(1))
        assert pace.hopeless(200, pending(1))

    def test_half_of_it_came_nearer(self) -> None:
        pace = Pace(0, 600)
        pace.hopeless(100, pending(1))
        assert not pace.hopeless(200, pending(2))

    @pytest.mark.parametrize(("depth", "hopeless"), [(10, False), (11, True)])
    def test_a_hundred_times_the_work_is_too_much(self, depth: int, hopeless: bool) -> None:
        # of 1/2, 2**-depth goes in 100 units: the rest takes 100 * 2**(depth - 1), less 100
        assert (100 * (2 ** (depth - 1) - 1) > HOPELESS * 600) is hopeless
        pace = Pace(0, 600)
        pace.hopeless(100, pending(1))
        left = [[Half()] * each for each in range(2, depth + 1)]
        assert pace.hopeless(200, left) is hopeless

    def test_between_looks_nothing_is_said(self) -> None:
        pace = Pace(1000, 600)
        pace.hopeless(1100, pending(1))
        assert not pace.hopeless(1199, pending(1))
        assert pace.hopeless(1200, pending(1))

    def test_between_looks_the_last_one_holds(self) -> None:
        pace = Pace(0, 600)
        pace.hopeless(100, pending(1))
        assert pace.hopeless(200, pending(1))
        assert pace.hopeless(399, pending(9))
        assert not pace.hopeless(400, pending(9))

    @pytest.mark.parametrize("meanwhile", [0, 5000])
    def test_what_was_done_for_something_else_does_not_count(self, meanwhile: int) -> None:
        pace = Pace(0, 600)
        pace.hopeless(100, pending(1))
        pace.skip(meanwhile)
        left = [[Half()] * each for each in range(2, 11)]
        assert not pace.hopeless(meanwhile + 199, pending(1))
        assert not pace.hopeless(meanwhile + 200, left)

    def test_what_could_not_be_otherwise_halves_nothing(self) -> None:
        pace = Pace(0, 600)
        pace.hopeless(100, [[Half(), Certain()]])
        assert not pace.hopeless(200, [[Half(), Half(), Certain()]])

    def test_without_a_limit_nothing_is_hopeless(self) -> None:
        pace = Pace(0, float("inf"))
        assert not pace.hopeless(10**12, pending(1))
        assert not pace.hopeless(10**13, pending(1))
