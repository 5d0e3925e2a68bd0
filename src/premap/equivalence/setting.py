# SPDX-License-Identifier: GPL-2.0-only
"""What two hooks are compared in: kinds of mapping, neighbours, and failures after the hook."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from errno import EBUSY, EINVAL, EIO, ENOMEM
from typing import Literal, get_args

from msgspec import Struct

from premap.interp.inputs import Inputs, RandomInputs
from premap.model import (
    PROT_WRITE,
    VM_EXEC,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_LOCKONFAULT,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NOHUGEPAGE,
    VM_NORESERVE,
    VM_SHARED,
    VM_SYNC,
)
from premap.model.constants import TASK_SIZE
from premap.model.words import PAGE_SHIFT, PAGE_SIZE, add, invert, shl, sub

Layout = Literal["alone", "after-itself", "before-itself", "between", "replaces"]
LEFT = ("after-itself", "between")
"""Layouts with a mapping of the same file before the call's."""
RIGHT = ("before-itself", "between")
"""Layouts with a mapping of the same file after the call's."""
BESIDE = frozenset({*LEFT, *RIGHT})
"""Layouts with a mapping of the same file beside the call's."""
LAST_PAGE = TASK_SIZE >> PAGE_SHIFT
START_PAGE = 0x1000
"""Where a mapping is made if nobody says otherwise, in pages."""
MORE_FLAGS = {
    "LOCKED": VM_LOCKED,
    "NORESERVE": VM_NORESERVE,
    "SYNC": VM_SYNC,
    "STACK": VM_NOHUGEPAGE,
    "ONFAULT": VM_LOCKONFAULT,
}
"""What mmap() may also leave in a mapping, by names that `premap run --flags` takes: MAP_ flags (of
MAP_STACK something is left where the kernel has huge pages), and, with VM_LOCKED only, what
mlockall(MCL_ONFAULT) asked for (mm/mmap.c do_mmap(), include/linux/mman.h calc_vm_flag_bits())."""
EXTRA_FLAGS = sum(MORE_FLAGS.values())
NOEXEC = VM_MAYEXEC
"""In `Call.extra`: the file lies on a mount without execution, so this flag is missing."""
MAX_OFFSET_PAGES = (1 << 52) - 1
"""Where a device's mapping ends at most, in pages, unless it has FOP_UNSIGNED_OFFSET."""


class Failure(Struct, frozen=True):
    """A point of the model (premap.model.inject) that fails once."""

    point: str
    error: int
    """The errno."""
    after: int
    """How often the point succeeds before."""
    text: str


FAILURES = {
    "page_table": Failure("page_table", ENOMEM, 0, "no page table can be allocated"),
    "page_table:1": Failure("page_table", ENOMEM, 1, "the second page table can't be allocated"),
    "page_table:EINVAL": Failure("page_table", EINVAL, 0, "the page frames are refused"),
    "shmem": Failure("shmem", ENOMEM, 0, "no file of memory can be made"),
    "action:EIO": Failure("action", EIO, 0, "the action fails"),
    "mapped:EBUSY": Failure("mapped", EBUSY, 0, "->mapped fails"),
    "vma_alloc": Failure("vma_alloc", ENOMEM, 0, "the VMA can't be allocated"),
    "vma_merge": Failure("vma_merge", ENOMEM, 0, "a merge can't be allocated"),
    "vma_tree": Failure("vma_tree", ENOMEM, 0, "the tree of VMAs can't be allocated"),
}
"""What may fail after a hook, by the name that `premap run --inject` takes.

Page frames are refused with EINVAL where x86's tracking of memory types says so, and pages that are
not to be inserted; the model fails there in place of the allocation, before anything is mapped.
"""
OF_ACTIONS = ("action:EIO", "mapped:EBUSY")
"""Failures that a legacy hook knows nothing of: between two hooks that both prepare."""

IN_BOTH = (*OF_ACTIONS, "page_table:1")
"""Failures that say something only where both versions get to them: a loop that maps one page after
another gets to a second page table, an action that maps all of them at once does not."""


