# SPDX-License-Identifier: GPL-2.0-only
"""Why a new range merges with a neighbour, or does not, in the terms in which mm/vma.c decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from premap.model.bits import VM_SPECIAL, VM_STICKY
from premap.model.flags import cleared, flag_names
from premap.model.merge import (
    MergeState,
    can_merge_remove_vma,
    can_vma_merge_left,
    can_vma_merge_right,
    is_mergeable_anon_vma,
    needs_adjacent_anon_pgoff,
)
from premap.model.vma import VmAreaStruct, vma_end_anon_pgoff, vma_end_pgoff
from premap.model.words import PAGE_SHIFT, add, sub

Side = Literal["before", "after"]


def merging(vmg: MergeState) -> Iterator[str]:
    """Say of each neighbour of a range, with plain words, whether it grows over it, or why not.

    To be asked before vma_merge_new_range() does anything.
    """
    special = (vmg.vm_flags & VM_SPECIAL) != 0
    left = not special and can_vma_merge_left(vmg)
    right = not special and can_vma_merge_right(vmg, merge_left=left)
    sides: tuple[tuple[Side, VmAreaStruct | None, bool], ...] = (
        ("before", vmg.prev, left),
        ("after", vmg.next, right),
    )
    for side, vma, merges in sides:
        if vma is not None:
            where = f"the mapping {side} it, at {vma.vm_start:#x}-{vma.vm_end:#x}"
            why = ", ".join(obstacles(vmg, vma, side)) or "its neighbours have private pages apart"
            yield f"merges with {where}" if merges else f"does not merge with {where}: {why}"
    if left and right and vmg.next is not None and not can_merge_remove_vma(vmg.next):
        yield "the one after it has ->close() and stays"


def obstacles(vmg: MergeState, vma: VmAreaStruct, side: Side) -> list[str]:
    """Return all that keeps a neighbour from growing over a range; none if nothing does."""
    gap = sub(vmg.start, vma.vm_end) if side == "before" else sub(vma.vm_start, vmg.end)
    if gap != 0:
        return [f"{gap >> PAGE_SHIFT} pages lie between them"]
    special = vmg.vm_flags & VM_SPECIAL
    found = [f"a mapping with {flag_names(special)} never merges"] if special else []
    return [*found, *_kinds_differ(vmg, vma), *_offsets_differ(vmg, vma, side)]


def _kinds_differ(vmg: MergeState, vma: VmAreaStruct) -> Iterator[str]:
    differ = cleared(vma.vm_flags ^ vmg.vm_flags, VM_STICKY)
    if differ != 0:
        yield f"the flags differ in {flag_names(differ)}"
    if vma.vm_file != vmg.file:
        yield "the files differ"
    if vma.anon_name != vmg.anon_name:
        yield "the names of anonymous memory differ"
    if not is_mergeable_anon_vma(vmg, vma):
        yield "their anonymous pages are filed apart"


def _offsets_differ(vmg: MergeState, vma: VmAreaStruct, side: Side) -> Iterator[str]:
    pages = sub(vmg.end, vmg.start) >> PAGE_SHIFT
    if side == "before":
        offsets = vma_end_pgoff(vma), vmg.pgoff
        anonymous = vma_end_anon_pgoff(vma), vmg.anon_pgoff
    else:
        offsets = add(vmg.pgoff, pages), vma.vm_pgoff
        anonymous = add(vmg.anon_pgoff, pages), vma.anon_pgoff
    if offsets[0] != offsets[1]:
        yield f"the page offset does not continue ({offsets[0]:#x}, then {offsets[1]:#x})"
    elif needs_adjacent_anon_pgoff(vmg) and anonymous[0] != anonymous[1]:
        yield "the offset of its private pages does not continue"
