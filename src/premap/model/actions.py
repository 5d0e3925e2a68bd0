# SPDX-License-Identifier: GPL-2.0-only
"""What an `->mmap_prepare` hook can have done to the finished mapping.

`struct mmap_action` (include/linux/mm_types.h), its helpers (include/linux/mm.h), and the two
stages: preparation before merging, completion on a new VMA (mm/util.c, mm/memory.c, mm/internal.h).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from premap.model import populate
from premap.model.bits import VM_MIXEDMAP, VM_PFNMAP, VM_REMAP_FLAGS
from premap.model.constants import MAX_ERRNO
from premap.model.errors import KernelBug
from premap.model.flags import is_cow_mapping
from premap.model.pgprot import pgprot_decrypted
from premap.model.words import PAGE_SHIFT, add, shl, sub

if TYPE_CHECKING:
    from premap.model.desc import VmAreaDesc
    from premap.model.vma import VmAreaStruct

MMAP_NOTHING = 0
MMAP_REMAP_PFN = 1
MMAP_IO_REMAP_PFN = 2
MMAP_SIMPLE_IO_REMAP = 3
MMAP_MAP_KERNEL_PAGES = 4

ACTION_NAMES = ("nothing", "remap", "ioremap", "simple_ioremap", "map_kernel_pages")


class MmapAction:
    """`struct mmap_action`: one action; a second helper call replaces the first.

    A hook may set `error_override` (a negative errno that replaces an error of the action or of
    `->mapped`) and `hide_from_rmap_until_complete`; the rest reads only. `arguments` are those of
    the kind: (start, start_pfn, size, pgprot) for remaps, (start_phys_addr, size) for
    simple_ioremap, (start, pages, nr_pages, pgoff) for kernel pages.
    """

    __slots__ = ("_arguments", "_type", "error_override", "hide_from_rmap_until_complete")

    def __init__(self) -> None:
        self._type = MMAP_NOTHING
        self._arguments: tuple[Any, ...] = ()
        self.error_override = 0
        self.hide_from_rmap_until_complete = False

    @property
    def type(self) -> int:
        """One of the MMAP_ constants."""
        return self._type

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The arguments, by kind; the union of the C structure."""
        return self._arguments

    def record(self, kind: int, *arguments: Any) -> None:
        """Set kind and arguments. For the helpers: a hook calls those."""
        self._type = kind
        self._arguments = arguments


def mmap_action_remap(desc: VmAreaDesc, start: int, start_pfn: int, size: int) -> None:
    """mmap_action_remap: map PFNs from `start_pfn` at `start`, `size` bytes of them.

    Copies `desc.page_prot` as it is now. A range outside the mapping warns; the preparation then
    fails with EFAULT.
    """
    mm = desc.k_mm
    if mm.log is not None:
        outside = (start < desc.k_start) | (start >= desc.k_end)
        mm.warn("an action that starts outside the mapping", condition=outside)
        mm.warn("an action that ends beyond the mapping", condition=add(start, size) > desc.k_end)
    desc.action.record(MMAP_REMAP_PFN, start, start_pfn, size, desc.page_prot)


def mmap_action_remap_full(desc: VmAreaDesc, start_pfn: int) -> None:
    """mmap_action_remap_full: the whole mapping, from `start_pfn` on."""
    mmap_action_remap(desc, desc.k_start, start_pfn, sub(desc.k_end, desc.k_start))


def mmap_action_ioremap(desc: VmAreaDesc, start: int, start_pfn: int, size: int) -> None:
    """mmap_action_ioremap: mmap_action_remap() of I/O memory."""
    mmap_action_remap(desc, start, start_pfn, size)
    action = desc.action
    action.record(MMAP_IO_REMAP_PFN, *action.arguments)


def mmap_action_ioremap_full(desc: VmAreaDesc, start_pfn: int) -> None:
    """mmap_action_ioremap_full: the whole mapping, from `start_pfn` on."""
    mmap_action_ioremap(desc, desc.k_start, start_pfn, sub(desc.k_end, desc.k_start))


