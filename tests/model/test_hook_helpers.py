# SPDX-License-Identifier: GPL-2.0-only
"""What fault handlers and legacy hooks may call besides remapping, and helpers on values."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from typing import Any

import pytest

from premap.model import (
    FMODE_READ,
    PROT_READ,
    S_IFREG,
    VM_DONTCOPY,
    VM_FAULT_NOPAGE,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_READ,
    VM_WRITE,
    VMA_DONTCOPY_BIT,
    VMA_READ_BIT,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    KernelBug,
    NotModelled,
    Page,
    Sigbus,
    VmaFlags,
    VmOperations,
    compat_set_desc_from_vma,
    generic_file_readonly_mmap,
    generic_file_readonly_mmap_prepare,
    mmap_action_map_kernel_pages,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap,
    mmap_action_remap_full,
    pgprot_cached,
    pgprot_decrypted,
    pgprot_device,
    pgprot_dmacoherent,
    pgprot_encrypted,
    pgprot_noncached,
    pgprot_nx,
    pgprot_writecombine,
    pgprot_writethrough,
    vfs_mmap,
    vm_flags_init,
    vm_flags_reset,
    vm_flags_set,
    vma_desc_set_flags,
    vma_desc_test_flags,
    vma_end_pgoff,
    vma_last_pgoff,
    vma_start_pgoff,
    vmf_insert_mixed,
    vmf_insert_pfn,
    vmf_insert_pfn_prot,
    zap_special_vma_range,
)
from premap.model.errors import errno_name
from premap.model.pgprot import cache_mode
from premap.model.trace import Event
from premap.model.words import mul, page_align, signed_lt, sub

from .kit import BASE, OPS, PAGE, PFN, RW, fails, legacy, plain, prepare, private, shared


def device(flags: int, fault: Callable[[Any], int]) -> File:
    """Return a device whose mappings have a flag and a fault handler."""

    def hook(file: File, vma: Any) -> None:
        vm_flags_set(vma, flags)
        vma.vm_ops = VmOperations(fault=fault)

    return legacy(hook)


class TestInsertPfn:
    @pytest.mark.parametrize("flags", [VM_PFNMAP, VM_MIXEDMAP])
    def test_maps_one_frame(self, flags: int) -> None:
        mm = AddressSpace()
        shared(mm, device(flags, lambda vmf: vmf_insert_pfn(vmf.vma, vmf.address, PFN)))
        mm.touch(BASE + PAGE + 5)
        entry = mm.page_at(BASE + PAGE)
        assert entry is not None
        assert (entry.pfn, entry.pgprot) == (PFN, mm.vmas()[0].vm_page_prot)
        assert mm.page_at(BASE) is None

    def test_with_a_protection_of_its_own(self) -> None:
        def fault(vmf: Any) -> int:
            prot = pgprot_noncached(vmf.vma.vm_page_prot)
            return vmf_insert_pfn_prot(vmf.vma, vmf.address, PFN, prot)

        mm = AddressSpace()
        shared(mm, device(VM_PFNMAP, fault))
        mm.touch(BASE)
        entry = mm.page_at(BASE)
        assert entry is not None
        assert cache_mode(entry.pgprot) == cache_mode(pgprot_noncached(0))

    @pytest.mark.parametrize("flags", [0, VM_PFNMAP | VM_MIXEDMAP])
    def test_needs_one_of_two_flags(self, flags: int) -> None:
        mm = AddressSpace()
        shared(mm, device(flags, lambda vmf: vmf_insert_pfn(vmf.vma, vmf.address, PFN)))
        with pytest.raises(KernelBug):
            mm.touch(BASE)

    def test_copy_on_write_is_a_bug(self) -> None:
        mm = AddressSpace()
        private(mm, device(VM_PFNMAP, lambda vmf: vmf_insert_pfn(vmf.vma, vmf.address, PFN)))
        with pytest.raises(KernelBug):
            mm.touch(BASE)

    def test_copy_on_write_of_a_mixed_map_is_not(self) -> None:
        mm = AddressSpace()
        private(mm, device(VM_MIXEDMAP, lambda vmf: vmf_insert_pfn(vmf.vma, vmf.address, PFN)))
        mm.touch(BASE)
        assert mm.page_at(BASE).pfn == PFN

    @pytest.mark.parametrize("at", [BASE - 1, BASE + 2 * PAGE])
    def test_outside_is_sigbus(self, at: int) -> None:
        mm = AddressSpace()
        shared(mm, device(VM_PFNMAP, lambda vmf: 0))
        assert vmf_insert_pfn(mm.vmas()[0], at, PFN) == VM_FAULT_SIGBUS

    def test_what_is_there_stays(self) -> None:
        mm = AddressSpace()
        shared(mm, device(VM_PFNMAP, lambda vmf: 0))
        for pfn in (PFN, PFN + 1):
            assert vmf_insert_pfn(mm.vmas()[0], BASE, pfn) == VM_FAULT_NOPAGE
        assert mm.page_at(BASE).pfn == PFN

    def test_without_a_page_table(self) -> None:
        mm = AddressSpace()
        shared(mm, device(VM_PFNMAP, lambda vmf: 0))
        mm.inject("page_table", errno.ENOMEM)
        assert vmf_insert_pfn(mm.vmas()[0], BASE, PFN) == VM_FAULT_OOM

    def test_mixed_needs_mixedmap(self) -> None:
        mm = AddressSpace()
        shared(mm, device(VM_PFNMAP, lambda vmf: vmf_insert_mixed(vmf.vma, vmf.address, PFN)))
        with pytest.raises(Sigbus):
            mm.touch(BASE)

    def test_mixed(self) -> None:
        mm = AddressSpace()
        shared(mm, device(VM_MIXEDMAP, lambda vmf: vmf_insert_mixed(vmf.vma, vmf.address, PFN)))
        mm.touch(BASE)
        assert mm.page_at(BASE).pfn == PFN


class TestZap:
    def remapped(self) -> AddressSpace:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)), pages=4)
        return mm

    def present(self, mm: AddressSpace) -> list[int]:
        return [page for page in range(4) if mm.page_at(BASE + page * PAGE) is not None]

    def test_part(self) -> None:
        mm = self.remapped()
        zap_special_vma_range(mm.vmas()[0], BASE + PAGE, 2 * PAGE)
        assert self.present(mm) == [0, 3]
        assert mm.page_at(BASE + 3 * PAGE).pfn == PFN + 3

    def test_all(self) -> None:
        mm = self.remapped()
        zap_special_vma_range(mm.vmas()[0], BASE, 4 * PAGE)
        assert self.present(mm) == []

    @pytest.mark.parametrize(("at", "size"), [(BASE - PAGE, PAGE), (BASE, 5 * PAGE)])
    def test_not_beyond_the_mapping(self, at: int, size: int) -> None:
        mm = self.remapped()
        zap_special_vma_range(mm.vmas()[0], at, size)
        assert self.present(mm) == [0, 1, 2, 3]

    def test_not_of_ordinary_mappings(self) -> None:
        mm = AddressSpace()
        private(mm, None)
        mm.touch(BASE)
        zap_special_vma_range(mm.vmas()[0], BASE, 2 * PAGE)
        assert mm.page_at(BASE) is not None


class TestFlagWords:
    @pytest.mark.parametrize("replace", [vm_flags_init, vm_flags_reset])
    def test_replace_all(self, replace: Any) -> None:
        mm = AddressSpace()
        private(mm, None)
        vma = mm.vmas()[0]
        replace(vma, VM_READ | VM_DONTCOPY)
        assert vma.vm_flags == VM_READ | VM_DONTCOPY
        vma.flags = VmaFlags(VM_WRITE)
        assert vma.vm_flags == VM_WRITE

    def test_the_old_name_of_any(self) -> None:
        seen = []

        def hook(desc: Any) -> None:
            vma_desc_set_flags(desc, VMA_DONTCOPY_BIT)
            seen.append(vma_desc_test_flags(desc, VMA_DONTCOPY_BIT, 60))
            seen.append(vma_desc_test_flags(desc, 60, 61))

        shared(AddressSpace(), prepare(hook))
        assert seen == [True, False]

    def test_flags_are_no_numbers(self) -> None:
        assert VmaFlags(1) != 1
        assert list(VmaFlags(VM_READ)) == [VMA_READ_BIT]


class TestOffsets:
    def test_first_last_and_end(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(plain), pages=3, off=7)
        vma = mm.vmas()[0]
        assert (vma_start_pgoff(vma), vma_last_pgoff(vma), vma_end_pgoff(vma)) == (7, 9, 10)


class TestProtections:
    def test_each_mode_has_its_name(self) -> None:
        modes = {
            "noncached": pgprot_noncached,
            "writecombine": pgprot_writecombine,
            "device": pgprot_device,
            "dmacoherent": pgprot_dmacoherent,
            "writethrough": pgprot_writethrough,
            "writeback": pgprot_cached,
        }
        for name, function in modes.items():
            assert cache_mode(function(pgprot_noncached(0))) == name

    def test_encryption_comes_back(self) -> None:
        prot = pgprot_noncached(0)
        assert pgprot_decrypted(prot) != prot
        assert pgprot_encrypted(pgprot_decrypted(prot)) == prot
        assert cache_mode(pgprot_decrypted(prot)) == cache_mode(prot)

    def test_execution_is_taken_away_once(self) -> None:
        assert pgprot_nx(0) != 0
        assert pgprot_nx(pgprot_nx(0)) == pgprot_nx(0)


class TestReadonlyFiles:
    def regular(self, **hooks: Any) -> File:
        return File(FileOperations(**hooks), inode=Inode(S_IFREG, i_size=9 * PAGE))

    @pytest.mark.parametrize(
        "hooks",
        [
            {"mmap_prepare": generic_file_readonly_mmap_prepare},
            {"mmap": generic_file_readonly_mmap},
        ],
    )
    def test_shared_and_writable_is_einval(self, hooks: Any) -> None:
        mm, file = AddressSpace(), self.regular(**hooks)
        with fails(errno.EINVAL):
            shared(mm, file)
        private(mm, file)
        assert (len(mm.vmas()), file.accessed) == (1, 1)

    def test_opened_for_reading(self) -> None:
        mm, file = AddressSpace(), self.regular(mmap_prepare=generic_file_readonly_mmap_prepare)
        file.f_mode = FMODE_READ
        mm.mmap(BASE, PAGE, PROT_READ, 0x11, file)
        assert len(mm.vmas()) == 1

    def test_writable_mappings_are_counted(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        private(mm, file, at=4)
        assert file.f_mapping.i_mmap_writable == 1


class TestCompat:
    def test_a_lower_legacy_hook_is_called_as_it_is(self) -> None:
        calls = []
        lower = legacy(lambda file, vma: calls.append(file))
        shared(AddressSpace(), legacy(lambda file, vma: vfs_mmap(lower, vma)))
        assert calls == [lower]

    def test_a_bad_action_is_told(self) -> None:
        lower = prepare(lambda desc: mmap_action_remap(desc, desc.start, 7, 9 * PAGE))
        with fails(errno.EFAULT):
            shared(AddressSpace(), legacy(lambda file, vma: vfs_mmap(lower, vma)))

    def test_a_descriptor_is_filled(self) -> None:
        seen = []

        def hook(file: File, vma: Any) -> None:
            vma.vm_ops, vma.vm_private_data = OPS, "mine"
            desc = type(prepared[0]).__new__(type(prepared[0]))
            compat_set_desc_from_vma(desc, file, vma)
            seen.append([desc.raw(name) for name in ("start", "end", "pgoff", "vm_file")])
            seen.append([desc.raw(name) for name in ("vm_ops", "private_data")])

        prepared: list[Any] = []
        shared(AddressSpace(), prepare(prepared.append))
        file = legacy(hook)
        shared(AddressSpace(), file, off=3)
        assert seen == [[BASE, BASE + 2 * PAGE, 3, file], [OPS, None]]


class TestWarnings:
    def warnings(self, hook: Any) -> list[Any]:
        mm = AddressSpace()
        with mm.trace() as events, contextlib.suppress(OSError):
            shared(mm, prepare(hook))
        return [event.condition for event in events if event.kind == "warn"]

    def test_kernel_pages_in_a_pfn_mapping(self) -> None:
        def hook(desc: Any) -> None:
            vma_desc_set_flags(desc, 10)  # PFNMAP
            mmap_action_map_kernel_pages_full(desc, [Page(1), Page(2)])

        assert self.warnings(hook) == [True]

    def test_kernel_pages_otherwise(self) -> None:
        pages = [Page(1), Page(2)]
        assert self.warnings(lambda desc: mmap_action_map_kernel_pages_full(desc, pages)) == []

    @pytest.mark.parametrize(
        ("start", "size", "count"),
        [(0, 2 * PAGE, 0), (0, 3 * PAGE, 1), (2 * PAGE, PAGE, 2), (-PAGE, PAGE, 1)],
    )
    def test_remap_outside(self, start: int, size: int, count: int) -> None:
        hook = prepare_remap(start, size)
        assert self.warnings(hook) == [True] * count


def prepare_remap(start: int, size: int) -> Callable[[Any], None]:
    """Return a hook that remaps `size` bytes, `start` bytes into the mapping."""
    return lambda desc: mmap_action_remap(desc, desc.start + start, PFN, size)


class TestPages:
    def test_beyond_the_array_is_not_known(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_map_kernel_pages_full(desc, [Page(1)])))
        entry = mm.page_at(BASE + PAGE)
        assert entry is not None
        with pytest.raises(NotModelled, match="array"):
            entry.page  # noqa: B018

    def test_frames_have_no_page(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)))
        assert mm.page_at(BASE).page is None

    @pytest.mark.parametrize("length", [2 * PAGE, 1 << 45])
    def test_a_count_that_wraps_is_a_bug(self, length: int) -> None:
        count = (1 << 52) + 1
        file = prepare(lambda desc: mmap_action_map_kernel_pages(desc, desc.start, [], count))
        with pytest.raises(KernelBug, match="wraps"):
            AddressSpace().mmap(0, length, RW, 1, file)

    def test_no_pages_are_no_entries(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_map_kernel_pages(desc, desc.start, [], 0)))
        assert mm.vmas()[0].ptes == []


class TestValues:
    def test_signed_comparison(self) -> None:
        assert signed_lt(2**64 - 1, 0)
        assert not signed_lt(0, 2**64 - 1)
        assert signed_lt(0, 2**63 - 1)

    def test_products_wrap(self) -> None:
        assert mul(1 << 40, 1 << 24) == 0
        assert mul(3, 5) == 15
        assert sub(0, 1) == 2**64 - 1
        assert page_align(PAGE + 1) == 2 * PAGE

    def test_errors_have_names(self) -> None:
        assert [errno_name(n) for n in (22, -22, 95, 9999)] == [
            "EINVAL",
            "EINVAL",
            "EOPNOTSUPP",
            "9999",
        ]

    def test_not_modelled_says_where(self) -> None:
        assert str(NotModelled("this")) == "this"
        assert str(NotModelled("this", "a.c", 3)) == "a.c:3: this"
        assert str(NotModelled("this", line=3)) == "?:3: this"

    def test_events_say_what_they_have(self) -> None:
        event = Event("zap", {"start": 1})
        assert (event.start, repr(event)) == (1, "zap(start=1)")
        with pytest.raises(AttributeError):
            event.end  # noqa: B018
