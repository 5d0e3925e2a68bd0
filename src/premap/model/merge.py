# SPDX-License-Identifier: GPL-2.0-only
"""Merging: a new range with its neighbours, or a changed one with its own (mm/vma.c).

Both begin with a `MergeState`. What is compared: flags, file, offset, anonymous pages and their
offset, the name of anonymous memory. Memory policies and userfaultfd are not modelled. Neither the
operations nor the private data are compared: the neighbour's stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.anon import AnonVma, anon_vma_clone, is_fork_child, unlink_anon_vmas
from premap.model.bits import VM_SPECIAL, VM_STICKY
from premap.model.file import fput
from premap.model.flags import cleared, is_cow_mapping
from premap.model.vma import VmAreaStruct, vma_end_anon_pgoff, vma_end_pgoff
from premap.model.words import PAGE_SHIFT, add, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


class MergeState:
    """`struct vma_merge_struct`: a range that might merge with `prev` or `next`.

    `position` is that of `next` in the tree, after anything that goes (`replaced` mappings between
    the two are about to be removed). `nomem` says that a merge was possible but memory ran out.
    """

    __slots__ = (
        "anon_name",
        "anon_pgoff",
        "anon_vma",
        "copied_from",
        "end",
        "file",
        "middle",
        "next",
        "nomem",
        "pgoff",
        "position",
        "prev",
        "replaced",
        "start",
        "target",
        "vm_flags",
    )

    def __init__(
        self,
        start: int,
        end: int,
        vm_flags: int,
        pgoff: int,
        anon_pgoff: int,
        file: Any,
        position: int,
        replaced: int = 0,
    ) -> None:
        self.start = start
        self.end = end
        self.vm_flags = vm_flags
        self.pgoff = pgoff
        self.anon_pgoff = anon_pgoff
        self.file = file
        self.position = position
        self.replaced = replaced
        self.prev: VmAreaStruct | None = None
        self.next: VmAreaStruct | None = None
        self.middle: VmAreaStruct | None = None
        self.target: VmAreaStruct | None = None
        self.copied_from: VmAreaStruct | None = None
        self.anon_vma: AnonVma | None = None
        self.anon_name: str | None = None
        self.nomem = False


def _pages(vmg: MergeState) -> int:
    return sub(vmg.end, vmg.start) >> PAGE_SHIFT


def _is_mergeable_vma(vmg: MergeState, vma: VmAreaStruct) -> bool:
    """is_mergeable_vma(): flags (but sticky ones), file and name are the same."""
    if cleared(vma.vm_flags ^ vmg.vm_flags, VM_STICKY) != 0:
        return False
    return vma.vm_file == vmg.file and vma.anon_name == vmg.anon_name


def is_mergeable_anon_vma(vmg: MergeState, target: VmAreaStruct) -> bool:
    """is_mergeable_anon_vma: the anonymous pages of both can be filed together."""
    theirs, ours = target.anon_vma, vmg.anon_vma
    if theirs is None and ours is not None:
        return not is_fork_child(vmg.middle) and not is_fork_child(vmg.copied_from)
    if theirs is not None and ours is None:
        return not is_fork_child(target)
    return ours is theirs


def needs_adjacent_anon_pgoff(vmg: MergeState) -> bool:
    """needs_adjacent_anon_pgoff: of files, only copy-on-write mappings have two offsets."""
    return vmg.file is not None and is_cow_mapping(vmg.vm_flags)


def _can_merge_before(vmg: MergeState, following: VmAreaStruct) -> bool:
    """can_vma_merge_before(): the range could become the beginning of `following`."""
    if not (_is_mergeable_vma(vmg, following) and is_mergeable_anon_vma(vmg, following)):
        return False
    pages = _pages(vmg)
    if add(vmg.pgoff, pages) != following.vm_pgoff:
        return False
    if not needs_adjacent_anon_pgoff(vmg):
        return True
    return add(vmg.anon_pgoff, pages) == following.anon_pgoff


def _can_merge_after(vmg: MergeState, before: VmAreaStruct) -> bool:
    """can_vma_merge_after(): the range could become the end of `before`."""
    if not (_is_mergeable_vma(vmg, before) and is_mergeable_anon_vma(vmg, before)):
        return False
    if vma_end_pgoff(before) != vmg.pgoff:
        return False
    if not needs_adjacent_anon_pgoff(vmg):
        return True
    return vma_end_anon_pgoff(before) == vmg.anon_pgoff


def can_vma_merge_left(vmg: MergeState) -> bool:
    """can_vma_merge_left: `prev` touches the range and could grow over it."""
    prev = vmg.prev
    if prev is None or prev.vm_end != vmg.start:
        return False
    return _can_merge_after(vmg, prev)


def can_vma_merge_right(vmg: MergeState, *, merge_left: bool) -> bool:
    """can_vma_merge_right: `next` touches the range and could grow over it, beside `prev`."""
    following = vmg.next
    if following is None or vmg.end != following.vm_start:
        return False
    if not _can_merge_before(vmg, following):
        return False
    if not merge_left:
        return True
    prev = vmg.prev
    if prev is None or prev.anon_vma is None or following.anon_vma is None:
        return True
    return prev.anon_vma is following.anon_vma


def can_merge_remove_vma(vma: VmAreaStruct) -> bool:
    """can_merge_remove_vma: a mapping with `->close` can't vanish without being told."""
    return vma.vm_ops is None or vma.vm_ops.close is None


