# SPDX-License-Identifier: GPL-2.0-only
"""Changing access: mprotect() (mm/mprotect.c).

Several mappings are changed one by one: an error leaves it half done.
READ_IMPLIES_EXEC and protection keys are not modelled; no mapping grows up, as on x86-64.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model import pagetable
from premap.model.accounting import may_expand_vm
from premap.model.bits import (
    VM_ACCESS_FLAGS,
    VM_ACCOUNT,
    VM_FLAGS_CLEAR,
    VM_GROWSDOWN,
    VM_HUGETLB,
    VM_LOCKED,
    VM_NORESERVE,
    VM_SEALED,
    VM_SHARED,
    VM_WRITE,
)
from premap.model.constants import (
    PROT_EXEC,
    PROT_GROWSDOWN,
    PROT_GROWSUP,
    PROT_READ,
    PROT_SEM,
    PROT_WRITE,
)
from premap.model.flags import cleared
from premap.model.gup import populate_vma_page_range
from premap.model.mmap import calc_vm_prot_bits
from premap.model.modify import is_seen_twice, vma_modify_flags
from premap.model.pagetable import ANON, PteRange
from premap.model.pgprot import pgprot_modify
from premap.model.protection import vma_set_page_prot, vma_wants_writenotify
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, add, offset_in_page, page_align, sub, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_GROWS = PROT_GROWSDOWN | PROT_GROWSUP
_NO_CHARGE = VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE


def do_mprotect(mm: AddressSpace, start: int, length: int, prot: int) -> int:
    """do_mprotect_pkey: 0 or -EINVAL, -ENOMEM (a gap), -EACCES, or what `->mprotect` says."""
    grows = prot & _GROWS
    prot = cleared(prot, _GROWS)
    if grows == _GROWS:
        return -errno.EINVAL
    if offset_in_page(start) != 0:
        return -errno.EINVAL
    if length == 0:
        return 0
    end = add(start, page_align(length))
    if end <= start:
        return -errno.ENOMEM
    if cleared(prot, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM) != 0:
        return -errno.EINVAL
    position = mm.tree.locate(start)
    if position == len(mm.tree.vmas) or not mm.tree.vmas[position].vm_start < end:
        return -errno.ENOMEM
    err, start = _from(mm.tree.vmas[position], start, grows)
    return err or _walk(mm, position, start, end, prot)


def _from(first: VmAreaStruct, start: int, grows: int) -> tuple[int, int]:
    """Return an error, or 0 and where the change begins: for PROT_GROWSDOWN, the whole stack."""
    if (grows & PROT_GROWSDOWN) != 0:
        grown = (first.vm_flags & VM_GROWSDOWN) != 0
        return (0, first.vm_start) if grown else (-errno.EINVAL, 0)
    if first.vm_start > start:
        return -errno.ENOMEM, 0
    return (-errno.EINVAL if (grows & PROT_GROWSUP) != 0 else 0), start


def _walk(mm: AddressSpace, position: int, start: int, end: int, prot: int) -> int:
    """Change each mapping of [start, end) in turn, up to the first gap."""
    reached = start
    while reached < end:
        vmas = mm.tree.vmas
        if position == len(vmas):
            return -errno.ENOMEM
        vma = vmas[position]
        if vma.vm_start > reached:
            return -errno.ENOMEM
        err, reached = _change(mm, position, reached, umin(vma.vm_end, end), prot)
        if err:
            return err
        position = mm.tree.locate(reached)
    return 0


def _change(mm: AddressSpace, position: int, start: int, end: int, prot: int) -> tuple[int, int]:
    """Change the part [start, end) of one mapping; returns the end of the mapping it is in then."""
    vma = mm.tree.vmas[position]
    kept = cleared(vma.vm_flags, VM_ACCESS_FLAGS | VM_FLAGS_CLEAR)
    newflags = calc_vm_prot_bits(prot) | kept
    if (cleared(newflags, newflags >> 4) & VM_ACCESS_FLAGS) != 0:
        return -errno.EACCES, 0
    vm_ops = vma.vm_ops
    if vm_ops is not None and vm_ops.mprotect is not None:
        err = mm.call(vm_ops.mprotect, vma, start, end, newflags)
        if err != 0:
            return err, 0
    return _fixup(mm, position, start, end, newflags)


def _fixup(mm: AddressSpace, position: int, start: int, end: int, newflags: int) -> tuple[int, int]:
    """mprotect_fixup(): accounting, merge or split, then flags, protection and entries."""
    vma = mm.tree.vmas[position]
    oldflags = vma.vm_flags
    if (oldflags & VM_SEALED) != 0:
        return -errno.EPERM, 0
    if oldflags == newflags:
        return 0, vma.vm_end
    err, newflags, charged = _charge(mm, vma, newflags, sub(end, start) >> PAGE_SHIFT)
    if err:
        return err, 0
    told = vma.vm_ops is not None and vma.vm_ops.mprotect is not None
    again = told and is_seen_twice(mm, position, start, end, newflags)
    err, modified, newflags = vma_modify_flags(mm, position, start, end, newflags)
    if modified is None:
        mm.memory.uncharge(charged)
        return err, 0
    modified.vm_flags = newflags
    vma_set_page_prot(modified)
    change_protection(mm, modified, start, end)
    if (oldflags & VM_ACCOUNT) != 0 and (newflags & VM_ACCOUNT) == 0:
        mm.memory.uncharge(sub(end, start) >> PAGE_SHIFT)
    was_locked_private = (oldflags & (VM_LOCKED | VM_WRITE | VM_SHARED)) == VM_LOCKED
    if was_locked_private and (newflags & VM_WRITE) != 0:
        populate_vma_page_range(mm, modified, start, end)
    return 0, start if again else modified.vm_end


def _charge(mm: AddressSpace, vma: VmAreaStruct, newflags: int, pages: int) -> tuple[int, int, int]:
    """Account private memory that becomes writable; returns an error, the flags, and the charge.

    Anonymous memory without a page of its own stops being accounted when it becomes read-only.
    """
    oldflags = vma.vm_flags
    if (newflags & VM_WRITE) == 0:
        untouched = vma.vm_ops is None and vma.anon_vma is None
        if untouched and (oldflags & VM_ACCOUNT) != 0:
            return 0, cleared(newflags, VM_ACCOUNT), 0
        return 0, newflags, 0
    if not may_expand_vm(mm, newflags, pages) and may_expand_vm(mm, oldflags, pages):
        return -errno.ENOMEM, 0, 0
    if (oldflags & _NO_CHARGE) != 0:
        return 0, newflags, 0
    err = mm.vm_enough_memory(pages)
    if err:
        return err, 0, 0
    return 0, newflags | VM_ACCOUNT, pages


def change_protection(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> None:
    """change_protection: give the entries of [start, end) the VMA's protection.

    Written pages that nobody else has, or whose writing is known already, stay writable.
    """
    if not vma.ptes:
        return
    low = pagetable.split_at(mm, vma, start)
    high = pagetable.split_at(mm, vma, end)
    writable = (vma.vm_flags & VM_WRITE) != 0
    shared = (vma.vm_flags & VM_SHARED) != 0
    notify = bool(vma_wants_writenotify(vma)) if shared else False
    for entry in vma.ptes[low:high]:
        entry.pgprot = pgprot_modify(entry.pgprot, vma.vm_page_prot)
        if shared:
            entry.write = writable and notify and entry.dirty
        else:
            entry.write = writable and _exclusive(entry)


def _exclusive(entry: PteRange) -> bool:
    """PageAnonExclusive(): an anonymous page that no other process has."""
    return entry.kind is ANON and not entry.source.forked
