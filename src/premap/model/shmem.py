# SPDX-License-Identifier: GPL-2.0-only
"""Files of memory, and /dev/zero (mm/shmem.c, drivers/char/mem.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model.area import mm_get_unmapped_area
from premap.model.bits import VM_NORESERVE, VMA_MAYSHARE_BIT
from premap.model.constants import F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, FMODE_WRITE, S_IFREG
from premap.model.desc import VmAreaDesc, vma_desc_set_anonymous, vma_desc_size, vma_desc_test
from premap.model.fault import VM_FAULT_SIGBUS, VmFault, filemap_fault
from premap.model.file import (
    AddressSpaceMapping,
    File,
    FileOperations,
    Inode,
    VmOperations,
    file_accessed,
    file_inode,
    fput,
)
from premap.model.words import PAGE_SHIFT, page_align, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct


def shmem_fault(vmf: VmFault) -> int:
    """shmem_fault: a page of the file; SIGBUS beyond its end, and for one that can't be charged."""
    result = filemap_fault(vmf)
    account = vmf.vma.vm_file.f_mapping.account
    if result != VM_FAULT_SIGBUS and account is not None and not account(vmf.pgoff):
        return VM_FAULT_SIGBUS
    return result


shmem_vm_ops = VmOperations(fault=shmem_fault, label="shmem_vm_ops")
"""shmem_vm_ops: a tmpfs file with a name."""
shmem_anon_vm_ops = VmOperations(fault=shmem_fault, label="shmem_anon_vm_ops")
"""shmem_anon_vm_ops: shared anonymous memory, and files without a name."""


def shmem_mmap_prepare(desc: VmAreaDesc) -> int:
    """shmem_mmap_prepare: the hook of tmpfs files."""
    file = desc.file
    file_accessed(file)
    desc.vm_ops = shmem_vm_ops if file_inode(file).i_nlink else shmem_anon_vm_ops
    return 0


shmem_file_operations = FileOperations(
    mmap_prepare=shmem_mmap_prepare,
    get_unmapped_area=mm_get_unmapped_area,
    label="shmem_file_operations",
)


def shmem_file(size: int, name: str = "", *, nlink: int = 1, f_mode: int = 3) -> File:
    """Return an open file of `size` bytes on tmpfs; `nlink` 0 is a memfd (shmem_file_setup())."""
    inode = Inode(S_IFREG, i_size=size, i_nlink=nlink)
    mapping = AddressSpaceMapping(inode)
    return File(shmem_file_operations, f_mode=f_mode, mapping=mapping, name=name)


def shmem_zero_setup(mm: AddressSpace, vma: VmAreaStruct) -> int:
    """shmem_zero_setup: the file behind shared anonymous memory. 0 or -ENOMEM."""
    err, file = _unnamed_file(mm, sub(vma.vm_end, vma.vm_start), vma.vm_flags)
    if file is None:
        return err
    if vma.vm_file is not None:
        fput(vma.vm_file)
    vma.vm_file = file
    vma.vm_ops = shmem_anon_vm_ops
    return 0


def shmem_zero_setup_desc(desc: VmAreaDesc) -> int:
    """shmem_zero_setup_desc: the same for a descriptor. 0 or -ENOMEM."""
    err, file = _unnamed_file(desc.mm, vma_desc_size(desc), desc.vma_flags.bits)
    if file is None:
        return err
    desc.vm_file = file
    desc.vm_ops = shmem_anon_vm_ops
    return 0


class _Accounted:
    """What a file of memory has been charged: its size at once, or page by page."""

    def __init__(self, mm: AddressSpace) -> None:
        self.mm = mm
        self.pages = 0
        self.made: list[int] = []

    def all(self, pages: int) -> int:
        """shmem_acct_size(): 0 or -ENOMEM."""
        self.pages = pages
        return self.mm.memory.charge(pages, self.mm.total_vm)

    def one(self, index: int) -> bool:
        """shmem_acct_blocks(): whether page `index` may be there."""
        if any(each == index for each in self.made):
            return True
        if self.mm.memory.charge(1, self.mm.total_vm):
            return False
        self.made.append(index)
        self.pages += 1
        return True

    def none(self) -> None:
        """shmem_evict_inode(): give everything back."""
        self.mm.memory.uncharge(self.pages)


def _unnamed_file(mm: AddressSpace, size: int, vm_flags: int) -> tuple[int, File | None]:
    """__shmem_zero_setup(): an error and None, or 0 and the file; NORESERVE pays page by page."""
    err = mm.failing("shmem")
    if err:
        return err, None
    file = shmem_file(size, "/dev/zero (deleted)", nlink=0)
    accounted = _Accounted(mm)
    if (vm_flags & VM_NORESERVE) != 0:
        file.f_mapping.account = accounted.one
    else:
        err = accounted.all(page_align(size) >> PAGE_SHIFT)
        if err:
            return err, None
    file.release = accounted.none
    return 0, file


def memfd_add_seals(file: File, seals: int) -> int:
    """memfd_add_seals: F_SEAL_WRITE and F_SEAL_FUTURE_WRITE (mm/memfd.c).

    0; -EPERM for a file not open for writing, or with a name (which has F_SEAL_SEAL); -EBUSY
    where F_SEAL_WRITE finds a shared mapping that may be written.
    """
    mapping = file.f_mapping
    if (file.f_mode & FMODE_WRITE) == 0 or mapping.host.i_nlink:
        return -errno.EPERM
    if (seals & F_SEAL_WRITE) != 0 and not mapping.deny_writable:
        if mapping.i_mmap_writable:
            return -errno.EBUSY
        mapping.deny_writable = True
    if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0:
        mapping.write_sealed = True
    return 0


def mmap_zero_prepare(desc: VmAreaDesc) -> int:
    """mmap_zero_prepare: the hook of /dev/zero; the only one that makes mappings anonymous."""
    if vma_desc_test(desc, VMA_MAYSHARE_BIT):
        return shmem_zero_setup_desc(desc)
    vma_desc_set_anonymous(desc)
    return 0


zero_fops = FileOperations(
    mmap_prepare=mmap_zero_prepare, get_unmapped_area=mm_get_unmapped_area, label="zero_fops"
)
"""zero_fops: /dev/zero."""


def is_shmem(vm_ops: Any) -> bool:
    """vma_is_shmem(), by the operations of the mapping."""
    return vm_ops is shmem_vm_ops or vm_ops is shmem_anon_vm_ops
