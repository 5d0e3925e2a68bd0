# SPDX-License-Identifier: GPL-2.0-only
"""What a failure at each point leaves behind."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_PRIVATE,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_READ,
    VM_ACCOUNT,
    AddressSpace,
    File,
    Page,
    VmOperations,
    get_file,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap_full,
    remap_pfn_range,
    vm_insert_page,
    vma_size,
)

from .kit import (
    BASE,
    OPS,
    PAGE,
    PFN,
    RW,
    consistent,
    counts,
    fails,
    layout,
    legacy,
    plain,
    prepare,
    private,
    shared,
)

ENOMEM = errno.ENOMEM


def remapping(desc: Any) -> None:
    desc.vm_ops = VmOperations(mapped=lambda *_: 0)
    mmap_action_remap_full(desc, PFN)


def legacy_remap(file: File, vma: Any) -> int:
    vma.vm_ops = OPS
    return remap_pfn_range(vma, vma.vm_start, PFN, vma_size(vma), vma.vm_page_prot)


class TestInjection:
    def test_names_its_points(self) -> None:
        points = AddressSpace().points()
        assert {"vma_merge", "vma_alloc", "vma_tree", "mmap_hook", "action", "mapped"} <= set(
            points
        )

    def test_unknown_point_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no injection point"):
            AddressSpace().inject("nowhere", ENOMEM)

    def test_allocations_fail_with_enomem_only(self) -> None:
        with pytest.raises(ValueError, match="ENOMEM"):
            AddressSpace().inject("vma_alloc", errno.EIO)

    @pytest.mark.parametrize(("number", "after"), [(0, 0), (-1, 0), (4096, 0), (errno.EIO, -1)])
    def test_errnos_and_counts_have_bounds(self, number: int, after: int) -> None:
        with pytest.raises(ValueError, match="errno"):
            AddressSpace().inject("action", number, after)

    def test_the_largest_errno_is_one(self) -> None:
        mm = AddressSpace()
        mm.inject("action", 4095)
        with fails(4095):
            shared(mm, prepare(remapping))

    def test_happens_once_and_late(self) -> None:
        mm = AddressSpace()
        mm.inject("vma_alloc", ENOMEM, after=1)
        private(mm, None, at=0, pages=1)
        with fails(ENOMEM):
            private(mm, None, at=2, pages=1)
        private(mm, None, at=2, pages=1)
        assert layout(mm) == [(0, 1), (2, 1)]


class TestNewMapping:
    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree", "action", "mapped", "page_table"])
    @pytest.mark.parametrize("hook", [remapping])
    def test_mmap_prepare_leaves_nothing(self, hook: Any, point: str) -> None:
        mm, file = AddressSpace(), prepare(hook)
        before = counts(mm)
        mm.inject(point, ENOMEM)
        with fails() as caught:
            shared(mm, file)
        assert caught.value.errno == ENOMEM
        assert (mm.vmas(), counts(mm), file.f_count) == ([], before, 1)
        assert file.f_mapping.i_mmap == {}

    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree", "mmap_hook", "page_table"])
    def test_mmap_leaves_nothing(self, point: str) -> None:
        mm, file = AddressSpace(), legacy(legacy_remap)
        before = counts(mm)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            shared(mm, file)
        assert (mm.vmas(), counts(mm), file.f_count) == ([], before, 1)

    @pytest.mark.parametrize("point", ["accounting", "vma_alloc", "vma_tree"])
    def test_private_memory_is_given_back(self, point: str) -> None:
        mm = AddressSpace()
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            private(mm, None)
        assert counts(mm) == (0, 0, 0, 0)

    def test_shared_memory_without_a_file_behind_it(self) -> None:
        mm = AddressSpace()
        mm.inject("shmem", ENOMEM)
        with fails(ENOMEM):
            shared(mm, None)
        assert counts(mm) == (0, 0, 0, 0)

    def test_other_errors_of_hooks(self) -> None:
        mm = AddressSpace()
        mm.inject("mapped", errno.EPERM)
        with pytest.raises(PermissionError):
            shared(mm, prepare(remapping))

    def test_the_action_fails_before_mapped(self) -> None:
        mm = AddressSpace()
        mm.inject("action", errno.EIO)
        with mm.trace() as events, fails(errno.EIO):
            shared(mm, prepare(remapping))
        assert "mapped" not in [event.kind for event in events]

    def test_page_tables_of_kernel_pages(self) -> None:
        mm = AddressSpace()
        pages = [Page(PFN), Page(PFN + 1)]
        mm.inject("page_table", ENOMEM)
        with fails(ENOMEM):
            shared(mm, prepare(lambda desc: mmap_action_map_kernel_pages_full(desc, pages)))
        assert counts(mm) == (0, 0, 0, 0)

    def test_partial_population_of_a_legacy_hook_is_undone(self) -> None:
        def hook(file: File, vma: Any) -> int:
            for i in range(2):
                err = vm_insert_page(vma, vma.vm_start + i * PAGE, Page(PFN + i))
                if err:
                    return err
            return 0

        mm = AddressSpace()
        mm.inject("page_table", ENOMEM, after=1)
        with mm.trace() as events, fails(ENOMEM):
            shared(mm, legacy(hook))
        assert [event.kind for event in events] == ["mmap", "populate", "inject", "zap"]
        assert mm.page_at(BASE) is None

    def test_a_replaced_file_is_put(self) -> None:
        other = prepare(plain)

        def hook(desc: Any) -> None:
            desc.vm_file = get_file(other)

        mm = AddressSpace()
        mm.inject("vma_alloc", ENOMEM)
        with fails(ENOMEM):
            shared(mm, prepare(hook))
        assert other.f_count == 1

    def test_a_replaced_file_leaks_when_the_preparation_fails(self) -> None:
        other = prepare(plain)

        def hook(desc: Any) -> None:
            desc.vm_file = get_file(other)
            desc.action.error_override = 1

        with fails(errno.EINVAL):
            shared(AddressSpace(), prepare(hook))
        assert other.f_count == 2


class TestReplacing:
    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree", "mapped", "action"])
    def test_what_was_there_stays_gone(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        splits = 2 if point == "vma_tree" else 0
        mm.inject(point, ENOMEM, after=splits)
        with fails(ENOMEM):
            shared(mm, prepare(remapping), at=1, pages=2)
        assert layout(mm) == [(0, 1), (3, 1)]
        assert consistent(mm)
        assert mm.memory.committed_as == 2

    @pytest.mark.parametrize("point", ["vma_dup", "munmap_gather", "accounting"])
    def test_an_early_failure_keeps_it(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.touch(BASE, write=True)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            mm.mmap(BASE + PAGE, 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED)
        assert sum(pages for _, pages in layout(mm)) == 2
        assert consistent(mm)
        assert mm.page_at(BASE).kind == "anon"


class TestMerging:
    def test_without_memory_a_new_mapping_is_made(self) -> None:
        mm, calls = AddressSpace(), []

        def hook(file: File, vma: Any) -> None:
            calls.append(vma.vm_start)
            vma.vm_ops = OPS

        file = legacy(hook)
        shared(mm, file)
        mm.inject("vma_merge", ENOMEM)
        shared(mm, file, at=2, off=2)
        assert (layout(mm), len(calls)) == ([(0, 2), (2, 2)], 2)


class TestMunmap:
    @pytest.mark.parametrize("point", ["munmap_gather", "munmap_tree", "vma_dup"])
    def test_a_failure_keeps_the_mapping(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            mm.munmap(BASE + PAGE, PAGE)
        assert sum(pages for _, pages in layout(mm)) == 3
        assert consistent(mm)


class TestRarerCalls:
    def test_mprotect_without_memory_for_the_split(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        mm.inject("vma_dup", ENOMEM)
        with fails(ENOMEM):
            mm.mprotect(BASE + PAGE, PAGE, 1)
        assert consistent(mm)

    @pytest.mark.parametrize("point", ["vma_dup", "vma_tree", "anon_vma_clone", "page_table"])
    def test_a_failed_move_leaves_the_source(self, point: str) -> None:
        mm = AddressSpace()
        private(mm, None, pages=2)
        mm.touch(BASE, write=True)
        before = counts(mm)
        mm.inject(point, ENOMEM)
        with fails(ENOMEM):
            mm.mremap(BASE, 2 * PAGE, 2 * PAGE, 3, BASE + 8 * PAGE)
        assert (layout(mm), counts(mm)) == ([(0, 2)], before)
        assert mm.page_at(BASE).kind == "anon"

    def test_a_refusing_mremap_callback_puts_everything_back(self) -> None:
        mm, closed = AddressSpace(), []
        ops = VmOperations(mremap=lambda vma: -errno.EINVAL, close=closed.append)

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        shared(mm, prepare(hook))
        with fails(errno.EINVAL):
            mm.mremap(BASE, 2 * PAGE, 2 * PAGE, 3, BASE + 8 * PAGE)
        assert layout(mm) == [(0, 2)]
        assert len(closed) == 1
        assert consistent(mm)

    @pytest.mark.parametrize("point", ["vma_dup", "anon_vma", "page_table", "accounting"])
    def test_a_failed_fork_leaves_no_child(self, point: str) -> None:
        mm, opened, closed = AddressSpace(), [], []
        ops = VmOperations(open=lambda vma: opened.append(1), close=lambda vma: closed.append(1))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        shared(mm, prepare(hook))
        private(mm, None, at=4)
        mm.touch(BASE + 4 * PAGE, write=True)
        charged = mm.memory.committed_as
        mm.inject(point, ENOMEM, after=1 if point == "vma_dup" else 0)
        with fails(ENOMEM):
            mm.fork()
        assert len(opened) == len(closed)
        assert mm.memory.committed_as == charged
        assert consistent(mm)

    def test_a_fault_without_memory_is_repeated(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.inject("anon_vma", ENOMEM)
        mm.touch(BASE, write=True)  # as a 7.3 kernel does: pagefault_out_of_memory() retries
        assert mm.page_at(BASE) is not None


class TestMoves:
    def test_a_source_that_stays_is_not_marked_as_accounted(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=3)
        mm.mmap(BASE + 20 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED)
        mm.inject("munmap_gather", ENOMEM, after=1)  # not what FIXED replaces
        fixed = MREMAP_MAYMOVE | MREMAP_FIXED
        mm.mremap(BASE + PAGE, PAGE, PAGE, fixed, BASE + 20 * PAGE)
        mm.mmap(BASE + 30 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED)
        assert layout(mm) == [(0, 1), (1, 1), (2, 1), (20, 1), (30, 1)]  # split, not unmapped
        accounted = [bool(vma.vm_flags & VM_ACCOUNT) for vma in mm.vmas()]
        assert accounted == [False, False, False, True, False]
