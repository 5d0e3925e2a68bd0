# SPDX-License-Identifier: GPL-2.0-only
"""Runs on plain numbers where there is no proof: how long they may take."""

from __future__ import annotations

from tests.equivalence.kit import old_side

from premap.equivalence.concrete import VAIN_SHARE, look_for_difference
from premap.symbolic.effort import SECOND, Effort

ENDLESS = "\tunsigned long i = 1;\n\n\twhile (i)\n\t\ti |= vma->vm_start;\n\treturn 0;"
SHORT = "\treturn vma->vm_pgoff > 1 ? -EINVAL : 0;"


def tried(body: str) -> tuple[int, int]:
    """Return how many runs were made in a fifth of a second, and the work of them."""
    effort = Effort()
    found, runs = look_for_difference(old_side(body), old_side(body), effort, SECOND / 5)
    assert found is None
    return runs, effort.spent


def test_a_run_without_an_end_does_not_take_all_the_time() -> None:
    runs, spent = tried(ENDLESS)
    assert runs == 0
    assert spent < SECOND / 10


def test_runs_that_can_be_made_may_take_all_of_it() -> None:
    runs, spent = tried(SHORT)
    assert runs > 20
    assert spent > VAIN_SHARE * SECOND / 5
