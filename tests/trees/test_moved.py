# SPDX-License-Identifier: GPL-2.0-only
"""What moved between two releases: the conversions that upstream made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premap.survey import compare
from premap.survey.compare import Moved

Trees = Callable[[str], Path]
Surveyed = Callable[[str], dict[str, Any]]


@pytest.fixture
def moved(kernel_tree: Trees, surveyed_tree: Surveyed) -> list[Moved]:
    return compare(surveyed_tree("6.12")["handlers"], surveyed_tree("7.3")["handlers"])


@pytest.mark.parametrize(
    ("file", "handler", "was"),
    [
        ("fs/ext4/file.c", "ext4_file_mmap_prepare", "ext4_file_mmap"),
        ("drivers/char/mem.c", "mmap_mem_prepare", "mmap_mem"),
        ("drivers/hv/vmbus_drv.c", "hv_mmap_prepare_ring_buffer", "hv_mmap_ring_buffer"),
        ("fs/resctrl/pseudo_lock.c", "pseudo_lock_dev_mmap_prepare", "pseudo_lock_dev_mmap"),
    ],
)
def test_conversions_by_upstream(moved: list[Moved], file: str, handler: str, was: str) -> None:
    """By upstream's own history; the last file came from arch/x86."""
    found = [
        (m.how, m.old and m.old["handler"])
        for m in moved
        if m.new and (m.new["file"], m.new["handler"]) == (file, handler)
    ]
    assert found == [("converted", was)]


def test_every_new_hook_is_told(
    moved: list[Moved], kernel_tree: Trees, surveyed_tree: Surveyed
) -> None:
    """What 6.12 had is converted; only what it had not is new."""
    hooks = [s for s in surveyed_tree("7.3")["handlers"] if s["hook"] == "mmap_prepare"]
    told = [m for m in moved if m.new and m.new["hook"] == "mmap_prepare"]
    assert len(told) == len(hooks) > 55
    for each in told:
        if each.how == "new" and each.new:
            old = kernel_tree("6.12") / each.new["file"]
            assert not old.exists() or str(each.new["table"]) not in old.read_text("latin-1")


def test_nothing_went_back(moved: list[Moved]) -> None:
    assert not [m for m in moved if m.how == "reverted"]
