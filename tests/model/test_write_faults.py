# SPDX-License-Identifier: GPL-2.0-only
"""First writes to shared mappings, faults that go wrong, fork's rarer cases, names of memory."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MADV_DONTNEED,
    MADV_POPULATE_WRITE,
    MADV_WIPEONFORK,
    MAP_FIXED,
    MAP_PRIVATE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_NONE,
    PROT_READ,
    S_IFREG,
    VM_FAULT_NOPAGE,
    VM_FAULT_SIGBUS,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    NotModelled,
    Page,
    Sigbus,
    Sigsegv,
    VmOperations,
    generic_file_mmap_prepare,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap_full,
    pgprot_writable,
)

from .kit import BASE, PAGE, PFN, RW, consistent, fails, layout, prepare, private, shared

PAGES = [Page(PFN + i) for i in range(8)]
SIGBUS = VM_FAULT_SIGBUS


def serving(**more: Any) -> VmOperations:
    """Return operations whose fault handler gives pages."""

    def fault(vmf: Any) -> int:
        vmf.page = PAGES[vmf.pgoff]
        return 0

    return VmOperations(fault=fault, **more)


def mapping(ops: VmOperations, pages: int = 2) -> AddressSpace:
    """Return an address space with a shared mapping that has these operations."""
    mm = AddressSpace()
    shared(mm, prepare(lambda desc: setattr(desc, "vm_ops", ops)), pages=pages)
    return mm


def regular() -> File:
    """Return a file of a file system that writes pages back."""
    operations = FileOperations(mmap_prepare=generic_file_mmap_prepare)
    return File(operations, inode=Inode(S_IFREG, i_size=9 * PAGE))


class TestPageMkwrite:
    def test_a_page_that_was_written_and_moved_is_not_announced_again(self) -> None:
        told = []
        mm = mapping(serving(page_mkwrite=lambda vmf: told.append(vmf.pgoff)))
        mm.touch(BASE, write=True)
        there = BASE + 8 * PAGE
        mm.mprotect(BASE, 2 * PAGE, PROT_READ)
        mm.mremap(BASE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there)
        mm.mprotect(there, 2 * PAGE, RW)
        assert mm.page_at(there).writable is True
        mm.touch(there, write=True)
        assert told == [0]

    def test_the_end_of_one_child_leaves_a_page_shared_with_another(self) -> None:
        mm = AddressSpace()
        mm.mmap(BASE, PAGE, RW, MAP_FIXED | MAP_PRIVATE)
        mm.touch(BASE, write=True)
        first, second = mm.fork(), mm.fork()
        first.exit()
        assert mm.page_at(BASE).source is second.page_at(BASE).source
        assert mm.page_at(BASE).source.shared

    def test_a_write_to_a_new_page_is_announced(self) -> None:
        told = []
        mm = mapping(serving(page_mkwrite=lambda vmf: told.append(vmf.pgoff)))
        mm.touch(BASE + PAGE, write=True)
        assert told == [1]
        assert mm.page_at(BASE + PAGE).writable is True

    def test_it_may_be_refused(self) -> None:
        mm = mapping(serving(page_mkwrite=lambda vmf: SIGBUS))
        with pytest.raises(Sigbus):
            mm.touch(BASE, write=True)
        assert mm.page_at(BASE) is None

    def test_a_write_after_a_read_is_announced_once(self) -> None:
        told = []
        mm = mapping(serving(page_mkwrite=lambda vmf: told.append(vmf.pgoff)))
        mm.touch(BASE)
        assert mm.page_at(BASE).writable is False
        for _ in range(2):
            mm.touch(BASE, write=True)
        assert (told, mm.page_at(BASE).writable) == ([0], True)

    def test_that_may_be_refused_too(self) -> None:
        mm = mapping(serving(page_mkwrite=lambda vmf: SIGBUS))
        mm.touch(BASE)
        with pytest.raises(Sigbus):
            mm.touch(BASE, write=True)
        assert mm.page_at(BASE).writable is False

    def test_the_log_has_it(self) -> None:
        mm = mapping(serving(page_mkwrite=lambda vmf: 0))
        with mm.trace() as events:
            mm.touch(BASE + PAGE, write=True)
        assert [(e.kind, e.pgoff, e.write) for e in events] == [
            ("fault", 1, True),
            ("page_mkwrite", 1, True),
        ]

    def test_page_frames_have_another_callback(self) -> None:
        told = []
        ops = VmOperations(
            pfn_mkwrite=lambda vmf: told.append("pfn"), page_mkwrite=lambda vmf: told.append("page")
        )

        def hook(desc: Any) -> None:
            desc.vm_ops = ops
            mmap_action_map_kernel_pages_full(desc, PAGES)

        mm = AddressSpace()
        shared(mm, prepare(hook))
        mm.vmas()[0].ptes[0].kind = "pfn"
        mm.touch(BASE, write=True)
        assert told == ["pfn"]

    def test_without_operations_a_write_is_let_through(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        mm.vmas()[0].vm_ops = None
        for entry in mm.vmas()[0].ptes:
            entry.pgprot &= ~2
            entry.write = False
        mm.touch(BASE, write=True)
        assert mm.page_at(BASE).writable is True


class TestDirtyTracking:
    """Shared writable pages of a file system begin read-only, so that the first write is seen."""

    def test_shared(self) -> None:
        mm = AddressSpace()
        shared(mm, regular())
        assert not pgprot_writable(mm.vmas()[0].vm_page_prot)
        mm.touch(BASE)
        assert mm.page_at(BASE).writable is False
        mm.touch(BASE, write=True)
        assert mm.page_at(BASE).writable is True

    def test_even_without_a_callback(self) -> None:
        mm, file = AddressSpace(), regular()
        file.f_op = prepare(lambda desc: setattr(desc, "vm_ops", serving())).f_op
        shared(mm, file)
        assert not pgprot_writable(mm.vmas()[0].vm_page_prot)

    def test_not_of_memory(self) -> None:
        mm = mapping(serving())
        assert pgprot_writable(mm.vmas()[0].vm_page_prot)

    def test_not_of_page_frames(self) -> None:
        mm, file = AddressSpace(), regular()
        file.f_op = prepare(lambda desc: mmap_action_remap_full(desc, PFN)).f_op
        shared(mm, file)
        assert pgprot_writable(mm.vmas()[0].vm_page_prot)

    def test_what_was_written_stays_writable_through_mprotect(self) -> None:
        mm = AddressSpace()
        shared(mm, regular())
        mm.touch(BASE, write=True)
        mm.touch(BASE + PAGE)
        mm.mprotect(BASE, 2 * PAGE, PROT_READ)
        assert mm.page_at(BASE).writable is False
        mm.mprotect(BASE, 2 * PAGE, RW)
        assert [mm.page_at(BASE + i * PAGE).writable for i in (0, 1)] == [True, False]


class TestFaults:
    @pytest.mark.parametrize("call", ["touch", "mlock"])
    def test_a_handler_that_never_maps_anything_is_not_known(self, call: str) -> None:
        mm = mapping(VmOperations(fault=lambda vmf: VM_FAULT_NOPAGE))
        with pytest.raises(NotModelled, match=r"success|for ever"):
            mm.touch(BASE) if call == "touch" else mm.mlock(BASE, PAGE)

    def test_a_private_write_needs_a_page(self) -> None:
        mm = AddressSpace()
        ops = VmOperations(fault=lambda vmf: 0)
        private(mm, prepare(lambda desc: setattr(desc, "vm_ops", ops)))
        with pytest.raises(NotModelled, match="page"):
            mm.touch(BASE, write=True)

    @pytest.mark.parametrize("write", [False, True])
    def test_below_a_mapping_is_nothing(self, *, write: bool) -> None:
        mm = AddressSpace()
        private(mm, None)
        with pytest.raises(Sigsegv):
            mm.touch(BASE - 1, write=write)
        with pytest.raises(Sigsegv):
            mm.touch(BASE + 2 * PAGE, write=write)

    def test_populating_goes_around_what_is_there(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=6)
        mm.touch(BASE + PAGE)
        mm.touch(BASE + 3 * PAGE)
        mm.touch(BASE + 4 * PAGE, write=True)
        mm.madvise(BASE, 6 * PAGE, MADV_POPULATE_WRITE)
        entries = [mm.page_at(BASE + i * PAGE) for i in range(6)]
        assert [entry.kind for entry in entries if entry is not None] == ["anon"] * 6
        assert consistent(mm)

    def test_populating_the_end_of_what_is_there(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mprotect(BASE, 4 * PAGE, PROT_READ)
        mm.madvise(BASE, 4 * PAGE, 22)  # POPULATE_READ: one range of zeroes
        mm.mprotect(BASE, 4 * PAGE, RW)
        mm.madvise(BASE + 2 * PAGE, PAGE, MADV_POPULATE_WRITE)
        kinds = [mm.page_at(BASE + i * PAGE).kind for i in range(4)]
        assert kinds == ["zero", "zero", "anon", "zero"]

    @pytest.mark.parametrize("point", ["anon_vma", "page", "page_table"])
    def test_populating_without_memory(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.inject(point, errno.ENOMEM)
        with fails(errno.ENOMEM):
            mm.madvise(BASE, 2 * PAGE, MADV_POPULATE_WRITE)
        assert mm.vmas()[0].ptes == []

    def test_replacing_zeroes_without_memory(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.touch(BASE)
        mm.inject("page", errno.ENOMEM)
        with fails(errno.ENOMEM):
            mm.madvise(BASE, PAGE, MADV_POPULATE_WRITE)
        assert mm.page_at(BASE).kind == "zero"

    def test_positive_numbers_of_errors_without_one(self) -> None:
        def hook(desc: Any) -> None:
            raise OSError("no number")

        with pytest.raises(OSError, match="no number"):
            shared(AddressSpace(), prepare(hook))


class TestFork:
    def test_a_child_has_its_own_mappings(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)), at=4)
        mm.touch(BASE, write=True)
        child = mm.fork()
        assert [vma.vm_mm for vma in child.vmas()] == [child, child]
        child.touch(BASE, write=True)
        child.munmap(BASE + 4 * PAGE, PAGE)
        assert (layout(mm), layout(child)) == ([(0, 2), (4, 2)], [(0, 2), (5, 1)])
        assert consistent(child)

    def test_wiped_memory_is_empty(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        mm.madvise(BASE, 2 * PAGE, MADV_WIPEONFORK)
        child = mm.fork()
        assert (child.page_at(BASE), child.vmas()[0].anon_vma) == (None, None)

    def test_what_a_fault_can_make_again_is_not_copied(self) -> None:
        mm = mapping(serving())
        mm.touch(BASE)
        assert mm.fork().page_at(BASE) is None

    def test_a_grandchild_takes_over_what_nobody_uses(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        child = mm.fork()
        own = child.vmas()[0].anon_vma
        assert own is not mm.vmas()[0].anon_vma
        grandchild = child.fork()
        assert own is not None
        child.exit()
        assert own.num_active_vmas == 0
        taken = grandchild.fork()
        assert taken.vmas()[0].anon_vma is own
        assert own.num_active_vmas == 1

    def test_a_written_page_of_a_child_is_its_own(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE, write=True)
        child = mm.fork()
        child.touch(BASE, write=True)
        ours, theirs = mm.page_at(BASE), child.page_at(BASE)
        assert ours is not None
        assert theirs is not None
        assert ours.source is not theirs.source
        assert (ours.writable, theirs.writable) == (False, True)


class TestSharingAnonVmas:
    """New pages are filed with a neighbour's, if the two may merge one day."""

    def neighbours(self, *, gap: int = 0) -> AddressSpace:
        mm = AddressSpace()
        private(mm, None, pages=2)
        private(mm, None, pages=2, at=2 + gap)
        mm.mprotect(BASE, PAGE, PROT_READ)
        return mm

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_with_the_one_before_and_the_one_after(self, first: int, second: int) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.mprotect(BASE + PAGE, PAGE, RW | 4)
        mm.touch(BASE + first * PAGE, write=True)
        mm.touch(BASE + second * PAGE, write=True)
        low, high = mm.vmas()
        assert low.anon_vma is high.anon_vma
        assert low.anon_vma is not None
        assert (low.anon_vma.links, low.anon_vma.num_active_vmas) == (2, 2)
        mm.mprotect(BASE + PAGE, PAGE, RW)
        assert layout(mm) == [(0, 2)]

    @pytest.mark.parametrize("first", [0, 2])
    def test_not_across_a_gap(self, first: int) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        private(mm, None, pages=1, at=2)
        mm.touch(BASE + first * PAGE, write=True)
        mm.touch(BASE + (2 - first) * PAGE, write=True)
        assert mm.vmas()[0].anon_vma is not mm.vmas()[1].anon_vma

    def test_not_with_other_flags(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.madvise(BASE, PAGE, 1)  # RANDOM
        mm.touch(BASE, write=True)
        mm.touch(BASE + PAGE, write=True)
        assert mm.vmas()[0].anon_vma is not mm.vmas()[1].anon_vma

    @pytest.mark.parametrize("off", [0, 5])
    def test_not_with_another_offset(self, off: int) -> None:
        mm, file = AddressSpace(), regular()
        private(mm, file, pages=1)
        private(mm, file, pages=1, at=1, off=off)
        for page in (0, 1):
            mm.touch(BASE + page * PAGE, write=True)
        assert mm.vmas()[0].anon_vma is not mm.vmas()[1].anon_vma

    def test_not_with_another_file(self) -> None:
        mm = AddressSpace()
        private(mm, regular(), pages=1)
        private(mm, regular(), pages=1, at=1, off=1)
        for page in (0, 1):
            mm.touch(BASE + page * PAGE, write=True)
        assert mm.vmas()[0].anon_vma is not mm.vmas()[1].anon_vma

    def test_not_where_pages_moved_from_elsewhere(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.touch(BASE, write=True)
        mm.mremap(BASE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 8 * PAGE)
        private(mm, None, pages=1, at=9)
        mm.touch(BASE + 9 * PAGE, write=True)
        assert mm.vmas()[0].anon_vma is not mm.vmas()[1].anon_vma


class TestNames:
    def named(self, *names: str | None) -> AddressSpace:
        mm = AddressSpace()
        private(mm, None, pages=len(names))
        for page in range(1, len(names), 2):
            mm.mprotect(BASE + page * PAGE, PAGE, PROT_NONE)
        for vma, name in zip(mm.vmas(), names, strict=True):
            vma.anon_name = name
        return mm

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (("a", "a"), [(0, 2)]),
            (("a", "b"), [(0, 1), (1, 1)]),
            ((None, "b"), [(0, 1), (1, 1)]),
            (("a", None), [(0, 1), (1, 1)]),
            (("a", "a", "a"), [(0, 3)]),
            (("b", "a", "a"), [(0, 1), (1, 2)]),
        ],
    )
    def test_only_equal_ones_merge(
        self, names: tuple[str | None, ...], expected: list[tuple[int, int]]
    ) -> None:
        mm = self.named(*names)
        mm.mprotect(BASE + PAGE, PAGE, RW)
        assert layout(mm) == expected

    def test_are_kept_by_splits(self) -> None:
        mm = self.named("a")
        mm.mremap(BASE, PAGE, 3 * PAGE)
        mm.mprotect(BASE + PAGE, PAGE, PROT_READ)
        assert [vma.anon_name for vma in mm.vmas()] == ["a"] * 3

    def test_new_memory_has_none(self) -> None:
        mm = self.named("a")
        private(mm, None, pages=1, at=1)
        assert layout(mm) == [(0, 1), (1, 1)]

    def test_maps_prints_them(self) -> None:
        assert self.named("heap of mine").maps().endswith("[anon:heap of mine]\n")

    def test_a_move_keeps_them_apart_from_others(self) -> None:
        mm = self.named("a")
        private(mm, None, pages=1, at=9)
        mm.mremap(BASE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 8 * PAGE)
        assert layout(mm) == [(8, 1), (9, 1)]


class TestDiscarding:
    def test_private_pages_begin_anew(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        for page in range(3):
            mm.touch(BASE + page * PAGE, write=True)
        mm.madvise(BASE + PAGE, PAGE, MADV_DONTNEED)
        present = [mm.page_at(BASE + page * PAGE) is not None for page in range(3)]
        assert present == [True, False, True]
        mm.mmap(BASE + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED)
        assert mm.page_at(BASE + 2 * PAGE) is None
