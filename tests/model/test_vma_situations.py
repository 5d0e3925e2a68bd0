# SPDX-License-Identifier: GPL-2.0-only
"""The situations of the kernel's own tests of its VMA code, told again on the model.

tools/testing/vma of 7.3 has 26 tests (a 27th is built where flags need more than 64 bits). Here is
the same situation for each, brought about by system calls where there are some; merges of changed
mappings are in test_vma_merge_existing.py, flags in test_vma_flags.py. That writes are announced to
a VMA's lock is not restated: the model has no concurrency.

| kernel test              | restated in                   | through                              |
|--------------------------|-------------------------------|--------------------------------------|
| simple_merge             | TestSimpleMerge               | mmap() into a hole of one page       |
| simple_modify            | TestSimpleModify              | vma_modify_flags(), mprotect()       |
| simple_expand            | TestSimpleExpand              | vma_expand(), mremap()               |
| simple_shrink            | TestSimpleShrink              | vma_shrink(), mremap()               |
| merge_new                | TestMergeNew                  | mmap(), with any of them sticky      |
| vma_merge_special_flags  | TestSpecialFlags              | mmap_region(), mprotect()            |
| vma_merge_with_close     | TestWithClose                 | mmap(), mprotect()                   |
| vma_merge_new_with_close | TestNewWithClose              | mmap()                               |
| merge_existing           | TestMergeExisting… (four)     | mprotect(), with any of them sticky  |
| anon_vma_non_mergeable   | TestAnonVmaNonMergeable       | mprotect(), mmap()                   |
| dup_anon_vma             | TestDupAnonVma                | vma_expand(), mprotect()             |
| vmi_prealloc_fail        | TestPreallocFail              | mprotect(), mmap(); failures         |
| merge_extend             | TestMergeExtend               | mremap()                             |
| expand_only_mode         | TestExpandOnly                | brk()                                |
| mmap_region_basic        | TestMmapRegionBasic           | mmap_region()                        |
| copy_vma                 | TestCopyVma                   | mremap()                             |
| vma_flags_unchanged      | TestFlagsUnchanged            | flags, VMAs and descriptors, as in   |
| vma_flags_cleared        | TestFlagsCleared              | all that follow                      |
| vma_flags_test           | TestFlagsTest                 |                                      |
| vma_flags_test_any       | TestFlagsTestAny              |                                      |
| vma_flags_clear          | TestFlagsClear                |                                      |
| vma_flags_empty          | TestFlagsEmpty                |                                      |
| vma_flags_diff           | TestFlagsDiff                 |                                      |
| vma_flags_and            | TestFlagsAnd                  |                                      |
| append_vma_flags         | TestAppendFlags               |                                      |
| vma_flags_count          | TestFlagsCount                |                                      |
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from premap.model import (
    MAP_PRIVATE,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    VM_DONTEXPAND,
    VM_IO,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_READ,
    VM_WRITE,
    AddressSpace,
    VmAreaStruct,
    bits,
)
from premap.model.brk import do_brk_flags
from premap.model.merge import MergeState, vma_expand
from premap.model.modify import vma_modify_flags, vma_shrink

from .kit import BASE, PAGE, RW, consistent, fails, layout
from .situations import CLOSING, ENOMEM, SPECIAL, STICKY, at, change, fill, offsets, parts, write


class TestSimpleMerge:
    def test_a_hole_filled_makes_one(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        fill(mm, 2, 1)
        flags = at(mm, 0).vm_flags
        fill(mm, 1, 1)
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 3)], (0, 0))
        assert at(mm, 0).vm_flags == flags


class TestSimpleModify:
    def test_the_middle_keeps_the_identity(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        before = at(mm, 0)
        err, vma, _ = vma_modify_flags(
            mm, 0, BASE + PAGE, BASE + 2 * PAGE, before.vm_flags ^ VM_WRITE
        )
        assert (err, vma) == (0, before)
        assert at(mm, 1) is before

    def test_three_are_left(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        change(mm, 1, 1, PROT_READ)
        assert layout(mm) == [(0, 1), (1, 1), (2, 1)]
        assert [offsets(vma) for vma in mm.vmas()] == [(0, 0), (1, 1), (2, 2)]


class TestSimpleExpand:
    def test_a_mapping_grows_over_free_space(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        vma = at(mm, 0)
        assert vma_expand(mm, self.state(vma, 3), vma, remove_next=False) == 0
        assert (layout(mm), offsets(vma)) == ([(0, 3)], (0, 0))

    def test_mremap_in_place(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        assert mm.mremap(BASE, PAGE, 3 * PAGE) == BASE
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 3)], (0, 0))
        assert consistent(mm)

    def state(self, vma: VmAreaStruct, pages: int) -> MergeState:
        end = vma.vm_start + pages * PAGE
        return MergeState(
            vma.vm_start, end, vma.vm_flags, vma.vm_pgoff, vma.anon_pgoff, vma.vm_file, 1
        )


class TestSimpleShrink:
    def test_the_end_goes(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        assert vma_shrink(mm, at(mm, 0), BASE + PAGE) == 0
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 1)], (0, 0))

    def test_what_is_left_free_is_found(self) -> None:
        mm = AddressSpace(window=(BASE, BASE + 200 * PAGE))
        for page in range(0, 200, 2):
            fill(mm, page, 2)
            mm.mprotect(BASE + page * PAGE, 2 * PAGE, page % 4 // 2)
        with fails(ENOMEM):
            mm.mmap(0, PAGE, PROT_READ, MAP_PRIVATE)
        vma_shrink(mm, at(mm, 4), BASE + 5 * PAGE)
        assert mm.mmap(0, PAGE, PROT_READ, MAP_PRIVATE) == BASE + 5 * PAGE

    def test_without_memory_nothing_changes(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        mm.inject("vma_tree", ENOMEM)
        assert vma_shrink(mm, at(mm, 0), BASE + PAGE) == -ENOMEM
        assert layout(mm) == [(0, 3)]

    def test_mremap_to_less(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        assert mm.mremap(BASE, 3 * PAGE, PAGE) == BASE
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 1)], (0, 0))
        assert consistent(mm)


class TestMergeNew:
    """Mappings A at 0, B at 3, C at 11, D at 7; then each gap between them is filled in turn.

    Sticky flags neither prevent a merge nor are they lost by one.
    """

    @pytest.mark.parametrize("sticky", list(product([False, True], repeat=3)), ids=str)
    def test_every_gap_closes(self, sticky: tuple[bool, bool, bool]) -> None:
        mm = AddressSpace()
        for page, pages in ((0, 2), (3, 1), (11, 1)):
            fill(mm, page, pages)
        for vma, is_sticky in zip(mm.vmas(), sticky, strict=True):
            vma.vm_flags |= STICKY if is_sticky else 0
        a, b, c = mm.vmas()
        fill(mm, 7, 2)
        d = at(mm, 7)
        assert layout(mm) == [(0, 2), (3, 1), (7, 2), (11, 1)]
        self.close_first_gap(mm, a, b, sticky)
        self.extend_both_ways(mm, a, d)
        self.close_last_gaps(mm, a, c, sticky)
        assert consistent(mm)

    def close_first_gap(self, mm: AddressSpace, a: Any, b: Any, sticky: Any) -> None:
        write(mm, 3)
        anon_vma = b.anon_vma
        a.vm_ops = CLOSING  # that of the one that stays does not matter
        fill(mm, 2, 1)
        assert (at(mm, 3), layout(mm)[0]) == (a, (0, 4))
        assert (a.anon_vma, offsets(a)) == (anon_vma, (0, 0))
        assert bool(a.vm_flags & STICKY) == (sticky[0] or sticky[1])

    def extend_both_ways(self, mm: AddressSpace, a: Any, d: Any) -> None:
        fill(mm, 4, 1)
        assert (at(mm, 4), layout(mm)[0]) == (a, (0, 5))
        d.anon_vma = None
        d.vm_ops = CLOSING
        fill(mm, 6, 1)
        assert (at(mm, 6), layout(mm)[1]) == (d, (6, 3))
        assert offsets(d) == (6, 6)
        d.vm_ops = None
        fill(mm, 5, 1)
        assert (at(mm, 8), layout(mm)) == (a, [(0, 9), (11, 1)])

    def close_last_gaps(self, mm: AddressSpace, a: Any, c: Any, sticky: Any) -> None:
        fill(mm, 10, 1)
        assert (at(mm, 10), layout(mm)[1], offsets(c)) == (c, (10, 2), (10, 10))
        assert bool(c.vm_flags & STICKY) == sticky[2]
        fill(mm, 9, 1)
        assert (at(mm, 11), layout(mm), mm.map_count) == (a, [(0, 12)], 1)
        assert bool(a.vm_flags & STICKY) == any(sticky)
        assert offsets(a) == (0, 0)

    @pytest.mark.parametrize("old", [0, STICKY])
    def test_a_new_range_that_is_sticky(self, old: int) -> None:
        mm = AddressSpace()
        flags = VM_READ | VM_MAYREAD | VM_MAYWRITE
        mm.mmap_region(None, BASE, PAGE, flags | old, BASE // PAGE)
        mm.mmap_region(None, BASE + PAGE, PAGE, flags | STICKY, BASE // PAGE + 1)
        assert layout(mm) == [(0, 2)]
        assert at(mm, 0).vm_flags & STICKY == STICKY


class TestSpecialFlags:
    def test_there_are_four(self) -> None:
        assert bits.VM_SPECIAL == VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP

    @pytest.mark.parametrize("flag", SPECIAL)
    def test_new_ones_do_not_merge(self, flag: int) -> None:
        mm = AddressSpace()
        flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | flag
        mm.mmap_region(None, BASE, 3 * PAGE, flags, BASE // PAGE)
        mm.mmap_region(None, BASE + 3 * PAGE, PAGE, flags, BASE // PAGE + 3)
        assert layout(mm) == [(0, 3), (3, 1)]

    @pytest.mark.parametrize("flag", SPECIAL)
    def test_changed_ones_do_not_merge(self, flag: int) -> None:
        mm = AddressSpace()
        first, second = parts(mm, 3, 1)
        for vma in (first, second):
            vma.vm_flags |= flag
        change(mm, 3, 1)
        assert layout(mm) == [(0, 3), (3, 1)]
        assert at(mm, 3).vm_flags & VM_WRITE


class TestWithClose:
    """A mapping that has ->close can't vanish in a merge."""

    def test_a_new_range_leaves_the_next_one(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        fill(mm, 5, 4)
        at(mm, 5).vm_ops = CLOSING
        first = at(mm, 0)
        fill(mm, 3, 2)
        assert (layout(mm), at(mm, 4), offsets(first)) == ([(0, 5), (5, 4)], first, (0, 0))

    @pytest.mark.parametrize(("sizes", "changed"), [((3, 2), 3), ((3, 2, 4), 3)])
    def test_the_changed_one_stays(self, sizes: tuple[int, ...], changed: int) -> None:
        mm = AddressSpace()
        parts(mm, *sizes)
        at(mm, changed).vm_ops = CLOSING
        change(mm, changed, 2)
        assert len(layout(mm)) == len(sizes)
        assert [vma.vm_flags & VM_WRITE for vma in mm.vmas()] == [VM_WRITE] * len(sizes)

    def test_the_changed_one_stays_before_another(self) -> None:
        mm = AddressSpace()
        parts(mm, 2, 4)
        at(mm, 0).vm_ops = CLOSING
        change(mm, 0, 2, PROT_READ)
        assert layout(mm) == [(0, 2), (2, 4)]

    def test_of_both_sides_only_the_first_is_joined(self) -> None:
        mm = AddressSpace()
        first, _, _ = parts(mm, 3, 2, 4)
        at(mm, 5).vm_ops = CLOSING
        change(mm, 3, 2)
        assert (layout(mm), at(mm, 4), offsets(first)) == ([(0, 5), (5, 4)], first, (0, 0))
        assert consistent(mm)


class TestNewWithClose:
    def test_the_one_before_grows_up_to_the_next(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 2)
        fill(mm, 5, 2)
        for vma in mm.vmas():
            vma.vm_ops = CLOSING
        fill(mm, 2, 3)
        assert (layout(mm), mm.map_count) == ([(0, 5), (5, 2)], 2)
        assert (at(mm, 4).vm_ops, offsets(at(mm, 0))) == (CLOSING, (0, 0))


class TestMergeExtend:
    def test_the_extension_meets_the_next(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        fill(mm, 3, 1)
        vma = at(mm, 0)
        mm.mremap(BASE, PAGE, 3 * PAGE)
        assert (layout(mm), mm.vmas(), offsets(vma)) == ([(0, 4)], [vma], (0, 0))
        assert consistent(mm)


class TestExpandOnly:
    """The data segment grows at its end only: what follows is not joined."""

    def test_the_one_before_grows(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE + 3 * PAGE
        fill(mm, 0, 2)
        mm.brk(BASE + 5 * PAGE)
        data = at(mm, 3)
        mm.brk(BASE + 9 * PAGE)
        assert (layout(mm), at(mm, 8), offsets(data)) == ([(0, 2), (3, 6)], data, (3, 3))

    def test_the_one_after_stays(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE + 3 * PAGE
        mm.brk(BASE + 5 * PAGE)
        mm.mmap_region(None, BASE + 9 * PAGE, PAGE, at(mm, 3).vm_flags, BASE // PAGE + 9)
        assert do_brk_flags(mm, BASE + 5 * PAGE, 4 * PAGE) == 0
        assert layout(mm) == [(3, 6), (9, 1)]

    def test_brk_keeps_a_page_free_before_what_follows(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE + 3 * PAGE
        fill(mm, 9, 1)
        assert mm.brk(BASE + 9 * PAGE) == BASE + 3 * PAGE
        assert mm.brk(BASE + 8 * PAGE) == BASE + 8 * PAGE

    def test_what_ends_where_the_heap_begins_is_not_it(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 3 * PAGE, RW, MAP_PRIVATE)
        mm.start_brk = mm.brk_end = BASE + 3 * PAGE
        mm.brk(BASE + 5 * PAGE)
        mm.brk(BASE + 6 * PAGE)
        assert layout(mm) == [(0, 3), (3, 3)]


class TestMmapRegionBasic:
    def test_two_pairs_that_merge(self) -> None:
        mm = AddressSpace()
        flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE
        for address in (0x300000, 0x250000, 0x303000, 0x24D000):
            assert mm.mmap_region(None, address, 0x3000, flags, address >> 12) == 0
        assert [(v.vm_start, v.vm_end, v.vm_pgoff) for v in mm.vmas()] == [
            (0x24D000, 0x253000, 0x24D),
            (0x300000, 0x306000, 0x300),
        ]
        assert mm.map_count == 2


class TestCopyVma:
    """The copy that a move makes may merge, with the very mapping that moves too.

    With MREMAP_DONTUNMAP the source would have to stay: then it does not.
    """

    def move(self, mm: AddressSpace, page: int, to: int, pages: int = 1, more: int = 0) -> None:
        flags = MREMAP_MAYMOVE | MREMAP_FIXED | more
        mm.mremap(BASE + page * PAGE, pages * PAGE, pages * PAGE, flags, BASE + to * PAGE)

    @pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
    def test_next_to_itself(self, source: int, target: int) -> None:
        mm = AddressSpace()
        fill(mm, source, 1)
        with mm.trace() as events:
            self.move(mm, source, target)
        merged = [event for event in events if event.kind == "merge"]
        assert [(e.start, e.end) for e in merged] == [(BASE + PAGE, BASE + 3 * PAGE)]
        assert (layout(mm), consistent(mm)) == ([(target, 1)], True)

    @pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
    def test_next_to_a_source_that_stays(self, source: int, target: int) -> None:
        mm = AddressSpace()
        fill(mm, source, 1)
        self.move(mm, source, target, more=MREMAP_DONTUNMAP)
        assert (layout(mm), consistent(mm)) == ([(1, 1), (2, 1)], True)

    def test_between_another_and_itself(self) -> None:
        mm = AddressSpace()
        fill(mm, 1, 1)
        fill(mm, 3, 1)
        other = at(mm, 1)
        with mm.trace() as events:
            self.move(mm, 3, 2)
        merged = [event for event in events if event.kind == "merge"]
        assert [(e.target, e.start, e.end) for e in merged] == [
            (other, BASE + PAGE, BASE + 4 * PAGE)
        ]
        assert (layout(mm), consistent(mm)) == ([(1, 2)], True)

    def test_away_from_everything(self) -> None:
        mm = AddressSpace()
        fill(mm, 3, 2)
        self.move(mm, 3, 0, pages=2)
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 2)], (0, 0))

    def test_written_pages_keep_their_offset(self) -> None:
        mm = AddressSpace()
        fill(mm, 3, 2)
        write(mm, 3)
        self.move(mm, 3, 0, pages=2)
        assert (layout(mm), offsets(at(mm, 0))) == ([(0, 2)], (3, 3))

    def test_next_to_another(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 2)
        fill(mm, 6, 2)
        other = at(mm, 6)
        self.move(mm, 0, 4, pages=2)
        assert (layout(mm), at(mm, 4), offsets(other)) == ([(4, 4)], other, (4, 4))