def dup_anon_vma(mm: AddressSpace, target: VmAreaStruct, source: VmAreaStruct) -> int:
    """dup_anon_vma: the merged VMA has the pages of `source`. 0 or -ENOMEM."""
    if source.anon_vma is None or target.anon_vma is not None:
        return 0
    return anon_vma_clone(mm, target, source)


def vma_merge_new_range(
    mm: AddressSpace, vmg: MergeState, *, just_expand: bool = False
) -> VmAreaStruct | None:
    """vma_merge_new_range: extend a neighbour over the range. The VMA extended, or None.

    What `replaced` says is removed from the tree on success. `vmg.nomem` tells a lack of memory
    from a merge that is not possible; mmap() does not ask, and makes a new VMA.
    """
    if vmg.prev is None and vmg.next is None:
        return None
    if (vmg.vm_flags & VM_SPECIAL) != 0:
        return None
    end, prev, following = vmg.end, vmg.prev, vmg.next
    left = can_vma_merge_left(vmg)
    right = not just_expand and can_vma_merge_right(vmg, merge_left=left)
    remove_next = False
    if right and following is not None:
        vmg.end = following.vm_end
        vmg.target = following
    if left and prev is not None:
        vmg.start, vmg.pgoff, vmg.anon_pgoff = prev.vm_start, prev.vm_pgoff, prev.anon_pgoff
        vmg.target = prev
        remove_next = right and following is not None and can_merge_remove_vma(following)
        if right and not remove_next:
            vmg.end = end
    target = vmg.target
    if target is None or vma_expand(mm, vmg, target, remove_next=remove_next):
        return None
    return target


def vma_expand(
    mm: AddressSpace, vmg: MergeState, target: VmAreaStruct, *, remove_next: bool
) -> int:
    """vma_expand: `target` becomes [start, end) of `vmg`; `next` goes if asked. 0 or -ENOMEM."""
    following = vmg.next
    had_anon = target.anon_vma
    sticky = (vmg.vm_flags | target.vm_flags) & VM_STICKY
    err = 0
    if remove_next and following is not None:
        err = dup_anon_vma(mm, target, following)
        sticky = sticky | (following.vm_flags & VM_STICKY)
    if err == 0 and vmg.copied_from is not None:
        err = dup_anon_vma(mm, target, vmg.copied_from)
    if err:
        return err
    if mm.injections:
        err = mm.failing("vma_merge")
        if err:
            if had_anon is None:
                unlink_anon_vmas(target)
            vmg.nomem = True
            return err
    low = vmg.position - vmg.replaced
    high = vmg.position
    if remove_next and following is not None:
        target.ptes = target.ptes + following.ptes
        vanish(mm, following)
        high += 1
    if low != high:
        del mm.tree.vmas[low:high]
    _set_range(target, vmg)
    target.vm_flags = target.vm_flags | sticky
    if mm.log is not None:
        mm.log.event("merge", target=target, start=vmg.start, end=vmg.end)
    return 0


def _set_range(vma: VmAreaStruct, vmg: MergeState) -> None:
    vma.vm_start, vma.vm_end = vmg.start, vmg.end
    vma.vm_pgoff, vma.anon_pgoff = vmg.pgoff, vmg.anon_pgoff


def vanish(mm: AddressSpace, vma: VmAreaStruct) -> None:
    """Drop a VMA that another has swallowed: its file is put, nothing is called."""
    if vma.vm_file is not None:
        vma.vm_file.f_mapping.i_mmap.pop(vma, None)
        fput(vma.vm_file)
    unlink_anon_vmas(vma)
    mm.map_count -= 1
