# SPDX-License-Identifier: GPL-2.0-only
"""What a legacy `->mmap` hook, or a `->fault` handler, may call on a VMA.

The kernel's parameters and checks; errors come back as negative errnos (mm/memory.c,
include/linux/mm.h, mm/util.c, mm/filemap.c).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model import pagetable, populate
from premap.model.bits import VM_MIXEDMAP, VM_PFNMAP, VM_REMAP_FLAGS
from premap.model.errors import KernelBug
from premap.model.fault import VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_SIGBUS, generic_file_vm_ops
from premap.model.file import file_accessed, fput, get_file
from premap.model.flags import cleared, is_cow_mapping, is_shared_maywrite, mask_of
from premap.model.pagetable import PteRange
from premap.model.pgprot import pgprot_decrypted
from premap.model.words import (
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    add,
    page_align,
    shl,
    sub,
)

if TYPE_CHECKING:
    from premap.model.desc import VmAreaDesc
    from premap.model.vma import VmAreaStruct


def vm_flags_init(vma: VmAreaStruct, flags: int) -> None:
    """vm_flags_init: replace all flags by a word of VM_ masks."""
    vma.vm_flags = flags


def vm_flags_reset(vma: VmAreaStruct, flags: int) -> None:
    """vm_flags_reset: replace all flags."""
    vma.vm_flags = flags


def vm_flags_set(vma: VmAreaStruct, flags: int) -> None:
    """vm_flags_set: set the flags of a word of VM_ masks."""
    vma.vm_flags = vma.vm_flags | flags


def vm_flags_clear(vma: VmAreaStruct, flags: int) -> None:
    """vm_flags_clear: clear the flags of a word of VM_ masks."""
    vma.vm_flags = cleared(vma.vm_flags, flags)


def vm_flags_mod(vma: VmAreaStruct, set: int, clear: int) -> None:  # noqa: A002 - kernel's name
    """vm_flags_mod: set some flags, then clear others."""
    vma.vm_flags = cleared(vma.vm_flags | set, clear)


def vma_set_flags(vma: VmAreaStruct, *bits: int) -> None:
    """vma_set_flags: set the flags with the given bit numbers."""
    vma.vm_flags = vma.vm_flags | mask_of(bits)


def vma_clear_flags(vma: VmAreaStruct, *bits: int) -> None:
    """vma_clear_flags: clear the flags with the given bit numbers."""
    vma.vm_flags = cleared(vma.vm_flags, mask_of(bits))


def vma_test(vma: VmAreaStruct, bit: int) -> bool:
    """vma_test: the one flag is set."""
    return (vma.vm_flags & (1 << bit)) != 0


def vma_test_any(vma: VmAreaStruct, *bits: int) -> bool:
    """vma_test_any: at least one of the flags is set."""
    return (vma.vm_flags & mask_of(bits)) != 0


def vma_test_all(vma: VmAreaStruct, *bits: int) -> bool:
    """vma_test_all: each of the flags is set."""
    mask = mask_of(bits)
    return (vma.vm_flags & mask) == mask


def remap_pfn_range(vma: VmAreaStruct, addr: int, pfn: int, size: int, prot: int) -> int:
    """remap_pfn_range: map PFNs from `pfn` at `addr`, `size` bytes rounded up to pages.

    A copy-on-write mapping must be covered whole (-EINVAL), and its `vm_pgoff` becomes `pfn`. That
    the range lies in the mapping is not checked: beyond it, memory is corrupted (KernelBug).
    """
    if is_cow_mapping(vma.vm_flags):
        end = add(addr, page_align(size))
        if (addr != vma.vm_start) | (end != vma.vm_end):
            return -errno.EINVAL
        vma.vm_pgoff = pfn
    vma.vm_flags = vma.vm_flags | VM_REMAP_FLAGS
    return populate.do_remap_pfn_range(vma, addr, pfn, size, prot)


def io_remap_pfn_range(vma: VmAreaStruct, addr: int, pfn: int, size: int, prot: int) -> int:
    """io_remap_pfn_range: remap_pfn_range() of memory that is not encrypted."""
    return remap_pfn_range(vma, addr, pfn, size, pgprot_decrypted(prot))


def vm_iomap_memory(vma: VmAreaStruct, start: int, length: int) -> int:
    """vm_iomap_memory: the whole mapping from physical `start` on, offset by `vm_pgoff` pages.

    -EINVAL where the physical range of `length` bytes wraps or the mapping exceeds it.
    """
    size = sub(vma.vm_end, vma.vm_start)
    err, pfn = populate.simple_ioremap_prep(size, vma.vm_pgoff, start, length)
    if err:
        return err
    return io_remap_pfn_range(vma, vma.vm_start, pfn, size, vma.vm_page_prot)


def vm_insert_page(vma: VmAreaStruct, addr: int, page: Any) -> int:
    """vm_insert_page: map one kernel page. -EFAULT outside the mapping, -EBUSY, -ENOMEM."""
    if (addr < vma.vm_start) | (addr >= vma.vm_end):
        return -errno.EFAULT
    if (vma.vm_flags & (VM_MIXEDMAP | VM_PFNMAP)) == VM_PFNMAP:
        raise KernelBug("vm_insert_page() into a PFNMAP mapping")
    vma.vm_flags = vma.vm_flags | VM_MIXEDMAP
    return populate.insert_pages(vma, addr, (page,), 0, 1, vma.vm_page_prot)[0]


def insert_page_array(
    vma: VmAreaStruct, addr: int, pages: Any, index: int, count: int
) -> tuple[int, int]:
    """vm_insert_pages() from element `index` of an array on.

    Returns the error and the number of pages that were not mapped.
    """
    end = add(addr, shl(count, PAGE_SHIFT))
    if (addr < vma.vm_start) | (vma.vm_end < end):
        return -errno.EFAULT, count
    pfnmap_only = (vma.vm_flags & (VM_MIXEDMAP | VM_PFNMAP)) == VM_PFNMAP
    vma.vm_mm.warn("kernel pages in a PFNMAP mapping", condition=pfnmap_only)
    vma.vm_flags = vma.vm_flags | VM_MIXEDMAP
    return populate.insert_pages(vma, addr, pages, index, count, vma.vm_page_prot)


def vm_insert_pages(vma: VmAreaStruct, addr: int, pages: Any, num: list[int]) -> int:
    """vm_insert_pages: map `num[0]` pages of an array; on return, how many were not mapped.

    -EFAULT outside the mapping, -EBUSY where a page is mapped, -ENOMEM; pages before that stay.
    """
    err, num[0] = insert_page_array(vma, addr, pages, 0, num[0])
    return err


def _vm_map_pages(vma: VmAreaStruct, pages: Any, num: int, offset: int) -> int:
    count = sub(vma.vm_end, vma.vm_start) >> PAGE_SHIFT
    if offset >= num:
        return -errno.ENXIO
    if count > sub(num, offset):
        return -errno.ENXIO
    return insert_page_array(vma, vma.vm_start, pages, offset, count)[0]


def vm_map_pages(vma: VmAreaStruct, pages: Any, num: int) -> int:
    """vm_map_pages: fill the mapping from an array of `num` pages, from page `vm_pgoff` on.

    -ENXIO where offset or size exceed the array.
    """
    return _vm_map_pages(vma, pages, num, vma.vm_pgoff)


def vm_map_pages_zero(vma: VmAreaStruct, pages: Any, num: int) -> int:
    """vm_map_pages_zero: the same from the array's first page on, whatever `vm_pgoff` says."""
    return _vm_map_pages(vma, pages, num, 0)


