# SPDX-License-Identifier: GPL-2.0-only
"""`struct vm_area_struct`, and what is done to one (include/linux/mm_types.h, mm/vma.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.file import fput, vma_dummy_vm_ops
from premap.model.flags import VmaFlags, flag_names, is_cow_mapping, is_shared_maywrite
from premap.model.words import PAGE_SHIFT, add, sub

if TYPE_CHECKING:
    from premap.model.anon import AnonVma
    from premap.model.mm import AddressSpace
    from premap.model.pagetable import PteRange


class VmAreaStruct:
    """A mapping: [vm_start, vm_end) (bytes), from page `vm_pgoff` of `vm_file` on.

    `vm_flags` is the word of flags and `flags` the same as a `VmaFlags`; `vm_page_prot` is a
    protection word (premap.model.pgprot); `vm_ops` None means anonymous; `ptes` are its page table
    entries; `anon_pgoff` (pages) is where its anonymous pages are filed.
    """

    __slots__ = (
        "anon_chain",
        "anon_name",
        "anon_pgoff",
        "anon_vma",
        "ptes",
        "vm_end",
        "vm_file",
        "vm_flags",
        "vm_mm",
        "vm_ops",
        "vm_page_prot",
        "vm_pgoff",
        "vm_private_data",
        "vm_start",
    )

    def __init__(
        self,
        mm: AddressSpace,
        start: int,
        end: int,
        pgoff: int,
        anon_pgoff: int,
        vm_flags: int,
        page_prot: int,
    ) -> None:
        self.vm_mm = mm
        self.vm_start = start
        self.vm_end = end
        self.vm_pgoff = pgoff
        self.anon_pgoff = anon_pgoff
        self.vm_flags = vm_flags
        self.vm_page_prot = page_prot
        self.vm_file: Any = None
        self.vm_ops: Any = vma_dummy_vm_ops
        self.vm_private_data: Any = None
        self.anon_vma: AnonVma | None = None
        self.anon_chain: tuple[AnonVma, ...] = ()
        self.anon_name: str | None = None
        self.ptes: list[PteRange] = []

    @property
    def flags(self) -> VmaFlags:
        """The flags as a vma_flags_t."""
        return VmaFlags(self.vm_flags)

    @flags.setter
    def flags(self, value: VmaFlags) -> None:
        self.vm_flags = value.bits

    def __repr__(self) -> str:
        return (
            f"<VmAreaStruct {self.vm_start!r}-{self.vm_end!r} pgoff={self.vm_pgoff!r} "
            f"{flag_names(self.vm_flags)} file={self.vm_file!r}>"
        )


def vma_pages(vma: VmAreaStruct) -> int:
    """vma_pages: the size of the mapping, in pages."""
    return sub(vma.vm_end, vma.vm_start) >> PAGE_SHIFT


def vma_size(vma: VmAreaStruct) -> int:
    """Return the size of the mapping, in bytes."""
    return sub(vma.vm_end, vma.vm_start)


def vma_start_pgoff(vma: VmAreaStruct) -> int:
    """vma_start_pgoff: the page offset of the first page."""
    return vma.vm_pgoff


def vma_end_pgoff(vma: VmAreaStruct) -> int:
    """vma_end_pgoff: the page offset after the last page."""
    return add(vma.vm_pgoff, vma_pages(vma))


def vma_last_pgoff(vma: VmAreaStruct) -> int:
    """vma_last_pgoff: the page offset of the last page."""
    return sub(vma_end_pgoff(vma), 1)


def vma_end_anon_pgoff(vma: VmAreaStruct) -> int:
    """vma_end_anon_pgoff: the anonymous page offset after the last page."""
    return add(vma.anon_pgoff, vma_pages(vma))


def linear_page_index(vma: VmAreaStruct, address: int) -> int:
    """linear_page_index: the page offset of `address` (include/linux/pagemap.h)."""
    return add(vma.vm_pgoff, sub(address, vma.vm_start) >> PAGE_SHIFT)


def linear_anon_page_index(vma: VmAreaStruct, address: int) -> int:
    """__linear_anon_page_index(): the anonymous page offset of `address`."""
    return add(vma.anon_pgoff, sub(address, vma.vm_start) >> PAGE_SHIFT)


def vma_add_pgoff(vma: VmAreaStruct, delta: int) -> None:
    """vma_add_pgoff: both offsets advance by `delta` pages (mm/vma.h)."""
    vma.vm_pgoff = add(vma.vm_pgoff, delta)
    vma.anon_pgoff = add(vma.anon_pgoff, delta)


def vma_is_anonymous(vma: VmAreaStruct) -> bool:
    """vma_is_anonymous: no operations, not even dummy ones."""
    return vma.vm_ops is None


def vma_is_cow_mapping(vma: VmAreaStruct) -> bool:
    """vma_is_cow_mapping: written pages are copied."""
    return is_cow_mapping(vma.vm_flags)


def vma_is_shared_maywrite(vma: VmAreaStruct) -> bool:
    """vma_is_shared_maywrite: SHARED and MAYWRITE are both set."""
    return is_shared_maywrite(vma.vm_flags)


def vm_area_dup(vma: VmAreaStruct) -> VmAreaStruct:
    """vm_area_dup: a copy without page tables, and in no tree (mm/vma_init.c)."""
    new = VmAreaStruct(
        vma.vm_mm,
        vma.vm_start,
        vma.vm_end,
        vma.vm_pgoff,
        vma.anon_pgoff,
        vma.vm_flags,
        vma.vm_page_prot,
    )
    new.vm_file = vma.vm_file
    new.vm_ops = vma.vm_ops
    new.vm_private_data = vma.vm_private_data
    new.anon_name = vma.anon_name
    return new


def call_open(vma: VmAreaStruct) -> None:
    """Call `->open`, if there is one: the VMA was split off, copied or forked."""
    vm_ops = vma.vm_ops
    if vm_ops is not None and vm_ops.open is not None:
        log = vma.vm_mm.log
        if log is not None:
            log.vma_event("open", vma)
        vm_ops.open(vma)


def vma_close(vma: VmAreaStruct) -> None:
    """vma_close: call `->close`, once; dummy operations take over (mm/internal.h)."""
    vm_ops = vma.vm_ops
    if vm_ops is not None and vm_ops.close is not None:
        log = vma.vm_mm.log
        if log is not None:
            log.vma_event("close", vma)
        vm_ops.close(vma)
        vma.vm_ops = vma_dummy_vm_ops


def remove_vma(vma: VmAreaStruct) -> None:
    """remove_vma: close the mapping and let go of its file (mm/vma.c)."""
    vma_close(vma)
    file = vma.vm_file
    if file is not None:
        file.f_mapping.i_mmap.pop(vma, None)
        fput(file)


def link_file(vma: VmAreaStruct) -> None:
    """vma_link_file(): the file's reverse map knows the mapping."""
    if vma.vm_file is not None:
        vma.vm_file.f_mapping.i_mmap[vma] = None
