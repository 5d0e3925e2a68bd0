# SPDX-License-Identifier: GPL-2.0-only
"""Corners that only a wrong model would show: found by planting mistakes (bench/mutants.py)."""

from __future__ import annotations

import errno
from typing import Any, ClassVar

import pytest

from premap.model import (
    FOP_UNSIGNED_OFFSET,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_LOCKED,
    MAP_PRIVATE,
    MAP_SHARED,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_EXEC,
    PROT_NONE,
    PROT_READ,
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_EXEC,
    VM_FAULT_SIGBUS,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_RAND_READ,
    VM_SEQ_READ,
    VM_SHARED,
    VM_WIPEONFORK,
    AddressSpace,
    File,
    FileOperations,
    Page,
    VmOperations,
    generic_file_mmap_prepare,
    pgprot_device_np,
    pgprot_noncached_wc,
    vm_flags_set,
    vm_insert_pages,
    vma_is_cow_mapping,
    vma_is_shared_maywrite,
    zero_fops,
)
from premap.model.fault import FAULT_FLAG_WRITE, handle_mm_fault
from premap.model.gup import populate_vma_page_range
from premap.model.pgprot import cache_mode
from premap.model.shmem import shmem_zero_setup
from premap.model.words import invert

from .kit import BASE, PAGE, RW, consistent, counts, fails, layout, legacy, plain, prepare, shared
from .situations import at, change, fill, offsets, parts, write

ENOMEM = errno.ENOMEM
MIXED = VM_PFNMAP | VM_MIXEDMAP


