# SPDX-License-Identifier: GPL-2.0-only
"""mseal(): mappings that nothing changes any more (mm/mseal.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.bits import VM_SEALED
from premap.model.modify import vma_modify_flags
from premap.model.words import add, offset_in_page, page_align, umax, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace


def do_mseal(mm: AddressSpace, start: int, length: int) -> int:
    """do_mseal: seal every mapping of the range, unless it has a gap (-ENOMEM). 0 or an errno."""
    if offset_in_page(start) != 0:
        return -errno.EINVAL
    aligned = page_align(length)
    if length != 0 and aligned == 0:
        return -errno.EINVAL
    end = add(start, aligned)
    if end < start:
        return -errno.EINVAL
    if end == start:
        return 0
    if _has_gap(mm, start, end):
        return -errno.ENOMEM
    return _seal(mm, start, end)


def _has_gap(mm: AddressSpace, start: int, end: int) -> bool:
    """range_contains_unmapped()."""
    vmas = mm.tree.vmas
    position = mm.tree.locate(start)
    reached = start
    while position < len(vmas) and vmas[position].vm_start < end:
        if vmas[position].vm_start > reached:
            return True
        reached = vmas[position].vm_end
        position += 1
    return reached < end


def _seal(mm: AddressSpace, start: int, end: int) -> int:
    """__mseal_range(): each mapping in turn; an error leaves it half done."""
    reached = start
    while reached < end:
        position = mm.tree.locate(reached)
        vma = mm.tree.vmas[position]
        flags = vma.vm_flags
        if (flags & VM_SEALED) == 0:
            first, last = umax(vma.vm_start, start), umin(vma.vm_end, end)
            sealed = flags | VM_SEALED
            err, modified, sealed = vma_modify_flags(mm, position, first, last, sealed)
            if modified is None:
                return err
            modified.vm_flags = sealed
            vma = modified
        reached = vma.vm_end
    return 0
