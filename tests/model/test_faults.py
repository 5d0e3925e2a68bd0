# SPDX-License-Identifier: GPL-2.0-only
"""Accesses, fork, and the calls that change access: what the entries say afterwards."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MADV_DONTNEED,
    MADV_POPULATE_WRITE,
    MAP_FIXED,
    MAP_POPULATE,
    MAP_PRIVATE,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_NONE,
    PROT_READ,
    VM_ACCOUNT,
    VM_FAULT_SIGBUS,
    VM_LOCKED,
    AddressSpace,
    NotModelled,
    Page,
    Sigbus,
    Sigsegv,
    VmOperations,
    mmap_action_remap_full,
    shmem_file,
)

from .kit import BASE, PAGE, PFN, RW, consistent, fails, layout, prepare, private, shared

PAGES = [Page(PFN + i) for i in range(8)]


def serving(pages: list[Page], **more: Any) -> VmOperations:
    """Return operations whose fault handler gives pages of a list, SIGBUS beyond it."""

    def fault(vmf: Any) -> int:
        if vmf.pgoff >= len(pages):
            return VM_FAULT_SIGBUS
        vmf.page = pages[vmf.pgoff]
        return 0

    return VmOperations(fault=fault, **more)


def with_operations(ops: VmOperations) -> Any:
    def hook(desc: Any) -> None:
        desc.vm_ops = ops

    return prepare(hook)


class TestAnonymous:
    def test_reading_maps_zeroes(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE)
        assert (mm.page_at(BASE).kind, mm.page_at(BASE).writable) == ("zero", False)

    def test_writing_makes_a_page(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE)
        mm.touch(BASE, write=True)
        assert (mm.page_at(BASE).kind, mm.page_at(BASE).writable) == ("anon", True)

    def test_populating_is_no_work_per_page(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, 1 << 34, RW, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE)
        assert len(mm.vmas()[0].ptes) == 1


class TestSignals:
    def test_nothing_there(self) -> None:
        with pytest.raises(Sigsegv):
            AddressSpace().touch(BASE)

    def test_no_access(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_NONE, MAP_PRIVATE)
        with pytest.raises(Sigsegv):
            mm.touch(BASE)

    def test_read_only(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_READ, MAP_PRIVATE)
        with pytest.raises(Sigsegv):
            mm.touch(BASE, write=True)

    def test_no_fault_handler(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: None))
        with pytest.raises(Sigbus):
            mm.touch(BASE)

    def test_beyond_a_file(self) -> None:
        mm = AddressSpace()
        shared(mm, shmem_file(PAGE + 1), pages=3)
        mm.touch(BASE + PAGE)
        with pytest.raises(Sigbus):
            mm.touch(BASE + 2 * PAGE)

    def test_a_handler_that_gives_nothing_is_not_known(self) -> None:
        mm = AddressSpace()
        shared(mm, with_operations(VmOperations(fault=lambda vmf: 0)))
        with pytest.raises(NotModelled):
            mm.touch(BASE)


class TestDevices:
    def test_fault_gets_offset_and_kind_of_access(self) -> None:
        seen = []

        def fault(vmf: Any) -> int:
            seen.append((vmf.pgoff, vmf.address, vmf.flags))
            vmf.page = PAGES[0]
            return 0

        mm = AddressSpace()
        shared(mm, with_operations(VmOperations(fault=fault)), off=3)
        mm.touch(BASE + PAGE + 5, write=True)
        assert seen == [(4, BASE + PAGE, 1)]

    def test_private_write_copies(self) -> None:
        mm = AddressSpace()
        private(mm, with_operations(serving(PAGES)))
        mm.touch(BASE + PAGE, write=True)
        entry = mm.page_at(BASE + PAGE)
        assert (entry.kind, entry.source.copied.page) == ("anon", PAGES[1])

    def test_remapped_private_write_copies_one_frame(self) -> None:
        mm = AddressSpace()
        private(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)), pages=3)
        mm.touch(BASE + PAGE, write=True)
        kinds = [mm.page_at(BASE + page * PAGE).kind for page in range(3)]
        assert kinds == ["pfn", "anon", "pfn"]
        assert mm.page_at(BASE + 2 * PAGE).pfn == PFN + 2

    def test_first_write_is_announced(self) -> None:
        told = []
        ops = serving(PAGES, page_mkwrite=lambda vmf: told.append(vmf.pgoff))
        mm = AddressSpace()
        shared(mm, with_operations(ops))
        mm.touch(BASE)
        mm.touch(BASE, write=True)
        mm.touch(BASE, write=True)
        assert told == [0]


class TestProtection:
    def test_mprotect_changes_entries(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        mm.mprotect(BASE, PAGE, PROT_READ)
        assert [mm.page_at(BASE + i * PAGE).writable for i in range(2)] == [False, True]

    def test_written_anonymous_pages_become_writable_again(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        mm.mprotect(BASE, PAGE, PROT_READ)
        assert not mm.page_at(BASE).writable
        mm.mprotect(BASE, PAGE, RW)
        assert mm.page_at(BASE).writable

    def test_what_may_not_be_written_can_not_become_writable(self) -> None:
        mm = AddressSpace()
        file = prepare(lambda desc: None, writable=False)
        mm.mmap(BASE, PAGE, PROT_READ, 1 | MAP_FIXED, file)
        with pytest.raises(PermissionError):
            mm.mprotect(BASE, PAGE, RW)

    def test_untouched_memory_stops_being_accounted_when_read_only(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.mprotect(BASE, 2 * PAGE, PROT_READ)
        assert (mm.memory.committed_as, mm.vmas()[0].vm_flags & VM_ACCOUNT) == (0, 0)

    def test_touched_memory_stays_accounted(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        mm.mprotect(BASE, 2 * PAGE, PROT_READ)
        assert mm.memory.committed_as == 2

    def test_a_gap_leaves_it_half_done(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        private(mm, None, pages=1, at=2)
        with fails():
            mm.mprotect(BASE, 3 * PAGE, PROT_READ)
        assert [vma.vm_flags & 3 for vma in mm.vmas()] == [1, 3]

    def test_the_driver_may_refuse(self) -> None:
        mm = AddressSpace()
        ops = VmOperations(mprotect=lambda vma, start, end, flags: -errno.EACCES)
        shared(mm, with_operations(ops))
        with pytest.raises(PermissionError):
            mm.mprotect(BASE, PAGE, PROT_READ)


class TestMoving:
    MOVE = MREMAP_MAYMOVE | MREMAP_FIXED

    def test_entries_move_along(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        mm.touch(BASE + PAGE, write=True)
        source = mm.page_at(BASE + PAGE).source
        mm.mremap(BASE + PAGE, PAGE, PAGE, self.MOVE, BASE + 8 * PAGE)
        assert mm.page_at(BASE + 8 * PAGE).source is source
        assert layout(mm) == [(0, 1), (2, 1), (8, 1)]
        assert (consistent(mm), mm.memory.committed_as) == (True, 3)

    def test_several_mappings_keep_their_gaps(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        private(mm, None, pages=1, at=3)
        mm.mremap(BASE, 4 * PAGE, 4 * PAGE, self.MOVE, BASE + 8 * PAGE)
        assert layout(mm) == [(8, 2), (11, 1)]

    def test_growing_in_place(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        assert mm.mremap(BASE, PAGE, 3 * PAGE) == BASE
        assert (layout(mm), mm.memory.committed_as) == ([(0, 3)], 3)

    def test_growing_needs_room(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        shared(mm, None, pages=1, at=1)
        with fails():
            mm.mremap(BASE, PAGE, 2 * PAGE)
        assert mm.mremap(BASE, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != BASE

    def test_shrinking(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        mm.mremap(BASE, 3 * PAGE, PAGE)
        assert (layout(mm), mm.memory.committed_as) == ([(0, 1)], 1)

    def test_dontunmap_leaves_an_empty_source(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        mm.mremap(BASE, 2 * PAGE, 2 * PAGE, self.MOVE | MREMAP_DONTUNMAP, BASE + 8 * PAGE)
        assert (layout(mm), mm.page_at(BASE)) == ([(0, 2), (8, 2)], None)
        assert (mm.memory.committed_as, consistent(mm)) == (4, True)

    def test_remapped_devices_do_not_grow(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        with fails() as caught:
            mm.mremap(BASE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)
        assert caught.value.errno == errno.EFAULT


class TestFork:
    def test_pages_are_shared_until_written(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        child = mm.fork()
        assert child.page_at(BASE).source is mm.page_at(BASE).source
        assert not mm.page_at(BASE).writable
        child.touch(BASE, write=True)
        assert child.page_at(BASE).source is not mm.page_at(BASE).source

    def test_locks_are_not_inherited(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.mlock(BASE, 2 * PAGE)
        child = mm.fork()
        assert (child.locked_vm, child.vmas()[0].vm_flags & VM_LOCKED, mm.locked_vm) == (0, 0, 2)

    def test_remapped_entries_are_copied(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        assert mm.fork().page_at(BASE + PAGE).pfn == PFN + 1

    def test_a_child_does_not_merge_what_its_parent_wrote(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.touch(BASE, write=True)
        child = mm.fork()
        private(child, None, pages=1, at=1)
        assert layout(child) == [(0, 1), (1, 1)]

    def test_memory_is_charged_and_given_back(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        child = mm.fork()
        assert mm.memory.committed_as == 4
        child.exit()
        assert mm.memory.committed_as == 2


class TestLocking:
    def test_locks_and_unlocks(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mlock(BASE + PAGE, 2 * PAGE)
        assert (layout(mm), mm.locked_vm) == ([(0, 1), (1, 2), (3, 1)], 2)
        assert mm.page_at(BASE + PAGE).kind == "anon"
        mm.munlock(BASE, 4 * PAGE)
        assert (layout(mm), mm.locked_vm) == ([(0, 4)], 0)

    def test_a_failing_page_is_faulted_twice_after_others(self) -> None:
        seen = []

        def fault(vmf: Any) -> int:
            seen.append(vmf.pgoff)
            vmf.page = PAGES[0]
            return VM_FAULT_SIGBUS if vmf.pgoff == 1 else 0

        mm = AddressSpace()
        shared(mm, with_operations(VmOperations(fault=fault)), pages=3)
        with fails() as caught:
            mm.mlock(BASE, 3 * PAGE)
        assert (caught.value.errno, seen) == (errno.ENOMEM, [0, 1, 1])

    def test_the_limit_counts_what_is_locked_already_once(self) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": 2 * PAGE}, cap_ipc_lock=False)
        private(mm, None, pages=3)
        mm.mlock(BASE, 2 * PAGE)
        mm.mlock(BASE, 2 * PAGE)
        with fails():
            mm.mlock(BASE, 3 * PAGE)

    def test_all_and_future(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.mlockall(3)
        private(mm, None, pages=1, at=4)
        assert mm.locked_vm == 2
        mm.munlockall()
        assert mm.locked_vm == 0


class TestAdvice:
    def test_dontneed_drops_entries(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        mm.madvise(BASE, PAGE, MADV_DONTNEED)
        assert mm.page_at(BASE) is None

    def test_populate_needs_permission(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, PROT_READ, MAP_PRIVATE)
        with fails() as caught:
            mm.madvise(BASE, PAGE, MADV_POPULATE_WRITE)
        assert caught.value.errno == errno.EINVAL

    def test_a_gap_is_told_but_what_follows_is_advised(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1, at=1)
        mm.touch(BASE + PAGE, write=True)
        with fails() as caught:
            mm.madvise(BASE, 2 * PAGE, MADV_DONTNEED)
        assert (caught.value.errno, mm.page_at(BASE + PAGE)) == (errno.ENOMEM, None)

    def test_what_is_not_modelled_says_so(self) -> None:
        with pytest.raises(NotModelled):
            AddressSpace().madvise(BASE, PAGE, 21)


class TestBrk:
    def test_grows_and_shrinks(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        assert mm.brk(BASE + 3 * PAGE) == BASE + 3 * PAGE
        assert mm.brk(BASE + 4 * PAGE) == BASE + 4 * PAGE
        assert (layout(mm), mm.memory.committed_as) == ([(0, 4)], 4)
        assert mm.brk(BASE + PAGE) == BASE + PAGE
        assert (layout(mm), consistent(mm)) == ([(0, 1)], True)

    def test_stays_where_something_is_in_the_way(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = BASE
        shared(mm, None, at=1)
        assert mm.brk(BASE + 2 * PAGE) == BASE
