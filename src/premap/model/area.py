# SPDX-License-Identifier: GPL-2.0-only
"""Where a mapping goes: get_unmapped_area() (mm/mmap.c).

A hint is taken if it is free; otherwise the highest free place of the window. Below a stack there
is a gap. Alignment for huge pages and randomisation are not modelled.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model.bits import VM_GROWSDOWN
from premap.model.constants import MAP_FIXED, TASK_SIZE
from premap.model.words import PAGE_MASK, add, offset_in_page, page_align, sub, umax

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct


def round_hint_to_min(mm: AddressSpace, hint: int) -> int:
    """round_hint_to_min: a hint below the lowest address becomes that."""
    hint = hint & PAGE_MASK
    low = mm.window[0]
    if hint != 0 and hint < low:
        return low
    return hint


def get_unmapped_area(
    mm: AddressSpace, file: Any, addr: int, length: int, pgoff: int, flags: int
) -> tuple[int, int]:
    """__get_unmapped_area(): returns an error (-ENOMEM, -EINVAL) and the address (bytes)."""
    if length > TASK_SIZE:
        return -errno.ENOMEM, 0
    get_area = None if file is None else file.f_op.get_unmapped_area
    if get_area is not None and get_area is not mm_get_unmapped_area:
        addr = get_area(file, addr, length, pgoff, flags)
        if addr < 0:
            return addr, 0
    elif (flags & MAP_FIXED) == 0:
        err, addr = _search(mm, addr, length)
        if err:
            return err, 0
    if addr > sub(TASK_SIZE, length):
        return -errno.ENOMEM, 0
    if offset_in_page(addr) != 0:
        return -errno.EINVAL, 0
    return 0, addr


def mm_get_unmapped_area(
    mm: AddressSpace, file: Any, addr: int, length: int, pgoff: int, flags: int
) -> int:
    """mm_get_unmapped_area: where the kernel maps by itself. The address (bytes) or -ENOMEM.

    As `->get_unmapped_area` it may be named in a table, since in C it knows the address space.
    """
    del file, pgoff
    if (flags & MAP_FIXED) != 0:
        return addr
    err, found = _search(mm, addr, length)
    return err or found


def _search(mm: AddressSpace, hint: int, length: int) -> tuple[int, int]:
    low, high = mm.window
    if length > sub(high, low):
        return -errno.ENOMEM, 0
    if hint != 0:
        hint = page_align(hint)
        if hint >= low and hint <= sub(high, length) and _fits(mm, hint, length):
            return 0, hint
    return _topdown(mm, length)


def is_free(mm: AddressSpace, addr: int, length: int) -> bool:
    """No mapping lies in `length` bytes from `addr` on."""
    position = mm.tree.locate(addr)
    vmas = mm.tree.vmas
    return position == len(vmas) or vmas[position].vm_start >= add(addr, length)


def vm_start_gap(mm: AddressSpace, vma: VmAreaStruct) -> int:
    """vm_start_gap: where what must stay free below a mapping begins (include/linux/mm.h)."""
    if (vma.vm_flags & VM_GROWSDOWN) == 0:
        return vma.vm_start
    gap = mm.stack_guard_gap
    return 0 if vma.vm_start < gap else sub(vma.vm_start, gap)


def _fits(mm: AddressSpace, addr: int, length: int) -> bool:
    """Say whether a hint can be taken: it is free, and not in the gap below a stack."""
    position = mm.tree.locate(addr)
    vmas = mm.tree.vmas
    return position == len(vmas) or add(addr, length) <= vm_start_gap(mm, vmas[position])


def _topdown(mm: AddressSpace, length: int) -> tuple[int, int]:
    """unmapped_area_topdown(): the end of the highest gap that is large enough.

    What has to stay free below a stack counts only where the gap that was found ends at the stack:
    one between other mappings, though as close to it, is taken.
    """
    low, high = mm.window
    tree = mm.tree
    vmas = tree.vmas
    begin, end = tree.search_from(length, high)
    position = begin
    remembered = False
    while end > low:
        below = vmas[position - 1] if position else None
        if below is not None and below.vm_start >= end:
            position -= 1
            continue
        bottom = low if below is None else umax(low, below.vm_end)
        if bottom < end and sub(end, bottom) >= length:
            if not remembered:
                tree.searched(length, high, end, begin - position)
                remembered = True
            top = end if position == len(vmas) else vm_start_gap(mm, vmas[position])
            if top >= end:
                return 0, sub(end, length)
            end = top
        elif below is None:
            break
        else:
            end = below.vm_start
            position -= 1
    if not remembered:
        tree.searched(length, high, low, begin - position)
    return -errno.ENOMEM, 0