def vmf_insert_pfn(vma: VmAreaStruct, addr: int, pfn: int) -> int:
    """vmf_insert_pfn: for `->fault`: map one PFN. Returns VM_FAULT_ bits."""
    return vmf_insert_pfn_prot(vma, addr, pfn, vma.vm_page_prot)


def vmf_insert_pfn_prot(vma: VmAreaStruct, addr: int, pfn: int, pgprot: int) -> int:
    """vmf_insert_pfn_prot: the same with a protection of its own."""
    kinds = vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)
    if kinds == 0 or kinds == (VM_PFNMAP | VM_MIXEDMAP):
        raise KernelBug("vmf_insert_pfn() needs a mapping that is either PFNMAP or MIXEDMAP")
    if kinds == VM_PFNMAP and is_cow_mapping(vma.vm_flags):
        raise KernelBug("vmf_insert_pfn() into a copy-on-write PFNMAP mapping")
    return _insert_pfn(vma, addr, pfn, pgprot)


def vmf_insert_mixed(vma: VmAreaStruct, addr: int, pfn: int) -> int:
    """vmf_insert_mixed: for `->fault` of MIXEDMAP mappings. Returns VM_FAULT_ bits."""
    if (vma.vm_flags & VM_MIXEDMAP) == 0:
        return VM_FAULT_SIGBUS
    return _insert_pfn(vma, addr, pfn, vma.vm_page_prot)


