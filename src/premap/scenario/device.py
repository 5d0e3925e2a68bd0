# SPDX-License-Identifier: GPL-2.0-only
"""The programmable device of the scenario format, as hooks on the model."""

from __future__ import annotations

import errno
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from premap.model.actions import (
    mmap_action_ioremap,
    mmap_action_ioremap_full,
    mmap_action_map_kernel_pages,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap,
    mmap_action_remap_full,
    mmap_action_simple_ioremap,
)
from premap.model.area import mm_get_unmapped_area
from premap.model.bits import VM_MIXEDMAP, VM_PFNMAP
from premap.model.compat import (
    compat_set_desc_from_vma,
    compat_vma_mmap_complete,
    desc_from_vma,
    vfs_mmap,
    vfs_mmap_prepare,
)
from premap.model.constants import FOP_MMAP_SYNC, FOP_UNSIGNED_OFFSET
from premap.model.desc import VmAreaDesc, vma_desc_clear_flags, vma_desc_set_flags
from premap.model.fault import FAULT_FLAG_WRITE, VM_FAULT_LOCKED, VM_FAULT_SIGBUS, VmFault
from premap.model.file import (
    AddressSpaceMapping,
    File,
    FileOperations,
    Inode,
    VmOperations,
    get_file,
)
from premap.model.flags import (
    VmaFlags,
    append_vma_flags,
    cleared,
    is_cow_mapping,
    mask_of,
    smaps_flags,
)
from premap.model.legacy import (
    generic_file_mmap,
    generic_file_mmap_prepare,
    generic_file_readonly_mmap,
    generic_file_readonly_mmap_prepare,
    io_remap_pfn_range,
    remap_pfn_range,
    vm_flags_clear,
    vm_flags_init,
    vm_flags_mod,
    vm_flags_reset,
    vm_flags_set,
    vm_insert_page,
    vm_insert_pages,
    vm_iomap_memory,
    vm_map_pages,
    vm_map_pages_zero,
    vma_clear_flags,
    vma_set_file,
    vma_set_flags,
    vmf_insert_mixed,
    vmf_insert_pfn,
    zap_special_vma_range,
)
from premap.model.pagetable import Page
from premap.model.pgprot import pgprot_noncached, pgprot_writecombine
from premap.model.vma import VmAreaStruct, vma_pages, vma_size
from premap.model.words import PAGE_SHIFT, add, shl
from premap.scenario.questions import asked_of_desc, asked_of_vma
from premap.scenario.reader import Json, number
from premap.scenario.steps import DEVICE_PAGES, VMA_BITS

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

MOST_ASKED = 1 << 46
"""Lengths (bytes) of which every machine asks a driver where they go."""
Word = Callable[[int], int]
"""Makes a word of a number: the number itself, or a constant of the symbolic kind."""

_PROTECTIONS = {"writecombine": pgprot_writecombine, "noncached": pgprot_noncached}
_FIRST_PFN = 0x100000
_PFN_STRIDE = 0x1000


def _bits(names: list[str]) -> tuple[int, ...]:
    return tuple(VMA_BITS[name] for name in names)


