# SPDX-License-Identifier: GPL-2.0-only
"""mremap(): resize a mapping, move it, or both (mm/mremap.c).

A move of several mappings goes one by one; an error leaves it half done.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.accounting import may_expand_vm, mlock_future_ok
from premap.model.area import get_unmapped_area, is_free
from premap.model.bits import (
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_LOCKED,
    VM_MAYSHARE,
    VM_PFNMAP,
    VM_SEALED,
    VM_SHARED,
)
from premap.model.constants import (
    MAP_FIXED,
    MAP_SHARED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    TASK_SIZE,
)
from premap.model.flags import cleared
from premap.model.gup import mm_populate
from premap.model.merge import MergeState, vma_merge_new_range
from premap.model.move import move_vma
from premap.model.shmem import is_shmem
from premap.model.unmap import do_munmap
from premap.model.vma import VmAreaStruct, linear_anon_page_index, linear_page_index
from premap.model.words import PAGE_SHIFT, add, offset_in_page, page_align, sub, umax, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


class RemapState:
    """`struct vma_remap_struct`: one mremap() on its way; lengths and addresses in bytes."""

    __slots__ = (
        "addr",
        "charged",
        "flags",
        "mm",
        "new_addr",
        "new_len",
        "old_len",
        "populate_expand",
        "vma",
    )

    def __init__(
        self,
        mm: AddressSpace,
        addr: int,
        old_len: int,
        new_len: int,
        flags: int,
        new_addr: int,
    ) -> None:
        self.mm = mm
        self.addr = addr
        self.old_len = old_len
        self.new_len = new_len
        self.flags = flags
        self.new_addr = new_addr
        self.charged = 0
        self.populate_expand = False
        self.vma: VmAreaStruct | None = None

    @property
    def implies_new_addr(self) -> bool:
        """vrm_implies_new_addr(): the mapping moves in any case."""
        return (self.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0

    @property
    def dontunmap(self) -> bool:
        """MREMAP_DONTUNMAP: the old mapping stays, empty."""
        return (self.flags & MREMAP_DONTUNMAP) != 0

    @property
    def delta(self) -> int:
        """How much the mapping shrinks or grows (bytes)."""
        if self.old_len > self.new_len:
            return sub(self.old_len, self.new_len)
        return sub(self.new_len, self.old_len)


def do_mremap(
    mm: AddressSpace, addr: int, old_len: int, new_len: int, flags: int, new_addr: int
) -> tuple[int, int]:
    """do_mremap: returns an error and the new address."""
    vrm = RemapState(mm, addr, page_align(old_len), page_align(new_len), flags, new_addr)
    err = _check_params(vrm)
    if err:
        return err, 0
    spare = 2 + 2 + (1 if vrm.dontunmap else 0)
    if mm.map_count + spare > mm.max_map_count:
        return -errno.ENOMEM, 0
    if (flags & MREMAP_FIXED) != 0 and vrm.old_len == vrm.new_len:
        return _remap_move(vrm)
    vrm.vma = mm.find_vma(addr)
    err = _check_prep_vma(vrm)
    if err:
        return err, 0
    grown = vrm.old_len
    err, address = _mremap_to(vrm) if vrm.implies_new_addr else _mremap_at(vrm)
    if err == 0 and vrm.populate_expand:
        mm_populate(mm, add(vrm.new_addr, grown), sub(vrm.new_len, grown))
    return err, address


def _check_params(vrm: RemapState) -> int:
    """check_mremap_params(): what can be said without looking at mappings."""
    known = MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP
    if cleared(vrm.flags, known) != 0 or offset_in_page(vrm.addr) != 0:
        return -errno.EINVAL
    if vrm.new_len == 0 or vrm.new_len > TASK_SIZE:
        return -errno.EINVAL
    if not vrm.implies_new_addr:
        return 0
    if vrm.new_addr > sub(TASK_SIZE, vrm.new_len) or offset_in_page(vrm.new_addr) != 0:
        return -errno.EINVAL
    if (vrm.flags & MREMAP_MAYMOVE) == 0:
        return -errno.EINVAL
    if vrm.dontunmap and vrm.old_len != vrm.new_len:
        return -errno.EINVAL
    old_end, new_end = add(vrm.addr, vrm.old_len), add(vrm.new_addr, vrm.new_len)
    if old_end > vrm.new_addr and new_end > vrm.addr:
        return -errno.EINVAL
    return 0


def _check_prep_vma(vrm: RemapState) -> int:
    """check_prep_vma(): whether this mapping may be resized, or moved, as asked."""
    vma = vrm.vma
    if vma is None:
        return -errno.EFAULT
    if (vma.vm_flags & VM_SEALED) != 0:
        return -errno.EPERM
    if not vrm.implies_new_addr:
        vrm.new_addr = vrm.addr
        if vrm.new_len <= vrm.old_len:
            return 0
    if vrm.old_len == 0 and (vma.vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0:
        return -errno.EINVAL
    rigid = (vma.vm_flags & (VM_DONTEXPAND | VM_PFNMAP)) != 0
    if vrm.dontunmap and rigid:
        return -errno.EINVAL
    old_len = umin(vrm.old_len, vrm.new_len)
    if old_len > sub(vma.vm_end, vrm.addr):
        return -errno.EFAULT
    if vrm.new_len == old_len:
        return 0
    return _check_growth(vrm, vma, rigid=rigid)


def _check_growth(vrm: RemapState, vma: VmAreaStruct, *, rigid: bool) -> int:
    locked = (vma.vm_flags & VM_LOCKED) != 0
    if locked:
        vrm.populate_expand = True
    pgoff = linear_page_index(vma, vrm.addr)
    if add(pgoff, vrm.new_len >> PAGE_SHIFT) < pgoff:
        return -errno.EINVAL
    if rigid:
        return -errno.EFAULT
    if not mlock_future_ok(vrm.mm, vrm.delta, locked=locked):
        return -errno.EAGAIN
    if not may_expand_vm(vrm.mm, vma.vm_flags, vrm.delta >> PAGE_SHIFT):
        return -errno.ENOMEM
    return 0


def _set_new_addr(vrm: RemapState, vma: VmAreaStruct) -> int:
    """vrm_set_new_addr(): the place asked for, or one that is free."""
    map_flags = MAP_FIXED if (vrm.flags & MREMAP_FIXED) != 0 else 0
    if (vma.vm_flags & VM_MAYSHARE) != 0:
        map_flags |= MAP_SHARED
    hint = vrm.new_addr if vrm.implies_new_addr else 0
    pgoff = linear_page_index(vma, vrm.addr)
    err, address = get_unmapped_area(vrm.mm, vma.vm_file, hint, vrm.new_len, pgoff, map_flags)
    if err == 0:
        vrm.new_addr = address
    return err


def _mremap_to(vrm: RemapState) -> tuple[int, int]:
    """mremap_to(): clear the destination, shrink the source, move."""
    mm = vrm.mm
    if (vrm.flags & MREMAP_FIXED) != 0:
        err = do_munmap(mm, vrm.new_addr, vrm.new_len)
        if err:
            return err, 0
        vrm.vma = mm.find_vma(vrm.addr)
        if vrm.vma is None:
            return -errno.EFAULT, 0
    if vrm.old_len > vrm.new_len:
        err = _shrink(vrm)
        if err:
            return err, 0
        vrm.vma = mm.find_vma(vrm.addr)
        if vrm.vma is None:
            return -errno.EFAULT, 0
        vrm.old_len = vrm.new_len
    vma = vrm.vma
    if vma is None:
        return -errno.EFAULT, 0
    if vrm.dontunmap and not may_expand_vm(mm, vma.vm_flags, vrm.old_len >> PAGE_SHIFT):
        return -errno.ENOMEM, 0
    err = _set_new_addr(vrm, vma)
    if err:
        return err, 0
    return move_vma(vrm, vma)


def _shrink(vrm: RemapState) -> int:
    """shrink_vma(): unmap the end."""
    return do_munmap(vrm.mm, add(vrm.addr, vrm.new_len), vrm.delta)


def _mremap_at(vrm: RemapState) -> tuple[int, int]:
    """mremap_at(): resize in place; move only if it can't grow there."""
    if vrm.new_len == vrm.old_len:
        return 0, vrm.addr
    if vrm.old_len > vrm.new_len:
        return _shrink(vrm), vrm.addr
    vma = vrm.vma
    if vma is None:
        return -errno.EFAULT, 0
    if _can_expand_in_place(vrm, vma):
        return _expand_in_place(vrm, vma), vrm.addr
    if (vrm.flags & MREMAP_MAYMOVE) == 0:
        return -errno.ENOMEM, 0
    err = _set_new_addr(vrm, vma)
    if err:
        return err, 0
    return move_vma(vrm, vma)