def _insert_pfn(vma: VmAreaStruct, addr: int, pfn: int, pgprot: int) -> int:
    """insert_pfn(): an entry that is there already stays, and counts as success."""
    if (addr < vma.vm_start) | (addr >= vma.vm_end):
        return VM_FAULT_SIGBUS
    mm = vma.vm_mm
    if mm.failing("page_table"):
        return VM_FAULT_OOM
    if pagetable.lookup(mm, vma, addr) is None:
        start = addr & PAGE_MASK
        end = add(start, PAGE_SIZE)
        pagetable.insert(mm, vma, PteRange(start, end, pagetable.PFN, None, pfn, pgprot))
    return VM_FAULT_NOPAGE


def zap_special_vma_range(vma: VmAreaStruct, addr: int, size: int) -> None:
    """zap_special_vma_range, zap_vma_ptes() before 7.3: unmap part of a device mapping."""
    end = add(addr, size)
    if (addr < vma.vm_start) | (vma.vm_end < end):
        return
    if (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) != 0:
        pagetable.zap(vma.vm_mm, vma, addr, end)


def vma_set_file(vma: VmAreaStruct, file: Any) -> None:
    """vma_set_file: replace the file of a VMA being set up; takes a reference, puts the old."""
    get_file(file)
    old, vma.vm_file = vma.vm_file, file
    fput(old)


def generic_file_mmap(file: Any, vma: VmAreaStruct) -> int:
    """generic_file_mmap: a page cache mapping. -ENOEXEC where pages can't be read."""
    if not file.f_mapping.read_folio:
        return -errno.ENOEXEC
    file_accessed(file)
    vma.vm_ops = generic_file_vm_ops
    return 0


def generic_file_mmap_prepare(desc: VmAreaDesc) -> int:
    """generic_file_mmap_prepare: the same as an `->mmap_prepare` hook."""
    file = desc.file
    if not file.f_mapping.read_folio:
        return -errno.ENOEXEC
    file_accessed(file)
    desc.vm_ops = generic_file_vm_ops
    return 0


def generic_file_readonly_mmap(file: Any, vma: VmAreaStruct) -> int:
    """generic_file_readonly_mmap: -EINVAL where the mapping is shared and may be written."""
    if is_shared_maywrite(vma.vm_flags):
        return -errno.EINVAL
    return generic_file_mmap(file, vma)


def generic_file_readonly_mmap_prepare(desc: VmAreaDesc) -> int:
    """generic_file_readonly_mmap_prepare: the same as an `->mmap_prepare` hook."""
    if is_shared_maywrite(desc.k_flags):
        return -errno.EINVAL
    return generic_file_mmap_prepare(desc)
