# SPDX-License-Identifier: GPL-2.0-only
"""docs/rules.md says what the rules say; frames name functions that the kernel has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.rules import EXPLANATIONS, RULES
from premap.rules.frames import members, table
from premap.rules.reference import markdown
from premap.survey.textfacts import members_of, text_facts

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/rules.md").read_text() == markdown(), "run scripts/rules-doc"


def test_there_are_32_rules() -> None:
    assert list(RULES) == [f"R{number:02}" for number in range(1, 33)]


def test_each_is_explained() -> None:
    assert list(EXPLANATIONS) == list(RULES)


@pytest.mark.parametrize("ops", table())
def test_frames_are_in_the_kernel(ops: str, kernel_tree: Callable[[str], Path]) -> None:
    """The caller exists where the table says, and the operations have such a member."""
    tree = kernel_tree("7.3")
    entry = table()[ops]
    text = (tree / entry["source"]).read_text(errors="replace")
    assert re.search(rf"\b{entry['function']}\(", text)


NOT_FRAMES = {
    "struct dma_map_ops": "what is mapped is among the arguments",
    "struct snd_compr_ops": "nothing calls it",
    "struct snd_compress_ops": "nothing calls it",
    "struct intel_display_bo_interface": "one subsystem's own, between two of its parts",
    "struct rvt_driver_provided": "one subsystem's own, filled in by a library",
    "struct vmbus_channel": "a pointer that the hook of a bin_attribute calls",
}
"""Structures of shared headers that are no frames, and why."""


def test_members_of_headers_are_listed(kernel_tree: Callable[[str], Path]) -> None:
    """What survey finds in the headers that drivers share, the table of frames has."""
    tree = kernel_tree("7.3")
    found = {
        (member.ops, member.name)
        for path in (tree / "include").rglob("*.h")
        if b"mmap" in (text := path.read_bytes())
        for member in members_of(path.name, text_facts(path.name, text) or {"members": []})
    }
    listed = table()
    assert ("struct fb_ops", "fb_mmap") in found
    missing = {
        (ops, name)
        for ops, name in found
        if ops not in NOT_FRAMES
        and not (ops.removeprefix("struct ") in listed and name in members())
    }
    assert missing == set()
