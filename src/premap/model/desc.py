# SPDX-License-Identifier: GPL-2.0-only
"""`struct vm_area_desc`: what an `->mmap_prepare` hook sees (include/linux/mm_types.h).

Its four kinds of field are enforced: immutable ones can't be assigned, write-only ones can't be
read, the action is set through helpers. What a C hook or the model itself needs is beside that:
`raw()` and `set_raw()`, by the kernel's field name. Slots whose name begins with `k_` are the
kernel's side of a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from premap.model.actions import MmapAction
from premap.model.file import vma_dummy_vm_ops
from premap.model.flags import VmaFlags, cleared, is_cow_mapping, mask_of
from premap.model.words import PAGE_SHIFT, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_RAW = {
    "mm": "k_mm",
    "file": "k_file",
    "start": "k_start",
    "end": "k_end",
    "pgoff": "pgoff",
    "vm_file": "vm_file",
    "vma_flags": "k_flags",
    "page_prot": "page_prot",
    "vm_ops": "k_vm_ops",
    "private_data": "k_private_data",
    "action": "action",
}


def _immutable(name: str) -> NoReturn:
    raise AttributeError(f"{name} of a vm_area_desc is immutable: a hook can't move the mapping")


def _write_only(name: str) -> NoReturn:
    raise AttributeError(f"{name} of a vm_area_desc is write-only: it holds nothing of use yet")


class VmAreaDesc:
    """`struct vm_area_desc`.

    `start`, `end` in bytes; `pgoff` in pages; `page_prot` a protection word (premap.model.pgprot);
    `vma_flags` a VmaFlags; `vm_file` may be replaced (the mapping takes over the reference).
    """

    __slots__ = (
        "k_action",
        "k_end",
        "k_file",
        "k_flags",
        "k_mm",
        "k_private_data",
        "k_start",
        "k_vm_ops",
        "page_prot",
        "pgoff",
        "vm_file",
    )

    def __init__(
        self,
        mm: AddressSpace,
        file: Any,
        start: int,
        end: int,
        pgoff: int,
        vma_flags: int,
        page_prot: int,
    ) -> None:
        self.k_mm = mm
        self.k_file = file
        self.k_start = start
        self.k_end = end
        self.pgoff = pgoff
        self.vm_file = file
        self.k_flags = vma_flags
        self.page_prot = page_prot
        self.k_vm_ops: Any = vma_dummy_vm_ops
        self.k_private_data: Any = None
        self.k_action: MmapAction | None = None

    @property
    def mm(self) -> AddressSpace:
        """The address space (immutable)."""
        return self.k_mm

    @mm.setter
    def mm(self, _value: object) -> None:
        _immutable("mm")

    @property
    def file(self) -> Any:
        """The file whose hook runs (immutable); stacked callers may have another `vm_file`."""
        return self.k_file

    @file.setter
    def file(self, _value: object) -> None:
        _immutable("file")

    @property
    def start(self) -> int:
        """First address (bytes; immutable)."""
        return self.k_start

    @start.setter
    def start(self, _value: object) -> None:
        _immutable("start")

    @property
    def end(self) -> int:
        """Address after the last byte (immutable)."""
        return self.k_end

    @end.setter
    def end(self, _value: object) -> None:
        _immutable("end")

    @property
    def vma_flags(self) -> VmaFlags:
        """The flags, as a value: changing a copy changes nothing here."""
        return VmaFlags(self.k_flags)

    @vma_flags.setter
    def vma_flags(self, value: VmaFlags) -> None:
        self.k_flags = value.bits

    @property
    def vm_ops(self) -> Any:
        """The operations of the mapping to come (write-only); None makes it anonymous."""
        _write_only("vm_ops")

    @vm_ops.setter
    def vm_ops(self, value: Any) -> None:
        self.k_vm_ops = value

    @property
    def private_data(self) -> Any:
        """`vm_private_data` of the mapping to come (write-only)."""
        _write_only("private_data")

    @private_data.setter
    def private_data(self, value: Any) -> None:
        self.k_private_data = value

    @property
    def action(self) -> MmapAction:
        """What is done once the mapping is set up; set with the mmap_action_xxx() helpers."""
        if self.k_action is None:
            self.k_action = MmapAction()
        return self.k_action

    @action.setter
    def action(self, _value: object) -> None:
        raise AttributeError("action of a vm_area_desc is set with the mmap_action_xxx() helpers")

    def raw(self, name: str) -> Any:
        """Return a field by the kernel's name, write-only ones included; flags as a word."""
        return getattr(self, _RAW[name])

    def set_raw(self, name: str, value: Any) -> None:
        """Set a field by the kernel's name, as C that breaks the rules can; flags as a word."""
        setattr(self, "k_action" if name == "action" else _RAW[name], value)


def vma_desc_size(desc: VmAreaDesc) -> int:
    """vma_desc_size: the size of the mapping, in bytes."""
    return sub(desc.k_end, desc.k_start)


def vma_desc_pages(desc: VmAreaDesc) -> int:
    """vma_desc_pages: the size of the mapping, in pages."""
    return sub(desc.k_end, desc.k_start) >> PAGE_SHIFT


def vma_desc_test(desc: VmAreaDesc, bit: int) -> bool:
    """vma_desc_test of 7.1 and later: the one flag is set."""
    return (desc.k_flags & (1 << bit)) != 0


def vma_desc_test_any(desc: VmAreaDesc, *bits: int) -> bool:
    """vma_desc_test_any: at least one of the flags is set."""
    return (desc.k_flags & mask_of(bits)) != 0


def vma_desc_test_flags(desc: VmAreaDesc, *bits: int) -> bool:
    """vma_desc_test_flags, the name that vma_desc_test_any() had up to 7.0."""
    return (desc.k_flags & mask_of(bits)) != 0


def vma_desc_test_all(desc: VmAreaDesc, *bits: int) -> bool:
    """vma_desc_test_all: each of the flags is set."""
    mask = mask_of(bits)
    return (desc.k_flags & mask) == mask


def vma_desc_set_flags(desc: VmAreaDesc, *bits: int) -> None:
    """vma_desc_set_flags: set the flags with the given bit numbers."""
    desc.k_flags = desc.k_flags | mask_of(bits)


def vma_desc_clear_flags(desc: VmAreaDesc, *bits: int) -> None:
    """vma_desc_clear_flags: clear the flags with the given bit numbers."""
    desc.k_flags = cleared(desc.k_flags, mask_of(bits))


def vma_desc_set_anonymous(desc: VmAreaDesc) -> None:
    """vma_desc_set_anonymous: no operations, so anonymous; for /dev/zero only."""
    desc.k_vm_ops = None


def vma_desc_is_cow_mapping(desc: VmAreaDesc) -> bool:
    """vma_desc_is_cow_mapping: written pages would be copied."""
    return is_cow_mapping(desc.k_flags)
