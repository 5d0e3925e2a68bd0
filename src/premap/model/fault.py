# SPDX-License-Identifier: GPL-2.0-only
"""Page faults: what an access finds, or makes (mm/memory.c).

Fault-around (`->map_pages`) and huge pages are not modelled: a fault maps one page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model import pagetable
from premap.model.anon import anon_vma_prepare
from premap.model.bits import (
    VM_ACCESS_FLAGS,
    VM_DROPPABLE,
    VM_GROWSDOWN,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_SHARED,
    VM_WRITE,
)
from premap.model.errors import NotModelled, Sigbus, Sigsegv
from premap.model.file import VmOperations, file_inode
from premap.model.pagetable import GUARD, AnonPages, Page, Pte, PteRange
from premap.model.pgprot import pgprot_writable
from premap.model.stack import expand_downwards
from premap.model.vma import VmAreaStruct, linear_page_index
from premap.model.words import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, add, page_align

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

VM_FAULT_OOM = 0x000001
VM_FAULT_SIGBUS = 0x000002
VM_FAULT_MAJOR = 0x000004
VM_FAULT_HWPOISON = 0x000010
VM_FAULT_SIGSEGV = 0x000040
VM_FAULT_NOPAGE = 0x000100
VM_FAULT_LOCKED = 0x000200
VM_FAULT_RETRY = 0x000400
VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON

FAULT_FLAG_WRITE = 0x01


class CachePage:
    """A page of the page cache: page `index` of a file's `mapping`."""

    __slots__ = ("index", "mapping")

    def __init__(self, mapping: Any, index: int) -> None:
        self.mapping = mapping
        self.index = index


class VmFault:
    """`struct vm_fault`: a `->fault` handler finds where, and leaves the page in `page`.

    `address` (bytes) is that of the page; `pgoff` the page offset; `flags` has FAULT_FLAG_WRITE
    for a write. `page` is a `Page` or a `CachePage`.
    """

    __slots__ = ("address", "flags", "page", "pgoff", "real_address", "vma")

    def __init__(self, vma: VmAreaStruct, address: int, *, write: bool) -> None:
        self.vma = vma
        self.real_address = address
        self.address = address & PAGE_MASK
        self.pgoff = linear_page_index(vma, self.address)
        self.flags = FAULT_FLAG_WRITE if write else 0
        self.page: Page | CachePage | None = None


def touch(mm: AddressSpace, address: int, *, write: bool) -> None:
    """One access of the process; raises Sigsegv or Sigbus. The fault is repeated until it works.

    One that runs out of memory is, too: pagefault_out_of_memory() leaves it to the OOM killer.
    """
    vma = _find_vma(mm, address)
    needed = VM_WRITE if write else VM_ACCESS_FLAGS
    if (vma.vm_flags & needed) == 0:
        raise Sigsegv(address)
    for _ in range(3):
        entry = pagetable.lookup(mm, vma, address)
        if entry is not None and entry.kind is not GUARD and (not write or _writable(entry)):
            if write and not entry.dirty:  # what may be written is not always made so by a fault
                _one_page(mm, vma, address).dirty = True
            return
        result = handle_mm_fault(mm, vma, address, write=write)
        if result & VM_FAULT_SIGSEGV:
            raise Sigsegv(address)
        if result & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON):
            raise Sigbus(address)
    raise NotModelled("an access that would fault for ever")


def _find_vma(mm: AddressSpace, address: int) -> VmAreaStruct:
    """lock_mm_and_find_vma(): an access below a stack makes the stack grow (mm/mmap_lock.c)."""
    vmas = mm.tree.vmas
    position = mm.tree.locate(address)
    if position == len(vmas):
        raise Sigsegv(address)
    vma = vmas[position]
    if vma.vm_start <= address:
        return vma
    if (vma.vm_flags & VM_GROWSDOWN) == 0 or expand_downwards(mm, position, address):
        raise Sigsegv(address)
    return vma


def _writable(entry: PteRange) -> bool:
    return entry.write or pgprot_writable(entry.pgprot)


def handle_mm_fault(mm: AddressSpace, vma: VmAreaStruct, address: int, *, write: bool) -> int:
    """handle_mm_fault: returns VM_FAULT_ bits, 0 if the entry is there now.

    A write fault where a hook left WRITE but took MAYWRITE is refused before anyone is asked. Where
    a mapping may be dropped, a lack of memory is no error: nothing is there, and it faults again.
    """
    result = _handle_mm_fault(mm, vma, address, write=write)
    return result & ~VM_FAULT_OOM if (vma.vm_flags & VM_DROPPABLE) != 0 else result


