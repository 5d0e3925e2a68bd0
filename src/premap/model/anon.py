# SPDX-License-Identifier: GPL-2.0-only
"""Which mappings share anonymous pages: as much of `struct anon_vma` as merging asks (mm/rmap.c).

A VMA's `anon_chain` is its list of anon_vma_chain entries: of length one until a fork. Copying a
chain reverses it, as adding each entry at the front of a list does.
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
    """`struct anon_vma`: compared by identity.

    `links` counts the VMAs whose chain holds it, `num_active_vmas` those that file new pages in it.
    """

    __slots__ = ("links", "num_active_vmas", "num_children", "parent")

    def __init__(self, parent: AnonVma | None = None) -> None:
        self.parent = self if parent is None else parent
        self.num_children = 1 if parent is None else 0  # a root counts as its own child
        self.num_active_vmas = 0
        self.links = 0


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
    _link(vma, (anon_vma,))
    anon_vma.num_active_vmas += 1
    return 0


def _link(vma: VmAreaStruct, chain: tuple[AnonVma, ...]) -> None:
    vma.anon_chain = chain
    for anon_vma in chain:
        anon_vma.links += 1


def anon_vma_clone(mm: AddressSpace, target: VmAreaStruct, source: VmAreaStruct) -> int:
    """anon_vma_clone: `target` has the pages of `source`, all or some. 0 or -ENOMEM (mm/rmap.c).

    For splits, moves and merges with a mapping that has none yet.
    """
    if source.anon_vma is None:
        return 0
    err = mm.failing("anon_vma_clone")
    if err:
        return err
    target.anon_vma = source.anon_vma
    target.anon_vma.num_active_vmas += 1
    _link(target, source.anon_chain[::-1])
    return 0


def anon_vma_fork(mm: AddressSpace, child: VmAreaStruct, parent: VmAreaStruct) -> int:
    """anon_vma_fork: the child shares the old pages and files new ones apart. 0 or -ENOMEM.

    An anon_vma that nobody files pages in any more, with one child at most, is taken over.
    """
    child.anon_vma = None
    if parent.anon_vma is None:
        return 0
    err = mm.failing("anon_vma") or mm.failing("anon_vma_clone")
    if err:
        return err
    _link(child, parent.anon_chain[::-1])
    for anon_vma in parent.anon_chain:
        if anon_vma.num_active_vmas == 0 and anon_vma.num_children <= 1:
            child.anon_vma = anon_vma
            anon_vma.num_active_vmas += 1
            return 0
    own = AnonVma(parent.anon_vma)
    own.num_active_vmas = 1
    own.links = 1
    parent.anon_vma.num_children += 1
    child.anon_vma = own
    child.anon_chain = (own, *child.anon_chain)
    return 0


def unlink_anon_vmas(vma: VmAreaStruct) -> None:
    """unlink_anon_vmas: the VMA has no anonymous pages any more (mm/rmap.c)."""
    if vma.anon_vma is None:
        return
    for anon_vma in vma.anon_chain:
        anon_vma.links -= 1
        if anon_vma.links == 0:
            anon_vma.parent.num_children -= 1
    vma.anon_vma.num_active_vmas -= 1
    vma.anon_vma = None
    vma.anon_chain = ()
