# SPDX-License-Identifier: GPL-2.0-only
"""What system calls say to bad and odd arguments: the same as the kernel that runs the tests.

Each case runs on the model and, through ctypes, in this very process, with the same mappings at the
same addresses: pages 0 to 2 readable and writable, page 4 read-only, page 6 without access, page 8
of shared memory; 3, 5 and 7 are free. Cases are such in which kernels since 6.1 agree.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
from collections.abc import Iterator
from typing import Any

import pytest

from premap.model import (
    MADV_DODUMP,
    MADV_DONTFORK,
    MADV_DONTNEED,
    MADV_FREE,
    MADV_KEEPONFORK,
    MADV_NORMAL,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MADV_RANDOM,
    MADV_WILLNEED,
    MADV_WIPEONFORK,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_NONE,
    PROT_READ,
    PROT_SEM,
    TASK_SIZE,
    AddressSpace,
    File,
    shmem_file,
)

from .kit import BASE, PAGE, RW

Call = tuple[Any, ...]
END = BASE + 16 * PAGE
TOP = 2**64 - PAGE
ANON = MAP_PRIVATE | MAP_ANONYMOUS
FIXED = ANON | MAP_FIXED
MOVE = MREMAP_MAYMOVE | MREMAP_FIXED
PLACES = {0: (3, RW, ANON), 4: (1, PROT_READ, ANON), 6: (1, PROT_NONE, ANON)}
PLACES[8] = (1, RW, MAP_SHARED | MAP_ANONYMOUS)
FILES = {"rw": os.O_RDWR, "r": os.O_RDONLY, "w": os.O_WRONLY}


def p(page: int) -> int:
    """Return the address of a page."""
    return BASE + page * PAGE


class Host:
    """This process."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        word = ctypes.c_size_t
        libc.mmap.restype = libc.mremap.restype = word
        libc.mmap.argtypes = [word, word, ctypes.c_int, ctypes.c_int, ctypes.c_int, word]
        libc.mremap.argtypes = [word, word, word, ctypes.c_int, word]
        libc.munmap.argtypes = libc.mlock.argtypes = libc.munlock.argtypes = [word, word]
        libc.mprotect.argtypes = libc.madvise.argtypes = [word, word, ctypes.c_int]
        self.libc = libc

    def call(self, name: str, *arguments: Any, file: str | None = None) -> int | str:
        """Make a call; return its result, or the error's name."""
        with self.opened(file) as descriptor:
            if name == "mmap":
                addr, length, prot, flags, offset = arguments
                arguments = addr, length, prot, flags, descriptor, offset
            result = getattr(self.libc, name)(*arguments)
        if result in (-1, 2**64 - 1):
            return errno.errorcode[ctypes.get_errno()]
        return int(result)

    @contextlib.contextmanager
    def opened(self, file: str | None) -> Iterator[int]:
        """Open a file of four pages on tmpfs."""
        if file is None:
            yield -1
            return
        memory = os.memfd_create("arguments")
        os.ftruncate(memory, 4 * PAGE)
        again = os.open(f"/proc/self/fd/{memory}", FILES[file])
        try:
            yield again
        finally:
            os.close(again)
            os.close(memory)


