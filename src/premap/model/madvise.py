# SPDX-License-Identifier: GPL-2.0-only
"""madvise() (mm/madvise.c), as far as it changes mappings or page tables.

MADV_FREE keeps the pages: nothing reclaims them here. Huge pages and KSM are off; MADV_REMOVE,
MADV_PAGEOUT and poisoning are not modelled.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from premap.model import constants as c
from premap.model import pagetable
from premap.model.anon import anon_vma_prepare
from premap.model.bits import (
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_DROPPABLE,
    VM_HUGETLB,
    VM_IO,
    VM_LOCKED,
    VM_MAYBE_GUARD,
    VM_PFNMAP,
    VM_RAND_READ,
    VM_READ,
    VM_SEALED,
    VM_SEQ_READ,
    VM_SHARED,
    VM_SPECIAL,
    VM_WIPEONFORK,
    VM_WRITE,
)
from premap.model.errors import NotModelled
from premap.model.flags import cleared
from premap.model.gup import fault_in
from premap.model.modify import vma_modify_flags, vma_modify_name
from premap.model.pagetable import PteRange
from premap.model.shmem import shmem_anon_vm_ops
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, add, offset_in_page, page_align, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_UNKNOWN = frozenset(
    {
        c.MADV_REMOVE,
        c.MADV_PAGEOUT,
        c.MADV_HWPOISON,
        c.MADV_SOFT_OFFLINE,
    }
)
_SET_CLEAR = {
    c.MADV_NORMAL: (0, VM_RAND_READ | VM_SEQ_READ),
    c.MADV_SEQUENTIAL: (VM_SEQ_READ, VM_RAND_READ),
    c.MADV_RANDOM: (VM_RAND_READ, VM_SEQ_READ),
    c.MADV_DONTFORK: (VM_DONTCOPY, 0),
    c.MADV_DOFORK: (0, VM_DONTCOPY),
    c.MADV_WIPEONFORK: (VM_WIPEONFORK, 0),
    c.MADV_KEEPONFORK: (0, VM_WIPEONFORK),
    c.MADV_DONTDUMP: (VM_DONTDUMP, 0),
    c.MADV_DODUMP: (0, VM_DONTDUMP),
}
"""Flags that an advice sets, and clears."""
_FORBIDDEN = {
    c.MADV_DOFORK: VM_SPECIAL,
    c.MADV_WIPEONFORK: VM_SHARED,
    c.MADV_KEEPONFORK: VM_DROPPABLE,
    c.MADV_DODUMP: VM_SPECIAL | VM_DROPPABLE,
}
"""Flags that make an advice -EINVAL."""
_DISCARD = frozenset(
    {
        c.MADV_FREE,
        c.MADV_DONTNEED,
        c.MADV_DONTNEED_LOCKED,
        c.MADV_DONTFORK,
        c.MADV_WIPEONFORK,
        c.MADV_GUARD_INSTALL,
    }
)
_GUARDS = frozenset({c.MADV_GUARD_INSTALL, c.MADV_GUARD_REMOVE})
_ADVISORY = frozenset({c.MADV_WILLNEED, c.MADV_COLD})

_NOT_AGED = VM_LOCKED | VM_PFNMAP | VM_HUGETLB
"""can_madv_lru_vma(): no pages that could be reclaimed."""


def do_madvise(mm: AddressSpace, start: int, length: int, advice: int) -> int:
    """do_madvise: 0 or a negative errno; -ENOMEM for a gap, but what is beyond it is advised."""
    if advice in _UNKNOWN:
        raise NotModelled(f"madvise() with advice {advice}")
    populate = advice in (c.MADV_POPULATE_READ, c.MADV_POPULATE_WRITE)
    discard = advice in (c.MADV_DONTNEED, c.MADV_DONTNEED_LOCKED, c.MADV_FREE)
    known = populate or discard or advice in _SET_CLEAR or advice in _ADVISORY or advice in _GUARDS
    if not known:
        return -errno.EINVAL
    err, end = _end_of(start, length)
    if err or end == start:
        return err
    if populate:
        return _populate(mm, start, end, write=advice == c.MADV_POPULATE_WRITE)
    return _walk(mm, start, end, lambda position, at, to: _advise(mm, position, at, to, advice))


def _end_of(start: int, length: int) -> tuple[int, int]:
    """Check a range; returns an error and its end (bytes)."""
    if offset_in_page(start) != 0:
        return -errno.EINVAL, 0
    aligned = page_align(length)
    if length != 0 and aligned == 0:
        return -errno.EINVAL, 0
    end = add(start, aligned)
    return (-errno.EINVAL, 0) if end < start else (0, end)


def madvise_set_anon_name(mm: AddressSpace, start: int, length: int, name: str | None) -> int:
    """madvise_set_anon_name: name the anonymous memory of a range. 0 or a negative errno."""
    err, end = _end_of(start, length)
    if err or end == start:
        return err
    return _walk(mm, start, end, lambda position, at, to: _set_name(mm, position, at, to, name))


Visit = Callable[[int, int, int], tuple[int, int]]
"""Does something to [start, end) of the mapping at a position: an error, and where it ends then."""


def _walk(mm: AddressSpace, start: int, end: int, visit: Visit) -> int:
    """madvise_walk_vmas(): each mapping in turn; a gap is remembered, and skipped."""
    gap = 0
    while True:
        vmas = mm.tree.vmas
        position = mm.tree.locate(start)
        if position == len(vmas):
            return -errno.ENOMEM
        vma = vmas[position]
        if start < vma.vm_start:
            gap = -errno.ENOMEM
            start = vma.vm_start
            if start >= end:
                return gap
        stop = umin(vma.vm_end, end)
        err, stop = visit(position, start, stop)
        if err:
            return err
        if stop >= end:
            return gap
        start = stop


def _advise(mm: AddressSpace, position: int, start: int, end: int, advice: int) -> tuple[int, int]:
    """madvise_vma_behavior(): returns an error, and the end of the mapping advised."""
    vma = mm.tree.vmas[position]
    if advice in _DISCARD and not _may_discard(vma):
        return -errno.EPERM, 0
    if advice in _ADVISORY:
        refused = advice == c.MADV_COLD and (vma.vm_flags & _NOT_AGED) != 0
        return (-errno.EINVAL if refused else 0), vma.vm_end
    if advice in (c.MADV_DONTNEED, c.MADV_DONTNEED_LOCKED, c.MADV_FREE):
        return _dontneed_free(mm, vma, start, end, advice), vma.vm_end
    if advice in _GUARDS:
        change = _guard_install if advice == c.MADV_GUARD_INSTALL else _guard_remove
        return change(mm, vma, start, end), vma.vm_end
    flags = vma.vm_flags
    if (flags & _FORBIDDEN.get(advice, 0)) != 0:
        return -errno.EINVAL, 0
    if advice == c.MADV_WIPEONFORK and vma.vm_file is not None:
        return -errno.EINVAL, 0
    to_set, to_clear = _SET_CLEAR[advice]
    newflags = cleared(flags, to_clear) | to_set
    if newflags == flags:
        return 0, vma.vm_end
    err, modified, newflags = vma_modify_flags(mm, position, start, end, newflags)
    if modified is None:
        return (-errno.EAGAIN if err == -errno.ENOMEM else err), 0
    modified.vm_flags = newflags
    return 0, modified.vm_end


def _set_name(
    mm: AddressSpace, position: int, start: int, end: int, name: str | None
) -> tuple[int, int]:
    """__MADV_SET_ANON_VMA_NAME: memory without a file that others know, shared memory included."""
    vma = mm.tree.vmas[position]
    if vma.vm_file is not None and vma.vm_ops is not shmem_anon_vm_ops:
        return -errno.EBADF, 0
    if vma.anon_name == name:
        return 0, vma.vm_end
    flags = vma.vm_flags
    err, modified, _ = vma_modify_name(mm, position, start, end, name)
    if modified is None:
        return (-errno.EAGAIN if err == -errno.ENOMEM else err), 0
    modified.vm_flags = flags  # a neighbour's sticky flags are lost, in the kernel too
    modified.anon_name = name
    return 0, modified.vm_end


def _guard_install(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> int:
    """madvise_guard_install(): whatever is there goes. 0, -EINVAL or -ENOMEM."""
    if (vma.vm_flags & (VM_SPECIAL | VM_LOCKED)) != 0:
        return -errno.EINVAL
    vma.vm_flags = vma.vm_flags | VM_MAYBE_GUARD
    if vma.vm_ops is None and anon_vma_prepare(mm, vma):
        return -errno.ENOMEM
    if mm.failing("page_table"):
        return -errno.ENOMEM
    pagetable.take(mm, vma, start, end)
    guard = PteRange(start, end, pagetable.GUARD, None, 0, vma.vm_page_prot)
    pagetable.insert(mm, vma, guard)
    return 0


def _guard_remove(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> int:
    """madvise_guard_remove(): what is no guard stays. 0 or -EINVAL."""
    if (vma.vm_flags & VM_SPECIAL) != 0:
        return -errno.EINVAL
    pagetable.take_guards(mm, vma, start, end)
    return 0


def _may_discard(vma: VmAreaStruct) -> bool:
    """can_madvise_modify(): a sealed read-only anonymous mapping keeps its data."""
    if (vma.vm_flags & VM_SEALED) == 0 or vma.vm_ops is not None:
        return True
    return (vma.vm_flags & VM_WRITE) != 0


def _dontneed_free(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int, advice: int) -> int:
    """madvise_dontneed_free(): locked and PFN mappings refuse; MADV_FREE is for anonymous ones."""
    forbidden = VM_PFNMAP if advice == c.MADV_DONTNEED_LOCKED else VM_PFNMAP | VM_LOCKED
    if (vma.vm_flags & forbidden) != 0:
        return -errno.EINVAL
    if advice == c.MADV_FREE:
        return 0 if vma.vm_ops is None else -errno.EINVAL
    pagetable.zap(mm, vma, start, end)
    return 0


def _populate(mm: AddressSpace, start: int, end: int, *, write: bool) -> int:
    """madvise_populate(): -ENOMEM for a gap, -EINVAL where access is not permitted, or -EFAULT.

    One call of __get_user_pages() goes through several mappings. A page that fails ends it, and is
    tried again, unless it was the first of its call.
    """
    first = True
    while start < end:
        vma = mm.find_vma(start)
        if vma is None:
            return -errno.ENOMEM
        needed = VM_WRITE if write else VM_READ
        if (vma.vm_flags & (VM_IO | VM_PFNMAP)) != 0 or (vma.vm_flags & needed) == 0:
            return -errno.EINVAL
        done = fault_in(mm, vma, start, umin(end, vma.vm_end), write=write)
        if done < 0 and first:
            return done
        start = add(start, max(done, 0) << PAGE_SHIFT)
        first = done < 0 or start < umin(end, vma.vm_end)
    return 0
