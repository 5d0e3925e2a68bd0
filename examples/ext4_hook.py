# SPDX-License-Identifier: GPL-2.0-only
"""The hook of a file system, as Documentation/filesystems/mmap_prepare.rst shows ext4's.

A DAX mapping is refused where it is not supported, and gets VMA_HUGEPAGE_BIT where it is. Prints
the mappings of a process as /proc/PID/maps would.
"""

from __future__ import annotations

import errno

from premap.model import (
    FOP_MMAP_SYNC,
    IS_DAX,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    PROT_READ,
    PROT_WRITE,
    S_DAX,
    S_IFREG,
    VMA_HUGEPAGE_BIT,
    VMA_SYNC_BIT,
    AddressSpace,
    File,
    FileOperations,
    Inode,
    VmAreaDesc,
    VmOperations,
    file_accessed,
    file_inode,
    filemap_fault,
    filemap_page_mkwrite,
    vma_desc_set_flags,
    vma_desc_test,
)

PAGE = 4096

ext4_file_vm_ops = VmOperations(
    fault=filemap_fault, page_mkwrite=filemap_page_mkwrite, label="ext4_file_vm_ops"
)
ext4_dax_vm_ops = VmOperations(label="ext4_dax_vm_ops")


def daxdev_mapping_supported(desc: VmAreaDesc) -> bool:
    """MAP_SYNC needs a file that is mapped directly (include/linux/dax.h)."""
    if not vma_desc_test(desc, VMA_SYNC_BIT):
        return True
    return IS_DAX(file_inode(desc.file))


def ext4_file_mmap_prepare(desc: VmAreaDesc) -> int:
    """Choose the operations; nothing is allocated or counted, for the mapping may merge or fail."""
    if not daxdev_mapping_supported(desc):
        return -errno.EOPNOTSUPP
    file_accessed(desc.file)
    if IS_DAX(file_inode(desc.file)):
        desc.vm_ops = ext4_dax_vm_ops
        vma_desc_set_flags(desc, VMA_HUGEPAGE_BIT)
    else:
        desc.vm_ops = ext4_file_vm_ops
    return 0


ext4_file_operations = FileOperations(
    mmap_prepare=ext4_file_mmap_prepare, fop_flags=FOP_MMAP_SYNC, label="ext4_file_operations"
)


def ext4_file(name: str, pages: int, *, dax: bool) -> File:
    """Return an open file of `pages` pages."""
    inode = Inode(S_IFREG, i_size=pages * PAGE, i_flags=S_DAX if dax else 0)
    return File(ext4_file_operations, inode=inode, name=name)


def main() -> None:
    """Map two files, one of them DAX; map one in two pieces, which merge."""
    mm = AddressSpace()
    ordinary = ext4_file("/mnt/ordinary", 8, dax=False)
    dax = ext4_file("/mnt/dax", 8, dax=True)
    protection = PROT_READ | PROT_WRITE

    mm.mmap(0x10000000, 2 * PAGE, protection, MAP_SHARED, ordinary, 0)
    mm.mmap(0x10002000, 2 * PAGE, protection, MAP_SHARED, ordinary, 2 * PAGE)
    mm.mmap(0x20000000, 4 * PAGE, protection, MAP_SHARED_VALIDATE | MAP_SYNC, dax, 0)
    mm.mmap(0x30000000, PAGE, PROT_READ, MAP_PRIVATE, dax, PAGE)
    print(mm.maps(), end="")

    for vma in mm.vmas():
        print(f"{vma.vm_start:08x} {vma.vm_ops.label} {vma.flags}")

    try:
        mm.mmap(0, PAGE, protection, MAP_SHARED_VALIDATE | MAP_SYNC, ordinary, 0)
    except OSError as error:
        print(f"MAP_SYNC of a file that is not DAX: {error.strerror}")


if __name__ == "__main__":
    main()
