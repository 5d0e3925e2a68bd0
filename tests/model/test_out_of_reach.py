# SPDX-License-Identifier: GPL-2.0-only
"""What no scenario reaches, since only hooks in Python or C, or other machines, bring it about."""

from __future__ import annotations

import errno

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
    VM_SHARED,
    VM_WRITE,
    AddressSpace,
    File,
    FileOperations,
    NotModelled,
    Page,
    VmAreaDesc,
    VmAreaStruct,
    VmOperations,
    mmap_action_remap_full,
    vm_flags_clear,
    vm_insert_page,
    vm_insert_pages,
    zap_special_vma_range,
)
from premap.model.accounting import OVERCOMMIT_NEVER, Memory
from premap.model.area import mm_get_unmapped_area
from premap.model.bits import VM_MAYWRITE, VM_MIXEDMAP, VM_PFNMAP
from premap.model.constants import FMODE_READ, FMODE_WRITE, S_IFREG
from premap.model.file import AddressSpaceMapping, Inode
from premap.model.pagetable import ANON, FILE
from premap.model.protection import vma_wants_writenotify
from premap.model.shmem import shmem_file

PAGE = 4096
ADDRESS = 0x10000000


def mapped(mm: AddressSpace, file: File | None, pages: int = 1, offset: int = 0) -> int:
    return mm.mmap(
        ADDRESS, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, offset
    )


def legacy(hook: object) -> File:
    return File(FileOperations(mmap=hook))


class TestHooks:
    @pytest.mark.parametrize("call", ["munmap", "mprotect"])
    def test_a_callback_makes_no_system_call(self, call: str) -> None:
        """It would wait for the lock that the call which runs it has."""
        mm = AddressSpace()

        def split(vma: VmAreaStruct, address: int) -> int:
            mm.munmap(ADDRESS, PAGE)
            return 0

        ops = VmOperations(may_split=split)

        def hook(desc: VmAreaDesc) -> None:
            desc.vm_ops = ops

        mapped(mm, File(FileOperations(mmap_prepare=hook)), 3)
        arguments = (ADDRESS + PAGE, PAGE, *((PROT_READ,) if call == "mprotect" else ()))
        with pytest.raises(NotModelled):
            getattr(mm, call)(*arguments)

    def test_pages_that_are_there_are_not_zapped_without_a_special_flag(self) -> None:
        def hook(file: File, vma: VmAreaStruct) -> int:
            err = vm_insert_page(vma, vma.vm_start, Page(7))
            vm_flags_clear(vma, VM_MIXEDMAP)
            zap_special_vma_range(vma, vma.vm_start, PAGE)
            return err

        mm = AddressSpace()
        mapped(mm, legacy(hook))
        assert mm.page_at(ADDRESS) is not None

    def test_how_many_pages_were_not_inserted(self) -> None:
        left: list[int] = []

        def hook(file: File, vma: VmAreaStruct) -> int:
            pages = [Page(number) for number in range(4)]
            vm_insert_page(vma, vma.vm_start + 2 * PAGE, pages[0])
            count = [4]
            assert vm_insert_pages(vma, vma.vm_start, pages, count) == -errno.EBUSY
            left.extend(count)
            return 0

        mapped(AddressSpace(), legacy(hook), 4)
        assert left == [2]

    def test_an_error_of_its_own_must_be_one(self) -> None:
        def hook(desc: VmAreaDesc) -> None:
            mmap_action_remap_full(desc, 7)
            desc.action.error_override = errno.EIO

        with pytest.raises(OSError, match=r"\[Errno 22\]"):
            mapped(AddressSpace(), File(FileOperations(mmap_prepare=hook)))


class TestFiles:
    def test_modes(self) -> None:
        f_op = FileOperations()
        assert File(f_op).f_mode == FMODE_READ | FMODE_WRITE
        assert File(f_op, None, True, False).f_mode == FMODE_READ
        assert File(f_op, None, False, True).f_mode == FMODE_WRITE

    def test_write_back_wants_to_know_of_first_writes(self) -> None:
        mapping = AddressSpaceMapping(Inode(S_IFREG), can_writeback=True)
        file = File(FileOperations(mmap_prepare=lambda desc: 0), mapping=mapping)
        mm = AddressSpace()
        mapped(mm, file)
        (vma,) = mm.vmas()
        assert vma_wants_writenotify(vma)
        vma.vm_flags = vma.vm_flags | VM_PFNMAP
        assert not vma_wants_writenotify(vma)

    def test_a_file_that_denies_writers(self) -> None:
        """mapping_map_writable(), for who asks with flags of their own."""
        file = File(FileOperations(mmap_prepare=lambda desc: 0))
        file.f_mapping.deny_writable = True
        mm, flags = AddressSpace(), VM_SHARED | VM_MAYWRITE | VM_WRITE
        assert mm.mmap_region(file, ADDRESS, PAGE, flags, 0) == -errno.EPERM
        assert mm.mmap_region(file, ADDRESS, PAGE, VM_SHARED, 0) == 0


class TestAddresses:
    def test_a_hook_may_ask_where_the_kernel_would_map(self) -> None:
        mm = AddressSpace(window=(ADDRESS, ADDRESS + 4 * PAGE))
        top = ADDRESS + 3 * PAGE
        assert mm_get_unmapped_area(mm, None, 0, PAGE, 0, 0) == top
        assert mm_get_unmapped_area(mm, None, ADDRESS, PAGE, 0, MAP_FIXED) == ADDRESS
        assert mm_get_unmapped_area(mm, None, 0, 5 * PAGE, 0, 0) == -errno.ENOMEM

    def test_a_range_is_free_up_to_what_is_mapped(self) -> None:
        mm = AddressSpace()
        mapped(mm, None)
        assert mm.is_free(ADDRESS - PAGE, PAGE)
        assert not mm.is_free(ADDRESS - PAGE, 2 * PAGE)


class TestRare:
    """What random steps did not come upon: see bench/mutants.py."""

    def test_locked_memory_that_becomes_writable_is_copied_at_once(self) -> None:
        mm = AddressSpace()
        file = shmem_file(PAGE)
        mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE, file)
        mm.mlock(ADDRESS, PAGE)
        before = mm.page_at(ADDRESS)
        mm.mprotect(ADDRESS, PAGE, PROT_READ | PROT_WRITE)
        after = mm.page_at(ADDRESS)
        assert before is not None
        assert after is not None
        assert (before.kind, after.kind) == (FILE, ANON)


class TestCounts:
    def test_what_a_user_can_not_have(self) -> None:
        """The last pages are for root: a 32nd of what the process has, at most the reserve."""
        memory = Memory(overcommit=OVERCOMMIT_NEVER, commit_limit=100, user_reserve=3)
        assert memory.charge(97, total_vm=3200) == -errno.ENOMEM
        assert memory.charge(96, total_vm=3200) == 0
        assert memory.charge(3, total_vm=0) == 0

    def test_nothing_is_left_of_a_process(self) -> None:
        mm = AddressSpace()
        mapped(mm, None)
        mm.mlock(ADDRESS, PAGE)
        mm.exit()
        assert (mm.map_count, mm.total_vm, mm.locked_vm, mm.vmas()) == (0, 0, 0, [])

    def test_a_page_frame_is_told_of_raw_entries_only(self) -> None:
        mm = AddressSpace()
        mm.mmap(ADDRESS, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE)
        mm.touch(ADDRESS, write=True)
        entry = mm.page_at(ADDRESS)
        assert entry is not None
        assert (entry.pfn, entry.page) == (None, None)
