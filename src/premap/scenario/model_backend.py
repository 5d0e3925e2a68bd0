# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios on the model."""

from __future__ import annotations

import errno
import operator
import stat
from typing import Any

from premap.model.accounting import OVERCOMMIT_NEVER
from premap.model.anon import AnonVma
from premap.model.area import mm_get_unmapped_area
from premap.model.constants import (
    FMODE_READ,
    FMODE_WRITE,
    MAP_ANONYMOUS,
    MLOCK_ONFAULT,
    S_APPEND,
    S_IFREG,
    S_SWAPFILE,
)
from premap.model.errors import PageFaultError, errno_name
from premap.model.file import AddressSpaceMapping, File, FileOperations, Inode, file_inode
from premap.model.flags import smaps_flags
from premap.model.legacy import generic_file_mmap_prepare
from premap.model.mm import AddressSpace
from premap.model.pagetable import ANON, FILE, GUARD, PAGE, PFN, ZERO, Pte
from premap.model.shmem import memfd_add_seals, shmem_file, zero_fops
from premap.model.tree import SortedTree, VmaTree
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT, PAGE_SIZE, page_align
from premap.scenario.backend import MissingStep
from premap.scenario.device import Device, Word
from premap.scenario.numbers import numbers_of
from premap.scenario.reader import Json, number
from premap.scenario.steps import (
    ADVICE,
    DEVICE_PAGES,
    GROWS,
    MCL_FLAGS,
    MMAP_FLAGS,
    MREMAP_FLAGS,
    PROT,
    SEALS,
    bits_of,
)

_MODES = {"rw": FMODE_READ | FMODE_WRITE, "r": FMODE_READ, "w": FMODE_WRITE}
_ramfs = FileOperations(
    mmap_prepare=generic_file_mmap_prepare,
    get_unmapped_area=mm_get_unmapped_area,
    label="ramfs_file_operations",
)


def _cached_file(size: int, name: str, mode: int) -> File:
    """Return a file whose pages are in the page cache, without a price (ramfs)."""
    mapping = AddressSpaceMapping(Inode(S_IFREG, i_size=size), read_folio=True)
    return File(_ramfs, f_mode=mode, mapping=mapping, name=name)


_SHOWN = (1 << (64 - PAGE_SHIFT)) - 1
"""Smaps shows offsets in bytes: of larger ones in pages the rest is lost."""


def _plain(value: int) -> int:
    return value


