# SPDX-License-Identifier: GPL-2.0-only
"""mmap_region(): a checked range becomes a mapping (mm/vma.c).

The order: gather what overlaps; limits and accounting; clear and close what is replaced;
`->mmap_prepare`; prepare the action; merge, or else make a VMA (a legacy `->mmap` is called on
that); complete; only for a new VMA the action, then `->mapped`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model.accounting import OVERCOMMIT_NEVER, may_expand_vm
from premap.model.actions import mmap_action_complete, mmap_action_prepare
from premap.model.bits import (
    VM_ACCOUNT,
    VM_DROPPABLE,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_NORESERVE,
    VM_SHARED,
    VM_SPECIAL,
    VM_WRITE,
)
from premap.model.desc import VmAreaDesc
from premap.model.file import IS_DAX, fput, vma_dummy_vm_ops
from premap.model.flags import cleared, is_shared_maywrite
from premap.model.merge import MergeState, vma_merge_new_range
from premap.model.pgprot import vm_get_page_prot
from premap.model.protection import vma_set_page_prot
from premap.model.shmem import shmem_zero_setup
from premap.model.unmap import (
    MunmapState,
    vms_abort_munmap_vmas,
    vms_clean_up_area,
    vms_complete_munmap_vmas,
    vms_gather_munmap_vmas,
)
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, add, lnot, select, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_ACCOUNTABLE = VM_WRITE | VM_NORESERVE | VM_SHARED


class MmapState:
    """`struct mmap_state`: one mmap() on its way."""

    __slots__ = (
        "addr",
        "charged",
        "desc",
        "end",
        "file",
        "file_doesnt_need_get",
        "mm",
        "next",
        "page_prot",
        "pages",
        "pgoff",
        "position",
        "prev",
        "vm_flags",
        "vms",
    )

    def __init__(
        self, mm: AddressSpace, file: Any, addr: int, length: int, vm_flags: int, pgoff: int
    ) -> None:
        self.mm = mm
        self.file = file
        self.addr = addr
        self.end = add(addr, length)
        self.pages = length >> PAGE_SHIFT
        self.vm_flags = vm_flags
        self.page_prot = vm_get_page_prot(vm_flags)
        self.pgoff = pgoff
        self.charged = 0
        self.file_doesnt_need_get = False
        self.desc: VmAreaDesc | None = None
        self.vms: MunmapState | None = None
        self.prev: VmAreaStruct | None = None
        self.next: VmAreaStruct | None = None
        self.position = 0


def mmap_region(
    mm: AddressSpace, file: Any, addr: int, length: int, vm_flags: int, pgoff: int
) -> int:
    """mmap_region: map `length` bytes at `addr`, both page-aligned and checked.

    `vm_flags` is the word of flags, `pgoff` in pages (of anonymous memory: its address). Returns 0
    or the error; a positive number that a hook returned is returned as it is.
    """
    if file is not None and file.f_mapping.deny_writable and is_shared_maywrite(vm_flags):
        return -errno.EPERM
    state = MmapState(mm, file, addr, length, vm_flags, pgoff)
    err = _setup(state)
    if err:
        return err
    if file is not None and file.f_op.mmap_prepare is not None:
        err = _call_mmap_prepare(state)
        if err != 0:
            return _abort(state, err)
    vma = _merge(state)
    if vma is not None:
        _complete(state, vma)
        return 0
    vma, err = _new_vma(state)
    if vma is None:
        return _abort(state, err)
    desc = state.desc
    if desc is None:
        _complete(state, vma)
        return 0
    vma.vm_ops = desc.k_vm_ops
    vma.vm_private_data = desc.k_private_data
    _complete(state, vma)
    return mmap_action_complete(vma, desc.k_action, is_compat=False)


def _setup(state: MmapState) -> int:
    """__mmap_setup(): make room. A failure here leaves the old mappings in place."""
    mm = state.mm
    vmas = mm.tree.vmas
    position = mm.tree.locate(state.addr)
    vms = None
    replaced = 0
    if position < len(vmas) and vmas[position].vm_start < state.end:
        err, vms = vms_gather_munmap_vmas(mm, position, state.addr, state.end)
        if vms is None:
            return err
        replaced = len(vms.vmas)
        position = vms.position + replaced
        state.vms = vms
    if position > replaced:
        state.prev = vmas[position - replaced - 1]
    if position < len(vmas):
        state.next = vmas[position]
    state.position = position
    err = _charge(state, vms)
    if err:
        return err
    if vms is not None:
        vms_clean_up_area(mm, vms)
    return 0


def _charge(state: MmapState, vms: MunmapState | None) -> int:
    """Check the limits, and charge a private writable mapping for memory it may come to need."""
    mm = state.mm
    pages = state.pages
    nr_pages = 0 if vms is None else vms.nr_pages
    if mm.rlimits is not None and not may_expand_vm(mm, state.vm_flags, sub(pages, nr_pages)):
        return -errno.ENOMEM
    accountable = (state.vm_flags & _ACCOUNTABLE) == VM_WRITE
    if accountable is False:
        return 0
    nr_accounted = 0 if vms is None else vms.nr_accounted
    uncharged = select(accountable, sub(pages, nr_accounted), 0)
    never = mm.memory.overcommit == OVERCOMMIT_NEVER  # asked first: it is never a proof's question
    err = 0 if never and uncharged == 0 else mm.vm_enough_memory(uncharged)
    if err:
        return err
    state.charged = select(accountable, pages, 0)
    if vms is not None:
        vms.nr_accounted = select(accountable, 0, nr_accounted)
    state.vm_flags = state.vm_flags | select(accountable, VM_ACCOUNT, 0)
    return 0


def _call_mmap_prepare(state: MmapState) -> int:
    """call_mmap_prepare(): the hook, then the action's preparation; then its changes count."""
    mm, file = state.mm, state.file
    desc = VmAreaDesc(mm, file, state.addr, state.end, state.pgoff, state.vm_flags, state.page_prot)
    if mm.log is not None:
        mm.log.event(
            "mmap_prepare",
            file=file,
            start=state.addr,
            end=state.end,
            pgoff=state.pgoff,
            flags=state.vm_flags,
            desc=desc,
        )
    err = mm.call(file.f_op.mmap_prepare, desc)
    if err != 0:
        return err
    if desc.k_action is not None:
        err = mmap_action_prepare(desc)
        if err:
            return err
    state.pgoff = desc.pgoff
    if desc.vm_file != file:
        state.file_doesnt_need_get = True
        state.file = desc.vm_file
    state.vm_flags = desc.k_flags
    state.page_prot = desc.page_prot
    state.desc = desc
    return 0


