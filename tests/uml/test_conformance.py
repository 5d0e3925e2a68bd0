# SPDX-License-Identifier: GPL-2.0-only
"""The model against a 7.3 kernel: 20,000 random steps with devices, always the same."""

from __future__ import annotations

import pytest

from premap.scenario.conform import Kernel, conform, scenario_text, shrunk
from premap.scenario.families import FAMILIES
from premap.uml import UmlBackend

STEPS = 20_000 // len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_agrees(uml: UmlBackend, family: str) -> None:
    kernel = Kernel(uml, (7, 3), devices=True)
    for each in conform(kernel, seed=0, steps=STEPS, families=[family]):
        if each.difference is not None:
            smallest = shrunk(each, kernel)
            pytest.fail(
                f"scenario {each.scenario.seed}, shrunk:\n"
                + scenario_text(smallest.steps, each.scenario.window)
                + "\n".join(smallest.sentences())
            )
        assert each.known is None