def _can_expand_in_place(vrm: RemapState, vma: VmAreaStruct) -> bool:
    """vrm_can_expand_in_place(): the range ends the mapping, and what follows is free."""
    if sub(vma.vm_end, vrm.addr) != vrm.old_len:
        return False
    end = add(vma.vm_end, vrm.delta)
    if end < vma.vm_end or not is_free(vrm.mm, vma.vm_end, vrm.delta):
        return False
    size = sub(end, vma.vm_start)
    err, _ = get_unmapped_area(vrm.mm, None, vma.vm_start, size, 0, MAP_FIXED)
    return err == 0


def _expand_in_place(vrm: RemapState, vma: VmAreaStruct) -> int:
    """expand_vma_in_place(): merge the extension, with what follows too if it fits."""
    mm = vrm.mm
    pages = vrm.delta >> PAGE_SHIFT
    accounted = (vma.vm_flags & VM_ACCOUNT) != 0
    if accounted and mm.vm_enough_memory(pages):
        return -errno.ENOMEM
    end = add(vma.vm_end, vrm.delta)
    position = mm.tree.locate(vma.vm_start)
    vmg = MergeState(
        vma.vm_end,
        end,
        vma.vm_flags,
        linear_page_index(vma, vma.vm_end),
        linear_anon_page_index(vma, vma.vm_end),
        vma.vm_file,
        position + 1,
    )
    vmg.prev = vma
    vmg.anon_vma, vmg.anon_name = vma.anon_vma, vma.anon_name
    if position + 1 < len(mm.tree.vmas):
        vmg.next = mm.tree.vmas[position + 1]
    merged = vma_merge_new_range(mm, vmg)
    if merged is None:
        if accounted:
            mm.memory.uncharge(pages)
        return -errno.ENOMEM
    mm.total_vm = add(mm.total_vm, pages)
    if (merged.vm_flags & VM_LOCKED) != 0:
        mm.locked_vm = add(mm.locked_vm, pages)
    return 0


