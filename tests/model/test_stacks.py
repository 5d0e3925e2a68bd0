# SPDX-License-Identifier: GPL-2.0-only
"""Mappings that grow down when what lies below them is accessed, and the gap they keep."""

from __future__ import annotations

from errno import EINVAL, ENOMEM

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_PRIVATE,
    PROT_GROWSDOWN,
    PROT_GROWSUP,
    PROT_READ,
    VM_LOCKED,
    AddressSpace,
    Sigsegv,
)

from .kit import BASE, PAGE, RW, consistent, fails, layout, private

GAP = 256


def stack(mm: AddressSpace, at: int, pages: int = 2, prot: int = RW) -> None:
    flags = MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN
    mm.mmap(BASE + at * PAGE, pages * PAGE, prot, flags)


class TestGrowth:
    def test_an_access_below_makes_it_grow(self) -> None:
        mm = AddressSpace()
        stack(mm, 20)
        mm.touch(BASE + 17 * PAGE + 5, write=True)
        assert (layout(mm), mm.total_vm, mm.stack_vm) == ([(17, 5)], 5, 5)
        assert (mm.memory.committed_as, consistent(mm)) == (5, True)

    def test_the_offset_goes_with_the_address(self) -> None:
        mm = AddressSpace()
        stack(mm, 20)
        mm.touch(BASE + 19 * PAGE)
        (vma,) = mm.vmas()
        assert vma.vm_pgoff == vma.anon_pgoff == vma.vm_start // PAGE

    def test_it_grows_even_where_the_access_is_not_permitted(self) -> None:
        mm = AddressSpace()
        stack(mm, 20, prot=PROT_READ)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 19 * PAGE, write=True)
        assert layout(mm) == [(19, 3)]

    def test_other_mappings_do_not(self) -> None:
        mm = AddressSpace()
        private(mm, None, at=20)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 19 * PAGE)

    def test_locked_pages_are_counted(self) -> None:
        mm = AddressSpace()
        stack(mm, 20)
        mm.mlock(BASE + 20 * PAGE, 2 * PAGE)
        mm.touch(BASE + 18 * PAGE)
        assert (mm.locked_vm, mm.vmas()[0].vm_flags & VM_LOCKED) == (4, VM_LOCKED)


class TestGap:
    @pytest.mark.parametrize(("page", "grows"), [(GAP + 1, True), (GAP, False)])
    def test_is_kept_above_what_can_be_accessed(self, page: int, *, grows: bool) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        stack(mm, GAP + 9)
        if grows:
            mm.touch(BASE + page * PAGE)
        else:
            with pytest.raises(Sigsegv):
                mm.touch(BASE + page * PAGE)
        assert layout(mm)[1] == ((page, 11 + GAP - page) if grows else (GAP + 9, 2))

    def test_not_above_what_nobody_may_access(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, 0, MAP_PRIVATE | MAP_FIXED)
        stack(mm, 20)
        mm.touch(BASE + 2 * PAGE)
        assert layout(mm) == [(0, 1), (2, 20)]

    def test_not_above_another_stack(self) -> None:
        mm = AddressSpace()
        stack(mm, 0)
        stack(mm, 20)
        mm.touch(BASE + 3 * PAGE)
        assert layout(mm) == [(0, 2), (3, 19)]

    def test_no_hint_is_taken_in_it(self) -> None:
        mm = AddressSpace(window=(BASE, BASE + 1024 * PAGE))
        stack(mm, 512)
        inside = mm.mmap(BASE + 500 * PAGE, PAGE, RW, MAP_PRIVATE)
        below = mm.mmap(BASE + (511 - GAP) * PAGE, PAGE, RW, MAP_PRIVATE)
        assert (inside, below) == (BASE + 1023 * PAGE, BASE + (511 - GAP) * PAGE)

    def test_no_search_ends_in_it(self) -> None:
        mm = AddressSpace(window=(BASE, BASE + 514 * PAGE))
        stack(mm, 512)
        assert mm.mmap(0, PAGE, RW, MAP_PRIVATE) == BASE + (511 - GAP) * PAGE


class TestLimits:
    @pytest.mark.parametrize("name", ["AS", "STACK"])
    def test_what_is_too_much_is_not_there(self, name: str) -> None:
        mm = AddressSpace(rlimits={name: 4 * PAGE})
        stack(mm, 20)
        mm.touch(BASE + 18 * PAGE)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 17 * PAGE)
        assert (layout(mm), mm.memory.committed_as) == ([(18, 4)], 4)

    def test_data_is_no_matter(self) -> None:
        mm = AddressSpace(rlimits={"DATA": 0})
        stack(mm, 20)
        mm.touch(BASE + 18 * PAGE)
        assert layout(mm) == [(18, 4)]

    @pytest.mark.parametrize("point", ["vma_merge", "anon_vma", "accounting"])
    def test_without_memory_it_stays(self, point: str) -> None:
        mm = AddressSpace()
        stack(mm, 20)
        mm.inject(point, ENOMEM)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 17 * PAGE)
        assert (layout(mm), mm.total_vm, consistent(mm)) == ([(20, 2)], 2, True)


class TestProtection:
    def test_of_a_stack_from_its_beginning_on(self) -> None:
        mm = AddressSpace()
        stack(mm, 20, pages=4)
        mm.mprotect(BASE + 22 * PAGE, PAGE, PROT_READ | PROT_GROWSDOWN)
        assert layout(mm) == [(20, 3), (23, 1)]

    @pytest.mark.parametrize("grows", [PROT_GROWSUP, PROT_GROWSDOWN, PROT_GROWSUP | PROT_GROWSDOWN])
    def test_nothing_else_grows(self, grows: int) -> None:
        mm = AddressSpace()
        private(mm, None)
        with fails(EINVAL):
            mm.mprotect(BASE, PAGE, PROT_READ | grows)
