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
from premap.model.words import PAGE_MASK, add, offset_in_page, page_align, sub

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
    if file is not None and file.f_op.get_unmapped_area is not None:
        addr = file.f_op.get_unmapped_area(file, addr, length, pgoff, flags)
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
    """unmapped_area_topdown(): the end of the highest gap that is large enough."""
    low, high = mm.window
    tree = mm.tree
    vmas = tree.vmas
    begin, top = tree.search_from(length, high)
    position = begin
    while position:
        vma = vmas[position - 1]
        if vma.vm_start < top:
            if vma.vm_end <= top and sub(top, vma.vm_end) >= length:
                break
            top = vm_start_gap(mm, vma)
            if top <= low:
                tree.searched(length, high, low, begin - position)
                return -errno.ENOMEM, 0
        position -= 1
    tree.searched(length, high, top, begin - position)
    if sub(top, low) < length:
        return -errno.ENOMEM, 0
    return 0, sub(top, length)
