# SPDX-License-Identifier: GPL-2.0-only
"""What is said of a merge is what the model then does."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.model.kit import BASE, PAGE, PFN, legacy, plain, prepare, private, shared

from premap.model import (
    VMA_DONTCOPY_BIT,
    AddressSpace,
    VmOperations,
    mmap_action_remap_full,
    vma_desc_set_flags,
)
from premap.model.merge import MergeState
from premap.model.obstacles import merging


class Told:
    """Keeps what is said before the model decides, and what the model did."""

    def __init__(self) -> None:
        self.said: list[list[str]] = []
        self.done: list[str] = []

    def happened(self, event: Any) -> None:
        if event.kind in ("merge", "new_vma"):
            self.done.append(event.kind)

    def may_merge(self, vmg: MergeState) -> None:
        self.said.append(list(merging(vmg)))


def watched(mm: AddressSpace) -> Told:
    told = Told()
    assert mm.log is not None
    mm.log.watcher = told
    return told


def dontcopy(desc: Any) -> None:
    plain(desc)
    vma_desc_set_flags(desc, VMA_DONTCOPY_BIT)


def remapped(desc: Any) -> None:
    mmap_action_remap_full(desc, PFN)


def mapped(file: Any, at: int, off: int, before: Any = None) -> list[str]:
    """Map pages 0 and 1 of a file, then two more; return what is said of the second mapping."""
    mm = AddressSpace()
    shared(mm, before or file)
    with mm.trace():
        told = watched(mm)
        shared(mm, file, at=at, off=off)
    return told.said[-1]


class TestReasons:
    @pytest.mark.parametrize(
        ("at", "off", "said"),
        [
            (2, 2, "merges with the mapping before it"),
            (-2, -2, "merges with the mapping after it"),
            (2, 3, "the page offset does not continue (0x2, then 0x3)"),
            (3, 3, "1 pages lie between them"),
        ],
    )
    def test_where_it_lies(self, at: int, off: int, said: str) -> None:
        file = prepare(plain)
        mm = AddressSpace()
        shared(mm, file, off=4)
        with mm.trace():
            told = watched(mm)
            shared(mm, file, at=at, off=4 + off)
        assert said.replace("0x2", "0x6").replace("0x3", "0x7") in told.said[-1][0]

    def test_flags(self) -> None:
        hooks = [dontcopy, plain]

        def next_hook(desc: Any) -> None:
            hooks.pop()(desc)

        file = prepare(next_hook)
        assert mapped(file, 2, 2)[0].endswith("the flags differ in DONTCOPY")

    def test_special_flags(self) -> None:
        (said,) = mapped(prepare(remapped), 2, 2)
        assert said.endswith("a mapping with PFNMAP|IO|DONTEXPAND never merges")

    def test_another_file(self) -> None:
        (said,) = mapped(prepare(plain), 2, 2, before=prepare(plain))
        assert said.endswith("the files differ")


class TestAgreement:
    @pytest.mark.parametrize("seed", range(6))
    def test_what_is_said_happens(self, seed: int) -> None:
        """A mapping merges just where one of its neighbours is said to merge."""
        chance = random.Random(seed)
        closing = VmOperations(label="closing", close=lambda vma: None)
        files = [
            prepare(plain),
            prepare(dontcopy),
            prepare(remapped),
            prepare(lambda desc: setattr(desc, "vm_ops", closing)),
            legacy(lambda file, vma: 0),
            None,
        ]
        mm = AddressSpace()
        checked = 0
        for _ in range(400):
            map_ = chance.choice((shared, private))
            at = chance.randrange(24)
            file = chance.choice(files[:2] if chance.random() < 0.6 else files)
            pages = chance.randint(1, 3)
            if chance.random() < 0.2:
                mm.munmap(BASE + at * PAGE, pages * PAGE)
                continue
            with mm.trace():
                told = watched(mm)
                map_(mm, file, pages, at, at if file is not None else 0)
            if told.said:
                merges = any(each.startswith("merges") for each in told.said[0])
                assert (told.done[0] == "merge") == merges
                assert not any(each.endswith(": ") for each in told.said[0])
                checked += 1
        assert checked > 200