class TestSharingPagesFails:
    """A merge has to share the anonymous pages of what it swallows, which needs memory."""

    def test_then_a_new_mapping_is_made(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        fill(mm, 5, 1)
        write(mm, 5)
        mm.inject("anon_vma_clone", ENOMEM)
        fill(mm, 3, 2)
        assert layout(mm) == [(0, 3), (3, 2), (5, 1)]
        assert at(mm, 0).anon_vma is None

    def test_then_access_is_not_changed(self) -> None:
        mm = AddressSpace()
        prev, middle = parts(mm, 3, 2)
        middle.vm_flags |= 2
        write(mm, 3)
        middle.vm_flags ^= 2
        mm.inject("anon_vma_clone", ENOMEM)
        with fails(ENOMEM):
            change(mm, 3, 2)
        assert (layout(mm), prev.anon_vma) == ([(0, 3), (3, 2)], None)

    def test_pages_of_ones_own_are_kept(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 3)
        write(mm, 0)
        anon_vma = at(mm, 0).anon_vma
        mm.inject("vma_merge", ENOMEM)
        fill(mm, 3, 2)
        assert at(mm, 0).anon_vma is anon_vma
        change(mm, 3, 2, PROT_READ)
        mm.inject("vma_merge", ENOMEM)
        with fails(ENOMEM):
            change(mm, 3, 2)
        assert at(mm, 0).anon_vma is anon_vma


class TestGrowingMoves:
    def moved(self, mm: AddressSpace) -> int:
        return mm.mremap(BASE, PAGE, 4 * PAGE, MREMAP_MAYMOVE)

    def ready(self) -> AddressSpace:
        mm = AddressSpace()
        flags = MAP_PRIVATE | MAP_FIXED
        mm.mmap(BASE, PAGE, RW, flags)
        mm.mmap(BASE + 2 * PAGE, PAGE, PROT_READ, flags)
        return mm

    def test_charge_what_is_added(self) -> None:
        mm = self.ready()
        self.moved(mm)
        assert (mm.memory.committed_as, mm.total_vm, consistent(mm)) == (4, 5, True)

    def test_without_memory_to_commit_nothing_moves(self) -> None:
        mm = self.ready()
        before = counts(mm)
        mm.inject("accounting", ENOMEM)
        with fails(ENOMEM):
            self.moved(mm)
        assert (counts(mm), layout(mm)) == (before, [(0, 1), (2, 1)])

    @pytest.mark.parametrize("point", ["vma_dup", "vma_tree"])
    def test_without_a_copy_the_charge_is_given_back(self, point: str) -> None:
        mm = self.ready()
        before = counts(mm)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            self.moved(mm)
        assert counts(mm) == before

    def test_a_refusing_driver_leaves_no_charge(self) -> None:
        mm = self.ready()
        ops = VmOperations(mremap=lambda vma: -errno.EINVAL)
        mm.vmas()[0].vm_ops = ops
        with fails(errno.EINVAL):
            self.moved(mm)
        assert (mm.memory.committed_as, mm.total_vm, consistent(mm)) == (1, 2, True)


class TestOffsets:
    def test_of_devices_end_before_they_wrap(self) -> None:
        file = prepare(plain)
        with fails(errno.EOVERFLOW):
            AddressSpace().mmap(BASE, 2 * PAGE, RW, MAP_SHARED, file, 2**64 - PAGE)
        AddressSpace().mmap(BASE, PAGE, RW, MAP_SHARED, file, 2**64 - 2 * PAGE)

    def test_of_some_devices_use_all_bits(self) -> None:
        file = prepare(plain)
        file.f_op.fop_flags = FOP_UNSIGNED_OFFSET
        AddressSpace().mmap(BASE, PAGE, RW, MAP_SHARED, file, 2**64 - 2 * PAGE)

    def test_are_ignored_for_memory(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, prepare(plain), 5 * PAGE)
        (vma,) = mm.vmas()
        assert (vma.vm_file, vma.vm_pgoff) == (None, BASE // PAGE)


class TestMemlock:
    def test_other_limits_do_not_count(self) -> None:
        mm = AddressSpace(rlimits={"AS": 9 * PAGE}, cap_ipc_lock=False)
        mm.mmap(BASE, 2 * PAGE, RW, MAP_PRIVATE | MAP_LOCKED)
        assert mm.locked_vm == 2

    @pytest.mark.parametrize(("pages", "fine"), [(3, True), (4, False)])
    def test_is_for_all_that_is_locked(self, pages: int, *, fine: bool) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": 4 * PAGE}, cap_ipc_lock=False)
        mm.mmap(BASE, PAGE, RW, MAP_PRIVATE | MAP_LOCKED | MAP_FIXED)
        if fine:
            mm.mmap(BASE + 9 * PAGE, pages * PAGE, RW, MAP_PRIVATE | MAP_LOCKED)
            return
        with fails(errno.EAGAIN):
            mm.mmap(BASE + 9 * PAGE, pages * PAGE, RW, MAP_PRIVATE | MAP_LOCKED)
        fill(mm, 20, 9)
        with fails(ENOMEM):
            mm.mlock(BASE + 20 * PAGE, pages * PAGE)
        mm.mlock(BASE + 20 * PAGE, (pages - 1) * PAGE)

    def test_all_of_it_at_once(self) -> None:
        mm = AddressSpace(rlimits={"MEMLOCK": 2 * PAGE}, cap_ipc_lock=False)
        fill(mm, 0, 3)
        with fails(ENOMEM):
            mm.mlockall(1)
        mm.munmap(BASE, PAGE)
        mm.mlockall(1)
        assert mm.locked_vm == 2


class TestFaultResults:
    def test_a_write_to_what_can_be_written_is_done(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        write(mm, 0)
        before = mm.page_at(BASE)
        assert handle_mm_fault(mm, at(mm, 0), BASE, write=True) == 0
        assert before is not None
        assert mm.page_at(BASE).source is before.source

    def test_what_may_not_be_read_is_not_populated(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        vma = at(mm, 0)
        vma.vm_flags = VM_EXEC
        assert populate_vma_page_range(mm, vma, BASE, BASE + PAGE) == -errno.EFAULT

    def test_shared_memory_without_operations_has_no_pages(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        vma = at(mm, 0)
        vma.vm_flags |= VM_SHARED
        assert handle_mm_fault(mm, vma, BASE, write=False) == VM_FAULT_SIGBUS

    def test_mappings_keep_their_anon_vma(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 2)
        write(mm, 0)
        anon_vma = at(mm, 0).anon_vma
        write(mm, 1)
        assert at(mm, 0).anon_vma is anon_vma

    @pytest.mark.parametrize("read_first", [False, True])
    def test_what_is_announced_is_a_write(self, *, read_first: bool) -> None:
        seen = []

        def fault(vmf: Any) -> int:
            vmf.page = Page(7)
            return 0

        ops = VmOperations(fault=fault, page_mkwrite=lambda vmf: seen.append(vmf.flags))
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: setattr(desc, "vm_ops", ops)))
        if read_first:
            mm.touch(BASE)
        mm.touch(BASE, write=True)
        assert seen == [FAULT_FLAG_WRITE]


class TestMovedPages:
    def test_a_neighbour_that_takes_them_files_them(self) -> None:
        mm = AddressSpace()
        move = MREMAP_MAYMOVE | MREMAP_FIXED
        fill(mm, 8, 1)
        write(mm, 8)
        mm.mremap(BASE + 8 * PAGE, PAGE, PAGE, move, BASE)
        anon_vma = at(mm, 0).anon_vma
        fill(mm, 9, 1)
        mm.mremap(BASE, PAGE, PAGE, move, BASE + 8 * PAGE)
        assert (layout(mm), at(mm, 9).anon_vma) == ([(8, 2)], anon_vma)
        assert anon_vma is not None


class TestForkedPages:
    """What a parent knows of is not shared with a mapping that has no pages yet."""

    def child(self) -> AddressSpace:
        mm = AddressSpace()
        fill(mm, 0, 5)
        change(mm, 3, 2, PROT_READ | PROT_EXEC | 2)
        write(mm, 3)
        child = mm.fork()
        assert len(at(child, 3).anon_chain) == 2
        return child

    def test_by_a_change_of_access(self) -> None:
        child = self.child()
        change(child, 3, 2)
        assert layout(child) == [(0, 3), (3, 2)]

    def test_by_a_move(self) -> None:
        child = self.child()
        move = MREMAP_MAYMOVE | MREMAP_FIXED
        child.mremap(BASE + 3 * PAGE, 2 * PAGE, 2 * PAGE, move, BASE + 20 * PAGE)
        fill(child, 5, 1)
        change(child, 5, 1, PROT_READ | PROT_EXEC | 2)
        child.mremap(BASE + 20 * PAGE, 2 * PAGE, 2 * PAGE, move, BASE + 3 * PAGE)
        assert layout(child) == [(0, 3), (3, 2), (5, 1)]

    def test_a_parent_may(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 5)
        change(mm, 3, 2, PROT_READ | PROT_EXEC | 2)
        write(mm, 3)
        change(mm, 3, 2)
        assert layout(mm) == [(0, 5)]


class TestManyMoves:
    def test_each_needs_room_for_more_mappings(self) -> None:
        """The place they go to is one mapping, of which each move leaves another part."""
        mm = AddressSpace(max_map_count=10)
        for page in range(0, 10, 2):
            fill(mm, page, 1)
        fill(mm, 32, 12)
        change(mm, 32, 12, PROT_READ)
        with fails(ENOMEM):
            move = MREMAP_MAYMOVE | MREMAP_FIXED
            mm.mremap(BASE, 10 * PAGE, 10 * PAGE, move, BASE + 32 * PAGE)
        writable = [vma for vma in mm.vmas() if vma.vm_flags & 2]
        assert [offsets(vma)[0] for vma in writable] == [6, 8, 32, 34, 36]
        assert consistent(mm)


class TestMapCount:
    @pytest.mark.parametrize(("most", "fine"), [(3, False), (4, True)])
    def test_a_split_needs_room_for_another(self, most: int, *, fine: bool) -> None:
        mm = AddressSpace(max_map_count=most)
        for page in (0, 4, 8):
            fill(mm, page, 2)
        if fine:
            change(mm, 0, 1, PROT_READ)
            assert mm.map_count == 4
            return
        with fails(ENOMEM):
            change(mm, 0, 1, PROT_READ)
        assert layout(mm) == [(0, 2), (4, 2), (8, 2)]


class TestAdvice:
    """Which flags each advice sets and clears, as madvise(2) has it."""

    FLAGS: ClassVar[dict[int, tuple[int, int]]] = {
        0: (0, VM_SEQ_READ | VM_RAND_READ),  # NORMAL
        1: (VM_RAND_READ, VM_SEQ_READ),  # RANDOM
        2: (VM_SEQ_READ, VM_RAND_READ),  # SEQUENTIAL
        10: (VM_DONTCOPY, 0),  # DONTFORK
        11: (0, VM_DONTCOPY),  # DOFORK
        16: (VM_DONTDUMP, 0),  # DONTDUMP
        17: (0, VM_DONTDUMP),  # DODUMP
        18: (VM_WIPEONFORK, 0),  # WIPEONFORK
        19: (0, VM_WIPEONFORK),  # KEEPONFORK
        20: (0, 0),  # COLD
        3: (0, 0),  # WILLNEED
        4: (0, 0),  # DONTNEED
        8: (0, 0),  # FREE
    }
    ALL = VM_SEQ_READ | VM_DONTCOPY | VM_DONTDUMP | VM_WIPEONFORK

    @pytest.mark.parametrize("before", [0, ALL, VM_RAND_READ])
    @pytest.mark.parametrize("advice", FLAGS)
    def test_changes_its_flags_only(self, advice: int, before: int) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        change(mm, 0, 1, PROT_NONE)
        vma = at(mm, 0)
        vma.vm_flags |= before
        old = vma.vm_flags
        mm.madvise(BASE, PAGE, advice)
        to_set, to_clear = self.FLAGS[advice]
        assert vma.vm_flags == (old & ~to_clear) | to_set


class TestHelpers:
    @pytest.mark.parametrize(("flags", "warned"), [(VM_PFNMAP, [True]), (0, []), (MIXED, [])])
    def test_pages_in_a_pfn_mapping_warn(self, flags: int, warned: list[bool]) -> None:
        def hook(file: File, vma: Any) -> int:
            vm_flags_set(vma, flags)
            return vm_insert_pages(vma, vma.vm_start, [Page(1), Page(2)], [2])

        mm = AddressSpace()
        with mm.trace() as events:
            shared(mm, legacy(hook))
        assert [event.condition for event in events if event.kind == "warn"] == warned

    def test_inserting_all_pages_leaves_none_over(self) -> None:
        num, pages = [2], [Page(1), Page(2)]
        hook = legacy(lambda file, vma: vm_insert_pages(vma, vma.vm_start, pages, num))
        shared(AddressSpace(), hook)
        assert num == [0]

    def test_inserting_no_pages_leaves_none_over(self) -> None:
        num = [0]
        shared(AddressSpace(), legacy(lambda f, vma: vm_insert_pages(vma, vma.vm_start, [], num)))
        assert num == [0]

    def test_zero_setup_puts_the_file(self) -> None:
        def hook(file: File, vma: Any) -> int:
            return shmem_zero_setup(vma.vm_mm, vma)

        mm, file = AddressSpace(), legacy(hook)
        shared(mm, file)
        assert (file.f_count, mm.vmas()[0].vm_file.f_count) == (1, 1)
        assert mm.vmas()[0].vm_file is not file

    @pytest.mark.parametrize("file", [None, File(zero_fops)])
    def test_shared_memory_has_pages(self, file: File | None) -> None:
        mm = AddressSpace()
        shared(mm, file, pages=2)
        mm.touch(BASE + PAGE, write=True)
        entry = mm.page_at(BASE + PAGE)
        assert entry is not None
        assert (entry.kind, entry.index) == ("file", 1)

    def test_generic_files_need_a_page_cache(self) -> None:
        file = File(FileOperations(mmap_prepare=generic_file_mmap_prepare))
        with fails(errno.ENOEXEC):
            shared(AddressSpace(), file)

    def test_kinds_of_mappings(self) -> None:
        mm = AddressSpace()
        fill(mm, 0, 1)
        vma = at(mm, 0)
        assert (vma_is_cow_mapping(vma), vma_is_shared_maywrite(vma)) == (True, False)
        vma.vm_flags = VM_SHARED | VM_MAYWRITE
        assert (vma_is_cow_mapping(vma), vma_is_shared_maywrite(vma)) == (False, True)

    def test_complements(self) -> None:
        assert invert(0) == 2**64 - 1
        assert invert(2**63) == 2**63 - 1

    def test_cache_modes_of_other_architectures(self) -> None:
        assert cache_mode(pgprot_device_np(0)) == "device_np"
        assert cache_mode(pgprot_noncached_wc(0)) == "noncached_wc"
