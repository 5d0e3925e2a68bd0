# SPDX-License-Identifier: GPL-2.0-only
"""Filling page tables: PFN remaps and insertion of kernel pages (mm/memory.c).

Both the actions and what legacy hooks call end up here. Page tables that can't be allocated are
the injection point "page_table". Cache modes are stored as asked for: x86's tracking of memory
types (PAT), which may change them or refuse, is not modelled; pages are taken to be ones that the
kernel would insert (held by someone, neither anonymous nor typed).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model import pagetable
from premap.model.errors import KernelBug
from premap.model.pagetable import PteRange
from premap.model.words import (
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    add,
    offset_in_page,
    page_align,
    shl,
    sub,
    umax,
)

if TYPE_CHECKING:
    from premap.model.vma import VmAreaStruct


def do_remap_pfn_range(vma: VmAreaStruct, address: int, pfn: int, size: int, prot: int) -> int:
    """remap_pfn_range_notrack(): entries for `size` bytes (rounded up to pages) from `pfn` on.

    0, -EINVAL (unaligned address) or -ENOMEM; after an error nothing of the range stays mapped.
    """
    mm = vma.vm_mm
    if offset_in_page(address) != 0:
        mm.warn("a remap at an address that is not page-aligned")
        return -errno.EINVAL
    end = add(address, page_align(size))
    if address >= end:
        raise KernelBug("remap_pfn_range() of an empty range, or one that wraps")
    if (address < vma.vm_start) | (vma.vm_end < end):
        raise KernelBug(
            "remap_pfn_range() beyond the mapping: it fills its neighbours' page tables"
        )
    err = mm.failing("page_table")
    if err:
        pagetable.zap(mm, vma, address, end)
        return err
    pagetable.insert(mm, vma, PteRange(address, end, pagetable.PFN, None, pfn, prot))
    if mm.log is not None:
        mm.log.event("populate", type="pfn", start=address, end=end, first=pfn, pgprot=prot)
    return 0


def insert_pages(
    vma: VmAreaStruct, address: int, pages: Any, index: int, count: int, prot: int
) -> tuple[int, int]:
    """insert_pages: map pages `index` … of the array from `address` on, `count` of them.

    Returns an error (-EBUSY where an entry exists, -ENOMEM) and how many pages were not mapped;
    those before the failure stay mapped. The caller has checked that the range lies in the VMA.
    """
    mm = vma.vm_mm
    err = mm.failing("page_table")
    if err:
        return err, count
    if count == 0:
        return 0, 0
    start = address & PAGE_MASK
    if count > sub(vma.vm_end, start) >> PAGE_SHIFT:
        raise KernelBug(
            "a count of pages that wraps: page tables far beyond the mapping are filled"
        )
    end = add(start, shl(count, PAGE_SHIFT))
    busy = pagetable.first_present(mm, vma, start, end)
    stop = end if busy is None else umax(busy.start, start)
    if busy is None or start < stop:
        pagetable.insert(mm, vma, PteRange(start, stop, pagetable.PAGE, pages, index, prot))
        if mm.log is not None:
            mm.log.event(
                "populate",
                type="page",
                start=start,
                end=stop,
                first=index,
                pages=pages,
                pgprot=prot,
            )
    if busy is not None:
        return -errno.EBUSY, sub(end, stop) >> PAGE_SHIFT
    return 0, 0


def simple_ioremap_prep(length: int, pgoff: int, start_phys: int, size: int) -> tuple[int, int]:
    """__simple_ioremap_prep(): the PFN at which a mapping of `length` bytes at `pgoff` begins.

    The physical range begins at `start_phys` and has `size` bytes. Returns an error, -EINVAL where
    sums wrap or the mapping does not fit, and the PFN.
    """
    if add(start_phys, size) < start_phys:
        return -errno.EINVAL, 0
    size = add(size, offset_in_page(start_phys))
    pfn = start_phys >> PAGE_SHIFT
    pages = add(size, PAGE_SIZE - 1) >> PAGE_SHIFT
    if add(pfn, pages) < pfn:
        return -errno.EINVAL, 0
    if pgoff > pages:
        return -errno.EINVAL, 0
    if length >> PAGE_SHIFT > sub(pages, pgoff):
        return -errno.EINVAL, 0
    return 0, add(pfn, pgoff)
