# SPDX-License-Identifier: GPL-2.0-only
"""The page protection of a VMA, and who wants to know of first writes (mm/mmap.c, mm/vma.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.bits import VM_PFNMAP, VM_SHARED, VM_WRITE
from premap.model.pgprot import pgprot_modify, vm_get_page_prot, without_shared
from premap.model.words import select

if TYPE_CHECKING:
    from premap.model.vma import VmAreaStruct

_SHARED_WRITE = VM_SHARED | VM_WRITE


def vm_ops_needs_writenotify(vm_ops: Any) -> bool:
    """vm_ops_needs_writenotify: the driver is told before a page is first written.

    A condition, where the operations say themselves on what that hangs (`needs_writenotify`).
    """
    if vm_ops is None:
        return False
    known: bool | None = getattr(vm_ops, "needs_writenotify", None)
    if known is not None:
        return known
    return vm_ops.page_mkwrite is not None or vm_ops.pfn_mkwrite is not None


def vma_wants_writenotify(vma: VmAreaStruct) -> bool:
    """vma_wants_writenotify: entries begin read-only to catch the first write.

    Asked with a protection that vma_set_page_prot() has just computed, so that there is no trace
    of a driver's own protection left to find. Soft-dirty tracking is off.
    """
    asked = (vma.vm_flags & _SHARED_WRITE) == _SHARED_WRITE
    if asked is False:
        return False
    needed = vm_ops_needs_writenotify(vma.vm_ops)
    if needed is True:
        return asked
    file = vma.vm_file
    if file is not None and file.f_mapping.can_writeback:
        needed = needed | ((vma.vm_flags & VM_PFNMAP) == 0)
    return False if needed is False else asked & needed


def vma_set_page_prot(vma: VmAreaStruct) -> None:
    """vma_set_page_prot: recompute `vm_page_prot` from the flags; cache mode and so on stay."""
    prot = pgprot_modify(vma.vm_page_prot, vm_get_page_prot(vma.vm_flags))
    notify = vma_wants_writenotify(vma)
    if notify is not False:
        prot = select(notify, without_shared(prot), prot)
    vma.vm_page_prot = prot
