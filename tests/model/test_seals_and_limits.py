# SPDX-License-Identifier: GPL-2.0-only
"""What is sealed can't be changed; what exceeds a limit is refused, and nothing has happened."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MADV_DONTNEED,
    MAP_DROPPABLE,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    MCL_CURRENT,
    MCL_FUTURE,
    MCL_ONFAULT,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    PROT_WRITE,
    S_SWAPFILE,
    VM_ACCOUNT,
    VM_DONTDUMP,
    VM_DROPPABLE,
    VM_LOCKED,
    VM_LOCKONFAULT,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_SEALED,
    VM_WIPEONFORK,
    AddressSpace,
    Memory,
    NotModelled,
    VmOperations,
    get_file,
    shmem_file,
)
from premap.model.gup import populate_vma_page_range

from .kit import (
    BASE,
    PAGE,
    RW,
    fails,
    layout,
    legacy,
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


class TestSealedMappings:
    def sealed(self, prot: int = RW, *, file: Any = None) -> AddressSpace:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED)
        private(mm, file, pages=3, at=1)
        mm.vmas()[-1].vm_flags |= VM_SEALED
        if prot != RW:
            mm.vmas()[-1].vm_flags &= ~PROT_WRITE
        return mm

    @pytest.mark.parametrize(("page", "pages"), [(1, 3), (2, 1), (1, 1), (3, 1), (0, 9), (3, 4)])
    def test_are_not_unmapped(self, page: int, pages: int) -> None:
        mm = self.sealed()
        with fails(errno.EPERM):
            mm.munmap(at(page), pages * PAGE)
        assert layout(mm) == [(0, 1), (1, 3)]

    def test_are_not_replaced(self) -> None:
        mm = self.sealed()
        with fails(errno.EPERM):
            private(mm, None, at=2, pages=1)

    def test_keep_their_access(self) -> None:
        mm = self.sealed()
        with fails(errno.EPERM):
            mm.mprotect(at(1), 3 * PAGE, PROT_READ)

    def test_are_not_moved(self) -> None:
        mm = self.sealed()
        with fails(errno.EPERM):
            mm.mremap(at(1), 3 * PAGE, 3 * PAGE, MOVE, at(9))
        with fails(errno.EPERM):
            mm.mremap(at(1), 3 * PAGE, PAGE)

    def test_read_only_memory_keeps_its_contents(self) -> None:
        mm = self.sealed(PROT_READ)
        with fails(errno.EPERM):
            mm.madvise(at(1), PAGE, MADV_DONTNEED)

    @pytest.mark.parametrize("file", [None, shmem_file(9 * PAGE)])
    def test_what_can_be_written_can_be_dropped(self, file: Any) -> None:
        mm = self.sealed(RW if file is None else PROT_READ, file=file)
        mm.madvise(at(1), PAGE, MADV_DONTNEED)


class TestSealedFiles:
    def test_writers_may_be_denied(self) -> None:
        file = shmem_file(4 * PAGE)
        file.f_mapping.deny_writable = True
        with fails(errno.EPERM):
            shared(AddressSpace(), file)
        private(AddressSpace(), file)

    def test_a_write_seal_is_for_good(self) -> None:
        mm, file = AddressSpace(), shmem_file(4 * PAGE)
        file.f_mapping.write_sealed = True
        mm.mmap(BASE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file)
        assert not mm.vmas()[0].vm_flags & VM_MAYWRITE
        with fails(errno.EACCES):
            mm.mprotect(BASE, PAGE, RW)

    def test_a_private_mapping_does_not_mind(self) -> None:
        mm, file = AddressSpace(), shmem_file(4 * PAGE)
        file.f_mapping.write_sealed = True
        private(mm, file)
        assert mm.vmas()[0].vm_flags & VM_MAYWRITE

    def test_swap_files_are_not_written(self) -> None:
        file = shmem_file(4 * PAGE)
        file.f_mapping.host.i_flags = S_SWAPFILE
        with fails(errno.ETXTBSY):
            shared(AddressSpace(), file)
        AddressSpace().mmap(BASE, PAGE, PROT_READ, MAP_SHARED, file)


class TestDroppable:
    def test_has_its_flags(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, RW, MAP_DROPPABLE)
        wanted = VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP
        flags = mm.vmas()[0].vm_flags
        assert flags & wanted == wanted
        assert flags & RW == RW
        assert not flags & VM_ACCOUNT

    @pytest.mark.parametrize("flags", [MAP_LOCKED, MAP_GROWSDOWN])
    def test_is_neither_locked_nor_a_stack(self, flags: int) -> None:
        with fails(errno.EINVAL):
            AddressSpace().mmap(BASE, PAGE, RW, MAP_DROPPABLE | flags)

    def test_huge_pages_are_not_known(self) -> None:
        with pytest.raises(NotModelled):
            AddressSpace().mmap(BASE, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB)


class TestMemory:
    def test_no_request_may_exceed_the_machine(self) -> None:
        mm = AddressSpace(memory=Memory(totalram_pages=4))
        private(mm, None, pages=4)
        with fails(ENOMEM):
            private(mm, None, pages=5, at=8)
        private(mm, None, pages=4, at=8)
        assert mm.memory.committed_as == 8

    def test_unless_it_always_overcommits(self) -> None:
        mm = AddressSpace(memory=Memory(totalram_pages=4, overcommit=1))
        private(mm, None, pages=5)
        assert mm.memory.committed_as == 5

    def test_never_keeps_below_the_limit(self) -> None:
        mm = AddressSpace(memory=Memory(overcommit=2, commit_limit=5))
        private(mm, None, pages=4)
        with fails(ENOMEM):
            private(mm, None, pages=1, at=8)
        mm.munmap(BASE, PAGE)
        private(mm, None, pages=1, at=8)
        assert mm.memory.committed_as == 4

    def test_a_process_leaves_a_reserve(self) -> None:
        mm = AddressSpace(memory=Memory(overcommit=2, commit_limit=40, user_reserve=1))
        mm.mmap(BASE + 64 * PAGE, 32 * PAGE, PROT_READ, MAP_PRIVATE)
        with fails(ENOMEM):
            private(mm, None, pages=39)
        private(mm, None, pages=38)

    def test_never_has_no_use_for_noreserve(self) -> None:
        mm = AddressSpace(memory=Memory(overcommit=2, commit_limit=9))
        mm.mmap(BASE, PAGE, RW, MAP_PRIVATE | MAP_NORESERVE)
        assert (mm.memory.committed_as, mm.vmas()[0].vm_flags & VM_NORESERVE) == (1, 0)

    def test_shared_memory_is_paid_for_until_the_last_reference(self) -> None:
        mm = AddressSpace(memory=Memory(overcommit=2, commit_limit=5))
        mm.mmap(BASE, 3 * PAGE, RW, MAP_SHARED)
        with fails(ENOMEM):
            mm.mmap(BASE + 8 * PAGE, 2 * PAGE, RW, MAP_SHARED)
        mm.munmap(BASE, PAGE)
        assert mm.memory.committed_as == 3
        mm.munmap(BASE, 3 * PAGE)
        assert mm.memory.committed_as == 0

    def test_shared_memory_without_reserve_page_by_page(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 3 * PAGE, RW, MAP_SHARED | MAP_NORESERVE)
        for page in (1, 2, 1):
            mm.touch(BASE + page * PAGE, write=True)
        assert mm.memory.committed_as == 2
        mm.munmap(BASE, 3 * PAGE)
        assert mm.memory.committed_as == 0


class TestMprotectLimits:
    def test_data_may_not_grow_beyond_its_limit(self) -> None:
        mm = AddressSpace(rlimits={"DATA": 2 * PAGE})
        mm.mmap(BASE, 3 * PAGE, PROT_READ, MAP_PRIVATE)
        with fails(ENOMEM):
            mm.mprotect(BASE, 3 * PAGE, RW)
        mm.mprotect(BASE, 2 * PAGE, RW)
        assert mm.memory.committed_as == 2

    def test_data_that_is_data_already_may_stay_above(self) -> None:
        mm = AddressSpace(rlimits={"DATA": 3 * PAGE})
        private(mm, None, pages=3)
        mm.rlimits = {"DATA": PAGE}
        mm.mprotect(BASE, PAGE, RW | 4)
        assert len(mm.vmas()) == 2

    def test_without_memory_to_commit_nothing_changes(self) -> None:
        mm = AddressSpace(memory=Memory(totalram_pages=2))
        mm.mmap(BASE, 3 * PAGE, PROT_READ, MAP_PRIVATE)
        with fails(ENOMEM):
            mm.mprotect(BASE, 3 * PAGE, RW)
        assert (mm.memory.committed_as, layout(mm)) == (0, [(0, 3)])

    def test_a_failed_split_gives_the_charge_back(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 3 * PAGE, PROT_READ, MAP_PRIVATE)
        mm.inject("vma_dup", ENOMEM)
        with fails(ENOMEM):
            mm.mprotect(at(1), PAGE, RW)
        assert mm.memory.committed_as == 0

    def test_refused_splits(self) -> None:
        mm = AddressSpace()
        shared(mm, refusing("may_split"), pages=3)
        for page in (1, 0):
            with fails(errno.EINVAL):
                mm.mprotect(at(page), PAGE, PROT_READ)
        mm.mprotect(at(0), 3 * PAGE, PROT_READ)
        assert layout(mm) == [(0, 3)]


class TestLockOnFault:
    def test_pages_come_when_they_are_used(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.mlockall(MCL_CURRENT | MCL_ONFAULT)
        vma = mm.vmas()[0]
        assert vma.vm_flags & (VM_LOCKED | VM_LOCKONFAULT) == VM_LOCKED | VM_LOCKONFAULT
        assert (mm.locked_vm, mm.page_at(BASE)) == (2, None)
        assert populate_vma_page_range(mm, vma, BASE, at(2)) == 2

    def test_what_has_no_access_is_not_populated(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, 0, MAP_PRIVATE)
        assert populate_vma_page_range(mm, mm.vmas()[0], BASE, at(1)) == -errno.EFAULT

    @pytest.mark.parametrize("flags", [0, 8, MCL_ONFAULT, MCL_CURRENT | 8])
    def test_bad_flags(self, flags: int) -> None:
        with fails(errno.EINVAL):
            AddressSpace().mlockall(flags)

    def test_future_mappings_only(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.mlockall(MCL_FUTURE)
        private(mm, None, at=4)
        assert (mm.locked_vm, mm.page_at(at(4)) is not None) == (2, True)
        mm.munlockall()
        private(mm, None, at=8)
        assert mm.locked_vm == 0

    def test_a_mapping_that_fails_is_left_out(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        private(mm, None, pages=1, at=1)
        mm.mprotect(at(1), PAGE, PROT_READ)
        mm.inject("vma_merge", ENOMEM)
        mm.vmas()[0].vm_flags |= VM_LOCKED
        mm.vmas()[1].vm_flags = mm.vmas()[0].vm_flags ^ VM_LOCKED
        mm.locked_vm = 1
        mm.mlockall(MCL_CURRENT)
        assert [bool(v.vm_flags & VM_LOCKED) for v in mm.vmas()] == [True, False]


class TestBrk:
    def test_below_its_beginning_nothing_changes(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        assert mm.brk(at(2)) == at(2)
        assert mm.brk(BASE - 1) == at(2)
        assert layout(mm) == [(0, 2)]

    def test_within_a_page_only_the_number_changes(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        assert mm.brk(BASE + 5) == BASE + 5
        assert mm.brk(BASE + 9) == BASE + 9
        assert mm.brk(BASE - 1) == BASE + 9
        assert (layout(mm), mm.total_vm) == ([(0, 1)], 1)

    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree"])
    def test_without_memory_for_a_mapping(self, point: str) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        mm.inject(point, errno.ENOMEM)
        assert mm.brk(at(2)) == BASE
        assert (layout(mm), mm.memory.committed_as, mm.total_vm) == ([], 0, 0)
        assert mm.brk(at(2)) == at(2)

    def test_locked_memory_has_a_limit(self) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": PAGE}, cap_ipc_lock=False)
        mm.start_brk = mm.brk_end = BASE
        mm.mlockall(MCL_FUTURE)
        assert mm.brk(at(2)) == BASE
        assert mm.brk(at(1)) == at(1)
        assert mm.page_at(BASE) is not None

    def test_a_hole_that_is_there_already(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        mm.brk(at(3))
        mm.munmap(at(1), 2 * PAGE)
        assert mm.brk(at(2)) == at(3)

    def test_a_sealed_end_stays(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        mm.brk(at(3))
        mm.vmas()[0].vm_flags |= VM_SEALED
        assert mm.brk(at(1)) == at(3)


class TestReplacedByALegacyHook:
    def test_the_file_that_fails_is_put(self) -> None:
        other = prepare(plain)

        def hook(file: Any, vma: Any) -> int:
            vma.vm_file = get_file(other)
            file.f_count -= 1
            return -errno.EIO

        file = legacy(hook)
        mm = AddressSpace()
        with fails(errno.EIO):
            shared(mm, file)
        assert (file.f_count, other.f_count, mm.vmas()) == (1, 1, [])