def mmap_action_simple_ioremap(desc: VmAreaDesc, start_phys_addr: int, size: int) -> None:
    """mmap_action_simple_ioremap: I/O memory from `start_phys_addr` (bytes), `size` bytes of it.

    The preparation adds `desc.pgoff` and checks the range: EINVAL where the mapping does not fit.
    It reads `page_prot` and `pgoff` only then.
    """
    desc.action.record(MMAP_SIMPLE_IO_REMAP, start_phys_addr, size)


def mmap_action_map_kernel_pages(desc: VmAreaDesc, start: int, pages: Any, nr_pages: int) -> None:
    """mmap_action_map_kernel_pages: map the first `nr_pages` pages of an array at `start`.

    A range outside the mapping fails with EFAULT. The mapping's own protection is used, as it is
    when the mapping is complete.
    """
    desc.action.record(MMAP_MAP_KERNEL_PAGES, start, pages, nr_pages, desc.pgoff)


def mmap_action_map_kernel_pages_full(desc: VmAreaDesc, pages: Any) -> None:
    """mmap_action_map_kernel_pages_full: fill the whole mapping from the array."""
    nr_pages = sub(desc.k_end, desc.k_start) >> PAGE_SHIFT
    mmap_action_map_kernel_pages(desc, desc.k_start, pages, nr_pages)


def mmap_action_prepare(desc: VmAreaDesc) -> int:
    """mmap_action_prepare: check the action, set the flags it needs. 0, -EFAULT or -EINVAL.

    `error_override` does not apply to these errors; one that is no negative errno is one itself.
    """
    action = desc.k_action
    if action is None:
        return 0
    override = action.error_override
    if override != 0 and not -MAX_ERRNO <= override < 0:
        desc.k_mm.warn("error_override is not a negative errno")
        return -errno.EINVAL
    kind = action.type
    if kind == MMAP_NOTHING:
        return 0
    if kind == MMAP_REMAP_PFN:
        return _remap_pfn_range_prepare(desc, action)
    if kind == MMAP_IO_REMAP_PFN:
        return _io_remap_pfn_range_prepare(desc, action)
    if kind == MMAP_SIMPLE_IO_REMAP:
        return _simple_ioremap_prepare(desc, action)
    return _map_kernel_pages_prepare(desc, action)


def _outside(desc: VmAreaDesc, start: int, end: int) -> bool:
    """Negate range_in_vma_desc(): a wrapped `end` may pass, as in the kernel."""
    return (start < desc.k_start) | (desc.k_end < end)


def _remap_pfn_range_prepare(desc: VmAreaDesc, action: MmapAction) -> int:
    """remap_pfn_range_prepare(): a copy-on-write mapping is remapped whole, and renumbered."""
    start, pfn, size, _ = action.arguments
    end = add(start, size)
    if _outside(desc, start, end):
        return -errno.EFAULT
    if is_cow_mapping(desc.k_flags):
        if (start != desc.k_start) | (end != desc.k_end):
            return -errno.EINVAL
        desc.pgoff = pfn
    desc.k_flags = desc.k_flags | VM_REMAP_FLAGS
    return 0


def _io_remap_pfn_range_prepare(desc: VmAreaDesc, action: MmapAction) -> int:
    """io_remap_pfn_range_prepare(): the same, of memory that is not encrypted."""
    start, pfn, size, prot = action.arguments
    action.record(MMAP_IO_REMAP_PFN, start, pfn, size, pgprot_decrypted(prot))
    err = _remap_pfn_range_prepare(desc, action)
    if err:
        return err
    action.record(MMAP_REMAP_PFN, *action.arguments)
    return 0


