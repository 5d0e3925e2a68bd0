# SPDX-License-Identifier: GPL-2.0-only
"""Dividing a VMA in two (mm/vma.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model import pagetable
from premap.model.anon import anon_vma_clone
from premap.model.file import get_file
from premap.model.vma import VmAreaStruct, call_open, link_file, vm_area_dup, vma_add_pgoff
from premap.model.words import PAGE_SHIFT, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def split_vma_checked(mm: AddressSpace, position: int, address: int, *, new_below: bool) -> int:
    """split_vma: split_vma(), unless vm.max_map_count is reached: -ENOMEM."""
    if mm.map_count >= mm.max_map_count:
        return -errno.ENOMEM
    return split_vma(mm, position, address, new_below=new_below)


def split_vma(mm: AddressSpace, position: int, address: int, *, new_below: bool) -> int:
    """__split_vma(): divide the VMA at `position` of the tree (mm/vma.c).

    The old VMA keeps the part above `address` (bytes) if `new_below`, else the part below. Returns
    0, or the error of `->may_split`, or -ENOMEM. The VMA that had the position keeps its identity;
    the new one is inserted before or after it.
    """
    vma = mm.tree.vmas[position]
    vm_ops = vma.vm_ops
    if vm_ops is not None and vm_ops.may_split is not None:
        err = mm.call(vm_ops.may_split, vma, address)
        if err != 0:
            return err
    err = mm.failing("vma_dup") or mm.failing("vma_tree")
    if err:
        return err
    new = vm_area_dup(vma)
    if new_below:
        new.vm_end = address
    else:
        new.vm_start = address
        vma_add_pgoff(new, sub(address, vma.vm_start) >> PAGE_SHIFT)
    err = anon_vma_clone(mm, new, vma)
    if err:
        return err
    if new.vm_file is not None:
        get_file(new.vm_file)
    call_open(new)
    link_file(new)
    _divide(mm, vma, new, address, new_below=new_below)
    mm.tree.vmas.insert(position if new_below else position + 1, new)
    mm.map_count += 1
    if mm.log is not None:
        mm.log.event("split", vma=vma, new=new, address=address)
    return 0


def _divide(
    mm: AddressSpace, vma: VmAreaStruct, new: VmAreaStruct, address: int, *, new_below: bool
) -> None:
    """Give `new` its share of the page tables, and the old VMA its new bounds."""
    if vma.ptes:
        cut = pagetable.split_at(mm, vma, address)
        low, high = vma.ptes[:cut], vma.ptes[cut:]
        new.ptes, vma.ptes = (low, high) if new_below else (high, low)
    if new_below:
        vma_add_pgoff(vma, sub(address, vma.vm_start) >> PAGE_SHIFT)
        vma.vm_start = address
    else:
        vma.vm_end = address