class Device:
    """A device file: 16 physically contiguous pages, and a programme for its hook.

    Every call is logged to `events` as the format says; `devices` are all of the scenario's;
    `pgoff_text` writes page offsets, `current` says whose address space it is.
    """

    def __init__(
        self,
        step: Json,
        index: int,
        events: list[Json],
        devices: dict[str, Device],
        pgoff_text: Callable[[int], int | str],
        word: Word,
        current: Callable[[], AddressSpace],
    ) -> None:
        self.name = name = step["name"]
        self.first_pfn = _FIRST_PFN + index * _PFN_STRIDE
        self.pages = [Page(self.first_pfn + i, f"{name}:{i}") for i in range(DEVICE_PAGES)]
        self.events = events
        self.devices = devices
        self.pgoff_text = pgoff_text
        self.word = word
        self.current = current
        self.programme: Json = {}
        if step["hook"] == "mmap":
            f_op = FileOperations(mmap=self.mmap)
        else:
            f_op = FileOperations(mmap_prepare=self.mmap_prepare)
        f_op.fop_flags = FOP_MMAP_SYNC if step.get("sync") else 0
        f_op.fop_flags |= FOP_UNSIGNED_OFFSET if step.get("unsigned") else 0
        f_op.get_unmapped_area = self.get_unmapped_area if step.get("area") else None
        mapping = AddressSpaceMapping(Inode(), read_folio=step.get("cached", False))
        self.file = File(f_op, mapping=mapping, name=name)

    def get_unmapped_area(self, file: File, addr: int, length: int, pgoff: int, flags: int) -> int:
        """Let the kernel choose, as drivers do that only want to be asked."""
        if self.programme.get("asked") and operator.index(length) < MOST_ASKED:
            where = {"addr": operator.index(addr), "len": operator.index(length)}
            more = {"pgoff": self.pgoff_text(pgoff), "flags": operator.index(flags)}
            self.events.append({"call": "area", "file": self.name, **where, **more})
        return mm_get_unmapped_area(self.current(), file, addr, length, pgoff, flags)

    def operations(self, callbacks: list[str]) -> VmOperations:
        """Return a table of operations with the callbacks of the given names."""
        table: dict[str, Any] = {
            "open": self._callback("open"),
            "close": self._callback("close"),
            "mapped": self._mapped,
            "fault": self._fault,
            "may_split": self._callback("may_split"),
            "mremap": self._callback("mremap"),
            "mprotect": self._callback("mprotect"),
            "page_mkwrite": self._page_mkwrite,
            "pfn_mkwrite": self._pfn_mkwrite,
        }
        return VmOperations(**{name: table[name] for name in callbacks})

    def mmap_prepare(self, desc: VmAreaDesc) -> int:
        """Run the programme as an `->mmap_prepare` hook."""
        self._log_hook("mmap_prepare", desc.start, desc.end, desc.pgoff, desc.vma_flags.bits)
        programme = self.programme
        if "ret" in programme:  # a hook in Python may fail in either way
            raise OSError(getattr(errno, programme["ret"]), programme["ret"])
        self._change_desc_flags(desc)
        if "prot" in programme:
            desc.page_prot = _PROTECTIONS[programme["prot"]](desc.page_prot)
        if "pgoff" in programme:
            desc.pgoff = self._number("pgoff")
        if "vm_ops" in programme:
            callbacks = programme["vm_ops"]
            desc.vm_ops = None if callbacks is None else self.operations(callbacks)
        if "private_data" in programme:
            desc.private_data = self._number("private_data")
        if "vm_file" in programme:
            desc.vm_file = get_file(self.devices[programme["vm_file"]].file)
        if "action" in programme:
            self._record_action(desc, programme["action"])
        if "error_override" in programme:
            desc.action.error_override = _error(programme["error_override"])
        if "hide_from_rmap" in programme:
            desc.action.hide_from_rmap_until_complete = programme["hide_from_rmap"]
        if "test" in programme:
            self._answer(asked_of_desc(desc, _bits(programme["test"])))
        plain, readonly = generic_file_mmap_prepare, generic_file_readonly_mmap_prepare
        return self._generic(desc.file, plain, readonly, desc)

    def _change_desc_flags(self, desc: VmAreaDesc) -> None:
        programme = self.programme
        on, off = _bits(programme.get("set", [])), _bits(programme.get("clear", []))
        if programme.get("by") == "init":
            changed = append_vma_flags(desc.vma_flags, *on)
            desc.vma_flags = VmaFlags(cleared(changed.bits, mask_of(off)))
            return
        vma_desc_set_flags(desc, *on)
        vma_desc_clear_flags(desc, *off)

    def _change_vma_flags(self, vma: VmAreaStruct) -> None:
        programme = self.programme
        on, off = _bits(programme.get("set", [])), _bits(programme.get("clear", []))
        way = programme.get("by", "mask")
        if way == "bits":
            vma_set_flags(vma, *on)
            vma_clear_flags(vma, *off)
        elif way == "mod":
            vm_flags_mod(vma, mask_of(on), mask_of(off))
        elif way == "init":
            vm_flags_reset(vma, vma.vm_flags | mask_of(on))
            vm_flags_init(vma, cleared(vma.vm_flags, mask_of(off)))
        else:
            vm_flags_set(vma, mask_of(on))
            vm_flags_clear(vma, mask_of(off))

    def _generic(
        self, file: File, plain: Callable[..., Any], readonly: Callable[..., Any], *on: Any
    ) -> int:
        """End the hook with the helper for files that the programme says, if it says one."""
        which = self.programme.get("generic")
        if which is None:
            return 0
        before = file.accessed
        err = int((readonly if which == "readonly" else plain)(*on))
        if self.devices[file.name].programme.get("accessed"):
            told = {"call": "accessed", "file": file.name}
            self.events += [told] * (file.accessed - before)
        return err

    def _answer(self, answers: Json) -> None:
        answers["last"] = self.pgoff_text(answers["last"])
        self.events.append({"call": "test", "file": self.name, **answers})

    def mmap(self, file: File, vma: VmAreaStruct) -> int:
        """Run the programme as a legacy `->mmap` hook."""
        del file
        self._log_hook("mmap", vma.vm_start, vma.vm_end, vma.vm_pgoff, vma.vm_flags)
        programme = self.programme
        if "ret" in programme:
            return -int(getattr(errno, programme["ret"]))
        self._change_vma_flags(vma)
        if "prot" in programme:
            vma.vm_page_prot = _PROTECTIONS[programme["prot"]](vma.vm_page_prot)
        if "pgoff" in programme:
            vma.vm_pgoff = self._number("pgoff")
        if "vm_ops" in programme:
            callbacks = programme["vm_ops"]
            vma.vm_ops = None if callbacks is None else self.operations(callbacks)
        if "private_data" in programme:
            vma.vm_private_data = self._number("private_data")
        if "vm_file" in programme:
            vma_set_file(vma, self.devices[programme["vm_file"]].file)
        if "lower" in programme:
            return self._call_lower(vma, self.devices[programme["lower"]].file)
        if "test" in programme:
            self._answer(asked_of_vma(vma, _bits(programme["test"])))
        err = self._populate(vma, programme["action"]) if "action" in programme else 0
        return err or self._finish(vma)

    def _call_lower(self, vma: VmAreaStruct, lower: File) -> int:
        """Call the hook of a lower file, in either way that there is."""
        if not self.programme.get("kept"):
            vma_set_file(vma, lower)
        if not self.programme.get("filled"):
            return int(vfs_mmap(lower, vma))
        desc = desc_from_vma(lower, vma)
        compat_set_desc_from_vma(desc, lower, vma)
        err = int(vfs_mmap_prepare(lower, desc))
        return err or compat_vma_mmap_complete(desc, vma)

    def _finish(self, vma: VmAreaStruct) -> int:
        if "zap" in self.programme:
            start, size = (self.word(number(self.programme["zap"][k])) for k in ("start", "size"))
            zap_special_vma_range(vma, add(vma.vm_start, start), size)
        if self.programme.get("twice") and "action" in self.programme:
            err = self._populate(vma, self.programme["action"])
            if err:
                return err
        file = vma.vm_file
        return self._generic(file, generic_file_mmap, generic_file_readonly_mmap, file, vma)

    def _number(self, key: str) -> int:
        return self.word(number(self.programme[key]))

    def _record_action(self, desc: VmAreaDesc, action: Json) -> None:
        argument = {
            name: self.word(number(value)) for name, value in action.items() if name != "kind"
        }
        page = number(action["page"])
        pfn = self.word(self.first_pfn + page)
        kind = action["kind"]
        if kind in ("remap", "ioremap"):
            start = add(desc.start, argument["start"])
            helper = mmap_action_remap if kind == "remap" else mmap_action_ioremap
            helper(desc, start, pfn, argument["size"])
        elif kind == "remap_full":
            mmap_action_remap_full(desc, pfn)
        elif kind == "ioremap_full":
            mmap_action_ioremap_full(desc, pfn)
        elif kind == "simple_ioremap":
            start = add(shl(pfn, PAGE_SHIFT), argument.get("within", 0))
            mmap_action_simple_ioremap(desc, start, argument["size"])
        elif kind == "map_kernel_pages":
            start = add(desc.start, argument["start"])
            mmap_action_map_kernel_pages(desc, start, self.pages[page:], argument["pages"])
        else:
            mmap_action_map_kernel_pages_full(desc, self.pages[page:])

    def _populate(self, vma: VmAreaStruct, action: Json) -> int:
        argument = {
            name: self.word(number(value)) for name, value in action.items() if name != "kind"
        }
        page = number(action["page"])
        pfn = self.word(self.first_pfn + page)
        kind = action["kind"]
        prot = vma.vm_page_prot
        if kind == "simple_ioremap":
            start = add(shl(pfn, PAGE_SHIFT), argument.get("within", 0))
            return vm_iomap_memory(vma, start, argument["size"])
        start = add(vma.vm_start, argument.get("start", 0))
        if kind == "insert_page":
            return vm_insert_page(vma, start, self.pages[page])
        if kind in ("map_pages", "map_pages_zero"):
            helper = vm_map_pages if kind == "map_pages" else vm_map_pages_zero
            return helper(vma, self.pages[page:], argument["pages"])
        if kind.startswith("map_kernel_pages"):
            count = argument["pages"] if "pages" in argument else vma_pages(vma)
            return self._insert(vma, start, page, count)
        size = argument["size"] if "size" in argument else vma_size(vma)
        remap = io_remap_pfn_range if kind.startswith("ioremap") else remap_pfn_range
        return remap(vma, start, pfn, size, prot)

    def _insert(self, vma: VmAreaStruct, start: int, page: int, count: int) -> int:
        """Insert pages, and say how many were not, if the programme asks for that."""
        left = [count]
        err = vm_insert_pages(vma, start, self.pages[page:], left)
        if self.programme.get("left"):
            pages = operator.index(left[0])
            self.events.append({"call": "left", "file": self.name, "pages": pages})
        return err

    def _log_hook(self, call: str, start: int, end: int, pgoff: int, flags: int) -> None:
        self.events.append(
            {
                "call": call,
                "file": self.name,
                "start": operator.index(start),
                "end": operator.index(end),
                "pgoff": self.pgoff_text(pgoff),
                "flags": smaps_flags(flags),
            }
        )

    def _log_callback(
        self, call: str, file: File, start: int, end: int, pgoff: int, private: Any
    ) -> None:
        self.events.append(
            {
                "call": call,
                "file": file.name,
                "start": operator.index(start),
                "end": operator.index(end),
                "pgoff": self.pgoff_text(pgoff),
                "private_data": 0 if private is None else operator.index(private),
            }
        )

    def _callback(self, call: str) -> Callable[..., int]:
        """Return a callback that gets a VMA; it is the mapped file's device that answers."""

        def callback(vma: VmAreaStruct, *more: Any) -> int:
            del more
            file, private = vma.vm_file, vma.vm_private_data
            self._log_callback(call, file, vma.vm_start, vma.vm_end, vma.vm_pgoff, private)
            return self.devices[file.name].answer(call)

        return callback

    def answer(self, call: str) -> int:
        """Return what the programme says that a callback returns."""
        refused = self.programme.get(f"{call}_ret")
        return 0 if refused is None else -int(getattr(errno, refused))

    def _mapped(
        self, start: int, end: int, pgoff: int, file: File, private: list[Any]
    ) -> int | None:
        self._log_callback("mapped", file, start, end, pgoff, private[0])
        device = self.devices[file.name]
        if "mapped_data" in device.programme:
            private[0] = self.word(number(device.programme["mapped_data"]))
        return device.answer("mapped") or None

    def _log_fault(self, call: str, vmf: VmFault) -> Device:
        """Log a fault; return the device of the mapping's file."""
        device = self.devices[vmf.vma.vm_file.name]
        self.events.append(
            {
                "call": call,
                "file": device.name,
                "pgoff": self.pgoff_text(vmf.pgoff),
                "write": bool(vmf.flags & FAULT_FLAG_WRITE),
            }
        )
        return device

    def _fault(self, vmf: VmFault) -> int | None:
        device = self._log_fault("fault", vmf)
        if vmf.pgoff >= DEVICE_PAGES:
            return VM_FAULT_SIGBUS
        index = operator.index(vmf.pgoff)
        pfn = self.word(device.first_pfn + index)
        how = device.programme.get("fault", "page")
        if how == "mixed":
            return vmf_insert_mixed(vmf.vma, vmf.address, pfn)
        if how == "pfn":
            raw = _takes_pfns(vmf.vma)
            return vmf_insert_pfn(vmf.vma, vmf.address, pfn) if raw else VM_FAULT_SIGBUS
        if (vmf.vma.vm_flags & VM_PFNMAP) != 0:
            return VM_FAULT_SIGBUS
        vmf.page = device.pages[index]
        return None

    def _page_mkwrite(self, vmf: VmFault) -> int:
        device = self._log_fault("page_mkwrite", vmf)
        return VM_FAULT_SIGBUS if "mkwrite" in device.programme else VM_FAULT_LOCKED

    def _pfn_mkwrite(self, vmf: VmFault) -> int | None:
        device = self._log_fault("pfn_mkwrite", vmf)
        return VM_FAULT_SIGBUS if "mkwrite" in device.programme else None


def _error(value: str | int) -> int:
    """Return what `error_override` is set to: minus an errno, or a number that need not be one."""
    if isinstance(value, str) and not value[0].isdigit():
        return -int(getattr(errno, value))
    bits = number(value)
    return bits - (1 << 32) if bits >> 31 else bits


def _takes_pfns(vma: VmAreaStruct) -> bool:
    """Say whether vmf_insert_pfn() may be used: the kernel takes the driver's word for it."""
    kinds = vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)
    return kinds == VM_PFNMAP and not is_cow_mapping(vma.vm_flags)
