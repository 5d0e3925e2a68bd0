# SPDX-License-Identifier: GPL-2.0-only
"""Moving a mapping to another address: copy the VMA, move its entries, unmap the source.

mm/mremap.c, and copy_vma() of mm/vma.c.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model import pagetable
from premap.model.anon import anon_vma_clone, unlink_anon_vmas
from premap.model.bits import VM_ACCOUNT, VM_LOCKED, VM_LOCKED_MASK
from premap.model.file import fput, get_file
from premap.model.flags import cleared
from premap.model.merge import MergeState, vma_merge_new_range
from premap.model.split import split_vma_checked
from premap.model.unmap import do_munmap
from premap.model.vma import (
    VmAreaStruct,
    call_open,
    linear_anon_page_index,
    linear_page_index,
    link_file,
    vm_area_dup,
    vma_close,
)
from premap.model.words import PAGE_SHIFT, add, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.remap import RemapState


def move_vma(vrm: RemapState, vma: VmAreaStruct) -> tuple[int, int]:
    """move_vma: returns an error and the new address.

    If `->mremap` or the page tables fail, the new place is unmapped and the old one stays.
    """
    mm = vrm.mm
    err = _prep(vrm, vma)
    if err:
        return err, 0
    if not _charge(vrm, vma):
        return -errno.ENOMEM, 0
    new, source = _copy_vma(vrm, vma)
    if new is None:
        _uncharge(vrm, vma)
        return -errno.ENOMEM, 0
    err = _move_entries(vrm, source, new)
    if err != 0:
        return err, _give_up(vrm, new)
    if vrm.dontunmap:
        _dontunmap_complete(vrm, source)
    _count(vrm, source)
    if not vrm.dontunmap:
        _unmap_source(mm, source, vrm.addr, vrm.old_len, account=True)
    return 0, vrm.new_addr


def _prep(vrm: RemapState, vma: VmAreaStruct) -> int:
    """prep_move_vma(): headroom, `->may_split`; a locked mapping that stays is split first."""
    mm = vrm.mm
    pre_split = vrm.dontunmap and (vma.vm_flags & VM_LOCKED) != 0
    if mm.map_count + 2 + pre_split > mm.max_map_count:
        return -errno.ENOMEM
    end = add(vrm.addr, vrm.old_len)
    split_before, split_after = vma.vm_start != vrm.addr, vma.vm_end != end
    if vma.vm_ops is not None and vma.vm_ops.may_split is not None:
        err = mm.call(vma.vm_ops.may_split, vma, vrm.addr) if split_before else 0
        if err == 0 and split_after:
            err = mm.call(vma.vm_ops.may_split, vma, end)
        if err != 0:
            return err
    if not pre_split:
        return 0
    position = mm.tree.locate(vma.vm_start)
    if split_before:
        err = split_vma_checked(mm, position, vrm.addr, new_below=True)
        if err:
            return err
        position += 1
    if split_after:
        return split_vma_checked(mm, position, end, new_below=False)
    return 0


def _charge(vrm: RemapState, vma: VmAreaStruct) -> bool:
    """vrm_calc_charge(): what is added; all of it where the source stays."""
    if (vma.vm_flags & VM_ACCOUNT) == 0:
        return True
    charged = (vrm.new_len if vrm.dontunmap else vrm.delta) >> PAGE_SHIFT
    if vrm.mm.vm_enough_memory(charged):
        return False
    vrm.charged = charged
    return True


def _uncharge(vrm: RemapState, vma: VmAreaStruct) -> None:
    if (vma.vm_flags & VM_ACCOUNT) != 0:
        vrm.mm.memory.uncharge(vrm.charged)
        vrm.charged = 0


def _copy_vma(vrm: RemapState, vma: VmAreaStruct) -> tuple[VmAreaStruct | None, VmAreaStruct]:
    """copy_vma(): the VMA at the new place, merged or new, and the source.

    Those two are the same VMA where the source itself was swallowed by the merge. A mapping without
    anonymous pages takes the offset of its new address.
    """
    pgoff = linear_page_index(vma, vrm.addr)
    anon_pgoff = linear_anon_page_index(vma, vrm.addr)
    self_merge = False
    if vma.anon_vma is None:
        anon_pgoff = vrm.new_addr >> PAGE_SHIFT
        if vma.vm_ops is None:
            pgoff, self_merge = anon_pgoff, True
    old_start = vma.vm_start
    merged = _merge_copied(vrm, vma, pgoff, anon_pgoff, apart=self_merge and vrm.dontunmap)
    if merged is not None:
        swallowed = merged.vm_start < old_start < merged.vm_end
        return merged, merged if swallowed else vma
    return _new_copy(vrm, vma, pgoff, anon_pgoff), vma


def _merge_copied(
    vrm: RemapState, vma: VmAreaStruct, pgoff: int, anon_pgoff: int, *, apart: bool
) -> VmAreaStruct | None:
    """vma_merge_copied_range(): a neighbour of the new place may grow over it.

    `apart`: not the source itself, which is to stay.
    """
    mm = vrm.mm
    start, end = vrm.new_addr, add(vrm.new_addr, vrm.new_len)
    position = mm.tree.locate(start)
    vmg = MergeState(start, end, vma.vm_flags, pgoff, anon_pgoff, vma.vm_file, position)
    if position:
        vmg.prev = mm.tree.vmas[position - 1]
    if position < len(mm.tree.vmas):
        vmg.next = mm.tree.vmas[position]
    if apart:
        vmg.prev = None if vmg.prev is vma else vmg.prev
        vmg.next = None if vmg.next is vma else vmg.next
    vmg.anon_vma, vmg.anon_name = vma.anon_vma, vma.anon_name
    vmg.copied_from = vma
    return vma_merge_new_range(mm, vmg)


def _new_copy(
    vrm: RemapState, vma: VmAreaStruct, pgoff: int, anon_pgoff: int
) -> VmAreaStruct | None:
    """Make the new VMA where nothing merges; None without memory (an opened copy is closed)."""
    mm = vrm.mm
    if mm.failing("vma_dup"):
        return None
    new = vm_area_dup(vma)
    new.vm_start, new.vm_end = vrm.new_addr, add(vrm.new_addr, vrm.new_len)
    new.vm_pgoff, new.anon_pgoff = pgoff, anon_pgoff
    if anon_vma_clone(mm, new, vma):
        return None
    if new.vm_file is not None:
        get_file(new.vm_file)
    call_open(new)
    if mm.failing("vma_tree"):
        vma_close(new)
        if new.vm_file is not None:
            fput(new.vm_file)
        unlink_anon_vmas(new)
        return None
    mm.tree.vmas.insert(mm.tree.locate(new.vm_start), new)
    link_file(new)
    mm.map_count += 1
    if mm.log is not None:
        mm.log.event("new_vma", vma=new)
    return new


def _move_entries(vrm: RemapState, source: VmAreaStruct, new: VmAreaStruct) -> int:
    """move_page_tables(), then `->mremap`; on an error the entries go back.

    A page table at the new place may be needed even for no entries: there is one at the old place.
    """
    mm = vrm.mm
    end = add(vrm.addr, vrm.old_len)
    if mm.failing("page_table"):
        return -errno.ENOMEM
    taken = pagetable.take(mm, source, vrm.addr, end)
    _put_entries(mm, new, taken, sub(vrm.new_addr, vrm.addr))
    vm_ops = source.vm_ops
    if vm_ops is None or vm_ops.mremap is None:
        return 0
    if mm.log is not None:
        mm.log.vma_event("mremap", new)
    err = mm.call(vm_ops.mremap, new)
    if err != 0:
        back = pagetable.take(mm, new, vrm.new_addr, add(vrm.new_addr, vrm.old_len))
        _put_entries(mm, source, back, sub(vrm.addr, vrm.new_addr))
    return err


def _put_entries(
    mm: AddressSpace, vma: VmAreaStruct, entries: list[pagetable.PteRange], delta: int
) -> None:
    for entry in entries:
        pagetable.insert(mm, vma, entry.moved(delta))


def _give_up(vrm: RemapState, new: VmAreaStruct) -> int:
    """After an error the new place is unmapped, as if it were the source."""
    if not vrm.dontunmap:
        _uncharge(vrm, new)
    _count(vrm, new)
    account = not vrm.dontunmap
    _unmap_source(vrm.mm, new, vrm.new_addr, vrm.new_len, account=account)
    return 0


def _count(vrm: RemapState, vma: VmAreaStruct) -> None:
    """vrm_stat_account(): the new pages are mapped, and locked if the mapping is."""
    mm = vrm.mm
    pages = vrm.new_len >> PAGE_SHIFT
    mm.total_vm = add(mm.total_vm, pages)
    if (vma.vm_flags & VM_LOCKED) != 0:
        mm.locked_vm = add(mm.locked_vm, pages)


def _dontunmap_complete(vrm: RemapState, vma: VmAreaStruct) -> None:
    """dontunmap_complete(): the source is not locked, and if all of it moved, it is as new."""
    vma.vm_flags = cleared(vma.vm_flags, VM_LOCKED_MASK)
    if vrm.addr != vma.vm_start or add(vrm.addr, vrm.old_len) != vma.vm_end:
        return
    unlink_anon_vmas(vma)
    vma.anon_pgoff = vma.vm_start >> PAGE_SHIFT
    if vma.vm_ops is None and vma.vm_file is None:
        vma.vm_pgoff = vma.anon_pgoff


def _unmap_source(
    mm: AddressSpace, vma: VmAreaStruct, addr: int, length: int, *, account: bool
) -> None:
    """unmap_source_vma(): unmap what moved, without giving its memory back.

    What is left of the source on either side is accounted as before.
    Where there is no memory to split it, it stays, charged but not marked as accounted any more:
    the charge is never given back, in the kernel either.
    """
    accountable = account and (vma.vm_flags & VM_ACCOUNT) != 0
    start, end = vma.vm_start, vma.vm_end
    if accountable:
        vma.vm_flags = cleared(vma.vm_flags, VM_ACCOUNT)
    if do_munmap(mm, addr, length):
        mm.memory.account(length >> PAGE_SHIFT)
        return
    if not accountable:
        return
    position = mm.tree.locate(addr)
    vmas = mm.tree.vmas
    if start < addr:
        vmas[position - 1].vm_flags = vmas[position - 1].vm_flags | VM_ACCOUNT
    if end > add(addr, length):
        vmas[position].vm_flags = vmas[position].vm_flags | VM_ACCOUNT