class ModelBackend:
    """Runs steps on an AddressSpace.

    `word` makes the word of every number that goes into the model, `tree` holds its mappings: the
    same scenario gives the same bytes with constants of the symbolic kind.
    """

    def __init__(self, word: Word = _plain, tree: type[VmaTree] = SortedTree) -> None:
        self.word = word
        self.tree = tree
        self.begin((0, 0))

    def begin(self, window: tuple[int, int]) -> None:
        """Start a new address space."""
        low, high = window
        self.window = window
        self.mm = AddressSpace(window=(self.word(low), self.word(high)), tree=self.tree)
        self.devices: dict[str, Device] = {}
        self.files: dict[str, File] = {}
        self.events: list[Json] = []

    def end(self) -> None:
        """Forget everything."""
        self.begin((0, 0))

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def step(self, step: Json) -> Json:
        """Run one step, and say what came of it."""
        self.events.clear()
        run = getattr(self, "_" + step["op"], None)
        if run is None:
            raise MissingStep(step["op"])
        mm = self.mm
        try:
            ret = run(step)
        except OSError as error:
            ret = errno_name(error.errno or 0)
        except PageFaultError as signal:
            ret = signal.signal
        if isinstance(ret, _Forked):
            return self._child(step, ret.child)
        return {"ret": ret, "events": self.events[:], "vmas": self._vmas(mm)}

    def _child(self, step: Json, child: AddressSpace) -> Json:
        """Report what a child has; then it exits, or the scenario goes on in it."""
        parent, then = self.mm, step.get("then")
        if then is not None:
            child.injections = parent.injections
            self.mm = child
        if then == "orphan":
            parent.exit()
        ret = self._entries_of(child) if step.get("entries") else 0
        vmas = self._vmas(child)
        if then is None:
            child.exit()
        return {"ret": ret, "events": self.events[:], "vmas": vmas}

    def _vmas(self, mm: AddressSpace) -> list[Json]:
        low, high = self.window
        return [self._vma(vma) for vma in mm.vmas() if low <= operator.index(vma.vm_start) < high]

    def _vma(self, vma: VmAreaStruct) -> Json:
        file = vma.vm_file
        known = file is not None and (file.name in self.devices or file.name in self.files)
        known = known and vma.anon_name is None  # which hides a memfd's
        return {
            "start": operator.index(vma.vm_start),
            "end": operator.index(vma.vm_end),
            "flags": smaps_flags(vma.vm_flags),
            "pgoff": 0 if file is None else self.pgoff_text(vma.vm_pgoff & _SHOWN),
            "file": file.name if known else None,
        }

    def pgoff_text(self, pgoff: int) -> int | str:
        """Write a page offset: a page frame of a device's as that page's name."""
        concrete = operator.index(pgoff)
        for device in self.devices.values():
            if device.first_pfn <= concrete < device.first_pfn + DEVICE_PAGES:
                return f"{device.name}:{concrete - device.first_pfn}"
        return concrete

    def _value(self, step: Json, key: str) -> int:
        return self.word(number(step.get(key, 0)))

    def _flags(self, names: list[str], table: dict[str, int]) -> int:
        total = 0
        for name in names:
            total |= table[name]
        return self.word(total)

    def _device(self, step: Json) -> int:
        name = step["name"]
        device = self.devices.get(name)
        if device is None:
            device = Device(
                step,
                len(self.devices),
                self.events,
                self.devices,
                self.pgoff_text,
                self.word,
                lambda: self.mm,
            )
            self.devices[name] = device
        device.programme = step
        return 0

    def _file(self, step: Json) -> int:
        mode = _MODES[step["mode"]]
        if step.get("zero"):
            self.files[step["name"]] = File(zero_fops, name=step["name"], f_mode=self.word(mode))
            return 0
        if step.get("fifo"):
            mapping = AddressSpaceMapping(Inode(stat.S_IFIFO))
            unmapped = FileOperations(label="pipefifo_fops")
            self.files[step["name"]] = File(unmapped, f_mode=mode, mapping=mapping)
            return 0
        size = self._value(step, "size")
        if step.get("ramfs"):
            self.files[step["name"]] = _cached_file(size, step["name"], self.word(mode))
            return 0
        nlink = 0 if step.get("memfd") or step.get("swap") else 1
        file = shmem_file(size, step["name"], nlink=nlink, f_mode=self.word(mode))
        file.noexec = step.get("noexec", False)
        if step.get("append"):
            file_inode(file).i_flags = S_APPEND
        if step.get("swap"):
            file_inode(file).i_flags = S_SWAPFILE
        self.files[step["name"]] = file
        self.mm.memory.charge(page_align(size) >> PAGE_SHIFT)  # every page is written
        return 0

    def _seal(self, step: Json) -> int:
        mask = 0
        for name in step["seals"]:
            mask |= SEALS[name]
        return self._errno_of(memfd_add_seals(self.files[step["file"]], mask))

    def _errno_of(self, err: int) -> int:
        if err:
            raise OSError(-err, "")
        return 0

    def _open_file(self, name: str | None) -> File | None:
        if name is None:
            return None
        if name in self.devices:
            return self.devices[name].file
        return self.files[name]

    def _mmap(self, step: Json) -> int:
        file = self._open_file(step["file"])
        flags = self._flags(step["flags"], MMAP_FLAGS) | bits_of(step)
        if file is None:
            flags = flags | MAP_ANONYMOUS
        prot = self._flags(list(step["prot"]), PROT)
        addr, length = self._value(step, "addr"), self._value(step, "len")
        granted = self.mm.mmap(addr, length, prot, flags, file, self._value(step, "offset"))
        return operator.index(granted)

    def _munmap(self, step: Json) -> int:
        self.mm.munmap(self._value(step, "addr"), self._value(step, "len"))
        return 0

    def _mprotect(self, step: Json) -> int:
        prot = self._flags(list(step["prot"]), PROT)
        if "grows" in step:
            prot = prot | self.word(GROWS[step["grows"]])
        prot = prot | bits_of(step)
        self.mm.mprotect(self._value(step, "addr"), self._value(step, "len"), prot)
        return 0

    def _mremap(self, step: Json) -> int:
        moved = self.mm.mremap(
            self._value(step, "addr"),
            self._value(step, "len"),
            self._value(step, "new_len"),
            self._flags(step["flags"], MREMAP_FLAGS) | bits_of(step),
            self._value(step, "new_addr"),
        )
        return operator.index(moved)

    def _madvise(self, step: Json) -> int:
        advice = ADVICE[step["advice"]] | bits_of(step)
        self.mm.madvise(self._value(step, "addr"), self._value(step, "len"), advice)
        return 0

    def _mlock(self, step: Json) -> int:
        addr, length = self._value(step, "addr"), self._value(step, "len")
        bits = bits_of(step)
        if step.get("onfault") or bits:
            flags = (MLOCK_ONFAULT if step.get("onfault") else 0) | bits
            self.mm.mlock2(addr, length, self.word(flags))
        else:
            self.mm.mlock(addr, length)
        return 0

    def _munlock(self, step: Json) -> int:
        self.mm.munlock(self._value(step, "addr"), self._value(step, "len"))
        return 0

    def _mlockall(self, step: Json) -> int:
        self.mm.mlockall(self._flags(step["flags"], MCL_FLAGS) | bits_of(step))
        return 0

    def _munlockall(self, step: Json) -> int:
        del step
        self.mm.munlockall()
        return 0

    def _mseal(self, step: Json) -> int:
        self.mm.mseal(self._value(step, "addr"), self._value(step, "len"))
        return 0

    def _name(self, step: Json) -> int:
        addr, length = self._value(step, "addr"), self._value(step, "len")
        self.mm.set_anon_vma_name(addr, length, step["name"])
        return 0

    def _heap(self, step: Json) -> int:
        self.mm.start_brk = self.mm.brk_end = self._value(step, "addr")
        return 0

    def _brk(self, step: Json) -> int:
        return operator.index(self.mm.brk(self._value(step, "addr")))

    def _limit(self, step: Json) -> int:
        mm, which, value = self.mm, step["of"], self._value(step, "to")
        if which == "MAPS":
            mm.max_map_count = value
        elif which == "COMMIT":
            mm.memory.overcommit = OVERCOMMIT_NEVER
            mm.memory.commit_limit = value >> PAGE_SHIFT
        elif which == "RAM":
            mm.memory.totalram_pages = value >> PAGE_SHIFT
        elif which == "RESERVE":
            mm.memory.user_reserve = value >> PAGE_SHIFT
        else:
            mm.rlimits = {**(mm.rlimits or {}), which: value}
            mm.cap_ipc_lock = mm.cap_ipc_lock and which != "MEMLOCK"
        return 0

    def _counts(self, step: Json) -> Json:
        del step
        mm = self.mm
        counts = {
            "total_vm": mm.total_vm,
            "locked_vm": mm.locked_vm,
            "data_vm": mm.data_vm,
            "exec_vm": mm.exec_vm,
            "stack_vm": mm.stack_vm,
            "map_count": mm.map_count,
            "committed_as": mm.memory.committed_as,
        }
        found: Json = {name: _signed(value) for name, value in counts.items()}
        files = [(name, device.file) for name, device in self.devices.items()]
        files += self.files.items()
        return {**found, "files": {name: file.f_count - 1 for name, file in files}}

    def _entries(self, step: Json) -> list[Json]:
        del step
        return self._entries_of(self.mm)

    def _entries_of(self, mm: AddressSpace) -> list[Json]:
        """Return the entries of the window, but those of files that are no devices."""
        low, high = self.window
        return [
            {
                "addr": addr,
                "page": self._name_of(Pte(entry, addr)),
                "write": entry.kind != GUARD and bool(Pte(entry, addr).writable),
            }
            for vma in mm.vmas()
            if low <= operator.index(vma.vm_start) < high
            for entry in vma.ptes
            if entry.kind != FILE
            for addr in range(operator.index(entry.start), operator.index(entry.end), PAGE_SIZE)
        ]

    def _name_of(self, entry: Pte) -> str:
        return entry.kind if entry.kind in (ANON, ZERO, GUARD) else self._text(entry)

    def _anon(self, step: Json) -> list[Json]:
        """Return which mappings file anonymous pages together, and what is counted of that."""
        del step
        low, high = self.window
        numbers: dict[AnonVma, int] = {}
        return [
            {
                "start": operator.index(vma.vm_start),
                "anon_vma": numbers.setdefault(vma.anon_vma, len(numbers)),
                "chain": len(vma.anon_chain),
                "active": vma.anon_vma.num_active_vmas,
                "children": vma.anon_vma.num_children,
            }
            for vma in self.mm.vmas()
            if vma.anon_vma is not None and low <= operator.index(vma.vm_start) < high
        ]

    def _numbers(self, step: Json) -> Json:
        return {**numbers_of(step["of"])}

    def _fork(self, step: Json) -> _Forked:
        del step
        return _Forked(self.mm.fork())

    def _fail(self, step: Json) -> int:
        if step.get("never"):
            self.mm.injections.pop(step["point"], None)
            return 0
        err = int(getattr(errno, step.get("errno", "ENOMEM")))
        self.mm.inject(step["point"], err, number(step.get("after", 0)))
        return 0

    def _touch(self, step: Json) -> str:
        self.mm.touch(self._value(step, "addr"), write=step["access"] == "w")
        return "ok"

    def _peek(self, step: Json) -> str:
        addr = self._value(step, "addr")
        self.mm.touch(addr)
        return self._text(self.mm.page_at(addr))

    def _text(self, entry: Pte | None) -> str:
        """Return what the page begins with; writing its last byte has not changed that."""
        while entry is not None and entry.kind == ANON:
            entry = entry.source.copied
        if entry is None:
            return "zero"
        index = operator.index(entry.index)
        if entry.kind == PFN:
            return str(self.pgoff_text(index))
        if entry.kind == PAGE:
            return str(entry.page.private)
        if entry.kind == FILE:
            for name, file in self.files.items():
                if file.f_mapping is entry.source:
                    return f"{name}:{index}"
        return "zero"


def _signed(word: int) -> int:
    value = operator.index(word)
    return value - (1 << 64) if value >> 63 else value


class _Forked:
    """The child that a fork step made."""

    def __init__(self, child: Any) -> None:
        self.child = child
