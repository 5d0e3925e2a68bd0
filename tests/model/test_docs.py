# SPDX-License-Identifier: GPL-2.0-only
"""The examples of docs/model.md and docs/mmap-path.md run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str) -> list[str]:
    """Return the Python in a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


PREAMBLE, *SURPRISES = examples("mmap-path.md")


class TestModel:
    @pytest.mark.parametrize("example", examples("model.md"), ids=lambda _: "")
    def test_example(self, example: str) -> None:
        exec(compile(example, "model.md", "exec"), {})


class TestMmapPath:
    @pytest.mark.parametrize("example", SURPRISES, ids=lambda _: "")
    def test_example(self, example: str) -> None:
        exec(compile(PREAMBLE + example, "mmap-path.md", "exec"), {})

    def test_no_surprise_is_missing(self) -> None:
        text = (DOCS / "mmap-path.md").read_text(encoding="utf-8")
        assert {int(number) for number in re.findall(r"\*\*(\d+)\. ", text)} == set(range(1, 27))