def _multi_allowed(vma: VmAreaStruct) -> bool:
    """vma_multi_allowed(): its file does not choose addresses itself."""
    file = vma.vm_file
    if file is None or file.f_op.get_unmapped_area is None:
        return True
    return is_shmem(vma.vm_ops)


def _remap_move(vrm: RemapState) -> tuple[int, int]:
    """remap_move(): every mapping of the range moves; gaps between them stay."""
    mm, start, flags = vrm.mm, vrm.addr, vrm.flags
    end = add(vrm.addr, vrm.old_len)
    distance = sub(vrm.new_addr, vrm.addr)
    result = None
    reached = start
    while True:
        vmas = mm.tree.vmas
        position = mm.tree.locate(reached)
        if position == len(vmas) or not vmas[position].vm_start < end:
            break
        vma = vmas[position]
        if result is None and start < vma.vm_start:
            return -errno.EFAULT, 0
        addr = umax(vma.vm_start, start)
        length = sub(umin(end, vma.vm_end), addr)
        vma_end = vma.vm_end
        if not _multi_allowed(vma) and (result is not None or vma_end < end):
            return -errno.EFAULT, 0
        one = RemapState(mm, addr, length, length, flags, add(addr, distance))
        one.vma = vma
        err = _check_prep_vma(one)
        if err:
            return err, 0
        err, address = _mremap_to(one)
        if err:
            return err, 0
        if result is None:
            result = address
        reached = vma_end
        if reached >= end:
            break
    return (-errno.EFAULT, 0) if result is None else (0, result)
