# SPDX-License-Identifier: GPL-2.0-only
"""Files of memory, and /dev/zero (mm/shmem.c, drivers/char/mem.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.bits import VMA_MAYSHARE_BIT
from premap.model.constants import S_IFREG
from premap.model.desc import VmAreaDesc, vma_desc_set_anonymous, vma_desc_size, vma_desc_test
from premap.model.fault import filemap_fault
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
from premap.model.words import sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct

shmem_vm_ops = VmOperations(fault=filemap_fault, label="shmem_vm_ops")
"""shmem_vm_ops: a tmpfs file with a name."""
shmem_anon_vm_ops = VmOperations(fault=filemap_fault, label="shmem_anon_vm_ops")
"""shmem_anon_vm_ops: shared anonymous memory, and files without a name."""


def shmem_mmap_prepare(desc: VmAreaDesc) -> int:
    """shmem_mmap_prepare: the hook of tmpfs files."""
    file = desc.file
    file_accessed(file)
    desc.vm_ops = shmem_vm_ops if file_inode(file).i_nlink else shmem_anon_vm_ops
    return 0


shmem_file_operations = FileOperations(
    mmap_prepare=shmem_mmap_prepare, label="shmem_file_operations"
)


def shmem_file(size: int, name: str = "", *, nlink: int = 1, f_mode: int = 3) -> File:
    """Return an open file of `size` bytes on tmpfs; `nlink` 0 is a memfd (shmem_file_setup())."""
    inode = Inode(S_IFREG, i_size=size, i_nlink=nlink)
    mapping = AddressSpaceMapping(inode)
    return File(shmem_file_operations, f_mode=f_mode, mapping=mapping, name=name)


def shmem_zero_setup(mm: AddressSpace, vma: VmAreaStruct) -> int:
    """shmem_zero_setup: the file behind shared anonymous memory. 0 or -ENOMEM."""
    err = mm.failing("shmem")
    if err:
        return err
    if vma.vm_file is not None:
        fput(vma.vm_file)
    vma.vm_file = shmem_file(sub(vma.vm_end, vma.vm_start), "/dev/zero (deleted)", nlink=0)
    vma.vm_ops = shmem_anon_vm_ops
    return 0


def shmem_zero_setup_desc(desc: VmAreaDesc) -> int:
    """shmem_zero_setup_desc: the same for a descriptor. 0 or -ENOMEM."""
    err = desc.mm.failing("shmem")
    if err:
        return err
    desc.vm_file = shmem_file(vma_desc_size(desc), "/dev/zero (deleted)", nlink=0)
    desc.vm_ops = shmem_anon_vm_ops
    return 0


def mmap_zero_prepare(desc: VmAreaDesc) -> int:
    """mmap_zero_prepare: the hook of /dev/zero; the only one that makes mappings anonymous."""
    if vma_desc_test(desc, VMA_MAYSHARE_BIT):
        return shmem_zero_setup_desc(desc)
    vma_desc_set_anonymous(desc)
    return 0


zero_fops = FileOperations(mmap_prepare=mmap_zero_prepare, label="zero_fops")
"""zero_fops: /dev/zero."""


def is_shmem(vm_ops: Any) -> bool:
    """vma_is_shmem(), by the operations of the mapping."""
    return vm_ops is shmem_vm_ops or vm_ops is shmem_anon_vm_ops
