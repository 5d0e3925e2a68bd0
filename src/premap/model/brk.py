# SPDX-License-Identifier: GPL-2.0-only
"""The end of the data segment: brk() (mm/mmap.c, mm/vma.c). All of it lies in the heap."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.accounting import check_data_rlimit, may_expand_vm, mlock_future_ok
from premap.model.area import get_unmapped_area, vm_start_gap
from premap.model.bits import VM_ACCOUNT, VM_DATA_DEFAULT_FLAGS, VM_LOCKED
from premap.model.constants import MAP_FIXED
from premap.model.gup import mm_populate
from premap.model.merge import MergeState, vma_merge_new_range
from premap.model.pgprot import vm_get_page_prot
from premap.model.unmap import do_vmi_align_munmap
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, PAGE_SIZE, add, page_align, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def do_brk(mm: AddressSpace, brk: int) -> int:
    """brk(): returns the new end, or the old one where that can't be (bytes)."""
    if brk < mm.start_brk or not check_data_rlimit(mm, brk):
        return mm.brk_end
    new, old = page_align(brk), page_align(mm.brk_end)
    if new == old:
        mm.brk_end = brk
        return brk
    if brk <= mm.brk_end:
        return _shrink(mm, brk, new, old)
    length = sub(new, old)
    if not _has_room(mm, old, length):
        return mm.brk_end
    if do_brk_flags(mm, old, length):
        return mm.brk_end
    mm.brk_end = brk
    if (mm.def_flags & VM_LOCKED) != 0:
        mm_populate(mm, old, length)
    return brk


def _has_room(mm: AddressSpace, old: int, length: int) -> bool:
    """check_brk_limits(); and one page stays free before what follows, and before its gap."""
    err, _ = get_unmapped_area(mm, None, old, length, 0, MAP_FIXED)
    if err or not mlock_future_ok(mm, length, locked=(mm.def_flags & VM_LOCKED) != 0):
        return False
    vmas = mm.tree.vmas
    position = mm.tree.locate(old)
    if position == len(vmas):
        return True
    end = add(add(old, length), PAGE_SIZE)
    following = vmas[position]
    beyond = following.vm_start >= add(end, mm.stack_guard_gap)
    return beyond or end <= vm_start_gap(mm, following)


def _shrink(mm: AddressSpace, brk: int, new: int, old: int) -> int:
    position = mm.tree.locate(new)
    vmas = mm.tree.vmas
    if position == len(vmas) or not vmas[position].vm_start < old:
        return mm.brk_end
    if do_vmi_align_munmap(mm, position, new, old):
        return mm.brk_end
    mm.brk_end = brk
    return brk


def do_brk_flags(mm: AddressSpace, addr: int, length: int) -> int:
    """do_brk_flags: `length` bytes of data at `addr`; the mapping before it grows if it can."""
    flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags
    pages = length >> PAGE_SHIFT
    if not may_expand_vm(mm, flags, pages) or mm.map_count > mm.max_map_count:
        return -errno.ENOMEM
    err = mm.vm_enough_memory(pages)
    if err:
        return err
    pgoff = addr >> PAGE_SHIFT
    position = mm.tree.locate(addr)
    vmg = MergeState(addr, add(addr, length), flags, pgoff, pgoff, None, position)
    if position and mm.tree.vmas[position - 1].vm_end > mm.start_brk:
        vmg.prev = mm.tree.vmas[position - 1]
    if vma_merge_new_range(mm, vmg, just_expand=True) is None:
        err = -errno.ENOMEM if vmg.nomem else mm.failing("vma_alloc") or mm.failing("vma_tree")
        if err:
            mm.memory.uncharge(pages)
            return err
        end = add(addr, length)
        vma = VmAreaStruct(mm, addr, end, pgoff, pgoff, flags, vm_get_page_prot(flags))
        vma.vm_ops = None
        mm.tree.vmas.insert(position, vma)
        mm.map_count += 1
    mm.total_vm = add(mm.total_vm, pages)
    if (flags & VM_LOCKED) != 0:
        mm.locked_vm = add(mm.locked_vm, pages)
    return 0
