# SPDX-License-Identifier: GPL-2.0-only
"""The model against the kernel that runs these tests: 20,000 random steps, always the same."""

from __future__ import annotations

import pytest

from premap.scenario.conform import Kernel, conform, scenario_text, shrunk
from premap.scenario.families import WITHOUT_DEVICES
from premap.scenario.host import HostBackend, lacking, release
from premap.scenario.known import CHECKED

STEPS = 20_000 // len(WITHOUT_DEVICES)
MOST_LEFT_OUT = 0.15
"""Of the steps: a scenario ends where this kernel is known to differ, at which drills aim."""


@pytest.mark.skipif(
    release() < CHECKED or lacking() is not None,
    reason=lacking() or f"the host's kernel is older than {CHECKED[0]}.{CHECKED[1]}",
)
@pytest.mark.parametrize("family", WITHOUT_DEVICES)
def test_agrees(family: str) -> None:
    backend = HostBackend()
    kernel = Kernel(backend, release(), devices=False)
    compared = left_out = 0
    for each in conform(kernel, seed=0, steps=STEPS, families=[family]):
        compared += each.steps
        left_out += len(each.scenario.steps) - each.steps
        if each.difference is not None:
            smallest = shrunk(each, kernel)
            pytest.fail(
                f"scenario {each.scenario.seed}, shrunk:\n"
                + scenario_text(smallest.steps, each.scenario.window)
                + "\n".join(smallest.sentences())
            )
    backend.close()
    assert left_out < MOST_LEFT_OUT * compared
