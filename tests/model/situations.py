# SPDX-License-Identifier: GPL-2.0-only
"""What the situations are made of: memory that is mapped, changed and written, by page number."""

from __future__ import annotations

from premap.model import (
    MAP_FIXED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    PROT_READ,
    VM_DONTEXPAND,
    VM_IO,
    VM_MIXEDMAP,
    VM_PFNMAP,
    AddressSpace,
    VmAreaStruct,
    VmOperations,
    bits,
)

from .kit import BASE, PAGE, RW

CLOSING = VmOperations(close=lambda vma: None, label="closing")
STICKY = bits.VM_STICKY
SPECIAL = (VM_IO, VM_DONTEXPAND, VM_PFNMAP, VM_MIXEDMAP)
ENOMEM = 12


def at(mm: AddressSpace, page: int) -> VmAreaStruct:
    """Return the mapping that holds a page, counted from BASE."""
    vma = mm.find_vma(BASE + page * PAGE)
    assert vma is not None
    return vma


def fill(mm: AddressSpace, page: int, pages: int) -> None:
    """Map private anonymous memory at a page, counted from BASE.

    It is not accounted: mprotect() would make a difference between what was written and what not.
    """
    flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
    mm.mmap(BASE + page * PAGE, pages * PAGE, RW, flags)


def parts(mm: AddressSpace, *sizes: int) -> list[VmAreaStruct]:
    """Map memory in parts that touch, of which every second one is read-only. Return them."""
    fill(mm, 0, sum(sizes))
    place = 0
    for number, size in enumerate(sizes):
        if number % 2:
            mm.mprotect(BASE + place * PAGE, size * PAGE, PROT_READ)
        place += size
    return mm.vmas()


def change(mm: AddressSpace, page: int, pages: int, prot: int = RW) -> None:
    """Change the access to some pages."""
    mm.mprotect(BASE + page * PAGE, pages * PAGE, prot)


def offsets(vma: VmAreaStruct) -> tuple[int, int]:
    """Return both page offsets, counted from that of BASE."""
    first = BASE // PAGE
    return vma.vm_pgoff - first, vma.anon_pgoff - first


def write(mm: AddressSpace, *pages: int) -> None:
    """Write to pages, so that their mappings get anonymous pages."""
    for page in pages:
        mm.touch(BASE + page * PAGE, write=True)