def failure(name: str) -> Failure:
    """Return what fails by a name of FAILURES, or at a point of the model, without memory."""
    return FAILURES.get(name) or Failure(name, ENOMEM, 0, f"{name} fails")


_LAYOUTS = {
    "after-itself": ", directly after a mapping of the file that continues",
    "before-itself": ", directly before a mapping of the file that it continues",
    "between": ", between two mappings of the file that it continues",
    "replaces": ", over an anonymous mapping",
}


class Setting(Struct, frozen=True):
    """One kind of mmap() call, as far as it is enumerated; all else is symbolic."""

    shared: bool
    layout: Layout = "alone"
    fails: str | None = None
    """What fails after the hook: a name of FAILURES, or a point of the model."""
    retried: bool = False
    """Whether the call is made again after it failed: what the hook did twice then shows."""
    alone: bool = False
    """Whether no other thread changes driver state: what the hook wrote is there when it ends."""

    @property
    def plain(self) -> bool:
        """Whether this is the simplest one, from which those part in which something fails.

        A private mapping is charged, of which the model asks more where something may fail.
        """
        return self == Setting(shared=True)

    def __str__(self) -> str:
        text = "shared" if self.shared else "private"
        text += _LAYOUTS.get(self.layout, "")
        if self.fails is not None:
            text += f", where {failure(self.fails).text}"
        text += ", and then again" if self.retried else ""
        return text + (", undisturbed" if self.alone else "")


def settings() -> Iterator[Setting]:
    """Yield the settings of a comparison, the simplest first."""
    yield Setting(shared=True)
    yield Setting(shared=False)
    yield Setting(shared=True, fails="page_table")
    yield Setting(shared=True, fails="page_table:EINVAL")
    yield Setting(shared=True, fails="page_table:1")
    yield Setting(shared=True, fails="shmem")
    yield Setting(shared=False, fails="shmem")
    yield Setting(shared=True, fails="action:EIO")
    yield Setting(shared=True, fails="mapped:EBUSY")
    yield Setting(shared=True, fails="vma_alloc")
    yield Setting(shared=True, alone=True)
    yield Setting(shared=True, fails="vma_alloc", retried=True, alone=True)
    yield Setting(shared=True, layout="replaces")
    for layout in ("after-itself", "before-itself"):
        for shared, alone in itertools.product((True, False), (False, True)):
            yield Setting(shared, layout, alone=alone)
    yield Setting(shared=True, layout="between")
    yield Setting(shared=True, layout="between", alone=True)


def every_setting() -> Iterator[Setting]:
    """Yield what a run on plain numbers may be in, settings that add nothing to a proof included.

    A tree that can't be allocated fails where the VMA does. Where a merge can't be allocated, both
    versions go on as if alone, from a state of which that setting has looked at all.
    """
    yield from (each for each in settings() if each.fails not in OF_ACTIONS)
    for shared, layout in itertools.product((True, False), get_args(Layout)):
        for fails in (None, *(name for name in FAILURES if name not in OF_ACTIONS)):
            yield Setting(shared, layout, fails)


