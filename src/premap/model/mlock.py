# SPDX-License-Identifier: GPL-2.0-only
"""mlock(), munlock(), mlockall() (mm/mlock.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.accounting import can_do_mlock
from premap.model.bits import (
    VM_DROPPABLE,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_LOCKONFAULT,
    VM_SPECIAL,
)
from premap.model.constants import (
    MCL_CURRENT,
    MCL_FUTURE,
    MCL_ONFAULT,
    MLOCK_ONFAULT,
    TASK_SIZE,
)
from premap.model.file import IS_DAX
from premap.model.flags import cleared
from premap.model.gup import mm_populate
from premap.model.modify import vma_modify_flags
from premap.model.vma import VmAreaStruct
from premap.model.words import (
    PAGE_MASK,
    PAGE_SHIFT,
    add,
    offset_in_page,
    page_align,
    sub,
    umax,
    umin,
)

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def vma_supports_mlock(vma: VmAreaStruct) -> bool:
    """vma_supports_mlock: neither special, nor droppable, nor DAX."""
    if (vma.vm_flags & (VM_SPECIAL | VM_DROPPABLE)) != 0:
        return False
    return vma.vm_file is None or not IS_DAX(vma.vm_file.f_mapping.host)


def do_mlock(mm: AddressSpace, start: int, length: int, flags: int = VM_LOCKED) -> int:
    """do_mlock: lock the pages of the range, and fault them in. 0 or a negative errno."""
    if not can_do_mlock(mm):
        return -errno.EPERM
    length = page_align(add(length, offset_in_page(start)))
    start = start & PAGE_MASK
    if not _within_limit(mm, start, length):
        return -errno.ENOMEM
    err = apply_vma_lock_flags(mm, start, length, flags)
    if err:
        return err
    err = mm_populate(mm, start, length, ignore_errors=False)
    if err == -errno.EFAULT:
        return -errno.ENOMEM
    return -errno.EAGAIN if err == -errno.ENOMEM else err


def do_mlock2(mm: AddressSpace, start: int, length: int, flags: int) -> int:
    """mlock2(): MLOCK_ONFAULT locks pages only as they are faulted in. 0 or a negative errno."""
    if cleared(flags, MLOCK_ONFAULT) != 0:
        return -errno.EINVAL
    on_fault = (flags & MLOCK_ONFAULT) != 0
    return do_mlock(mm, start, length, VM_LOCKED_MASK if on_fault else VM_LOCKED)


def do_munlock(mm: AddressSpace, start: int, length: int) -> int:
    """munlock(): 0, -EINVAL or -ENOMEM."""
    length = page_align(add(length, offset_in_page(start)))
    return apply_vma_lock_flags(mm, start & PAGE_MASK, length, 0)


def _within_limit(mm: AddressSpace, start: int, length: int) -> bool:
    """RLIMIT_MEMLOCK, not counting what is locked already."""
    limit = None if mm.rlimits is None else mm.rlimits.get("MEMLOCK")
    if mm.cap_ipc_lock or limit is None:
        return True
    pages = add(length >> PAGE_SHIFT, mm.locked_vm)
    end = add(start, length)
    for vma in mm.tree.vmas:
        if (vma.vm_flags & VM_LOCKED) != 0 and vma.vm_start < end and start < vma.vm_end:
            overlap = sub(umin(vma.vm_end, end), umax(vma.vm_start, start))
            pages = sub(pages, overlap >> PAGE_SHIFT)
    return pages <= limit >> PAGE_SHIFT


def apply_vma_lock_flags(mm: AddressSpace, start: int, length: int, flags: int) -> int:
    """apply_vma_lock_flags: change each mapping in turn, up to the first gap (-ENOMEM)."""
    end = add(start, length)
    if end < start:
        return -errno.EINVAL
    reached = start
    while reached < end:
        vmas = mm.tree.vmas
        position = mm.tree.locate(reached)
        if position == len(vmas) or vmas[position].vm_start > reached:
            return -errno.ENOMEM
        vma = vmas[position]
        newflags = cleared(vma.vm_flags, VM_LOCKED_MASK) | flags
        err, reached = _fixup(mm, position, reached, umin(vma.vm_end, end), newflags)
        if err:
            return err
    return 0


def _fixup(mm: AddressSpace, position: int, start: int, end: int, newflags: int) -> tuple[int, int]:
    """mlock_fixup(): returns an error, and the end of the mapping that the range is in then."""
    vma = mm.tree.vmas[position]
    oldflags = vma.vm_flags
    if oldflags == newflags or not vma_supports_mlock(vma):
        return 0, vma.vm_end
    err, modified, newflags = vma_modify_flags(mm, position, start, end, newflags)
    if modified is None:
        return err, 0
    pages = sub(end, start) >> PAGE_SHIFT
    if (newflags & VM_LOCKED) == 0:
        mm.locked_vm = sub(mm.locked_vm, pages)
    elif (oldflags & VM_LOCKED) == 0:
        mm.locked_vm = add(mm.locked_vm, pages)
    modified.vm_flags = newflags
    return 0, modified.vm_end


def do_mlockall(mm: AddressSpace, flags: int) -> int:
    """mlockall(): lock what there is, what comes, or both. 0, -EINVAL or -ENOMEM."""
    known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT
    if flags == 0 or cleared(flags, known) != 0 or flags == MCL_ONFAULT:
        return -errno.EINVAL
    if not can_do_mlock(mm):
        return -errno.EPERM
    limit = None if mm.rlimits is None else mm.rlimits.get("MEMLOCK")
    over = limit is not None and mm.total_vm > limit >> PAGE_SHIFT
    if (flags & MCL_CURRENT) != 0 and over and not mm.cap_ipc_lock:
        return -errno.ENOMEM
    _apply_mlockall_flags(mm, flags)
    if (flags & MCL_CURRENT) != 0:
        mm_populate(mm, 0, TASK_SIZE)
    return 0


def do_munlockall(mm: AddressSpace) -> int:
    """munlockall(): unlock everything, now and in future."""
    _apply_mlockall_flags(mm, 0)
    return 0


def _apply_mlockall_flags(mm: AddressSpace, flags: int) -> None:
    """apply_mlockall_flags(): errors of single mappings are ignored."""
    mm.def_flags = cleared(mm.def_flags, VM_LOCKED_MASK)
    locked = VM_LOCKED | (VM_LOCKONFAULT if (flags & MCL_ONFAULT) != 0 else 0)
    if (flags & MCL_FUTURE) != 0:
        mm.def_flags = mm.def_flags | locked
        if (flags & MCL_CURRENT) == 0:
            return
    wanted = locked if (flags & MCL_CURRENT) != 0 else 0
    reached = 0
    while True:
        position = mm.tree.locate(reached)
        if position == len(mm.tree.vmas):
            return
        vma = mm.tree.vmas[position]
        newflags = cleared(vma.vm_flags, VM_LOCKED_MASK) | wanted
        err, reached = _fixup(mm, position, vma.vm_start, vma.vm_end, newflags)
        if err:
            reached = vma.vm_end
