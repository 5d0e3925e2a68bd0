# SPDX-License-Identifier: GPL-2.0-only
"""Guard regions, and the names of anonymous memory."""

from __future__ import annotations

from errno import EBADF, EFAULT, EINVAL, ENOMEM, EPERM

import pytest

from premap.model import (
    MADV_DONTNEED,
    MADV_GUARD_INSTALL,
    MADV_GUARD_REMOVE,
    MADV_POPULATE_READ,
    MAP_FIXED,
    MAP_SHARED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    VM_MAYBE_GUARD,
    VM_PFNMAP,
    AddressSpace,
    Sigsegv,
    mmap_action_remap_full,
    shmem_file,
)

from .kit import BASE, PAGE, RW, fails, layout, prepare, private, shared


def guarded(pages: int = 4, first: int = 1) -> AddressSpace:
    """Return memory whose pages were written, one of which is guarded now."""
    mm = AddressSpace()
    private(mm, None, pages=pages)
    for page in range(pages):
        mm.touch(BASE + page * PAGE, write=True)
    mm.madvise(BASE + first * PAGE, PAGE, MADV_GUARD_INSTALL)
    return mm


def faults(mm: AddressSpace) -> list[int]:
    """Return the pages of the first four at which an access is SIGSEGV."""
    found = []
    for page in range(4):
        try:
            mm.touch(BASE + page * PAGE)
        except Sigsegv:
            found.append(page)
    return found


class TestGuards:
    def test_an_access_is_a_signal_and_the_page_is_gone(self) -> None:
        mm = guarded()
        assert faults(mm) == [1]
        mm.madvise(BASE, 4 * PAGE, MADV_GUARD_REMOVE)
        entries = [mm.page_at(BASE + page * PAGE) for page in range(4)]
        kinds = [None if entry is None else entry.kind for entry in entries]
        assert (kinds, faults(mm)) == (["anon", None, "anon", "anon"], [])

    def test_discarding_leaves_them(self) -> None:
        mm = guarded()
        mm.madvise(BASE, 4 * PAGE, MADV_DONTNEED)
        assert faults(mm) == [1]

    def test_so_does_a_change_of_access(self) -> None:
        mm = guarded()
        mm.mprotect(BASE, 4 * PAGE, PROT_READ)
        mm.mprotect(BASE, 4 * PAGE, RW)
        assert faults(mm) == [1]

    def test_they_move(self) -> None:
        mm = guarded(first=0)
        flags = MREMAP_MAYMOVE | MREMAP_FIXED
        mm.mremap(BASE, 2 * PAGE, 2 * PAGE, flags, BASE + 8 * PAGE)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 8 * PAGE)
        mm.touch(BASE + 9 * PAGE)

    def test_a_child_has_them(self) -> None:
        assert faults(guarded().fork()) == [1]

    def test_populating_fails_there(self) -> None:
        mm = guarded()
        with fails(EFAULT):
            mm.madvise(BASE, 4 * PAGE, MADV_POPULATE_READ)
        with fails(ENOMEM):
            mm.mlock(BASE, 4 * PAGE)

    def test_of_a_file(self) -> None:
        mm = AddressSpace()
        shared(mm, shmem_file(4 * PAGE), pages=4)
        mm.madvise(BASE + 2 * PAGE, PAGE, MADV_GUARD_INSTALL)
        assert (faults(mm), mm.vmas()[0].anon_vma) == ([2], None)

    def test_the_flag_is_of_all_the_mapping_and_does_not_stop_a_merge(self) -> None:
        mm = guarded()
        private(mm, None, at=4)
        (vma,) = mm.vmas()
        assert vma.vm_flags & VM_MAYBE_GUARD

    def test_special_mappings_have_none(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, 7)))
        assert mm.vmas()[0].vm_flags & VM_PFNMAP
        for advice in (MADV_GUARD_INSTALL, MADV_GUARD_REMOVE):
            with fails(EINVAL):
                mm.madvise(BASE, PAGE, advice)

    def test_locked_ones_lose_them_only(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.mlock(BASE, 2 * PAGE)
        with fails(EINVAL):
            mm.madvise(BASE, PAGE, MADV_GUARD_INSTALL)
        mm.madvise(BASE, PAGE, MADV_GUARD_REMOVE)


class TestSealing:
    def test_splits_what_sticks_out(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mseal(BASE + PAGE, 2 * PAGE)
        assert layout(mm) == [(0, 1), (1, 2), (3, 1)]
        with fails(EPERM):
            mm.munmap(BASE, 4 * PAGE)

    def test_twice_is_once(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mseal(BASE, 2 * PAGE)
        mm.mseal(BASE, 4 * PAGE)
        assert layout(mm) == [(0, 4)]

    def test_a_gap_is_refused_first(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        private(mm, None, at=3)
        with fails(ENOMEM):
            mm.mseal(BASE, 5 * PAGE)
        mm.munmap(BASE, 5 * PAGE)

    @pytest.mark.parametrize(("at", "length"), [(1, PAGE), (0, (1 << 64) - 1), (0, 3 << 62)])
    def test_odd_ranges(self, at: int, length: int) -> None:
        mm = AddressSpace()
        private(mm, None)
        with fails():
            mm.mseal(BASE + at, length)
        mm.mseal(BASE, 0)
        mm.munmap(BASE, PAGE)


class TestNames:
    def test_different_names_are_apart(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.set_anon_vma_name(BASE + PAGE, PAGE, "heap")
        assert [vma.anon_name for vma in mm.vmas()] == [None, "heap", None]
        mm.set_anon_vma_name(BASE, 4 * PAGE, "heap")
        assert layout(mm) == [(0, 4)]
        assert "[anon:heap]" in mm.maps()

    def test_files_have_their_own(self) -> None:
        mm = AddressSpace()
        shared(mm, shmem_file(2 * PAGE, "f"))
        with fails(EBADF):
            mm.set_anon_vma_name(BASE, PAGE, "x")

    def test_shared_memory_can_have_one(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED)
        mm.set_anon_vma_name(BASE, PAGE, "x")
        assert layout(mm) == [(0, 1), (1, 1)]

    def test_naming_takes_a_guards_flag_from_the_neighbour(self) -> None:
        """The kernel sets the flags of the range on the mapping that it merged with."""
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.set_anon_vma_name(BASE, 2 * PAGE, "x")
        mm.madvise(BASE, PAGE, MADV_GUARD_INSTALL)
        mm.set_anon_vma_name(BASE + 2 * PAGE, 2 * PAGE, "x")
        (vma,) = mm.vmas()
        assert vma.vm_flags & VM_MAYBE_GUARD == 0
