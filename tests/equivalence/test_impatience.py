# SPDX-License-Identifier: GPL-2.0-only
"""Comparisons whose solver has no answer in time for some questions about branches."""

from __future__ import annotations

import itertools

import pytest
from tests.equivalence.kit import new_side, old_side

from premap.equivalence.comparison import verify
from premap.symbolic import Explorer, SolverGaveUp

OLD = "\tif (vma->vm_pgoff > 7)\n\t\treturn -EINVAL;\n\tvma->vm_ops = &ring_vm_ops;\n\treturn 0;"
NEW = OLD.replace("vma->vm_", "desc->")
NEW = NEW.replace("desc->ops", "desc->vm_ops")


@pytest.mark.parametrize("every", [3, 4, 5, 7])
def test_paths_that_no_input_takes_make_no_difference(
    every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, possible = itertools.count(1), Explorer.possible

    def impatient(explorer: Explorer, condition: object) -> bool:
        if next(asked) % every == 0:
            raise SolverGaveUp("out of patience")
        return possible(explorer, condition)  # type: ignore[arg-type]

    monkeypatch.setattr(Explorer, "possible", impatient)
    verdict = verify(old_side(OLD), new_side(NEW), time_limit=10)
    assert verdict.status in {"equivalent", "equivalent-except", "unknown"}, verdict