def _handle_mm_fault(mm: AddressSpace, vma: VmAreaStruct, address: int, *, write: bool) -> int:
    if write and (vma.vm_flags & VM_MAYWRITE) == 0:
        return VM_FAULT_SIGSEGV
    entry = pagetable.lookup(mm, vma, address)
    if entry is not None:
        if entry.kind is GUARD:
            return VM_FAULT_SIGSEGV
        return _do_wp_page(mm, vma, address, entry) if write else 0
    vm_ops = vma.vm_ops
    if vm_ops is None:
        return _do_anonymous_page(mm, vma, address, write=write)
    if vm_ops.fault is None:
        return VM_FAULT_SIGBUS
    if not write:
        return _do_read_fault(mm, vma, address)
    if (vma.vm_flags & VM_SHARED) != 0:
        return _do_shared_fault(mm, vma, address)
    return _do_cow_fault(mm, vma, address)


def _set(
    mm: AddressSpace,
    vma: VmAreaStruct,
    address: int,
    kind: str,
    source: Any,
    index: int,
    *,
    write: bool,
) -> None:
    start = address & PAGE_MASK
    entry = PteRange(
        start, add(start, PAGE_SIZE), kind, source, index, vma.vm_page_prot, write=write
    )
    pagetable.insert(mm, vma, entry)


def _do_anonymous_page(mm: AddressSpace, vma: VmAreaStruct, address: int, *, write: bool) -> int:
    """do_anonymous_page(): a read maps the page of zeroes; a write makes a page."""
    if (vma.vm_flags & VM_SHARED) != 0:
        return VM_FAULT_SIGBUS
    if mm.failing("page_table"):
        return VM_FAULT_OOM
    if not write:
        _set(mm, vma, address, pagetable.ZERO, None, 0, write=False)
        return 0
    if anon_vma_prepare(mm, vma) or mm.failing("page"):
        return VM_FAULT_OOM
    _set(mm, vma, address, pagetable.ANON, AnonPages(), 0, write=True)
    return 0


def _call_fault(mm: AddressSpace, vmf: VmFault) -> int:
    """__do_fault(): ask the driver for the page."""
    vma = vmf.vma
    if mm.log is not None:
        write = bool(vmf.flags & FAULT_FLAG_WRITE)
        mm.log.event("fault", file=vma.vm_file, pgoff=vmf.pgoff, address=vmf.address, write=write)
    result = vma.vm_ops.fault(vmf)
    return 0 if result is None else int(result)


def _finish_fault(mm: AddressSpace, vmf: VmFault, *, write: bool) -> int:
    """finish_fault(): the entry for the page that the driver gave."""
    page = vmf.page
    if page is None:
        raise NotModelled("->fault returned neither a page nor a reason")
    kind, source, index = _origin(page)
    _set(mm, vmf.vma, vmf.address, kind, source, index, write=write)
    return 0


def _origin(page: Any) -> tuple[str, Any, int]:
    if isinstance(page, CachePage):
        return pagetable.FILE, page.mapping, page.index
    return pagetable.PAGE, (page,), 0


def _do_read_fault(mm: AddressSpace, vma: VmAreaStruct, address: int) -> int:
    """do_read_fault(): the page, as the VMA's protection says."""
    vmf = VmFault(vma, address, write=False)
    result = _call_fault(mm, vmf)
    if result & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY):
        return result
    return _finish_fault(mm, vmf, write=False)


def _do_shared_fault(mm: AddressSpace, vma: VmAreaStruct, address: int) -> int:
    """do_shared_fault(): the page, after `->page_mkwrite` agreed to its being written."""
    vmf = VmFault(vma, address, write=True)
    result = _call_fault(mm, vmf)
    if result & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY):
        return result
    if vma.vm_ops.page_mkwrite is not None:
        result = _mkwrite(mm, vmf, vma.vm_ops.page_mkwrite)
        if result:
            return result
    return _finish_fault(mm, vmf, write=True)