def _simple_ioremap_prepare(desc: VmAreaDesc, action: MmapAction) -> int:
    """simple_ioremap_prepare(): find the PFN, then remap the whole mapping."""
    start_phys, size = action.arguments
    length = sub(desc.k_end, desc.k_start)
    err, pfn = populate.simple_ioremap_prep(length, desc.pgoff, start_phys, size)
    if err:
        return err
    mmap_action_ioremap_full(desc, pfn)
    return _io_remap_pfn_range_prepare(desc, action)


def _map_kernel_pages_prepare(desc: VmAreaDesc, action: MmapAction) -> int:
    """map_kernel_pages_prepare(): MIXEDMAP is set even where the range then proves wrong."""
    start, _, nr_pages, _ = action.arguments
    if desc.k_mm.log is not None:
        pfnmap_only = (desc.k_flags & (VM_MIXEDMAP | VM_PFNMAP)) == VM_PFNMAP
        desc.k_mm.warn("kernel pages in a PFNMAP mapping", condition=pfnmap_only)
    desc.k_flags = desc.k_flags | VM_MIXEDMAP
    if _outside(desc, start, add(start, shl(nr_pages, PAGE_SHIFT))):
        return -errno.EFAULT
    return 0


def mmap_action_complete(vma: VmAreaStruct, action: MmapAction | None, *, is_compat: bool) -> int:
    """mmap_action_complete: perform the action on the new VMA, then call `->mapped`.

    On failure the VMA is unmapped (its `->close` is called) and `error_override` replaces the
    error, unless `is_compat`: there the caller of the legacy hook cleans up.
    """
    mm = vma.vm_mm
    err = 0
    if action is not None and action.type != MMAP_NOTHING:
        if mm.log is not None:
            mm.log.event("action", type=ACTION_NAMES[action.type], arguments=action.arguments)
        err = mm.failing("action") or _perform(vma, action)
    if err == 0:
        err = _call_vma_mapped(vma)
    if action is not None and action.hide_from_rmap_until_complete:
        _rmap_unlock(vma, action)
    if err == 0 or is_compat:
        return err
    mm.do_munmap(vma.vm_start, sub(vma.vm_end, vma.vm_start))
    if action is not None and action.error_override != 0:
        return action.error_override
    return err


def _perform(vma: VmAreaStruct, action: MmapAction) -> int:
    if action.type == MMAP_REMAP_PFN:
        return populate.do_remap_pfn_range(vma, *action.arguments)
    if action.type == MMAP_MAP_KERNEL_PAGES:
        start, pages, nr_pages, _ = action.arguments
        return populate.insert_pages(vma, start, pages, 0, nr_pages, vma.vm_page_prot)[0]
    vma.vm_mm.warn("an action that the preparation should have turned into another")
    return -errno.EINVAL


def _call_vma_mapped(vma: VmAreaStruct) -> int:
    """call_vma_mapped(): private data that `->mapped` wrote counts only if it succeeds."""
    vm_ops = vma.vm_ops
    if vm_ops is None or vm_ops.mapped is None:
        return 0
    mm = vma.vm_mm
    err = mm.failing("mapped")
    if err:
        return err
    if mm.log is not None:
        mm.log.vma_event("mapped", vma)
    private_data = [vma.vm_private_data]
    err = mm.call(vm_ops.mapped, vma.vm_start, vma.vm_end, vma.vm_pgoff, vma.vm_file, private_data)
    if err == 0:
        vma.vm_private_data = private_data[0]
    return err


def _rmap_unlock(vma: VmAreaStruct, action: MmapAction) -> None:
    """maybe_rmap_unlock_action(): the reverse map may see the mapping now."""
    if not vma.vm_file.f_mapping.rmap_hidden:
        raise KernelBug("the reverse map is unlocked that nobody has locked (hide_from_rmap)")
    vma.vm_file.f_mapping.rmap_hidden = False
    action.hide_from_rmap_until_complete = False
    if vma.vm_mm.log is not None:
        vma.vm_mm.log.event("rmap_unlock", file=vma.vm_file)
