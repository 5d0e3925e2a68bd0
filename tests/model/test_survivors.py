# SPDX-License-Identifier: GPL-2.0-only
"""What mistakes survive that are planted in the model, as no scenario tells them apart.

Protections have no cache modes on User Mode Linux; files have no write-back there; the lowest
addresses, and files that a hook brings along, are not a scenario's. See bench/mutants.py.
"""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from typing import Any

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    Page,
    Sigbus,
    Sigsegv,
    VmAreaDesc,
    VmAreaStruct,
    mmap_action_remap_full,
    pgprot_cached,
    pgprot_decrypted,
    pgprot_device,
    pgprot_encrypted,
    pgprot_noncached,
    pgprot_writecombine,
)
from premap.model.actions import MMAP_NOTHING
from premap.model.bits import VM_MAYBE_GUARD, VM_SHARED
from premap.model.chunks import ChunkedList
from premap.model.compat import vfs_mmap
from premap.model.constants import (
    F_SEAL_WRITE,
    MADV_GUARD_INSTALL,
    MAP_ANONYMOUS,
    MAP_GROWSDOWN,
    MCL_CURRENT,
    MCL_FUTURE,
    MMAP_MIN_ADDR,
    PROT_GROWSUP,
)
from premap.model.fault import VM_FAULT_SIGBUS
from premap.model.file import VmOperations, file_inode, get_file
from premap.model.flags import VmaFlags
from premap.model.legacy import vma_set_file
from premap.model.pgprot import cache_mode, pgprot_modify, pgprot_nx, without_shared
from premap.model.shmem import memfd_add_seals, shmem_anon_vm_ops, shmem_file
from premap.model.words import signed_lt

PAGE = 4096
ADDRESS = 0x10000000
MODES = {
    "writeback": pgprot_cached,
    "writecombine": pgprot_writecombine,
    "noncached": pgprot_noncached,
    "device": pgprot_device,
}


def _plain(file: File, vma: VmAreaStruct) -> int:
    """Do nothing: a legacy hook."""
    del file, vma
    return 0


