# SPDX-License-Identifier: GPL-2.0-only
"""Mappings that grow down when what lies below them is accessed (mm/vma.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.accounting import may_expand_vm, mlock_future_ok
from premap.model.anon import anon_vma_prepare
from premap.model.bits import VM_ACCESS_FLAGS, VM_GROWSDOWN, VM_LOCKED
from premap.model.constants import MMAP_MIN_ADDR
from premap.model.vma import VmAreaStruct, vma_add_pgoff
from premap.model.words import PAGE_MASK, PAGE_SHIFT, add, shl, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def expand_downwards(mm: AddressSpace, position: int, address: int) -> int:
    """expand_downwards: the mapping at `position` grows down to the page of `address`.

    Nothing that can be accessed may lie within the guard gap below it, but another stack. 0,
    -ENOMEM, or -EPERM for an address that is too low.
    """
    vma = mm.tree.vmas[position]
    address = address & PAGE_MASK
    if address < MMAP_MIN_ADDR:
        return -errno.EPERM
    if position and _in_gap(mm, mm.tree.vmas[position - 1], address):
        return -errno.ENOMEM
    if mm.failing("vma_merge") or anon_vma_prepare(mm, vma):
        return -errno.ENOMEM
    pages = sub(vma.vm_start, address) >> PAGE_SHIFT
    if pages > vma.vm_pgoff:
        return -errno.ENOMEM
    err = acct_stack_growth(mm, vma, sub(vma.vm_end, address), pages)
    if err:
        return err
    if (vma.vm_flags & VM_LOCKED) != 0:
        mm.locked_vm = add(mm.locked_vm, pages)
    mm.total_vm = add(mm.total_vm, pages)
    vma.vm_start = address
    vma_add_pgoff(vma, sub(0, pages))
    return 0


def _in_gap(mm: AddressSpace, prev: VmAreaStruct, address: int) -> bool:
    """Say whether a mapping keeps the one above it from growing down to `address`."""
    if (prev.vm_flags & VM_GROWSDOWN) != 0 or (prev.vm_flags & VM_ACCESS_FLAGS) == 0:
        return False
    return sub(address, prev.vm_end) < mm.stack_guard_gap


def acct_stack_growth(mm: AddressSpace, vma: VmAreaStruct, size: int, pages: int) -> int:
    """acct_stack_growth: limits and accounting of a stack of `size` bytes, `pages` new. 0, -ENOMEM.

    RLIMIT_STACK is the size of one stack.
    """
    if not may_expand_vm(mm, vma.vm_flags, pages):
        return -errno.ENOMEM
    limit = None if mm.rlimits is None else mm.rlimits.get("STACK")
    if limit is not None and size > limit:
        return -errno.ENOMEM
    locked = (vma.vm_flags & VM_LOCKED) != 0
    if not mlock_future_ok(mm, shl(pages, PAGE_SHIFT), locked=locked):
        return -errno.ENOMEM
    return mm.vm_enough_memory(pages)