def _mkwrite(mm: AddressSpace, vmf: VmFault, callback: Any) -> int:
    """do_page_mkwrite(), wp_pfn_shared(): returns VM_FAULT_ bits that stop the fault."""
    if mm.log is not None:
        mm.log.event(
            "page_mkwrite", file=vmf.vma.vm_file, pgoff=vmf.pgoff, address=vmf.address, write=True
        )
    result = callback(vmf)
    code = 0 if result is None else int(result)
    return code & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)


def _do_cow_fault(mm: AddressSpace, vma: VmAreaStruct, address: int) -> int:
    """do_cow_fault(): a private copy of the page that the driver gives."""
    if anon_vma_prepare(mm, vma) or mm.failing("page"):
        return VM_FAULT_OOM
    vmf = VmFault(vma, address, write=True)
    result = _call_fault(mm, vmf)
    if result & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY):
        return result
    page = vmf.page
    if page is None:
        raise NotModelled("->fault returned neither a page nor a reason")
    kind, source, index = _origin(page)
    start = vmf.address
    original = PteRange(start, add(start, PAGE_SIZE), kind, source, index, vma.vm_page_prot)
    _set(mm, vma, address, pagetable.ANON, AnonPages(Pte(original, start)), 0, write=True)
    return 0


def _do_wp_page(mm: AddressSpace, vma: VmAreaStruct, address: int, entry: PteRange) -> int:
    """do_wp_page(): a write to a page that is mapped read-only."""
    if _writable(entry):
        return 0
    if (vma.vm_flags & (VM_SHARED | VM_MAYSHARE)) != 0:
        return _wp_shared(mm, vma, address, entry)
    if entry.kind is pagetable.ANON and not entry.source.shared:
        single = _one_page(mm, vma, address)
        if single.source.forked:  # and the others have gone: it is this one's alone again
            single.source = AnonPages(single.source.copied)
        _set_written(single)
        return 0
    if anon_vma_prepare(mm, vma) or mm.failing("page"):
        return VM_FAULT_OOM
    single = _one_page(mm, vma, address)
    if entry.kind is pagetable.ANON:
        copied = entry.source.copied
    else:
        copied = None if entry.kind is pagetable.ZERO else Pte(single, single.start)
    single.kind, single.source, single.first = pagetable.ANON, AnonPages(copied), 0
    single.pgprot = vma.vm_page_prot
    _set_written(single)
    return 0


def _set_written(entry: PteRange) -> None:
    entry.write = entry.dirty = True


def _wp_shared(mm: AddressSpace, vma: VmAreaStruct, address: int, entry: PteRange) -> int:
    """wp_page_shared(), wp_pfn_shared(): the driver may object."""
    vm_ops = vma.vm_ops
    raw = entry.kind is pagetable.PFN
    callback = None
    if vm_ops is not None:
        callback = vm_ops.pfn_mkwrite if raw else vm_ops.page_mkwrite
    if callback is not None:
        result = _mkwrite(mm, VmFault(vma, address, write=True), callback)
        if result:
            return result
    _set_written(_one_page(mm, vma, address))
    return 0


def _one_page(mm: AddressSpace, vma: VmAreaStruct, address: int) -> PteRange:
    """Cut the range so that the page at `address` has one of its own, and return that."""
    start = address & PAGE_MASK
    position = pagetable.split_at(mm, vma, start)
    single = vma.ptes[position]
    if add(start, PAGE_SIZE) < single.end:
        pagetable.split_at(mm, vma, add(start, PAGE_SIZE))
        single = vma.ptes[position]
    return single


def filemap_fault(vmf: VmFault) -> int:
    """filemap_fault: a page of the file; SIGBUS beyond its end (mm/filemap.c)."""
    file = vmf.vma.vm_file
    if vmf.pgoff >= page_align(file_inode(file).i_size) >> PAGE_SHIFT:
        return VM_FAULT_SIGBUS
    vmf.page = CachePage(file.f_mapping, vmf.pgoff)
    return VM_FAULT_LOCKED


def filemap_page_mkwrite(vmf: VmFault) -> int:
    """filemap_page_mkwrite: the page becomes dirty (mm/filemap.c)."""
    del vmf
    return VM_FAULT_LOCKED


generic_file_vm_ops = VmOperations(
    fault=filemap_fault, page_mkwrite=filemap_page_mkwrite, label="generic_file_vm_ops"
)
"""generic_file_vm_ops (mm/filemap.c)."""
