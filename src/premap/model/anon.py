# SPDX-License-Identifier: GPL-2.0-only
"""Which mappings share anonymous pages: as much of `struct anon_vma` as merging asks (mm/rmap.c).

A VMA's `anon_chain` is its list of anon_vma_chain entries: of length one until a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from premap.model.bits import VM_ACCESS_FLAGS, VM_STICKY
from premap.model.flags import cleared
from premap.model.vma import vma_end_anon_pgoff, vma_end_pgoff

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct


class AnonVma:
    """`struct anon_vma`: compared by identity."""

    __slots__ = ("num_active_vmas", "num_children", "parent", "root")

    def __init__(self, parent: AnonVma | None = None) -> None:
        self.parent = parent
        self.root: AnonVma = parent.root if parent is not None else self
        self.num_children = 1 if parent is None else 0  # a root counts as its own child
        self.num_active_vmas = 0


def is_fork_child(vma: VmAreaStruct | None) -> bool:
    """vma_is_fork_child(): the VMA may hold pages that a parent process knows (mm/vma.c)."""
    return vma is not None and vma.anon_vma is not None and len(vma.anon_chain) != 1


def _compatible(low: VmAreaStruct, high: VmAreaStruct) -> bool:
    """anon_vma_compatible(): neighbours that differ in nothing but what mprotect() changes."""
    if low.vm_end != high.vm_start:
        return False
    if low.vm_file != high.vm_file:
        return False
    if cleared(low.vm_flags ^ high.vm_flags, VM_ACCESS_FLAGS | VM_STICKY) != 0:
        return False
    if vma_end_pgoff(low) != high.vm_pgoff:
        return False
    return vma_end_anon_pgoff(low) == high.anon_pgoff


def _find_mergeable(mm: AddressSpace, vma: VmAreaStruct) -> AnonVma | None:
    """find_mergeable_anon_vma(): the neighbour's, if the two might merge later (mm/vma.c)."""
    vmas = mm.tree.vmas
    position = mm.tree.locate(vma.vm_start)
    if position + 1 < len(vmas):
        after = vmas[position + 1]
        if _reusable(after) and _compatible(vma, after):
            return after.anon_vma
    if position:
        before = vmas[position - 1]
        if _reusable(before) and _compatible(before, vma):
            return before.anon_vma
    return None


def _reusable(old: VmAreaStruct) -> bool:
    return old.anon_vma is not None and len(old.anon_chain) == 1


def anon_vma_prepare(mm: AddressSpace, vma: VmAreaStruct) -> int:
    """__anon_vma_prepare(): the VMA is about to get anonymous pages. 0 or -ENOMEM (mm/rmap.c)."""
    if vma.anon_vma is not None:
        return 0
    err = mm.failing("anon_vma")
    if err:
        return err
    anon_vma = _find_mergeable(mm, vma)
    if anon_vma is None:
        anon_vma = AnonVma()
    vma.anon_vma = anon_vma
    vma.anon_chain = (anon_vma,)
    anon_vma.num_active_vmas += 1
    return 0