class Model:
    """An address space of the model."""

    def __init__(self) -> None:
        self.mm = AddressSpace()

    def call(self, name: str, *arguments: Any, file: str | None = None) -> int | str:
        """Make a call; return its result, or the error's name."""
        if name == "mmap":
            addr, length, prot, flags, offset = arguments
            arguments = addr, length, prot, flags, self.opened(file), offset
        try:
            result = getattr(self.mm, name)(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return 0 if result is None else int(result)

    def opened(self, file: str | None) -> File | None:
        """Open a file of four pages on tmpfs."""
        modes = {"r": 1, "w": 2, "rw": 3}
        return None if file is None else shmem_file(4 * PAGE, f_mode=modes[file])


@pytest.fixture(scope="module")
def host() -> Host:
    """Return this process, if the addresses are free in it."""
    found = Host()
    reserved = found.call("mmap", BASE, END - BASE, 0, ANON | MAP_FIXED_NOREPLACE, 0)
    if reserved != BASE:
        pytest.skip(f"addresses from {BASE:#x} on are not free in this process")
    found.call("munmap", BASE, END - BASE)
    return found


@pytest.fixture
def both(host: Host) -> Iterator[tuple[Host, Model]]:
    """Return both with the mappings in place."""
    model = Model()
    for place, (pages, prot, flags) in PLACES.items():
        for kernel in (host, model):
            got = kernel.call("mmap", p(place), pages * PAGE, prot, flags | MAP_FIXED, 0)
            assert got == p(place)
    yield host, model
    host.call("munmap", BASE, END - BASE)


MMAP: list[tuple[Call, str | None]] = [
    ((p(9), 0, RW, FIXED, 0), None),
    ((p(9), 1, RW, FIXED, 0), None),
    ((p(9), TOP + 1, RW, FIXED, 0), None),
    ((p(9), TOP, RW, FIXED, 0), None),
    ((p(9) + 1, PAGE, RW, FIXED, 0), None),
    ((TASK_SIZE, PAGE, RW, FIXED, 0), None),
    ((TASK_SIZE - PAGE, 2 * PAGE, RW, FIXED, 0), None),
    ((0, TASK_SIZE + PAGE, RW, ANON, 0), None),
    ((p(9), PAGE, RW, MAP_FIXED | MAP_ANONYMOUS, 0), None),
    ((p(9), PAGE, RW, MAP_FIXED | MAP_ANONYMOUS | MAP_SHARED | MAP_GROWSDOWN, 0), None),
    ((p(9), PAGE, RW, MAP_FIXED | MAP_ANONYMOUS | MAP_SHARED_VALIDATE, 0), None),
    ((p(9), PAGE, RW, FIXED, 1), None),
    ((p(9), PAGE, RW, FIXED, PAGE), None),
    ((p(2), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, 0), None),
    ((p(2), 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, 0), None),
    ((p(3), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, 0), None),
    ((p(3), 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, 0), None),
    ((p(9), PAGE, RW, ANON, 0), None),
    ((p(9) + 5, PAGE, RW, ANON, 0), None),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, 0), "r"),
    ((p(9), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, 0), "r"),
    ((p(9), PAGE, RW, MAP_PRIVATE | MAP_FIXED, 0), "r"),
    ((p(9), PAGE, RW, MAP_PRIVATE | MAP_FIXED, 0), "w"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, 0), "w"),
    ((p(9), PAGE, RW, MAP_FIXED, 0), "rw"),
    ((p(9), PAGE, RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED_VALIDATE | MAP_FIXED, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED_VALIDATE | MAP_FIXED | MAP_SYNC, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED_VALIDATE | MAP_FIXED | 1 << 27, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED | 1 << 27, 0), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, 1 << 63), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, (1 << 63) - PAGE), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, (1 << 63) - 2 * PAGE), "rw"),
    ((p(9), 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, (1 << 63) - 2 * PAGE), "rw"),
    ((p(9), PAGE, RW, MAP_SHARED | MAP_FIXED, TOP), "rw"),
]  # fmt: skip
MUNMAP = [
    (p(0) + 1, PAGE), (p(0), 0), (p(0), TOP + 1), (TASK_SIZE, PAGE), (TASK_SIZE + PAGE, PAGE),
    (TASK_SIZE - PAGE, 2 * PAGE), (p(3), PAGE), (p(1), 1), (p(2), 9 * PAGE), (p(3), 2 * PAGE),
]  # fmt: skip
MPROTECT = [
    (p(0) + 1, PAGE, RW), (p(0), 0, RW), (p(3), 0, RW), (p(0), TOP + 1, RW), (p(0), TOP, RW),
    (TOP, 2 * PAGE, RW), (p(0), PAGE, 0x40), (p(0), PAGE, PROT_READ | PROT_SEM),
    (p(0), PAGE, RW | 4), (p(3), PAGE, RW), (p(3), 2 * PAGE, RW), (p(2), 2 * PAGE, PROT_READ),
    (p(2), 3 * PAGE, PROT_READ), (p(1), 1, PROT_READ), (p(15), PAGE, RW), (p(0), 3 * PAGE, 0),
    (p(2), 2 * PAGE, 0x40), (p(4), PAGE, RW), (p(8), PAGE, 0),
]  # fmt: skip
MREMAP = [
    (p(0), PAGE, PAGE, 8, 0), (p(0) + 1, PAGE, PAGE, 0, 0), (p(0), PAGE, 0, 0, 0),
    (p(0), PAGE, TASK_SIZE + PAGE, MREMAP_MAYMOVE, 0), (p(0), PAGE, TOP + 1, MREMAP_MAYMOVE, 0),
    (p(0), PAGE, PAGE, MREMAP_FIXED, p(9)), (p(0), PAGE, PAGE, MREMAP_DONTUNMAP, p(9)),
    (p(0), PAGE, PAGE, MOVE, p(9) + 1), (p(0), PAGE, PAGE, MOVE, TASK_SIZE),
    (p(0), PAGE, 2 * PAGE, MOVE, TASK_SIZE - PAGE), (p(0), PAGE, PAGE, MOVE, p(0)),
    (p(0), 2 * PAGE, 2 * PAGE, MOVE, p(1)), (p(1), 2 * PAGE, 2 * PAGE, MOVE, p(0)),
    (p(0), PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, p(9)),
    (p(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, p(9)),
    (p(0), PAGE, PAGE, MOVE | MREMAP_DONTUNMAP, p(9)),
    (p(3), PAGE, PAGE, 0, 0), (p(3), PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0),
    (p(3), PAGE, PAGE, MOVE, p(9)), (p(15), PAGE, PAGE, MOVE, p(9)),
    (p(0), 0, PAGE, MREMAP_MAYMOVE, 0), (p(8), 0, PAGE, MOVE, p(9)), (p(0), 0, PAGE, MOVE, p(9)),
    (p(0), 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE, 0), (p(0), 4 * PAGE, 2 * PAGE, 0, 0),
    (p(0), 4 * PAGE, 5 * PAGE, MOVE, p(9)), (p(2), PAGE, 2 * PAGE, 0, 0),
    (p(2), PAGE, 3 * PAGE, 0, 0), (p(1), PAGE, 2 * PAGE, 0, 0), (p(0), 3 * PAGE, 3 * PAGE, 0, 0),
    (p(0), 3 * PAGE, PAGE, 0, 0), (p(0), 3 * PAGE, PAGE, MOVE, p(9)), (p(4), 1, PAGE + 1, 0, 0),
    (p(4), PAGE, 2 * PAGE, 0, 0), (p(0), PAGE, 2 * PAGE, MOVE, p(9)),
    (p(0), 3 * PAGE, 3 * PAGE, MOVE, p(3)), (p(0), 3 * PAGE, 3 * PAGE, MOVE, p(4)),
]  # fmt: skip
MADVISE = [
    (p(0) + 1, PAGE, MADV_NORMAL), (p(0), PAGE, 9999), (p(0), 0, MADV_NORMAL),
    (p(3), 0, MADV_NORMAL), (p(3), 1, MADV_NORMAL), (p(0), TOP + 1, MADV_NORMAL),
    (TOP, 2 * PAGE, MADV_NORMAL), (p(3), PAGE, MADV_NORMAL), (p(2), 2 * PAGE, MADV_RANDOM),
    (p(2), 3 * PAGE, MADV_RANDOM), (p(3), 2 * PAGE, MADV_RANDOM), (p(9), PAGE, MADV_RANDOM),
    (p(8), PAGE, MADV_WIPEONFORK), (p(0), PAGE, MADV_WIPEONFORK), (p(0), PAGE, MADV_KEEPONFORK),
    (p(0), PAGE, MADV_DODUMP), (p(8), PAGE, MADV_FREE), (p(0), PAGE, MADV_FREE),
    (p(0), PAGE, MADV_DONTFORK), (p(0), PAGE, MADV_DONTNEED), (p(2), 2 * PAGE, MADV_DONTNEED),
    (p(0), PAGE, MADV_POPULATE_READ), (p(4), PAGE, MADV_POPULATE_READ),
    (p(4), PAGE, MADV_POPULATE_WRITE), (p(6), PAGE, MADV_POPULATE_READ),
    (p(6), PAGE, MADV_POPULATE_WRITE), (p(3), PAGE, MADV_POPULATE_READ),
    (p(2), 2 * PAGE, MADV_POPULATE_READ), (p(8), PAGE, MADV_POPULATE_WRITE),
    (p(0), 3 * PAGE, MADV_WILLNEED), (p(8), PAGE, MADV_DONTNEED),
]  # fmt: skip
MLOCK = [
    (p(0), PAGE), (p(0) + 1, PAGE), (p(0), 0), (p(3), 0), (p(3), PAGE), (p(2), 2 * PAGE),
    (p(0), TOP), (p(6), PAGE), (p(4), 1), (p(4) + 4095, 2), (p(15), PAGE), (p(8), PAGE),
]  # fmt: skip
CASES = [
    *(("mmap", call, file) for call, file in MMAP),
    *(("munmap", call, None) for call in MUNMAP),
    *(("mprotect", call, None) for call in MPROTECT),
    *(("mremap", call, None) for call in MREMAP),
    *(("madvise", call, None) for call in MADVISE),
    *(("mlock", call, None) for call in MLOCK),
    *(("munlock", call, None) for call in MLOCK),
]


def shown(case: Any) -> str:
    """Name a case."""
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(("name", "arguments", "file"), CASES, ids=shown)
class TestArguments:
    def test_agree_with_this_kernel(
        self, both: tuple[Host, Model], name: str, arguments: Call, file: str | None
    ) -> None:
        host, model = both
        expected, got = (kernel.call(name, *arguments, file=file) for kernel in (host, model))
        granted = name in ("mmap", "mremap") and isinstance(expected, int)
        if granted and not BASE <= expected < END:  # type: ignore[operator]
            host.libc.munmap(expected, arguments[1])
            assert isinstance(got, int)
            return
        assert got == expected

    def test_leave_the_same_mappings(
        self, both: tuple[Host, Model], name: str, arguments: Call, file: str | None
    ) -> None:
        host, model = both
        for kernel in both:
            granted = kernel.call(name, *arguments, file=file)
            if kernel is host and granted is not None and isinstance(granted, int):
                outside = granted not in (0, *range(BASE, END, PAGE))
                if outside:
                    host.libc.munmap(granted, arguments[1])
        assert mapped(model.mm.maps()) == mapped(host_maps())


def host_maps() -> str:
    """Return /proc/self/maps."""
    with open("/proc/self/maps", encoding="ascii") as file:  # noqa: PTH123
        return file.read()


def mapped(text: str) -> list[tuple[int, int, str]]:
    """Return ranges and access of the mappings in reach."""
    found = []
    for line in text.splitlines():
        bounds, access = line.split()[:2]
        low, high = (int(bound, 16) for bound in bounds.split("-"))
        if BASE <= low < END:
            found.append((low - BASE, high - BASE, access))
    return found


assert mmap.PAGESIZE == PAGE
