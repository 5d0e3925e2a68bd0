# SPDX-License-Identifier: GPL-2.0-only
"""Comparisons whose solver has no answer in time for some questions about branches."""

from __future__ import annotations

import itertools
import re
import time

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


def test_time_that_runs_out_within_one_run_names_the_line() -> None:
    loop = (
        "\tunsigned long sum = 0, i, j;\n\n\tfor (i = 0; i < 900; i++)\n"
        "\t\tfor (j = 0; j < 900; j++)\n\t\t\tsum += i ^ j;\n\treturn sum ? 0 : -EINVAL;"
    )
    began = time.process_time()
    verdict = verify(old_side(loop), new_side(loop), time_limit=0.3)
    assert verdict.status == "unknown"
    assert verdict.reason is not None
    assert re.match(r"ring\.c:\d+: more than 0\.\d seconds of work", verdict.reason)
    assert time.process_time() - began < 10