class TestProtections:
    """A protection is four things that do not touch each other: access, mode, encryption, NX."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("access", range(16))
    def test_the_cache_mode_lies_beside_the_access(self, mode: str, access: int) -> None:
        for other in MODES.values():
            prot = MODES[mode](other(pgprot_nx(pgprot_decrypted(access))))
            assert (cache_mode(prot), prot & 15) == (mode, access)
            assert pgprot_nx(pgprot_decrypted(prot)) == prot

    @pytest.mark.parametrize("access", range(16))
    def test_who_changes_access_changes_nothing_else(self, access: int) -> None:
        old = pgprot_noncached(pgprot_nx(pgprot_decrypted(3)))
        new = pgprot_modify(old, access)
        assert (new & 15, cache_mode(new)) == (access, "noncached")
        assert new ^ access == old ^ 3

    @pytest.mark.parametrize("access", range(16))
    def test_private_entries_keep_the_rest_of_their_access(self, access: int) -> None:
        prot = pgprot_nx(access)
        assert without_shared(prot) == pgprot_nx(access & 7)

    @pytest.mark.parametrize("prot", [0, PROT_READ, PROT_READ | PROT_WRITE])
    def test_the_protection_of_a_mapping_is_that_of_its_flags(self, prot: int) -> None:
        mm = AddressSpace()
        mm.mmap(ADDRESS, PAGE, prot, MAP_SHARED | MAP_FIXED, File(FileOperations(_plain)))
        (vma,) = mm.vmas()
        assert vma.vm_page_prot == prot | VM_SHARED

    def test_encryption_is_one_bit_and_execution_another(self) -> None:
        prot = pgprot_decrypted(5)
        assert prot != 5 != pgprot_nx(5) != prot
        assert pgprot_encrypted(pgprot_nx(prot)) == pgprot_nx(5)


class TestAddresses:
    def test_a_hint_below_what_may_be_chosen_becomes_the_lowest(self) -> None:
        mm = AddressSpace(window=(ADDRESS, ADDRESS + 16 * PAGE))
        assert mm.mmap(PAGE, PAGE, PROT_READ, MAP_PRIVATE) == ADDRESS

    def test_locking_everything_begins_at_the_first_page_of_all(self) -> None:
        mm = AddressSpace()
        mm.mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED)
        mm.mlockall(MCL_CURRENT)
        assert [mm.page_at(address) is not None for address in (0, PAGE)] == [True, True]

    def test_no_stack_grows_to_the_lowest_addresses(self) -> None:
        """expand_downwards(): below mmap_min_addr it is -EPERM, so that the access is a SIGSEGV."""
        mm = AddressSpace(stack_guard_gap=0)
        flags = MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN
        mm.mmap(MMAP_MIN_ADDR + PAGE, PAGE, PROT_READ | PROT_WRITE, flags)
        mm.touch(MMAP_MIN_ADDR, write=True)
        with pytest.raises(Sigsegv):
            mm.touch(MMAP_MIN_ADDR - 1, write=True)

    def test_a_new_process_has_no_data_segment(self) -> None:
        assert AddressSpace().brk(0) == 0

    def test_where_nothing_is_mapped_there_is_no_entry(self) -> None:
        assert AddressSpace().page_at(ADDRESS) is None


class TestFiles:
    def test_mapping_a_tmpfs_file_is_an_access(self) -> None:
        file, mm = shmem_file(PAGE, "f"), AddressSpace()
        mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file)
        assert file.accessed == 1

    def test_shared_anonymous_memory_is_a_file_without_a_name(self) -> None:
        mm = AddressSpace()
        mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS)
        (first,) = mm.vmas()
        assert file_inode(first.vm_file).i_nlink == 0
        mm.mmap(ADDRESS + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, first.vm_file)
        assert [vma.vm_ops for vma in mm.vmas()] == [shmem_anon_vm_ops] * 2

    def test_a_file_that_a_legacy_hook_brings_along_knows_its_mapping(self) -> None:
        """It can't be sealed as long as that may be written; the hook's own file has no part."""
        memfd, mm = shmem_file(PAGE, "memfd", nlink=0), AddressSpace()

        def hook(_file: File, vma: VmAreaStruct) -> int:
            vma_set_file(vma, memfd)
            return 0

        device = File(FileOperations(mmap=hook))
        access = PROT_READ | PROT_WRITE
        mm.mmap(ADDRESS, PAGE, access, MAP_SHARED | MAP_FIXED, device)
        assert (len(memfd.f_mapping.i_mmap), len(device.f_mapping.i_mmap)) == (1, 0)
        assert memfd_add_seals(memfd, F_SEAL_WRITE) == -errno.EBUSY
        mm.munmap(ADDRESS, PAGE)
        assert memfd_add_seals(memfd, F_SEAL_WRITE) == 0

    def test_a_file_that_a_new_hook_brings_along_does_so_too(self) -> None:
        memfd, mm = shmem_file(PAGE, "memfd", nlink=0), AddressSpace()

        def hook(desc: VmAreaDesc) -> None:
            desc.vm_file = get_file(memfd)

        device = File(FileOperations(mmap_prepare=hook))
        mm.mmap(ADDRESS, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device)
        assert memfd_add_seals(memfd, F_SEAL_WRITE) == -errno.EBUSY

    @pytest.mark.parametrize("answer", [0, -errno.EBUSY])
    def test_vfs_mmap_calls_a_legacy_hook_as_it_is(self, answer: int) -> None:
        seen: list[Any] = []

        def lower(file: File, vma: VmAreaStruct) -> int:
            seen.append((file, vma.vm_start))
            return answer

        below = File(FileOperations(mmap=lower))

        def upper(_file: File, vma: VmAreaStruct) -> int:
            result: int = vfs_mmap(below, vma)
            return result

        mm, device = AddressSpace(), File(FileOperations(mmap=upper))
        refused = pytest.raises(OSError, match="busy") if answer else nullcontext()
        with refused:
            mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, device)
        assert seen == [(below, ADDRESS)]
        assert len(mm.vmas()) == (answer == 0)


class TestUnmapping:
    @pytest.mark.parametrize("replaced", [False, True])
    def test_entries_go_before_the_driver_is_told(self, replaced: bool) -> None:
        def hook(desc: VmAreaDesc) -> None:
            desc.vm_ops = VmOperations(close=lambda vma: None)
            mmap_action_remap_full(desc, 7)

        mm = AddressSpace()
        file = File(FileOperations(mmap_prepare=hook))
        mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file)
        with mm.trace() as events:
            if replaced:
                mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED)
            else:
                mm.munmap(ADDRESS, PAGE)
        assert [event.kind for event in events if event.kind != "new_vma"] == ["zap", "close"]


class TestMoves:
    def test_a_range_may_end_in_a_gap(self) -> None:
        """remap_move(): what begins where the range ends is not in it, though a gap ends there."""
        mm, private = AddressSpace(), MAP_PRIVATE | MAP_FIXED
        mm.mmap(ADDRESS, PAGE, PROT_READ, private)
        mm.mmap(ADDRESS + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, private)
        moved = mm.mremap(ADDRESS, 2 * PAGE, 2 * PAGE, 3, ADDRESS + 9 * PAGE)
        assert moved == ADDRESS + 9 * PAGE
        starts = [vma.vm_start for vma in mm.vmas()]
        assert starts == [ADDRESS + 2 * PAGE, ADDRESS + 9 * PAGE]

    def test_what_moves_and_shrinks_is_charged_for_no_more(self) -> None:
        mm = AddressSpace()
        mm.mmap(ADDRESS, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED)
        mm.mremap(ADDRESS, 3 * PAGE, PAGE, 3, ADDRESS + 9 * PAGE)
        assert (mm.memory.committed_as, mm.total_vm) == (1, 1)


class TestGuards:
    def test_the_last_of_three_that_become_one_had_guards(self) -> None:
        """VM_MAYBE_GUARD is sticky: the mapping in which any of the three ends up has it."""
        mm, access = AddressSpace(), PROT_READ | PROT_WRITE
        mm.mmap(ADDRESS, 6 * PAGE, access, MAP_PRIVATE | MAP_FIXED)
        mm.mprotect(ADDRESS + 2 * PAGE, 2 * PAGE, PROT_READ)
        mm.madvise(ADDRESS + 5 * PAGE, PAGE, MADV_GUARD_INSTALL)
        assert [vma.vm_flags & VM_MAYBE_GUARD != 0 for vma in mm.vmas()] == [False, False, True]
        mm.mprotect(ADDRESS + 2 * PAGE, 2 * PAGE, access)
        assert [vma.vm_flags & VM_MAYBE_GUARD != 0 for vma in mm.vmas()] == [True]


class TestFailures:
    def test_a_device_may_refuse_a_first_write(self) -> None:
        page = Page(1)
        table = VmOperations(
            fault=lambda vmf: setattr(vmf, "page", page),
            page_mkwrite=lambda _vmf: VM_FAULT_SIGBUS,
        )

        def hook(desc: VmAreaDesc) -> None:
            desc.vm_ops = table

        mm, device = AddressSpace(), File(FileOperations(mmap_prepare=hook))
        mm.mmap(ADDRESS, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device)
        with pytest.raises(Sigbus):
            mm.touch(ADDRESS, write=True)
        mm.touch(ADDRESS)
        with pytest.raises(Sigbus):
            mm.touch(ADDRESS, write=True)

    def test_a_data_segment_that_cannot_grow_does_not_get_a_second_part(self) -> None:
        mm = AddressSpace()
        mm.start_brk = mm.brk_end = ADDRESS
        assert mm.brk(ADDRESS + PAGE) == ADDRESS + PAGE
        mm.inject("vma_merge", errno.ENOMEM)
        assert mm.brk(ADDRESS + 3 * PAGE) == ADDRESS + PAGE
        assert [vma.vm_end for vma in mm.vmas()] == [ADDRESS + PAGE]


class TestErrors:
    """Which error it is, where a call has two reasons to fail, or leaves nothing behind."""

    def test_a_process_that_may_lock_nothing_may_not_lock_everything(self) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": 0}, cap_ipc_lock=False)
        with pytest.raises(OSError, match=os.strerror(errno.EPERM)):
            mm.mlockall(MCL_FUTURE)
        AddressSpace(rlimits={"MEMLOCK": 0}).mlockall(MCL_FUTURE)

    def test_a_gap_before_the_first_mapping_comes_before_a_direction(self) -> None:
        mm = AddressSpace()
        mm.mmap(ADDRESS, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS)
        for start, expected in ((ADDRESS - PAGE, errno.ENOMEM), (ADDRESS, errno.EINVAL)):
            with pytest.raises(OSError, match=os.strerror(expected)):
                mm.mprotect(start, 2 * PAGE, PROT_READ | PROT_GROWSUP)


class TestPython:
    """What only hooks and callers in Python see."""

    def test_a_descriptor_begins_without_an_action(self) -> None:
        seen = []

        def hook(desc: VmAreaDesc) -> int:
            seen.append((desc.action.type, desc.action.arguments))
            return 0

        file = File(FileOperations(mmap_prepare=hook))
        AddressSpace().mmap(ADDRESS, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file=file)
        assert seen == [(MMAP_NOTHING, ())]

    def test_a_child_logs_where_its_parent_does(self) -> None:
        mm = AddressSpace()
        with mm.trace() as events:
            child = mm.fork()
            child.mmap(ADDRESS, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED)
        assert [event.kind for event in events] == ["new_vma"]

    def test_operations_have_every_member_of_the_table(self) -> None:
        members = ("access", "huge_fault", "map_pages", "name", "pagesize")
        table = VmOperations(**{name: name.upper for name in members})
        assert [getattr(table, name)() for name in members] == [each.upper() for each in members]
        assert {getattr(VmOperations(), name) for name in members} == {None}

    def test_files_and_faults_have_what_hooks_read(self) -> None:
        file = File(FileOperations(label="table"), private_data=3)
        assert (file.f_flags, file.accessed, file.private_data, file.f_op.label) == (
            0,
            0,
            3,
            "table",
        )
        assert Inode(i_private=5).i_private == 5
        assert VmOperations(label="ops").label == "ops"
        assert file.f_mapping.rmap_hidden is False

    def test_equal_flags_are_one_key(self) -> None:
        assert {VmaFlags(3): 1}[VmaFlags(3)] == 1
        assert VmaFlags(3) != VmaFlags(2)
        assert VmaFlags(3) != 3

    def test_a_mapping_in_chunks_can_be_replaced(self) -> None:
        many = ChunkedList(range(5000))
        many[4321] = many[-1] = 7
        assert [place for place, item in enumerate(many) if item != place] == [4321, 4999]
        with pytest.raises(IndexError):
            many[5000] = 1
        with pytest.raises(IndexError):
            del many[-5001]

    @pytest.mark.parametrize(("low", "high"), [(1, 2), ((1 << 64) - 1, 0), (1 << 63, 1)])
    def test_signed_comparison(self, low: int, high: int) -> None:
        assert (signed_lt(low, high), signed_lt(high, low)) == (True, False)
