# SPDX-License-Identifier: GPL-2.0-only
"""A device that remaps its ring of descriptors: a whole mapping, a part, and what fails.

The hook only says what is to be mapped; the mapping code does it once nothing can merge any more.
`->mapped` counts a mapping that really came to be, `->close` one that goes.
"""

from __future__ import annotations

import errno
from typing import Any

from premap.model import (
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
    VMA_MAYWRITE_BIT,
    VMA_WRITE_BIT,
    AddressSpace,
    File,
    FileOperations,
    VmAreaDesc,
    VmAreaStruct,
    VmOperations,
    mmap_action_remap_full,
    pgprot_noncached,
    vma_desc_clear_flags,
    vma_desc_pages,
    vma_desc_test,
)

PAGE = 4096


class Ring:
    """The device: `pages` pages of memory from page frame `pfn` on."""

    def __init__(self, pfn: int, pages: int) -> None:
        self.pfn = pfn
        self.pages = pages
        self.users = 0
        self.vm_ops = VmOperations(mapped=self.mapped, close=self.close, label="ring_vm_ops")

    def mmap_prepare(self, desc: VmAreaDesc) -> int:
        """Map the ring from page `pgoff` on, uncached, and for reading only."""
        if desc.pgoff >= self.pages or vma_desc_pages(desc) > self.pages - desc.pgoff:
            return -errno.EINVAL
        if vma_desc_test(desc, VMA_WRITE_BIT):
            return -errno.EPERM
        vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT)
        desc.page_prot = pgprot_noncached(desc.page_prot)
        desc.vm_ops = self.vm_ops
        mmap_action_remap_full(desc, self.pfn + desc.pgoff)
        return 0

    def mapped(self, start: int, end: int, pgoff: int, file: File, private_data: list[Any]) -> int:
        """Count a user; what goes in `private_data[0]` becomes the mapping's private data."""
        del start, end, pgoff, file
        self.users += 1
        private_data[0] = self
        return 0

    def close(self, vma: VmAreaStruct) -> None:
        """Uncount a user, if `mapped` ever counted it."""
        if vma.vm_private_data is self:
            self.users -= 1


def main() -> None:
    """Map the ring twice, print what there is, unmap it, and show what the device refuses."""
    ring = Ring(pfn=0xFD000, pages=16)
    device = File(FileOperations(mmap_prepare=ring.mmap_prepare), name="/dev/ring0")
    mm = AddressSpace()

    whole = mm.mmap(0x10000000, 16 * PAGE, PROT_READ, MAP_SHARED, device, 0)
    part = mm.mmap(0x20000000, 2 * PAGE, PROT_READ, MAP_PRIVATE, device, 4 * PAGE)
    print(mm.maps(), end="")
    print(f"users: {ring.users}")
    for address in (whole, part + PAGE):
        entry = mm.page_at(address)
        print(f"{address:08x} -> page frame {entry.pfn:#x}" if entry else "nothing")

    for what, length, prot, page in (
        ("beyond the ring", 2 * PAGE, PROT_READ, 15),
        ("to be written", PAGE, PROT_READ | PROT_WRITE, 0),
    ):
        try:
            mm.mmap(0, length, prot, MAP_SHARED, device, page * PAGE)
        except OSError as error:
            print(f"{what}: {errno.errorcode[error.errno or 0]}")

    mm.inject("page_table", errno.ENOMEM)
    try:
        mm.mmap(0x30000000, PAGE, PROT_READ, MAP_SHARED, device, 0)
    except OSError as error:
        print(f"without page tables: {errno.errorcode[error.errno or 0]}, users: {ring.users}")

    mm.munmap(whole, 16 * PAGE)
    mm.munmap(part, 2 * PAGE)
    print(f"users: {ring.users}")


if __name__ == "__main__":
    main()
