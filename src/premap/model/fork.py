# SPDX-License-Identifier: GPL-2.0-only
"""fork(): a copy of the address space (kernel/fork.c, mm/mmap.c, mm/memory.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.anon import anon_vma_fork, unlink_anon_vmas
from premap.model.bits import (
    VM_ACCOUNT,
    VM_COPY_ON_FORK,
    VM_DONTCOPY,
    VM_LOCKED_MASK,
    VM_WIPEONFORK,
)
from premap.model.file import get_file
from premap.model.flags import cleared
from premap.model.pagetable import ANON, let_go
from premap.model.pgprot import without_shared
from premap.model.vma import (
    VmAreaStruct,
    call_open,
    link_file,
    remove_vma,
    vm_area_dup,
    vma_is_cow_mapping,
    vma_pages,
)
from premap.model.words import sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def dup_mmap(child: AddressSpace, mm: AddressSpace) -> int:
    """dup_mmap: copy every mapping that is to be copied. 0 or -ENOMEM; then the child is empty."""
    child.total_vm = mm.total_vm
    for parent in mm.tree.vmas:
        if (parent.vm_flags & VM_DONTCOPY) != 0:
            child.total_vm = sub(child.total_vm, vma_pages(parent))
            continue
        err = _copy_vma(child, mm, parent)
        if err:
            _tear_down(child)
            return err
    return 0


def _copy_vma(child: AddressSpace, mm: AddressSpace, parent: VmAreaStruct) -> int:
    accounted = (parent.vm_flags & VM_ACCOUNT) != 0
    charge = vma_pages(parent) if accounted else 0
    if accounted and mm.vm_enough_memory(charge):
        return -errno.ENOMEM
    wipe = (parent.vm_flags & VM_WIPEONFORK) != 0
    new = None if mm.failing("vma_dup") else vm_area_dup(parent)
    if new is None or (not wipe and anon_vma_fork(mm, new, parent)):
        mm.memory.uncharge(charge)
        return -errno.ENOMEM
    new.vm_mm = child
    new.vm_flags = cleared(new.vm_flags, VM_LOCKED_MASK)
    child.tree.vmas.append(new)
    child.map_count += 1
    call_open(new)
    if new.vm_file is not None:
        get_file(new.vm_file)
    link_file(new)
    if wipe:
        return 0
    return copy_page_range(new, parent)


def copy_page_range(new: VmAreaStruct, parent: VmAreaStruct) -> int:
    """copy_page_range: entries that a fault could not make again. 0 or -ENOMEM (mm/memory.c).

    Pages that a write would copy become read-only in both.
    """
    if (new.vm_flags & VM_COPY_ON_FORK) == 0 and parent.anon_vma is None:
        return 0
    if parent.ptes and parent.vm_mm.failing("page_table"):
        return -errno.ENOMEM
    cow = vma_is_cow_mapping(parent)
    for entry in parent.ptes:
        if cow:
            entry.write = False
            entry.pgprot = without_shared(entry.pgprot)
        if entry.kind is ANON:
            entry.source.share(parent.vm_mm, new.vm_mm)
        copy = entry.moved(0)
        copy.dirty = entry.dirty and cow
        new.ptes.append(copy)
    return 0


def _tear_down(child: AddressSpace) -> None:
    """tear_down_vmas(): close what was copied before the failure."""
    for vma in child.tree.vmas:
        let_go(child, vma.ptes)
        if (vma.vm_flags & VM_ACCOUNT) != 0:
            child.memory.uncharge(vma_pages(vma))
        remove_vma(vma)
        unlink_anon_vmas(vma)
    child.tree.vmas.clear()
    child.map_count = child.total_vm = 0
