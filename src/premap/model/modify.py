# SPDX-License-Identifier: GPL-2.0-only
"""Changing part of a mapping: merge it with its neighbours, or split it off first (mm/vma.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model import pagetable
from premap.model.anon import unlink_anon_vmas
from premap.model.bits import VM_SPECIAL, VM_STICKY
from premap.model.merge import (
    MergeState,
    can_merge_remove_vma,
    can_vma_merge_left,
    can_vma_merge_right,
    dup_anon_vma,
    vanish,
)
from premap.model.split import split_vma_checked
from premap.model.vma import (
    VmAreaStruct,
    linear_anon_page_index,
    linear_page_index,
    vma_add_pgoff,
)
from premap.model.words import PAGE_SHIFT, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def vma_modify_flags(
    mm: AddressSpace, position: int, start: int, end: int, vm_flags: int
) -> tuple[int, VmAreaStruct | None, int]:
    """vma_modify_flags: make [start, end) of the VMA at `position` a VMA that may get `vm_flags`.

    Returns an error, the VMA that now holds the range (merged or split off), and the flags to set:
    those asked for and, after a merge, sticky ones.
    """
    name = mm.tree.vmas[position].anon_name
    return _modify(mm, position, start, end, vm_flags, name)


def vma_modify_name(
    mm: AddressSpace, position: int, start: int, end: int, name: str | None
) -> tuple[int, VmAreaStruct | None, int]:
    """vma_modify_name: the same for a VMA that may get another name."""
    return _modify(mm, position, start, end, mm.tree.vmas[position].vm_flags, name)


def _modify(
    mm: AddressSpace, position: int, start: int, end: int, vm_flags: int, name: str | None
) -> tuple[int, VmAreaStruct | None, int]:
    """vma_modify(): merge, or split off."""
    vma = mm.tree.vmas[position]
    merged, nomem = _merge_existing_range(mm, position, start, end, vm_flags, name)
    if merged is not None:
        return 0, merged, vm_flags | (merged.vm_flags & VM_STICKY)
    if nomem:
        return -errno.ENOMEM, None, 0
    if vma.vm_start < start:
        err = split_vma_checked(mm, position, start, new_below=True)
        if err:
            return err, None, 0
        position += 1
    if end < vma.vm_end:
        err = split_vma_checked(mm, position, end, new_below=False)
        if err:
            return err, None, 0
    return 0, vma, vm_flags


def is_seen_twice(mm: AddressSpace, position: int, start: int, end: int, vm_flags: int) -> bool:
    """Say whether a walk that changes the whole VMA at `position` meets it again afterwards.

    A merge to the left that is given up, since `->close` must be told of the VMA that would go,
    leaves the walk at the one before.
    """
    middle = mm.tree.vmas[position]
    whole = start == middle.vm_start and end == middle.vm_end
    if not whole or position == 0 or can_merge_remove_vma(middle):
        return False
    if (vm_flags & VM_SPECIAL) != 0:
        return False
    vmg = _state(middle, start, end, vm_flags, position)
    vmg.prev, vmg.anon_name = mm.tree.vmas[position - 1], middle.anon_name
    return can_vma_merge_left(vmg)


def vma_shrink(mm: AddressSpace, vma: VmAreaStruct, end: int) -> int:
    """vma_shrink: let go of what lies beyond `end` (bytes), whose entries are gone. 0 or -ENOMEM.

    Accounting is the caller's business. execve() does this to the stack that it has moved.
    """
    err = mm.failing("vma_tree")
    if err:
        return err
    position = mm.tree.locate(vma.vm_start)
    vma.vm_end = end
    mm.tree.opened(position + 1)
    return 0


def _merge_existing_range(
    mm: AddressSpace, position: int, start: int, end: int, vm_flags: int, name: str | None
) -> tuple[VmAreaStruct | None, bool]:
    """vma_merge_existing_range(): returns the VMA that has grown, and whether memory ran out."""
    vmas = mm.tree.vmas
    middle = vmas[position]
    left_side, right_side = start == middle.vm_start, end == middle.vm_end
    if (vm_flags & VM_SPECIAL) != 0 or not (left_side or right_side):
        return None, False
    vmg = _state(middle, start, end, vm_flags, position)
    vmg.anon_name = name
    if left_side and position:
        vmg.prev = vmas[position - 1]
    if right_side and position + 1 < len(vmas):
        vmg.next = vmas[position + 1]
    left = left_side and can_vma_merge_left(vmg)
    right = right_side and can_vma_merge_right(vmg, merge_left=left)
    if not (left or right):
        return None, False
    whole = left_side and right_side
    if whole and not can_merge_remove_vma(middle):
        return None, False
    if left and right and vmg.next is not None and not can_merge_remove_vma(vmg.next):
        right = False
    target = vmg.prev if left else vmg.next
    if target is None:
        return None, False
    if not _dup_and_allocate(mm, vmg, target, both=left and right):
        return None, True
    sticky = vm_flags | (vmg.next.vm_flags if right and vmg.next is not None else 0)
    if left:
        _grow_prev(mm, vmg, target, whole=whole, remove_next=right)
    else:
        _grow_next(mm, vmg, target, whole=whole)
    target.vm_flags = target.vm_flags | (sticky & VM_STICKY)
    if mm.log is not None:
        mm.log.event("merge", target=target, start=target.vm_start, end=target.vm_end)
    return target, False


def _state(middle: VmAreaStruct, start: int, end: int, vm_flags: int, position: int) -> MergeState:
    """VMG_VMA_STATE(): part of a VMA as a candidate."""
    vmg = MergeState(
        start,
        end,
        vm_flags,
        linear_page_index(middle, start),
        linear_anon_page_index(middle, start),
        middle.vm_file,
        position,
    )
    vmg.middle = middle
    vmg.anon_vma = middle.anon_vma
    return vmg


def _dup_and_allocate(
    mm: AddressSpace, vmg: MergeState, target: VmAreaStruct, *, both: bool
) -> bool:
    """Do what can fail; on failure nothing has changed."""
    source = vmg.middle
    if both and vmg.next is not None and vmg.next.anon_vma is not None:
        source = vmg.next
    had_anon = target.anon_vma
    if source is not None and dup_anon_vma(mm, target, source):
        return False
    if mm.failing("vma_merge"):
        if had_anon is None:
            unlink_anon_vmas(target)
        return False
    return True


def _grow_prev(
    mm: AddressSpace, vmg: MergeState, prev: VmAreaStruct, *, whole: bool, remove_next: bool
) -> None:
    """`prev` takes the range over, and `next` too if asked."""
    middle, following, position = vmg.middle, vmg.next, vmg.position
    if middle is None:
        return
    if not whole:
        prev.ptes = prev.ptes + pagetable.take(mm, middle, vmg.start, vmg.end)
        vma_add_pgoff(middle, sub(vmg.end, middle.vm_start) >> PAGE_SHIFT)
        middle.vm_start = vmg.end
        prev.vm_end = vmg.end
        return
    prev.ptes = prev.ptes + middle.ptes
    prev.vm_end = vmg.end
    vanish(mm, middle)
    high = position + 1
    if remove_next and following is not None:
        prev.ptes = prev.ptes + following.ptes
        prev.vm_end = following.vm_end
        vanish(mm, following)
        high += 1
    del mm.tree.vmas[position:high]


def _grow_next(mm: AddressSpace, vmg: MergeState, following: VmAreaStruct, *, whole: bool) -> None:
    """`next` takes the range over, downwards."""
    middle = vmg.middle
    if middle is None:
        return
    following.ptes = pagetable.take(mm, middle, vmg.start, vmg.end) + following.ptes
    pages = sub(following.vm_start, vmg.start) >> PAGE_SHIFT
    following.vm_start = vmg.start
    following.vm_pgoff = sub(following.vm_pgoff, pages)
    following.anon_pgoff = sub(following.anon_pgoff, pages)
    if whole:
        vanish(mm, middle)
        del mm.tree.vmas[vmg.position]
    else:
        middle.vm_end = vmg.start
