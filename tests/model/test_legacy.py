# SPDX-License-Identifier: GPL-2.0-only
"""What a legacy hook may call: parameters, checks, errnos."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from premap.model import (
    S_IFREG,
    VM_DONTCOPY,
    VM_IO,
    VM_MAYWRITE,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_READ,
    VM_WRITE,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    KernelBug,
    Page,
    VmAreaStruct,
    generic_file_mmap,
    generic_file_mmap_prepare,
    generic_file_readonly_mmap,
    io_remap_pfn_range,
    pgprot_decrypted,
    pgprot_noncached,
    remap_pfn_range,
    vm_flags_clear,
    vm_flags_init,
    vm_flags_mod,
    vm_flags_set,
    vm_insert_page,
    vm_insert_pages,
    vm_iomap_memory,
    vm_map_pages,
    vm_map_pages_zero,
    vma_set_file,
    vma_size,
)

from .kit import BASE, PAGE, PFN, fails, legacy, plain, prepare, private, shared

PAGES = [Page(PFN + i) for i in range(8)]


def mapped(hook: Callable[[VmAreaStruct], Any], *, map_it: Any = shared, **where: int) -> Any:
    """Run a legacy hook that gets the VMA; returns the address space."""
    mm = AddressSpace()
    map_it(mm, legacy(lambda file, vma: hook(vma)), **where)
    return mm


def failure(hook: Callable[[VmAreaStruct], Any], *, map_it: Any = shared, **where: int) -> str:
    with fails() as caught:
        mapped(hook, map_it=map_it, **where)
    return errno.errorcode[caught.value.errno or 0]


def whole(vma: VmAreaStruct) -> int:
    return remap_pfn_range(vma, vma.vm_start, PFN, vma_size(vma), vma.vm_page_prot)


class TestRemapPfnRange:
    def test_maps_and_sets_flags(self) -> None:
        mm = mapped(whole)
        assert mm.page_at(BASE + PAGE).pfn == PFN + 1
        assert mm.vmas()[0].vm_flags & (VM_PFNMAP | VM_IO) == VM_PFNMAP | VM_IO

    def test_rounds_the_size_up(self) -> None:
        mm = mapped(lambda vma: remap_pfn_range(vma, vma.vm_start, PFN, PAGE + 1, 0))
        assert mm.page_at(BASE + PAGE).pfn == PFN + 1

    def test_copy_on_write_must_be_whole(self) -> None:
        def half(vma: VmAreaStruct) -> int:
            return remap_pfn_range(vma, vma.vm_start, PFN, PAGE, vma.vm_page_prot)

        assert failure(half, map_it=private) == "EINVAL"

    def test_copy_on_write_is_renumbered(self) -> None:
        assert mapped(whole, map_it=private, off=3).vmas()[0].vm_pgoff == PFN

    def test_unaligned_address_is_einval(self) -> None:
        assert failure(lambda vma: remap_pfn_range(vma, BASE + 8, PFN, PAGE, 0)) == "EINVAL"

    @pytest.mark.parametrize(("at", "size"), [(0, 3 * PAGE), (-PAGE, PAGE), (0, 0)])
    def test_beyond_the_mapping_memory_is_corrupted(self, at: int, size: int) -> None:
        with pytest.raises(KernelBug):
            mapped(lambda vma: remap_pfn_range(vma, vma.vm_start + at, PFN, size, 0))

    def test_twice_in_one_place_is_a_bug(self) -> None:
        with pytest.raises(KernelBug):
            mapped(lambda vma: whole(vma) or whole(vma))

    def test_uses_the_protection_it_is_given(self) -> None:
        def hook(vma: VmAreaStruct) -> int:
            prot = pgprot_noncached(vma.vm_page_prot)
            return remap_pfn_range(vma, vma.vm_start, PFN, vma_size(vma), prot)

        mm = mapped(hook)
        assert mm.page_at(BASE).pgprot == pgprot_noncached(mm.vmas()[0].vm_page_prot)

    def test_io_memory_is_decrypted(self) -> None:
        mm = mapped(lambda vma: io_remap_pfn_range(vma, BASE, PFN, PAGE, vma.vm_page_prot))
        assert mm.page_at(BASE).pgprot == pgprot_decrypted(mm.vmas()[0].vm_page_prot)


class TestIomapMemory:
    def test_adds_the_offset(self) -> None:
        mm = mapped(lambda vma: vm_iomap_memory(vma, PFN * PAGE, 8 * PAGE), off=5)
        assert mm.page_at(BASE).pfn == PFN + 5

    @pytest.mark.parametrize(("size", "off"), [(PAGE, 0), (8 * PAGE, 7), (8 * PAGE, 9)])
    def test_too_small_is_einval(self, size: int, off: int) -> None:
        assert failure(lambda vma: vm_iomap_memory(vma, PFN * PAGE, size), off=off) == "EINVAL"

    def test_a_range_that_wraps_is_einval(self) -> None:
        assert failure(lambda vma: vm_iomap_memory(vma, 2**64 - PAGE, 2 * PAGE)) == "EINVAL"


class TestInsertion:
    def test_one_page(self) -> None:
        mm = mapped(lambda vma: vm_insert_page(vma, BASE + PAGE, PAGES[3]))
        assert (mm.page_at(BASE), mm.page_at(BASE + PAGE).page) == (None, PAGES[3])
        assert mm.vmas()[0].vm_flags & VM_MIXEDMAP

    @pytest.mark.parametrize("at", [-1, 2])
    def test_outside_is_efault(self, at: int) -> None:
        assert failure(lambda vma: vm_insert_page(vma, BASE + at * PAGE, PAGES[0])) == "EFAULT"

    def test_taken_is_ebusy(self) -> None:
        def hook(vma: VmAreaStruct) -> int:
            return vm_insert_page(vma, BASE, PAGES[0]) or vm_insert_page(vma, BASE, PAGES[1])

        assert failure(hook) == "EBUSY"

    def test_many_stop_before_what_is_taken(self) -> None:
        left = [3]

        def hook(vma: VmAreaStruct) -> int:
            vm_insert_page(vma, BASE + 2 * PAGE, PAGES[0])
            left.append(vm_insert_pages(vma, BASE, PAGES, left))
            return 0

        mm = mapped(hook, pages=4)
        assert left == [1, -errno.EBUSY]
        assert [mm.page_at(BASE + i * PAGE).page for i in range(3)] == [
            PAGES[0],
            PAGES[1],
            PAGES[0],
        ]

    def test_into_a_pfn_mapping_is_a_bug(self) -> None:
        def hook(vma: VmAreaStruct) -> int:
            vm_flags_set(vma, VM_PFNMAP)
            return vm_insert_page(vma, BASE, PAGES[0])

        with pytest.raises(KernelBug):
            mapped(hook)


class TestMapPages:
    def test_honours_the_offset(self) -> None:
        mm = mapped(lambda vma: vm_map_pages(vma, PAGES, 8), off=3)
        assert mm.page_at(BASE).page is PAGES[3]

    def test_zero_ignores_it(self) -> None:
        mm = mapped(lambda vma: vm_map_pages_zero(vma, PAGES, 8), off=3)
        assert mm.page_at(BASE).page is PAGES[0]

    @pytest.mark.parametrize("off", [7, 8, 1 << 40])
    def test_beyond_the_array_is_enxio(self, off: int) -> None:
        assert failure(lambda vma: vm_map_pages(vma, PAGES, 8), off=off) == "ENXIO"

    def test_protection_is_that_before_the_end(self) -> None:
        def hook(vma: VmAreaStruct) -> int:
            vm_flags_clear(vma, VM_WRITE)
            return vm_map_pages(vma, PAGES, 8)

        mm = mapped(hook)
        assert mm.page_at(BASE).writable
        assert not mm.vmas()[0].vm_page_prot & VM_WRITE


class TestFlags:
    def test_init_set_clear_mod(self) -> None:
        words = []

        def hook(vma: VmAreaStruct) -> None:
            vm_flags_init(vma, VM_READ | VM_MAYWRITE)
            vm_flags_set(vma, VM_IO)
            words.append(vma.vm_flags)
            vm_flags_clear(vma, VM_IO | VM_READ)
            words.append(vma.vm_flags)
            vm_flags_mod(vma, VM_DONTCOPY | VM_IO, VM_IO | VM_MAYWRITE)
            words.append(vma.flags.bits)

        mapped(hook)
        assert words == [VM_READ | VM_MAYWRITE | VM_IO, VM_MAYWRITE, VM_DONTCOPY]


class TestFiles:
    def test_set_file_swaps_references(self) -> None:
        other = prepare(plain)
        mm = AddressSpace()
        file = legacy(lambda file, vma: vma_set_file(vma, other))
        shared(mm, file)
        assert (file.f_count, other.f_count, mm.vmas()[0].vm_file) == (1, 2, other)

    def test_generic_needs_pages_that_can_be_read(self) -> None:
        mm = AddressSpace()
        with fails() as caught:
            shared(mm, legacy(generic_file_mmap))
        assert caught.value.errno == errno.ENOEXEC

    def test_generic_sets_operations(self) -> None:
        mm = AddressSpace()
        file = File(FileOperations(mmap_prepare=generic_file_mmap_prepare), inode=Inode(S_IFREG))
        shared(mm, file)
        assert mm.vmas()[0].vm_ops.label == "generic_file_vm_ops"
        assert file.accessed == 1

    def test_readonly_refuses_what_may_be_written(self) -> None:
        file = File(FileOperations(mmap=generic_file_readonly_mmap), inode=Inode(S_IFREG))
        with fails() as caught:
            shared(AddressSpace(), file)
        assert caught.value.errno == errno.EINVAL
        private(AddressSpace(), file)


class TestWriteNotify:
    def test_dirty_tracking_makes_entries_read_only(self) -> None:
        mm = AddressSpace()
        file = File(FileOperations(mmap=generic_file_mmap), inode=Inode(S_IFREG, i_size=2 * PAGE))
        shared(mm, file)
        mm.touch(BASE)
        assert not mm.page_at(BASE).writable
        mm.touch(BASE, write=True)
        assert mm.page_at(BASE).writable
