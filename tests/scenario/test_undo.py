# SPDX-License-Identifier: GPL-2.0-only
"""Steps that take another back leave the mappings as they were."""

from __future__ import annotations

from typing import Any

import pytest

from premap.scenario.aim import Layout
from premap.scenario.families import WINDOW
from premap.scenario.outcome import outcomes
from premap.scenario.replay import model_backend
from premap.scenario.undo import undoing

LOW, PAGE = WINDOW[0], 4096
FILE = {"op": "file", "name": "f0", "size": 8 * PAGE, "mode": "rw"}
MAPPED = {
    "op": "mmap", "file": "f0", "addr": LOW, "len": 6 * PAGE, "prot": "rx",
    "flags": ["SHARED", "FIXED"], "offset": 2 * PAGE,
}  # fmt: skip


def on(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "addr": LOW + PAGE, "len": 2 * PAGE, **more}


MOVE = {"flags": ["MAYMOVE", "FIXED"], "new_addr": LOW + 20 * PAGE}


@pytest.mark.parametrize(
    "step",
    [
        on("mprotect", prot="r"),
        on("munmap"),
        on("mlock"),
        on("madvise", advice="DONTFORK"),
        on("madvise", advice="SEQUENTIAL"),
        on("mremap", new_len=2 * PAGE, **MOVE),
    ],
    ids=lambda step: str(step["op"]),
)
def test_mappings_are_as_before(step: dict[str, Any]) -> None:
    before = outcomes([FILE, MAPPED], WINDOW, model_backend())[-1]["vmas"]
    back = undoing(step, Layout(WINDOW, before))
    assert back is not None
    changed, restored = outcomes([FILE, MAPPED, step, back], WINDOW, model_backend())[2:]
    assert changed["vmas"] != before
    assert restored["vmas"] == before


@pytest.mark.parametrize("step", [on("peek"), on("madvise", advice="DONTNEED"), {"op": "fork"}])
def test_nothing_to_take_back(step: dict[str, Any]) -> None:
    assert undoing(step, Layout(WINDOW, [])) is None
