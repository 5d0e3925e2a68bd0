# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of the model are made of: a place, some memory, and files with a given hook."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from premap.model import (
    MAP_FIXED,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
    AddressSpace,
    File,
    FileOperations,
    VmOperations,
)

PAGE = 4096
BASE = 0x10000000
RW = PROT_READ | PROT_WRITE
PFN = 0x4321
OPS = VmOperations(label="ops")


def prepare(hook: Callable[..., Any], **attributes: Any) -> File:
    """Return a file whose `->mmap_prepare` is `hook`."""
    return File(FileOperations(mmap_prepare=hook), **attributes)


def legacy(hook: Callable[..., Any], **attributes: Any) -> File:
    """Return a file whose `->mmap` is `hook`."""
    return File(FileOperations(mmap=hook), **attributes)


def fails(number: int | None = None) -> pytest.RaisesExc[OSError]:
    """Expect a system call to fail, with one errno or any."""
    wanted = r"\d+" if number is None else str(number)
    return pytest.raises(OSError, match=rf"\[Errno {wanted}\]")


def plain(desc: Any) -> None:
    """Map with operations that have no callbacks."""
    desc.vm_ops = OPS


def shared(mm: AddressSpace, file: File | None, pages: int = 2, at: int = 0, off: int = 0) -> int:
    """Map `pages` of a file, shared and writable, `at` pages above BASE."""
    flags = MAP_SHARED | MAP_FIXED
    return mm.mmap(BASE + at * PAGE, pages * PAGE, RW, flags, file, off * PAGE)


def private(mm: AddressSpace, file: File | None, pages: int = 2, at: int = 0, off: int = 0) -> int:
    """The same, private."""
    flags = MAP_PRIVATE | MAP_FIXED
    return mm.mmap(BASE + at * PAGE, pages * PAGE, RW, flags, file, off * PAGE)


def layout(mm: AddressSpace) -> list[tuple[int, int]]:
    """Return first page and number of pages of every mapping, counted from BASE."""
    return [((v.vm_start - BASE) // PAGE, (v.vm_end - v.vm_start) // PAGE) for v in mm.vmas()]


def counts(mm: AddressSpace) -> tuple[int, int, int, int]:
    """Return what a failed call must not change, besides the mappings."""
    return mm.map_count, mm.total_vm, mm.locked_vm, mm.memory.committed_as


def consistent(mm: AddressSpace) -> bool:
    """Whether counts and order follow from the mappings, and entries lie in them."""
    vmas = mm.vmas()
    ordered = all(a.vm_end <= b.vm_start for a, b in pairwise(vmas))
    pages = sum((v.vm_end - v.vm_start) // PAGE for v in vmas)
    inside = all(
        v.vm_start <= entry.start < entry.end <= v.vm_end for v in vmas for entry in v.ptes
    )
    return ordered and inside and mm.map_count == len(vmas) and mm.total_vm == pages
