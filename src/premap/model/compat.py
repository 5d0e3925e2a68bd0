# SPDX-License-Identifier: GPL-2.0-only
"""A legacy `->mmap` that calls the hook of a lower file (mm/util.c, mm/vma.h, include/linux/fs.h).

The descriptor is filled from the VMA, operations included but private data not; afterwards both are
written back. A failure is cleaned up by whoever called the legacy hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.actions import mmap_action_complete, mmap_action_prepare
from premap.model.desc import VmAreaDesc
from premap.model.legacy import vma_set_file

if TYPE_CHECKING:
    from premap.model.vma import VmAreaStruct


def vfs_mmap(file: Any, vma: VmAreaStruct) -> Any:
    """vfs_mmap: call whichever hook the file has, on a VMA."""
    if file.f_op.mmap_prepare is not None:
        return compat_vma_mmap(file, vma)
    return vma.vm_mm.call(file.f_op.mmap, file, vma)


def vfs_mmap_prepare(file: Any, desc: VmAreaDesc) -> Any:
    """vfs_mmap_prepare: call the file's `->mmap_prepare`."""
    return desc.k_mm.call(file.f_op.mmap_prepare, desc)


def desc_from_vma(file: Any, vma: VmAreaStruct) -> VmAreaDesc:
    """compat_set_desc_from_vma(), of a descriptor that is yet to be made."""
    desc = VmAreaDesc(
        vma.vm_mm,
        file,
        vma.vm_start,
        vma.vm_end,
        vma.vm_pgoff,
        vma.vm_flags,
        vma.vm_page_prot,
    )
    desc.vm_file = vma.vm_file
    desc.k_vm_ops = vma.vm_ops
    return desc


def compat_set_desc_from_vma(desc: VmAreaDesc, file: Any, vma: VmAreaStruct) -> None:
    """compat_set_desc_from_vma: fill a descriptor from a VMA; private data stays NULL."""
    filled = desc_from_vma(file, vma)
    for name in VmAreaDesc.__slots__:
        setattr(desc, name, getattr(filled, name))


def compat_set_vma_from_desc(vma: VmAreaStruct, desc: VmAreaDesc) -> None:
    """compat_set_vma_from_desc: write the descriptor back; a new file gets a second reference."""
    vma.vm_pgoff = desc.pgoff
    if desc.vm_file != vma.vm_file:
        vma_set_file(vma, desc.vm_file)
    vma.vm_flags = desc.k_flags
    vma.vm_page_prot = desc.page_prot
    vma.vm_ops = desc.k_vm_ops
    vma.vm_private_data = desc.k_private_data


def compat_vma_mmap(file: Any, vma: VmAreaStruct) -> Any:
    """compat_vma_mmap: run the file's `->mmap_prepare` for a VMA that exists.

    The action may not hide the mapping from the reverse map.
    """
    desc = desc_from_vma(file, vma)
    mm = vma.vm_mm
    if mm.log is not None:
        mm.log.event(
            "mmap_prepare",
            file=file,
            start=vma.vm_start,
            end=vma.vm_end,
            pgoff=vma.vm_pgoff,
            flags=vma.vm_flags,
        )
    err = vfs_mmap_prepare(file, desc)
    if err != 0:
        return err
    if desc.k_action is not None:
        desc.k_action.hide_from_rmap_until_complete = False
    return compat_vma_mmap_complete(desc, vma)


def compat_vma_mmap_complete(desc: VmAreaDesc, vma: VmAreaStruct) -> int:
    """__compat_vma_mmap(): prepare the action, write the descriptor back, perform the action."""
    err = mmap_action_prepare(desc)
    if err:
        return err
    compat_set_vma_from_desc(vma, desc)
    return mmap_action_complete(vma, desc.k_action, is_compat=True)
