# SPDX-License-Identifier: GPL-2.0-only
"""A changed mapping joins its neighbours: see the table in test_vma_situations.py."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest

from premap.model import (
    PROT_READ,
    VM_WRITE,
    AddressSpace,
)
from premap.model.merge import MergeState, vma_expand

from .kit import BASE, PAGE, consistent, fails, layout
from .situations import CLOSING, ENOMEM, STICKY, at, change, fill, offsets, parts, write


@pytest.mark.parametrize("sticky", list(product([0, STICKY], repeat=2)), ids=str)
class TestMergeExistingNext:
    """Part of a mapping, or all of it, joins the one after it."""

    def ready(self, sticky: tuple[int, int]) -> tuple[AddressSpace, Any, Any]:
        mm = AddressSpace()
        middle, following = parts(mm, 6, 3)
        write(mm, 5)
        following.vm_ops = CLOSING
        middle.vm_flags |= sticky[0]
        following.vm_flags |= sticky[1]
        return mm, middle, following

    def test_part(self, sticky: tuple[int, int]) -> None:
        mm, middle, following = self.ready(sticky)
        anon_vma = middle.anon_vma
        change(mm, 3, 3, PROT_READ)
        assert layout(mm) == [(0, 3), (3, 6)]
        assert (at(mm, 3), offsets(following)) == (following, (3, 3))
        assert (at(mm, 0), offsets(middle)) == (middle, (0, 0))
        assert following.anon_vma is anon_vma
        assert following.vm_flags & STICKY == sticky[0] | sticky[1]
        assert mm.page_at(BASE + 5 * PAGE) is not None

    def test_all(self, sticky: tuple[int, int]) -> None:
        mm, middle, following = self.ready(sticky)
        anon_vma = middle.anon_vma
        change(mm, 0, 6, PROT_READ)
        assert (layout(mm), mm.vmas()) == ([(0, 9)], [following])
        assert offsets(following) == (0, 0)
        assert following.anon_vma is anon_vma
        assert following.vm_flags & STICKY == sticky[0] | sticky[1]
        assert consistent(mm)


@pytest.mark.parametrize("sticky", list(product([0, STICKY], repeat=2)), ids=str)
class TestMergeExistingPrev:
    """Part of a mapping, or all of it, joins the one before it."""

    def ready(self, sticky: tuple[int, int]) -> tuple[AddressSpace, Any, Any]:
        mm = AddressSpace()
        fill(mm, 0, 7)
        write(mm, 4)
        change(mm, 3, 4, PROT_READ)
        prev, middle = mm.vmas()
        prev.anon_vma = None
        prev.anon_chain = ()
        prev.vm_ops = CLOSING
        prev.vm_flags |= sticky[0]
        middle.vm_flags |= sticky[1]
        return mm, prev, middle

    def test_part(self, sticky: tuple[int, int]) -> None:
        mm, prev, middle = self.ready(sticky)
        change(mm, 3, 3)
        assert layout(mm) == [(0, 6), (6, 1)]
        assert (at(mm, 3), offsets(prev)) == (prev, (0, 0))
        assert (at(mm, 6), offsets(middle)) == (middle, (6, 6))
        assert prev.anon_vma is middle.anon_vma
        assert prev.vm_flags & STICKY == sticky[0] | sticky[1]
        assert mm.page_at(BASE + 4 * PAGE) is not None

    def test_all(self, sticky: tuple[int, int]) -> None:
        mm, prev, middle = self.ready(sticky)
        anon_vma = middle.anon_vma
        change(mm, 3, 4)
        assert (layout(mm), mm.vmas(), offsets(prev)) == ([(0, 7)], [prev], (0, 0))
        assert prev.anon_vma is anon_vma
        assert prev.vm_flags & STICKY == sticky[0] | sticky[1]


class TestMergeExistingBoth:
    @pytest.mark.parametrize("sticky", list(product([0, STICKY], repeat=3)), ids=str)
    def test_three_become_one(self, sticky: tuple[int, int, int]) -> None:
        mm = AddressSpace()
        prev, middle, following = parts(mm, 3, 4, 2)
        write(mm, 8)
        anon_vma = following.anon_vma
        prev.vm_ops = CLOSING
        for vma, flag in zip((prev, middle, following), sticky, strict=True):
            vma.vm_flags |= flag
        change(mm, 3, 4)
        assert (layout(mm), mm.vmas(), offsets(prev)) == ([(0, 9)], [prev], (0, 0))
        assert prev.anon_vma is anon_vma
        assert prev.vm_flags & STICKY == sticky[0] | sticky[1] | sticky[2]
        assert mm.page_at(BASE + 8 * PAGE) is not None


class TestMergeExistingInside:
    @pytest.mark.parametrize(("low", "high"), list(combinations(range(4, 8), 2)))
    def test_a_range_that_touches_neither_end_joins_nothing(self, low: int, high: int) -> None:
        mm = AddressSpace()
        parts(mm, 3, 5, 3)
        change(mm, low, high - low)
        expected = [(0, 3), (3, low - 3), (low, high - low), (high, 8 - high), (8, 3)]
        assert layout(mm) == expected


class TestAnonVmaNonMergeable:
    """Where the neighbours' pages are filed apart, only the first is joined."""

    def test_a_changed_mapping(self) -> None:
        mm = AddressSpace()
        prev, _, following = parts(mm, 3, 4, 2)
        write(mm, 0, 8)
        assert prev.anon_vma is not following.anon_vma
        change(mm, 3, 4)
        assert (layout(mm), at(mm, 3)) == ([(0, 7), (7, 2)], prev)
        assert offsets(prev) == (0, 0)

    def test_a_new_mapping(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        fill(mm, 7, 2)
        write(mm, 0, 8)
        prev = at(mm, 0)
        fill(mm, 3, 4)
        assert (layout(mm), at(mm, 3)) == ([(0, 7), (7, 2)], prev)
        assert offsets(prev) == (0, 0)


class TestDupAnonVma:
    """Whoever grows has the anonymous pages of what it swallows."""

    def test_expansion_over_the_next(self) -> None:
        mm = AddressSpace()
        prev, following = parts(mm, 3, 2)
        following.vm_flags |= VM_WRITE
        write(mm, 4)
        anon_vma = following.anon_vma
        vmg = MergeState(
            BASE, BASE + 5 * PAGE, prev.vm_flags, prev.vm_pgoff, prev.anon_pgoff, None, 1
        )
        vmg.next = following
        assert vma_expand(mm, vmg, prev, remove_next=True) == 0
        assert (prev.anon_vma, layout(mm)) == (anon_vma, [(0, 5)])

    @pytest.mark.parametrize("owner", ["middle", "next"])
    def test_three_become_one(self, owner: str) -> None:
        mm = AddressSpace()
        fill(mm, 0, 8)
        write(mm, 3 if owner == "middle" else 6)
        change(mm, 3, 2, PROT_READ)
        for vma in mm.vmas():
            if mm.page_at(vma.vm_start) is None and not vma.ptes:
                vma.anon_vma, vma.anon_chain = None, ()
        prev, middle, following = mm.vmas()
        anon_vma = (middle if owner == "middle" else following).anon_vma
        assert (prev.anon_vma, anon_vma is None) == (None, False)
        change(mm, 3, 2)
        assert (layout(mm), prev.anon_vma) == ([(0, 8)], anon_vma)

    def test_the_one_before_takes_part(self) -> None:
        mm = AddressSpace()
        prev, middle = parts(mm, 3, 5)
        middle.vm_flags |= VM_WRITE
        write(mm, 7)
        middle.vm_flags ^= VM_WRITE
        change(mm, 3, 2)
        assert (layout(mm), prev.anon_vma) == ([(0, 5), (5, 3)], middle.anon_vma)
        assert prev.anon_vma is not None

    def test_the_one_after_takes_part(self) -> None:
        mm = AddressSpace()
        middle, following = parts(mm, 5, 3)
        write(mm, 0)
        change(mm, 3, 2, PROT_READ)
        assert (layout(mm), following.anon_vma) == ([(0, 3), (3, 5)], middle.anon_vma)
        assert following.anon_vma is not None


class TestPreallocFail:
    """Memory for the tree runs out after the anonymous pages were shared: that is undone."""

    def test_of_a_changed_mapping(self) -> None:
        mm = AddressSpace()
        prev, middle = parts(mm, 3, 2)
        middle.vm_flags |= VM_WRITE
        write(mm, 3)
        middle.vm_flags ^= VM_WRITE
        anon_vma: Any = middle.anon_vma
        mm.inject("vma_merge", ENOMEM)
        with fails(ENOMEM):
            change(mm, 3, 2)
        assert (layout(mm), prev.anon_vma) == ([(0, 3), (3, 2)], None)
        assert (anon_vma.links, anon_vma.num_active_vmas) == (1, 1)
        assert not middle.vm_flags & VM_WRITE

    def test_of_an_expansion(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        fill(mm, 5, 1)
        write(mm, 5)
        anon_vma: Any = at(mm, 5).anon_vma
        mm.inject("vma_merge", ENOMEM)
        fill(mm, 3, 2)
        assert layout(mm) == [(0, 3), (3, 2), (5, 1)]
        assert at(mm, 0).anon_vma is None
        assert (anon_vma.links, anon_vma.num_active_vmas) == (1, 1)
