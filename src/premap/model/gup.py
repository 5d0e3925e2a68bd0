# SPDX-License-Identifier: GPL-2.0-only
"""Populating mappings as if they were accessed: MAP_POPULATE, locking, MADV_POPULATE (mm/gup.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model import pagetable
from premap.model.anon import anon_vma_prepare
from premap.model.bits import (
    VM_ACCESS_FLAGS,
    VM_IO,
    VM_LOCKONFAULT,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_PFNMAP,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from premap.model.errors import NotModelled
from premap.model.fault import VM_FAULT_ERROR, VM_FAULT_OOM, handle_mm_fault
from premap.model.pagetable import GUARD, AnonPages, PteRange
from premap.model.pgprot import pgprot_writable
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, PAGE_SIZE, add, sub, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def mm_populate(mm: AddressSpace, start: int, length: int, *, ignore_errors: bool = True) -> int:
    """__mm_populate(): fault `length` bytes in. 0 or the error of the first page that failed.

    Where a page fails after others succeeded, it is tried again, and fails, before that counts.
    """
    end = add(start, length)
    address = start
    position = mm.tree.locate(start)
    while address < end:
        vmas = mm.tree.vmas
        if position == len(vmas) or not vmas[position].vm_start < end:
            return 0
        vma = vmas[position]
        stop = umin(end, vma.vm_end)
        address = max(address, vma.vm_start)
        if (vma.vm_flags & (VM_IO | VM_PFNMAP)) == 0:
            done = populate_vma_page_range(mm, vma, address, stop)
            if done < 0:
                if not ignore_errors:
                    return done
            else:
                address = add(address, done << PAGE_SHIFT)
                if address < stop:
                    continue
        address = stop
        position += 1
    return 0


def populate_vma_page_range(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> int:
    """populate_vma_page_range: returns how many pages are in now, or the first page's error."""
    flags = vma.vm_flags
    pages = sub(end, start) >> PAGE_SHIFT
    if (flags & VM_LOCKONFAULT) != 0:
        return pages
    write = (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE
    if (flags & VM_ACCESS_FLAGS) == 0:
        return -errno.EFAULT
    if not write and (flags & (VM_READ | VM_MAYREAD)) == 0:
        return -errno.EFAULT
    return fault_in(mm, vma, start, end, write=write)


def fault_in(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int, *, write: bool) -> int:
    """__get_user_pages(): returns how many pages are in now, or the first page's error."""
    pages = sub(end, start) >> PAGE_SHIFT
    if vma.vm_ops is None and not mm.injections and _is_anonymous_memory(vma, write=write):
        err = _populate_anonymous(mm, vma, start, end, write=write)
        return err or pages
    done = 0
    address = start
    while address < end:
        err = _fault_page(mm, vma, address, write=write)
        if err:
            return done or err
        done += 1
        address = add(address, PAGE_SIZE)
    return done


def _is_anonymous_memory(vma: VmAreaStruct, *, write: bool) -> bool:
    """Say whether no fault here is refused; only what a hook made of its mapping can be."""
    refused = (vma.vm_flags & VM_SHARED) != 0 or (write and (vma.vm_flags & VM_MAYWRITE) == 0)
    return not refused


def _fault_page(mm: AddressSpace, vma: VmAreaStruct, address: int, *, write: bool) -> int:
    """faultin_page() until the page is there."""
    for _ in range(3):
        entry = pagetable.lookup(mm, vma, address)
        if entry is not None and entry.kind is not GUARD and (not write or _can_write(entry)):
            return 0
        result = handle_mm_fault(mm, vma, address, write=write)
        if result & VM_FAULT_OOM:
            return -errno.ENOMEM
        if result & VM_FAULT_ERROR:
            return -errno.EFAULT
    raise NotModelled("a fault handler reports success, but the page never comes")


def _can_write(entry: PteRange) -> bool:
    return entry.write or pgprot_writable(entry.pgprot)


def _populate_anonymous(
    mm: AddressSpace, vma: VmAreaStruct, start: int, end: int, *, write: bool
) -> int:
    """Fault anonymous memory in, gap by gap instead of page by page. 0 or -EFAULT (a guard).

    Nothing else can fail: where failures are injected, each page is faulted in by itself.
    """
    address = start
    while address < end:
        entry = pagetable.first_present(mm, vma, address, end)
        gap_end = end if entry is None else entry.start
        if address < gap_end:
            _fill(mm, vma, address, gap_end, write=write)
        if entry is None:
            return 0
        if entry.kind is GUARD:
            return -errno.EFAULT
        stop = umin(entry.end, end)
        if write and not _can_write(entry):
            address = max(address, entry.start)
            while address < stop:
                err = _fault_page(mm, vma, address, write=True)
                if err:
                    return err
                address = add(address, PAGE_SIZE)
        address = stop
    return 0


def _fill(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int, *, write: bool) -> None:
    """Fresh pages, or the page of zeroes, for a gap."""
    if write:
        anon_vma_prepare(mm, vma)
    kind = pagetable.ANON if write else pagetable.ZERO
    source = AnonPages() if write else None
    entry = PteRange(start, end, kind, source, 0, vma.vm_page_prot, write=write)
    pagetable.insert(mm, vma, entry)
