# SPDX-License-Identifier: GPL-2.0-only
"""The containers of mappings, against a plain list and against a walk over one."""

from __future__ import annotations

import random
from bisect import bisect_right
from typing import Any

import pytest

from premap.model import MAP_FIXED, MAP_PRIVATE, PROT_READ, AddressSpace, ListTree
from premap.model.chunks import ChunkedList
from premap.model.tree import SortedTree

from .kit import BASE, PAGE, RW, fails

LOW, HIGH = 0x100000, 0x100000 + 64 * PAGE


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide chunks early, and turn to them early."""
    monkeypatch.setattr(ChunkedList, "size", 4)
    monkeypatch.setattr(SortedTree, "long", 6)
    monkeypatch.setattr(SortedTree, "long_search", 2)


def change(pick: random.Random, plain: list[int], chunked: ChunkedList[int]) -> None:
    """Do one thing to both."""
    low = pick.randrange(len(plain) + 1)
    high = min(len(plain), low + pick.randrange(9))
    kind = pick.randrange(6)
    if kind < 3:
        plain.insert(low, kind)
        chunked.insert(low, kind)
    elif kind == 3:
        del plain[low:high]
        del chunked[low:high]
    elif kind == 4:
        plain[low:high] = (7, 8)
        chunked[low:high] = (7, 8)
    elif low < len(plain):
        plain[low] = chunked[low] = 99


@pytest.mark.usefixtures("small")
class TestChunkedList:
    @pytest.mark.parametrize("seed", range(20))
    def test_does_what_a_list_does(self, seed: int) -> None:
        pick = random.Random(seed)
        plain: list[int] = []
        chunked: ChunkedList[int] = ChunkedList()
        for _ in range(200):
            change(pick, plain, chunked)
            assert (list(chunked), len(chunked)) == (plain, len(plain))
        assert list(reversed(chunked)) == plain[::-1]
        assert [chunked[i] for i in range(-len(plain), len(plain))] == plain + plain
        assert all(chunked[i:j] == plain[i:j] for i in range(40) for j in range(40))

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 33])
    def test_finds_what_bisect_finds(self, count: int) -> None:
        plain = [i // 2 for i in range(count)]
        chunked = ChunkedList(plain)
        for value in range(-1, count + 1):
            assert chunked.bisect_right(value, int) == bisect_right(plain, value)

    @pytest.mark.parametrize("index", [0, 4, 8, -1])
    def test_single_items_can_be_deleted(self, index: int) -> None:
        plain, chunked = list(range(9)), ChunkedList(range(9))
        del plain[index], chunked[index]
        assert (list(chunked), len(chunked)) == (plain, 8)

    def test_ends_where_it_ends(self) -> None:
        with pytest.raises(IndexError):
            ChunkedList([1])[1]

    @pytest.mark.parametrize("index", [-20, -1, 0, 5, 9, 20])
    @pytest.mark.parametrize("count", [0, 1, 9])
    def test_insertion_beyond_the_ends(self, count: int, index: int) -> None:
        plain, chunked = list(range(count)), ChunkedList(range(count))
        plain.insert(index, 99)
        chunked.insert(index, 99)
        assert list(chunked) == plain

    def test_has_no_steps(self) -> None:
        with pytest.raises(ValueError, match="step"):
            ChunkedList([1])[::2]

    def test_is_empty_when_cleared(self) -> None:
        chunked = ChunkedList(range(9))
        chunked.clear()
        chunked.append(3)
        assert list(chunked) == [3]


@pytest.mark.usefixtures("small")
class TestSearch:
    """What is remembered of earlier searches changes no result."""

    def call(self, mm: AddressSpace, kind: int, at: int, length: int) -> Any:
        try:
            if kind == 0:
                return mm.mmap(at, length, RW, MAP_PRIVATE | MAP_FIXED)
            if kind < 3:
                return mm.mmap(0, length, PROT_READ if length > PAGE else RW, MAP_PRIVATE)
            return mm.munmap(at, length)
        except OSError as error:
            return error.errno

    @pytest.mark.parametrize("seed", range(60))
    def test_the_highest_gap_is_found(self, seed: int) -> None:
        pick = random.Random(seed)
        fast = AddressSpace(window=(LOW, HIGH))
        slow = AddressSpace(window=(LOW, HIGH), tree=ListTree)
        for _ in range(120):
            kind, length = pick.randrange(4), PAGE * pick.choice([1, 1, 2, 3, 5])
            at = LOW + PAGE * pick.randrange(-2, 66)
            assert self.call(fast, kind, at, length) == self.call(slow, kind, at, length)
            assert fast.maps() == slow.maps()

    def test_a_gap_that_appears_is_used(self) -> None:
        mm = AddressSpace(window=(LOW, HIGH))
        for i in range(32):
            mm.mmap(0, PAGE, PROT_READ if i % 2 else RW, MAP_PRIVATE)
        mm.munmap(HIGH - 3 * PAGE, PAGE)
        assert mm.mmap(0, PAGE, RW, MAP_PRIVATE) == HIGH - 3 * PAGE

    def test_a_search_begins_where_a_long_one_found_a_gap(self) -> None:
        mm = AddressSpace(window=(LOW, HIGH))
        for i in range(8):
            mm.mmap(0, PAGE, PROT_READ if i % 2 else RW, MAP_PRIVATE)
        position, top = mm.tree.search_from(PAGE, HIGH)
        assert HIGH - 8 * PAGE < top < HIGH
        assert position == sum(vma.vm_start < top for vma in mm.vmas())

    def test_a_full_window_stays_full(self) -> None:
        mm = AddressSpace(window=(LOW, HIGH))
        mm.mmap(LOW, HIGH - LOW, RW, MAP_PRIVATE | MAP_FIXED)
        for _ in range(2):
            with fails(12):
                mm.mmap(0, PAGE, RW, MAP_PRIVATE)


class TestManyMappings:
    def test_a_long_list_is_held_in_chunks(self) -> None:
        mm = AddressSpace()
        for i in range(SortedTree.long + 2):
            mm.mmap(BASE + 2 * i * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED)
        assert isinstance(mm.tree.vmas, ChunkedList)
        assert mm.find_vma(BASE + 2 * SortedTree.long * PAGE) is mm.vmas()[SortedTree.long]
