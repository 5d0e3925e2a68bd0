# SPDX-License-Identifier: GPL-2.0-only
"""Files and their operation tables (include/linux/fs.h; `vm_operations_struct` of mm.h).

Members of the tables are Python callables, or None. Any object that has the same attributes does
as a table: the interpreter of C passes pointers that look theirs up when asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from premap.model.bits import VM_SHARED_MAYWRITE
from premap.model.constants import (
    FMODE_READ,
    FMODE_WRITE,
    S_APPEND,
    S_DAX,
    S_IFCHR,
    S_IFREG,
    S_SWAPFILE,
)

if TYPE_CHECKING:
    from premap.model.vma import VmAreaStruct

Hook = Callable[..., Any]


class VmOperations:
    """`struct vm_operations_struct`: what a mapping's driver is told, and asked.

    `open(vma)`, `close(vma)`, `mapped(start, end, pgoff, file, private_data)` where `private_data`
    is a one-element list (C's `void **`), `may_split(vma, address)`, `mremap(vma)`,
    `mprotect(vma, start, end, newflags)`, `fault(vmf)`, `page_mkwrite(vmf)`, `pfn_mkwrite(vmf)`.
    """

    __slots__ = (
        "access",
        "close",
        "fault",
        "huge_fault",
        "label",
        "map_pages",
        "mapped",
        "may_split",
        "mprotect",
        "mremap",
        "name",
        "open",
        "page_mkwrite",
        "pagesize",
        "pfn_mkwrite",
    )

    def __init__(  # noqa: PLR0913 - one for each member of the table
        self,
        *,
        open: Hook | None = None,  # noqa: A002 - the kernel's name
        close: Hook | None = None,
        mapped: Hook | None = None,
        fault: Hook | None = None,
        may_split: Hook | None = None,
        mremap: Hook | None = None,
        mprotect: Hook | None = None,
        page_mkwrite: Hook | None = None,
        pfn_mkwrite: Hook | None = None,
        map_pages: Hook | None = None,
        huge_fault: Hook | None = None,
        access: Hook | None = None,
        name: Hook | None = None,
        pagesize: Hook | None = None,
        label: str = "",
    ) -> None:
        self.open = open
        self.close = close
        self.mapped = mapped
        self.fault = fault
        self.may_split = may_split
        self.mremap = mremap
        self.mprotect = mprotect
        self.page_mkwrite = page_mkwrite
        self.pfn_mkwrite = pfn_mkwrite
        self.map_pages = map_pages
        self.huge_fault = huge_fault
        self.access = access
        self.name = name
        self.pagesize = pagesize
        self.label = label

    def __repr__(self) -> str:
        return f"<VmOperations {self.label or hex(id(self))}>"


vma_dummy_vm_ops = VmOperations(label="vma_dummy_vm_ops")
"""vma_dummy_vm_ops: no callbacks, and yet not anonymous (mm/init-mm.c)."""


class FileOperations:
    """`struct file_operations`, as far as mmap() goes.

    `mmap(file, vma)` or `mmap_prepare(desc)`, never both; `get_unmapped_area(file, address, length,
    pgoff, flags)`, or the model's mm_get_unmapped_area; `fop_flags` of FOP_MMAP_SYNC and
    FOP_UNSIGNED_OFFSET.
    """

    __slots__ = ("fop_flags", "get_unmapped_area", "label", "mmap", "mmap_prepare")

    def __init__(
        self,
        mmap: Hook | None = None,
        mmap_prepare: Hook | None = None,
        *,
        get_unmapped_area: Hook | None = None,
        fop_flags: int = 0,
        label: str = "",
    ) -> None:
        self.mmap = mmap
        self.mmap_prepare = mmap_prepare
        self.get_unmapped_area = get_unmapped_area
        self.fop_flags = fop_flags
        self.label = label

    def __repr__(self) -> str:
        return f"<FileOperations {self.label or hex(id(self))}>"


class Inode:
    """`struct inode`: its type (`i_mode`), size in bytes, S_ flags and number of names."""

    __slots__ = ("i_flags", "i_mode", "i_nlink", "i_private", "i_size")

    def __init__(
        self,
        i_mode: int = S_IFCHR,
        *,
        i_size: int = 0,
        i_flags: int = 0,
        i_nlink: int = 1,
        i_private: Any = None,
    ) -> None:
        self.i_mode = i_mode
        self.i_size = i_size
        self.i_flags = i_flags
        self.i_nlink = i_nlink
        self.i_private = i_private


class AddressSpaceMapping:
    """`struct address_space`: the pages of a file, and the mappings of them (`i_mmap`).

    `read_folio`: the file system reads pages (`a_ops->read_folio`); `can_writeback`: dirty pages
    are written back, so writes are tracked; `deny_writable`: no new shared writable mapping
    (mapping_deny_writable(), a sealed memfd); `write_sealed`: F_SEAL_WRITE or F_SEAL_FUTURE_WRITE;
    `account`: what is told of each page that comes to be, by its index (shared memory that was
    not accounted at once), or None.
    """

    __slots__ = (
        "account",
        "can_writeback",
        "deny_writable",
        "host",
        "i_mmap",
        "read_folio",
        "rmap_hidden",
        "write_sealed",
    )

    def __init__(
        self, host: Inode, *, read_folio: bool = False, can_writeback: bool = False
    ) -> None:
        self.host = host
        self.read_folio = read_folio
        self.can_writeback = can_writeback
        self.deny_writable = False
        self.write_sealed = False
        self.rmap_hidden = False
        self.account: Callable[[int], bool] | None = None
        self.i_mmap: dict[VmAreaStruct, None] = {}

    @property
    def i_mmap_writable(self) -> int:
        """How many mappings are shared and may be written (needs concrete flags)."""
        return sum((vma.vm_flags & VM_SHARED_MAYWRITE) == VM_SHARED_MAYWRITE for vma in self.i_mmap)


class File:
    """`struct file`: an open file. `f_count` is 1 for whoever opened it.

    `f_mode` is a word of FMODE_READ and FMODE_WRITE, and may be symbolic; `noexec` says that the
    mount forbids execution; `name` is what maps() prints; `release` is called when the last
    reference is given back.
    """

    __slots__ = (
        "accessed",
        "f_count",
        "f_flags",
        "f_mapping",
        "f_mode",
        "f_op",
        "name",
        "noexec",
        "private_data",
        "release",
    )

    def __init__(  # noqa: PLR0913 - what an open file is
        self,
        f_op: Any,
        private_data: Any = None,
        readable: bool = True,  # noqa: FBT001, FBT002 - what open() was asked for
        writable: bool = True,  # noqa: FBT001, FBT002
        *,
        f_mode: int | None = None,
        mapping: AddressSpaceMapping | None = None,
        inode: Inode | None = None,
        noexec: bool = False,
        name: str = "",
    ) -> None:
        self.f_op = f_op
        self.private_data = private_data
        if f_mode is None:
            f_mode = (FMODE_READ if readable else 0) | (FMODE_WRITE if writable else 0)
        self.f_mode = f_mode
        if mapping is None:
            host = inode or Inode()
            regular = host.i_mode == S_IFREG
            mapping = AddressSpaceMapping(host, read_folio=regular, can_writeback=regular)
        self.f_mapping = mapping
        self.f_count = 1
        self.f_flags = 0
        self.accessed = 0
        self.noexec = noexec
        self.name = name
        self.release: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<File {self.name or hex(id(self))}>"


def get_file(file: Any) -> Any:
    """get_file: take a reference, and return the file."""
    file.f_count += 1
    return file


def fput(file: Any) -> None:
    """fput: give a reference back; the last one ends the file."""
    file.f_count -= 1
    if file.f_count == 0 and file.release is not None:
        file.release()


def file_inode(file: Any) -> Inode:
    """file_inode: the inode of an open file."""
    host: Inode = file.f_mapping.host
    return host


def file_accessed(file: Any) -> None:
    """file_accessed: the access time is updated; here, counted."""
    file.accessed += 1


def IS_DAX(inode: Inode) -> bool:  # noqa: N802 - the kernel's name
    """IS_DAX: the file's memory is mapped directly, without a page cache."""
    return (inode.i_flags & S_DAX) != 0


def IS_APPEND(inode: Inode) -> bool:  # noqa: N802 - the kernel's name
    """IS_APPEND: the file may only be appended to."""
    return (inode.i_flags & S_APPEND) != 0


def IS_SWAPFILE(inode: Inode) -> bool:  # noqa: N802 - the kernel's name
    """IS_SWAPFILE: swapon() uses the file."""
    return (inode.i_flags & S_SWAPFILE) != 0


def can_mmap_file(file: Any) -> bool:
    """can_mmap_file: the file has exactly one of the two hooks (include/linux/fs.h)."""
    f_op = file.f_op
    return (f_op.mmap is None) != (f_op.mmap_prepare is None)
