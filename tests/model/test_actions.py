# SPDX-License-Identifier: GPL-2.0-only
"""Actions: what their helpers store, what the preparation refuses, what they leave."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_PRIVATE,
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_IO,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VMA_WRITE_BIT,
    AddressSpace,
    KernelBug,
    Page,
    VmOperations,
    mmap_action_ioremap_full,
    mmap_action_map_kernel_pages,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap,
    mmap_action_remap_full,
    mmap_action_simple_ioremap,
    pgprot_decrypted,
    pgprot_noncached,
    vma_desc_clear_flags,
)

from .kit import BASE, PAGE, PFN, RW, counts, fails, layout, prepare, private, shared

PAGES = [Page(PFN + i) for i in range(16)]


def failure(mm: AddressSpace, hook: Any, **where: int) -> str:
    with fails() as caught:
        shared(mm, prepare(hook), **where)
    return errno.errorcode[caught.value.errno or 0]


class TestRemap:
    def test_maps_consecutive_frames(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        assert [mm.page_at(BASE + i * PAGE).pfn for i in range(2)] == [PFN, PFN + 1]

    def test_maps_a_part(self) -> None:
        mm = AddressSpace()
        hook = prepare(lambda desc: mmap_action_remap(desc, desc.start + PAGE, PFN, PAGE))
        shared(mm, hook, pages=3)
        entries = [mm.page_at(BASE + i * PAGE) for i in range(3)]
        assert [entry and entry.pfn for entry in entries] == [None, PFN, None]

    def test_sets_the_four_flags(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        wanted = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP
        assert mm.vmas()[0].vm_flags & wanted == wanted

    def test_outside_is_efault_and_warns(self) -> None:
        mm = AddressSpace()
        with mm.trace() as events:
            error = failure(mm, lambda desc: mmap_action_remap(desc, desc.end, PFN, PAGE))
        assert error == "EFAULT"
        assert "warn" in [event.kind for event in events]

    def test_wrapping_range_hits_an_assertion(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_remap(desc, desc.start, PFN, 2**64 - desc.start)

        with pytest.raises(KernelBug):
            shared(AddressSpace(), prepare(hook))

    def test_empty_range_hits_an_assertion(self) -> None:
        with pytest.raises(KernelBug):
            shared(AddressSpace(), prepare(lambda desc: mmap_action_remap(desc, BASE, PFN, 0)))

    def test_copies_the_protection_when_called(self) -> None:
        def early(desc: Any) -> None:
            desc.page_prot = pgprot_noncached(desc.page_prot)
            mmap_action_remap_full(desc, PFN)

        def late(desc: Any) -> None:
            mmap_action_remap_full(desc, PFN)
            desc.page_prot = pgprot_noncached(desc.page_prot)

        protections = []
        for hook in (early, late):
            mm = AddressSpace()
            shared(mm, prepare(hook))
            protections.append((mm.page_at(BASE).pgprot, mm.vmas()[0].vm_page_prot))
        assert protections[0][0] == protections[0][1] == protections[1][1]
        assert protections[1][0] != protections[1][1]

    def test_second_call_replaces_the_first(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_remap(desc, desc.start, PFN, PAGE)
            mmap_action_remap(desc, desc.start + PAGE, PFN + 5, PAGE)

        mm = AddressSpace()
        shared(mm, prepare(hook))
        assert mm.page_at(BASE) is None
        assert mm.page_at(BASE + PAGE).pfn == PFN + 5

    def test_io_memory_is_decrypted(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_ioremap_full(desc, PFN)))
        prot = mm.page_at(BASE).pgprot
        assert prot == pgprot_decrypted(prot)


class TestCopyOnWrite:
    def test_whole_mapping_is_renumbered(self) -> None:
        seen = []
        ops = VmOperations(mapped=lambda start, end, pgoff, file, private: seen.append(pgoff))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops
            mmap_action_remap_full(desc, PFN)

        mm = AddressSpace()
        private(mm, prepare(hook), off=3)
        assert mm.vmas()[0].vm_pgoff == PFN
        assert seen == [PFN]

    def test_part_is_einval(self) -> None:
        hook = prepare(lambda desc: mmap_action_remap(desc, desc.start, PFN, PAGE))
        with fails() as caught:
            private(AddressSpace(), hook)
        assert caught.value.errno == errno.EINVAL

    def test_shared_keeps_its_offset(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)), off=3)
        assert mm.vmas()[0].vm_pgoff == 3


class TestSimpleIoremap:
    def test_adds_the_offset(self) -> None:
        mm = AddressSpace()
        hook = prepare(lambda desc: mmap_action_simple_ioremap(desc, PFN * PAGE, 8 * PAGE))
        shared(mm, hook, off=5)
        assert mm.page_at(BASE).pfn == PFN + 5

    def test_reads_offset_and_protection_late(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_simple_ioremap(desc, PFN * PAGE, 8 * PAGE)
            desc.pgoff = 1
            desc.page_prot = pgprot_noncached(desc.page_prot)

        mm = AddressSpace()
        shared(mm, prepare(hook), off=5)
        entry = mm.page_at(BASE)
        assert entry.pfn == PFN + 1
        assert entry.pgprot == pgprot_noncached(entry.pgprot)

    @pytest.mark.parametrize(
        ("start", "size", "off"),
        [
            (PFN * PAGE, 2 * PAGE, 1),  # one page too many
            (PFN * PAGE, 2 * PAGE, 3),  # begins beyond
            (2**64 - PAGE, 2 * PAGE, 0),  # the range wraps
        ],
    )
    def test_what_does_not_fit_is_einval(self, start: int, size: int, off: int) -> None:
        def hook(desc: Any) -> None:
            mmap_action_simple_ioremap(desc, start, size)

        assert failure(AddressSpace(), hook, off=off) == "EINVAL"

    def test_unaligned_memory_is_rounded_outwards(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda d: mmap_action_simple_ioremap(d, PFN * PAGE + 8, 2 * PAGE - 8)))
        assert mm.page_at(BASE + PAGE).pfn == PFN + 1


class TestKernelPages:
    def test_maps_the_array(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_map_kernel_pages_full(desc, PAGES)), off=7)
        assert mm.page_at(BASE + PAGE).page is PAGES[1]
        assert mm.vmas()[0].vm_flags & VM_MIXEDMAP

    def test_outside_is_efault(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_map_kernel_pages(desc, desc.start + PAGE, PAGES, 2)

        assert failure(AddressSpace(), hook) == "EFAULT"

    def test_uses_the_final_protection(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_map_kernel_pages_full(desc, PAGES)
            vma_desc_clear_flags(desc, VMA_WRITE_BIT)

        mm = AddressSpace()
        shared(mm, prepare(hook))
        assert not mm.page_at(BASE).writable

    def test_count_that_wraps_is_caught(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_map_kernel_pages(desc, desc.start, PAGES, 1 << 52)

        with pytest.raises(KernelBug):
            shared(AddressSpace(), prepare(hook))


class TestErrors:
    def test_failed_mapped_unmaps_and_closes(self) -> None:
        mm, closed = AddressSpace(), []
        ops = VmOperations(mapped=lambda *_: -errno.EBUSY, close=closed.append)

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        before = counts(mm)
        assert failure(mm, hook) == "EBUSY"
        assert (mm.vmas(), len(closed), counts(mm)) == ([], 1, before)

    def test_override_replaces_a_late_error(self) -> None:
        def hook(desc: Any) -> None:
            desc.vm_ops = VmOperations(mapped=lambda *_: -errno.EBUSY)
            desc.action.error_override = -errno.EAGAIN

        assert failure(AddressSpace(), hook) == "EAGAIN"

    def test_override_does_not_replace_an_early_one(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_remap(desc, desc.end, PFN, PAGE)
            desc.action.error_override = -errno.EAGAIN

        assert failure(AddressSpace(), hook) == "EFAULT"

    @pytest.mark.parametrize("override", [1, -4096])
    def test_override_must_be_an_errno(self, override: int) -> None:
        def hook(desc: Any) -> None:
            desc.action.error_override = override

        assert failure(AddressSpace(), hook) == "EINVAL"

    def test_private_data_of_a_failed_mapped_is_dropped(self) -> None:
        seen = []

        def mapped(start: int, end: int, pgoff: int, file: Any, data: list[Any]) -> int:
            data[0] = "new"
            return -errno.EIO

        def hook(desc: Any) -> None:
            desc.vm_ops = VmOperations(
                mapped=mapped, close=lambda vma: seen.append(vma.vm_private_data)
            )
            desc.private_data = "old"

        failure(AddressSpace(), hook)
        assert seen == ["old"]


class TestHidingFromRmap:
    def test_file_is_hidden_until_the_action_is_done(self) -> None:
        seen = []
        file = prepare(lambda desc: hook(desc))  # noqa: PLW0108 - defined below
        ops = VmOperations(mapped=lambda *_: seen.append(file.f_mapping.rmap_hidden))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops
            mmap_action_remap_full(desc, PFN)
            desc.action.hide_from_rmap_until_complete = True

        shared(AddressSpace(), file)
        assert seen == [True]
        assert not file.f_mapping.rmap_hidden


class TestMergingOfActions:
    def test_mappings_with_an_action_never_merge(self) -> None:
        mm = AddressSpace()
        file = prepare(lambda desc: mmap_action_remap_full(desc, PFN + desc.pgoff))
        shared(mm, file, at=0, off=0)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 2), (2, 2)]

    def test_an_action_before_the_window_of_the_next_is_not_disturbed(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        mm.mmap(BASE + PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED)
        assert mm.page_at(BASE).pfn == PFN
        assert mm.page_at(BASE + PAGE) is None