class Call(Struct, frozen=True):
    """The words of an mmap() call: addresses in bytes, the rest in pages."""

    start_page: int
    pages: int
    pgoff: int
    prot: int
    f_mode_write: int
    left_pages: int
    """Size of the mapping before it, where the layout has one."""
    right_pages: int
    """Size of the mapping after it, where the layout has one."""
    page: int
    """Which page of the mapping the page tables are compared at."""
    extra: int = 0
    """What else mmap() may leave in the flags: the VM_ bits of EXTRA_FLAGS, NOEXEC."""

    @classmethod
    def of(cls, inputs: Inputs) -> Call:
        """Make the call up."""
        return cls(
            inputs.word("call.start_page"),
            inputs.word("call.pages"),
            inputs.word("call.pgoff"),
            inputs.word("call.prot") & 7,
            inputs.word("call.f_mode_write") & 1,
            inputs.word("call.left_pages"),
            inputs.word("call.right_pages"),
            inputs.word("call.page"),
            inputs.word("call.extra") & (EXTRA_FLAGS | NOEXEC),
        )

    @property
    def start(self) -> int:
        """The address of the mapping (bytes)."""
        return shl(self.start_page, PAGE_SHIFT)

    @property
    def length(self) -> int:
        """The length of the mapping (bytes)."""
        return shl(self.pages, PAGE_SHIFT)

    def writable(self, setting: Setting) -> int:
        """Return 1 if the file is open for writing, else 0.

        If it is mapped shared and writable it is: mmap() fails before any hook otherwise.
        """
        return self.f_mode_write | ((self.prot & PROT_WRITE) >> 1 if setting.shared else 0)

    def vm_flags(self, setting: Setting) -> int:
        """Return the flags that do_mmap() gives to a mapping of a file for this call."""
        noexec = self.extra & NOEXEC
        prot = self.prot & invert(noexec >> (_bit(VM_MAYEXEC) - _bit(VM_EXEC)))
        flags = prot | (self.extra & EXTRA_FLAGS) | VM_MAYREAD | (noexec ^ VM_MAYEXEC)
        if not setting.shared:
            return flags | VM_MAYWRITE
        writable = self.writable(setting)
        shared = shl(writable, _bit(VM_SHARED)) | shl(writable, _bit(VM_MAYWRITE))
        return flags | VM_MAYSHARE | shared

    def valid(self, *, unsigned_offset: bool) -> list[bool]:
        """Return the conditions under which mmap() gets as far as the file's hook."""
        offset = [] if unsigned_offset else [add(self.pgoff, self.pages) <= MAX_OFFSET_PAGES]
        return [
            *offset,
            (self.extra & VM_LOCKED_MASK) != VM_LOCKONFAULT,
            self.start_page < LAST_PAGE,
            self.pages >= 1,
            self.pages <= LAST_PAGE,
            add(self.start_page, self.pages) <= LAST_PAGE,
            self.page < self.pages,
            self.left_pages >= 1,
            add(self.left_pages, 16) <= self.start_page,
            self.right_pages >= 1,
            self.right_pages <= LAST_PAGE,
        ]

    def fits(self, setting: Setting) -> bool:
        """Return whether the mappings of the layout lie within the file and the address space."""
        fits = True
        if setting.layout in LEFT:
            fits = fits & (self.left_pages <= self.pgoff)
        if setting.layout in RIGHT:
            after = add(self.pages, self.right_pages)
            fits = fits & (add(self.start_page, after) <= LAST_PAGE)
            fits = fits & (add(self.pgoff, after) <= MAX_OFFSET_PAGES)
        return fits


class RandomCall(RandomInputs):
    """Random driver state, and random mmap() calls that are valid."""

    def word(self, name: str) -> int:
        """Return a word; those of the call are small enough to be valid."""
        drawn = super().word(name)
        if name == "call.start_page":
            return 0x10000 + drawn % 0x10000
        if name in ("call.pages", "call.left_pages", "call.right_pages"):
            return 1 + drawn % 8
        if name == "call.pgoff":
            return 8 + drawn % 24 if drawn % 3 else 8 + drawn % (MAX_OFFSET_PAGES - 32)
        if name == "call.page":
            return drawn % self.word("call.pages")
        if name == "call.extra":
            return 0 if drawn % 2 else onfault(drawn)
        return drawn


def onfault(extra: int) -> int:
    """Return flags of EXTRA_FLAGS, with VM_LOCKED where pages are locked once they are there."""
    return extra | VM_LOCKED if extra & VM_LOCKONFAULT else extra


def _bit(mask: int) -> int:
    """Return the number of the one bit of a mask."""
    return mask.bit_length() - 1


def left_start(call: Call) -> int:
    """Return where the mapping before the call's begins (bytes)."""
    return shl(sub(call.start_page, call.left_pages), PAGE_SHIFT)


__all__ = [
    "BESIDE",
    "LEFT",
    "MORE_FLAGS",
    "PAGE_SIZE",
    "RIGHT",
    "Call",
    "RandomCall",
    "Setting",
    "every_setting",
    "left_start",
    "onfault",
    "settings",
]
