# SPDX-License-Identifier: GPL-2.0-only
"""docs/rules.md says what the rules say; frames name functions that the kernel has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.rules import EXPLANATIONS, RULES
from premap.rules.frames import table
from premap.rules.reference import markdown

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/rules.md").read_text() == markdown(), "run scripts/rules-doc"


def test_there_are_31_rules() -> None:
    assert list(RULES) == [f"R{number:02}" for number in range(1, 32)]


def test_each_is_explained() -> None:
    assert list(EXPLANATIONS) == list(RULES)


@pytest.mark.parametrize("ops", table())
def test_frames_are_in_the_kernel(ops: str, kernel_tree: Callable[[str], Path]) -> None:
    """The caller exists where the table says, and the operations have such a member."""
    tree = kernel_tree("7.3")
    entry = table()[ops]
    text = (tree / entry["source"]).read_text(errors="replace")
    assert re.search(rf"\b{entry['function']}\(", text)
