# SPDX-License-Identifier: GPL-2.0-only
"""Resizing and moving mappings, and where new ones go: limits, refusals, failures."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    VM_LOCKED,
    AddressSpace,
    VmOperations,
    shmem_file,
)

from .kit import (
    BASE,
    PAGE,
    RW,
    consistent,
    counts,
    fails,
    layout,
    plain,
    prepare,
    private,
    shared,
)

MOVE = MREMAP_MAYMOVE | MREMAP_FIXED
ENOMEM = errno.ENOMEM


def at(page: int) -> int:
    """Return the address of a page."""
    return BASE + page * PAGE


def refusing(*names: str) -> Any:
    """Return a file whose mappings refuse to be split."""
    ops = VmOperations(**{name: lambda *_: -errno.EINVAL for name in names})
    return prepare(lambda desc: setattr(desc, "vm_ops", ops))


class TestMremapLimits:
    def test_address_space(self) -> None:
        mm = AddressSpace(rlimits={"AS": 4 * PAGE})
        private(mm, None)
        with fails(ENOMEM):
            mm.mremap(BASE, 2 * PAGE, 5 * PAGE)
        mm.mremap(BASE, 2 * PAGE, 4 * PAGE)
        with fails(ENOMEM):
            mm.mremap(BASE, 4 * PAGE, 4 * PAGE, MOVE | MREMAP_DONTUNMAP, at(9))

    def test_locked_memory(self) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": 3 * PAGE}, cap_ipc_lock=False)
        mm.mmap(BASE, 2 * PAGE, RW, MAP_PRIVATE | MAP_LOCKED | MAP_FIXED)
        with fails(errno.EAGAIN):
            mm.mremap(BASE, 2 * PAGE, 4 * PAGE)
        mm.mremap(BASE, 2 * PAGE, 3 * PAGE)
        assert (mm.locked_vm, mm.page_at(at(2)) is not None) == (3, True)

    @pytest.mark.parametrize("point", ["vma_merge", "accounting"])
    def test_a_failed_growth_gives_the_charge_back(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None)
        before = counts(mm)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            mm.mremap(BASE, 2 * PAGE, 3 * PAGE)
        assert (counts(mm), layout(mm)) == (before, [(0, 2)])

    def test_memory_that_is_not_accounted_costs_nothing(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, RW, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED)
        mm.inject("vma_merge", ENOMEM)
        with fails(ENOMEM):
            mm.mremap(BASE, PAGE, 2 * PAGE)
        assert mm.memory.committed_as == 0
        mm.mremap(BASE, PAGE, 2 * PAGE)
        assert mm.memory.committed_as == 0

    @pytest.mark.parametrize(("most", "fine"), [(4, False), (5, True)])
    def test_number_of_mappings(self, most: int, *, fine: bool) -> None:
        mm = AddressSpace(max_map_count=most)
        private(mm, None, pages=3)
        if fine:
            mm.mremap(at(1), PAGE, PAGE, MOVE, at(9))
            assert len(mm.vmas()) == 3
            return
        with fails(ENOMEM):
            mm.mremap(at(1), PAGE, PAGE, MOVE, at(9))

    def test_no_place_to_move_to(self) -> None:
        mm = AddressSpace(window=(BASE, at(5)))
        private(mm, None, pages=2)
        private(mm, None, pages=2, at=3)
        mm.mprotect(at(3), 2 * PAGE, PROT_READ)
        with fails(ENOMEM):
            mm.mremap(BASE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE)
        assert layout(mm) == [(0, 2), (3, 2)]

    def test_offsets_do_not_wrap(self) -> None:
        mm = AddressSpace()
        mm.mmap_region(prepare(plain), BASE, 2 * PAGE, 0x31, 2**64 - 2)
        with fails(errno.EINVAL):
            mm.mremap(BASE, 2 * PAGE, 5 * PAGE)

    def test_a_driver_may_refuse_the_split_first(self) -> None:
        mm = AddressSpace()
        shared(mm, refusing("may_split"), pages=3)
        with mm.trace() as events, fails(errno.EINVAL):
            mm.mremap(at(1), PAGE, PAGE, MOVE, at(9))
        with fails(errno.EINVAL):
            mm.mremap(at(0), PAGE, PAGE, MOVE, at(9))
        assert (events, layout(mm)) == ([], [(0, 3)])

    def test_a_locked_source_that_stays_is_split_first(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 3 * PAGE, RW, MAP_PRIVATE | MAP_LOCKED | MAP_FIXED)
        mm.mremap(at(1), PAGE, PAGE, MOVE | MREMAP_DONTUNMAP, at(9))
        assert layout(mm) == [(0, 1), (1, 1), (2, 1), (9, 1)]
        assert [bool(v.vm_flags & VM_LOCKED) for v in mm.vmas()] == [True, False, True, True]
        assert (mm.locked_vm, consistent(mm)) == (3, True)

    @pytest.mark.parametrize("after", [0, 1])
    def test_a_failure_to_split_it(self, after: int) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 3 * PAGE, RW, MAP_PRIVATE | MAP_LOCKED | MAP_FIXED)
        mm.inject("vma_dup", ENOMEM, after=after)
        with fails(ENOMEM):
            mm.mremap(at(1), PAGE, PAGE, MOVE | MREMAP_DONTUNMAP, at(9))
        assert (mm.locked_vm, mm.total_vm, consistent(mm)) == (3, 3, True)

    def test_a_source_that_stays_counts_its_pages_from_its_own_address(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.touch(BASE, write=True)
        mm.mremap(BASE, 2 * PAGE, 2 * PAGE, MOVE, at(9))
        assert mm.vmas()[0].vm_pgoff == BASE // PAGE
        mm.mremap(at(9), 2 * PAGE, 2 * PAGE, MOVE | MREMAP_DONTUNMAP, at(20))
        assert [vma.vm_pgoff * PAGE for vma in mm.vmas()] == [at(9), BASE]

    def test_part_of_a_source_that_stays_is_not_as_new(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.touch(BASE, write=True)
        anon_vma = mm.vmas()[0].anon_vma
        for page, left in ((0, anon_vma), (1, anon_vma)):
            mm.mremap(at(page), PAGE, PAGE, MOVE | MREMAP_DONTUNMAP, at(9 + 2 * page))
            assert mm.vmas()[0].anon_vma is left
        mm.mremap(at(0), 2 * PAGE, 2 * PAGE, MOVE | MREMAP_DONTUNMAP, at(20))
        assert mm.vmas()[0].anon_vma is None


class TestSeveralMappings:
    """One mremap() of several mappings; a file that chooses addresses itself moves alone."""

    def choosing(self) -> Any:
        file = prepare(plain)
        file.f_op.get_unmapped_area = lambda file, addr, length, pgoff, flags: addr
        return file

    def test_such_a_file_is_not_moved_first(self) -> None:
        mm, file = AddressSpace(), self.choosing()
        shared(mm, file)
        private(mm, None, at=2)
        with fails(errno.EFAULT):
            mm.mremap(BASE, 4 * PAGE, 4 * PAGE, MOVE, at(9))
        assert layout(mm) == [(0, 2), (2, 2)]

    def test_nor_later(self) -> None:
        mm, file = AddressSpace(), self.choosing()
        private(mm, None)
        shared(mm, file, at=2)
        with fails(errno.EFAULT):
            mm.mremap(BASE, 4 * PAGE, 4 * PAGE, MOVE, at(9))
        assert layout(mm) == [(2, 2), (9, 2)]

    def test_alone_it_is(self) -> None:
        mm, file = AddressSpace(), self.choosing()
        shared(mm, file)
        mm.mremap(BASE, 2 * PAGE, 2 * PAGE, MOVE, at(9))
        assert layout(mm) == [(9, 2)]

    def test_memory_files_are_moved_along(self) -> None:
        mm, file = AddressSpace(), shmem_file(9 * PAGE)
        file.f_op = type(file.f_op)(
            mmap_prepare=file.f_op.mmap_prepare,
            get_unmapped_area=lambda file, addr, length, pgoff, flags: addr,
        )
        private(mm, None)
        shared(mm, file, at=2)
        mm.mremap(BASE, 4 * PAGE, 4 * PAGE, MOVE, at(9))
        assert layout(mm) == [(9, 2), (11, 2)]

    def test_a_range_that_begins_in_a_gap(self) -> None:
        mm = AddressSpace()
        private(mm, None, at=1)
        with fails(errno.EFAULT):
            mm.mremap(BASE, 3 * PAGE, 3 * PAGE, MOVE, at(9))


class TestPlacement:
    def test_a_file_may_choose(self) -> None:
        asked = []

        def choose(file: Any, addr: int, length: int, pgoff: int, flags: int) -> int:
            asked.append((addr, length, pgoff, flags))
            return at(7)

        file = prepare(plain)
        file.f_op.get_unmapped_area = choose
        mm = AddressSpace()
        assert mm.mmap(at(3), PAGE, RW, MAP_SHARED, file, 2 * PAGE) == at(7)
        assert asked == [(at(3), PAGE, 2, MAP_SHARED)]

    @pytest.mark.parametrize(
        ("kind", "flags", "asked"),
        [
            (MAP_SHARED, MREMAP_MAYMOVE, MAP_SHARED),
            (MAP_PRIVATE, MREMAP_MAYMOVE, 0),
            (MAP_SHARED, MOVE, MAP_SHARED | MAP_FIXED),
            (MAP_PRIVATE, MOVE, MAP_FIXED),
        ],
    )
    def test_it_is_asked_where_to_move_to(self, kind: int, flags: int, asked: int) -> None:
        seen = []

        def choose(file: Any, addr: int, length: int, pgoff: int, flags: int) -> int:
            seen.append((addr, length, pgoff, flags))
            return at(20)

        mm, file = AddressSpace(), prepare(plain)
        mm.mmap(BASE, 2 * PAGE, RW, kind | MAP_FIXED, file, 3 * PAGE)
        private(mm, None, at=2)
        file.f_op.get_unmapped_area = choose
        hint = at(20) if flags == MOVE else 0
        assert mm.mremap(at(1), PAGE, 2 * PAGE, flags, at(20)) == at(20)
        assert seen == [(hint, 2 * PAGE, 4, asked)]

    def test_or_refuse(self) -> None:
        file = prepare(plain)
        file.f_op.get_unmapped_area = lambda *_: -errno.EBUSY
        with fails(errno.EBUSY):
            AddressSpace().mmap(0, PAGE, RW, MAP_SHARED, file)

    def test_what_it_chooses_is_checked(self) -> None:
        file = prepare(plain)
        file.f_op.get_unmapped_area = lambda *_: BASE + 1
        with fails(errno.EINVAL):
            AddressSpace().mmap(0, PAGE, RW, MAP_SHARED, file)

    def test_a_low_hint_is_raised(self) -> None:
        mm = AddressSpace(window=(BASE, at(9)))
        assert mm.mmap(PAGE, PAGE, RW, MAP_PRIVATE) == BASE

    def test_larger_than_the_window(self) -> None:
        with fails(ENOMEM):
            AddressSpace(window=(BASE, at(9))).mmap(0, 10 * PAGE, RW, MAP_PRIVATE)

    @pytest.mark.parametrize("length", [9 * PAGE, 1 << 40])
    def test_larger_than_what_is_above_the_hint(self, length: int) -> None:
        mm = AddressSpace(window=(BASE, at(9)))
        private(mm, None, at=4)
        with fails(ENOMEM):
            mm.mmap(at(1), length, RW, MAP_PRIVATE)

    def test_a_hint_may_end_where_the_window_does(self) -> None:
        mm = AddressSpace(window=(BASE, at(9)))
        assert mm.mmap(at(7), 2 * PAGE, RW, MAP_PRIVATE) == at(7)
        assert mm.mmap(at(8), 2 * PAGE, RW, MAP_PRIVATE) == at(5)