def _merge(state: MmapState) -> VmAreaStruct | None:
    """Extend a neighbour, if that can be: then neither a legacy hook nor the action is called."""
    if state.prev is None and state.next is None:
        return None
    vmg = MergeState(
        state.addr,
        state.end,
        state.vm_flags,
        state.pgoff,
        state.addr >> PAGE_SHIFT,
        state.file,
        state.position,
        0 if state.vms is None else len(state.vms.vmas),
    )
    vmg.prev, vmg.next = state.prev, state.next
    if state.mm.log is not None and state.mm.log.watcher is not None:
        state.mm.log.watcher.may_merge(vmg)
    return vma_merge_new_range(state.mm, vmg)


def _new_vma(state: MmapState) -> tuple[VmAreaStruct | None, int]:
    """__mmap_new_vma(): a VMA of its own. Returns it, or None and the error."""
    mm = state.mm
    if mm.injections:
        err = mm.failing("vma_alloc") or mm.failing("vma_tree")
        if err:
            return None, err
    anon_pgoff = state.addr >> PAGE_SHIFT
    vma = VmAreaStruct(
        mm, state.addr, state.end, state.pgoff, anon_pgoff, state.vm_flags, state.page_prot
    )
    err = 0
    if state.file is not None:
        err = _new_file_vma(state, vma)
    elif (state.vm_flags & VM_SHARED) != 0:
        err = shmem_zero_setup(mm, vma)
    else:
        vma.vm_ops = None
    if err != 0:
        return None, err
    file = vma.vm_file
    position = state.position
    low = position if state.vms is None else position - len(state.vms.vmas)
    mm.tree.vmas[low:position] = (vma,)
    mm.map_count += 1
    if file is not None:
        file.f_mapping.i_mmap[vma] = None
        if state.desc is not None and state.desc.k_action is not None:
            _hide_from_rmap(state.desc, vma)
    if mm.log is not None:
        mm.log.event("new_vma", vma=vma)
    return vma, 0


