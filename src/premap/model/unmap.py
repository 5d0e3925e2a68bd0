# SPDX-License-Identifier: GPL-2.0-only
"""Taking mappings away: munmap(), and what a MAP_FIXED mapping replaces (mm/vma.c).

The mappings stay in the tree until the operation can no longer fail, or until something is put in
their place.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.anon import unlink_anon_vmas
from premap.model.bits import VM_ACCOUNT, VM_LOCKED, VM_SEALED
from premap.model.constants import TASK_SIZE
from premap.model.split import split_vma
from premap.model.vma import VmAreaStruct, remove_vma, vma_close, vma_pages
from premap.model.words import add, offset_in_page, page_align, select, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


class MunmapState:
    """`struct vma_munmap_struct`: the mappings of a range, from `position` of the tree on.

    Of their pages it says how many there are, how many are locked, and how many accounted.
    """

    __slots__ = ("clear_ptes", "locked_vm", "nr_accounted", "nr_pages", "position", "vmas")

    def __init__(
        self,
        position: int,
        vmas: list[VmAreaStruct],
        nr_pages: int,
        locked_vm: int,
        nr_accounted: int,
    ) -> None:
        self.position = position
        self.vmas = vmas
        self.nr_pages = nr_pages
        self.locked_vm = locked_vm
        self.nr_accounted = nr_accounted
        self.clear_ptes = True


def vms_gather_munmap_vmas(
    mm: AddressSpace, position: int, start: int, end: int
) -> tuple[int, MunmapState | None]:
    """vms_gather_munmap_vmas: split what sticks out of [start, end), and collect the rest.

    `position` is that of the first mapping that overlaps. Errors: -ENOMEM, -EPERM (sealed), or
    that of `->may_split`; the mappings then stay, split as far as it got.
    """
    vmas = mm.tree.vmas
    if vmas[position].vm_start < start:
        err = _split_start(mm, position, start, end)
        if err:
            return err, None
        position += 1
    going: list[VmAreaStruct] = []
    nr_pages = locked_vm = nr_accounted = 0
    for place in range(position, len(vmas)):
        vma = vmas[place]
        if not vma.vm_start < end:
            break
        err = 0
        if (vma.vm_flags & VM_SEALED) != 0:
            err = -errno.EPERM
        elif end < vma.vm_end:
            err = split_vma(mm, place, end, new_below=False)
        if err == 0 and mm.injections:
            err = mm.failing("munmap_gather")
        if err != 0:
            return err, None
        going.append(vma)
        pages = vma_pages(vma)
        nr_pages = add(nr_pages, pages)
        locked = (vma.vm_flags & VM_LOCKED) != 0
        if locked is not False:
            locked_vm = add(locked_vm, select(locked, pages, 0))
        accounted = (vma.vm_flags & VM_ACCOUNT) != 0
        if accounted is not False:
            nr_accounted = add(nr_accounted, select(accounted, pages, 0))
    return 0, MunmapState(position, going, nr_pages, locked_vm, nr_accounted)


def _split_start(mm: AddressSpace, position: int, start: int, end: int) -> int:
    """Split the first mapping; only where both ends stick out is the limit of mappings asked."""
    first = mm.tree.vmas[position]
    if end < first.vm_end and mm.map_count >= mm.max_map_count:
        return -errno.ENOMEM
    if (first.vm_flags & VM_SEALED) != 0:
        return -errno.EPERM
    return split_vma(mm, position, start, new_below=True)


def vms_clear_ptes(mm: AddressSpace, vms: MunmapState) -> None:
    """vms_clear_ptes: clear the page tables of what goes, once."""
    if not vms.clear_ptes:
        return
    for vma in vms.vmas:
        if vma.ptes:
            vma.ptes = []
            if mm.log is not None:
                mm.log.event("zap", start=vma.vm_start, end=vma.vm_end)
    vms.clear_ptes = False


def vms_clean_up_area(mm: AddressSpace, vms: MunmapState) -> None:
    """vms_clean_up_area: before a hook runs on the range, its old mappings are closed."""
    vms_clear_ptes(mm, vms)
    for vma in vms.vmas:
        vma_close(vma)


def vms_complete_munmap_vmas(mm: AddressSpace, vms: MunmapState) -> None:
    """vms_complete_munmap_vmas: the tree holds them no more; count, close and free."""
    mm.map_count -= len(vms.vmas)
    mm.locked_vm = sub(mm.locked_vm, vms.locked_vm)
    vms_clear_ptes(mm, vms)
    mm.total_vm = sub(mm.total_vm, vms.nr_pages)
    for vma in vms.vmas:
        remove_vma(vma)
        if vma.anon_vma is not None:
            unlink_anon_vmas(vma)
    mm.memory.uncharge(vms.nr_accounted)


def vms_abort_munmap_vmas(mm: AddressSpace, vms: MunmapState) -> None:
    """vms_abort_munmap_vmas: a gap is left where the old mappings were closed already."""
    if not vms.vmas or vms.clear_ptes:
        return
    position = vms.position
    mm.tree.remove(position, position + len(vms.vmas))
    vms_complete_munmap_vmas(mm, vms)


def do_vmi_align_munmap(mm: AddressSpace, position: int, start: int, end: int) -> int:
    """do_vmi_align_munmap: unmap [start, end) (bytes), whose first mapping is at `position`."""
    err, vms = vms_gather_munmap_vmas(mm, position, start, end)
    if vms is None:
        return err
    if mm.injections:
        err = mm.failing("munmap_tree")
        if err:
            return err
    position = vms.position
    mm.tree.remove(position, position + len(vms.vmas))
    vms_complete_munmap_vmas(mm, vms)
    return 0


def do_munmap(mm: AddressSpace, start: int, length: int) -> int:
    """do_vmi_munmap(): unmap `length` bytes (rounded up to pages). 0 or a negative errno."""
    if offset_in_page(start) != 0:
        return -errno.EINVAL
    if start > TASK_SIZE:
        return -errno.EINVAL
    if length > sub(TASK_SIZE, start):
        return -errno.EINVAL
    end = add(start, page_align(length))
    if end == start:
        return -errno.EINVAL
    position = mm.tree.locate(start)
    vmas = mm.tree.vmas
    if position == len(vmas) or not vmas[position].vm_start < end:
        return 0
    return do_vmi_align_munmap(mm, position, start, end)