def _new_file_vma(state: MmapState, vma: VmAreaStruct) -> int:
    """__mmap_new_file_vma(): take the reference; a file with a legacy hook has it called here."""
    file = state.file
    vma.vm_file = file
    if not state.file_doesnt_need_get:
        file.f_count += 1
    if file.f_op.mmap is None:
        return 0
    mm = state.mm
    err = mm.failing("mmap_hook") if mm.injections else 0
    if err == 0:
        if mm.log is not None:
            mm.log.event(
                "mmap",
                file=file,
                start=vma.vm_start,
                end=vma.vm_end,
                pgoff=vma.vm_pgoff,
                flags=vma.vm_flags,
                vma=vma,
            )
        err = mm.call(file.f_op.mmap, file, vma)
    if err != 0:
        vma.vm_ops = vma_dummy_vm_ops
        fput(vma.vm_file)
        vma.vm_file = None
        if vma.ptes:
            vma.ptes = []
            if mm.log is not None:
                mm.log.event("zap", start=vma.vm_start, end=vma.vm_end)
        return err
    state.file = vma.vm_file
    state.vm_flags = vma.vm_flags
    return 0


def _hide_from_rmap(desc: VmAreaDesc, vma: VmAreaStruct) -> None:
    """Keep the reverse map's lock until the action is complete, if the hook asked for it."""
    if desc.action.hide_from_rmap_until_complete:
        vma.vm_file.f_mapping.rmap_hidden = True
        if desc.k_mm.log is not None:
            desc.k_mm.log.event("rmap_lock", file=vma.vm_file)


def _complete(state: MmapState, vma: VmAreaStruct) -> None:
    """__mmap_complete(): free what was replaced, count, lock, and set the page protection."""
    mm = state.mm
    if state.vms is not None:
        vms_complete_munmap_vmas(mm, state.vms)
    mm.total_vm = add(mm.total_vm, state.pages)
    locked = (vma.vm_flags & VM_LOCKED) != 0
    if locked is not False:
        _lock(state, vma, locked=locked)
    vma_set_page_prot(vma)


def _lock(state: MmapState, vma: VmAreaStruct, *, locked: bool) -> None:
    """Count a locked mapping, or take the flag off one that can't be (vma_supports_mlock())."""
    mm = state.mm
    special = (vma.vm_flags & (VM_SPECIAL | VM_DROPPABLE)) != 0
    if vma.vm_file is not None:
        special = special | IS_DAX(vma.vm_file.f_mapping.host)
    vma.vm_flags = select(locked & special, cleared(vma.vm_flags, VM_LOCKED_MASK), vma.vm_flags)
    mm.locked_vm = add(mm.locked_vm, select(locked & lnot(special), state.pages, 0))


def _abort(state: MmapState, err: int) -> int:
    """Undo the accounting; what was replaced stays gone once it was closed."""
    mm = state.mm
    mm.memory.uncharge(state.charged)
    if state.file_doesnt_need_get:
        fput(state.file)
    if state.vms is not None:
        vms_abort_munmap_vmas(mm, state.vms)
    return err
