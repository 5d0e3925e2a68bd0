# SPDX-License-Identifier: GPL-2.0-only
"""The process that makes the system calls of a scenario on the kernel it runs on.

A program of its own, started by premap.scenario.host with the number of a socket; it imports
nothing of premap. One child is forked for each scenario. Accesses are made by a thread in which a
signal is pthread_exit(): the thread ends, the process and its address space live on.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NoReturn

PAGE_SIZE = 4096
CHUNK = 1 << 16
MLOCK2, MSEAL = 325, 462
F_ADD_SEALS = 1033
PR_SET_CHILD_SUBREAPER = 36
HEADER = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ *(.*)")

libc = ctypes.CDLL(None, use_errno=True)
_word = ctypes.c_size_t
libc.mmap.restype = libc.mremap.restype = _word
libc.mmap.argtypes = [_word, _word, ctypes.c_int, ctypes.c_int, ctypes.c_int, _word]
libc.mremap.argtypes = [_word, _word, _word, ctypes.c_int, _word]
libc.munmap.argtypes = libc.mlock.argtypes = libc.munlock.argtypes = [_word, _word]
libc.syscall.argtypes = [ctypes.c_long, _word, _word, _word]
libc.syscall.restype = ctypes.c_long
libc.mprotect.argtypes = libc.madvise.argtypes = [_word, _word, ctypes.c_int]

_thread = ctypes.c_ulong
libc.pthread_create.argtypes = [
    ctypes.POINTER(_thread), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
]  # fmt: skip
libc.pthread_join.argtypes = [_thread, ctypes.POINTER(ctypes.c_void_p)]
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.signal.restype = ctypes.c_void_p


def _pointer(function: Any) -> ctypes.c_void_p:
    return ctypes.cast(function, ctypes.c_void_p)


READ, WRITE = _pointer(libc.atoi), _pointer(libc.time)
"""C functions of one pointer: one reads a byte that is no digit, one only writes (8 bytes)."""
FATAL: dict[int, str] = {signal.SIGSEGV: "SIGSEGV", signal.SIGBUS: "SIGBUS"}


def access(routine: ctypes.c_void_p, address: int) -> str:
    """Call a C function with an address, in a thread: "ok", or the signal that ended it."""
    thread, result = _thread(), ctypes.c_void_p()
    error = libc.pthread_create(ctypes.byref(thread), None, routine, address)
    if error:
        raise OSError(error, os.strerror(error))
    libc.pthread_join(thread, ctypes.byref(result))
    return FATAL.get((result.value or 0) & 0xFFFFFFFF, "ok")


def touch(address: int, write: int) -> str:
    """Read, or only write, at the end of the page; its last byte stays zero."""
    last = address | (PAGE_SIZE - 1)
    return access(WRITE, last - 7) if write else access(READ, last)


def peek(address: int) -> str:
    """Return the text that the page begins with, or a signal's name."""
    outcome = touch(address, write=0)
    if outcome != "ok":
        return outcome
    return ctypes.string_at(address & -PAGE_SIZE).decode("ascii", "replace") or "zero"


def make_file(name: str, size: int, writable: int) -> int:
    """Make a file on tmpfs; page i begins with "name:i". Returns its descriptor."""
    descriptor = os.memfd_create(name, os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    for start in range(0, size, PAGE_SIZE):
        text = f"{name}:{start // PAGE_SIZE}".encode()
        os.pwrite(descriptor, text[: size - start], start)
    if writable:
        return descriptor
    reopened = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    os.close(descriptor)
    return reopened


def stay(reading: int, writing: int, *, until_alone: bool) -> NoReturn:
    """End a parent: at once, or when no child has the other end of the pipe open any more."""
    if until_alone:
        os.close(writing)
        os.read(reading, 1)
    os._exit(0)


class Process:
    """One scenario's process, which serves the messages of one connection."""

    def __init__(self, link: Connection, low: int, high: int) -> None:
        self.link = link
        self.low = low
        self.high = high
        self.descriptors: dict[str | None, int] = {None: -1}
        self.calls: dict[str, Callable[..., Any]] = {
            "munmap": libc.munmap,
            "mprotect": libc.mprotect,
            "mremap": libc.mremap,
            "madvise": libc.madvise,
            "mlock": libc.mlock,
            "munlock": libc.munlock,
            "mlock2": lambda address, length, flags: libc.syscall(MLOCK2, address, length, flags),
            "mlockall": libc.mlockall,
            "munlockall": libc.munlockall,
            "mseal": lambda address, length: libc.syscall(MSEAL, address, length, 0),
            "seal": self._seal,
        }
        self.others: dict[str, Callable[..., Any]] = {
            "file": self._file,
            "mmap": self._mmap,
            "touch": touch,
            "peek": peek,
        }
        self._watch()

    def _watch(self) -> None:
        self.smaps = os.open("/proc/self/smaps", os.O_RDONLY)

    def serve(self) -> None:
        """Carry out messages [name, argument, …] until one is empty."""
        while message := self.link.recv():
            name, *arguments = message
            if name == "fork":
                self._fork(*arguments)
            else:
                self.link.send((self._call(name, arguments), self.mappings()))

    def _call(self, name: str, arguments: list[Any]) -> int | str:
        """Return what a call returned: a number, a negative errno, or a text."""
        if name in self.others:
            result: int | str = self.others[name](*arguments)
            return result
        return self._checked(self.calls[name](*arguments))

    def _checked(self, result: int) -> int:
        failed = ctypes.c_long(result).value == -1
        return -ctypes.get_errno() if failed else result

    def _mmap(
        self, address: int, length: int, prot: int, flags: int, name: str | None, offset: int
    ) -> int:
        descriptor = self.descriptors[name]
        return self._checked(libc.mmap(address, length, prot, flags, descriptor, offset))

    def _seal(self, name: str, seals: int) -> int:
        result: int = libc.fcntl(self.descriptors[name], F_ADD_SEALS, seals)
        return result

    def _file(self, name: str, size: int, writable: int) -> int:
        self.descriptors[name] = make_file(name, size, writable)
        return 0

    def _fork(self, then: str | None) -> None:
        """Let a child report its mappings, and exit; or go on in it, without the parent or not."""
        parent, (reading, writing) = os.getpid(), os.pipe()
        child = os.fork()
        if child and then is not None:
            stay(reading, writing, until_alone=then == "child")
        if child == 0:
            while then == "orphan" and os.getppid() == parent:
                os.sched_yield()
            self._watch()
            self.link.send((0, self.mappings()))
            if then is not None:
                return
            os._exit(0)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)

    def mappings(self) -> list[tuple[int, int, int, str, list[str]]]:
        """Return start, end, offset (bytes), name and flags of every mapping in the window.

        The file is in the order of addresses, and is read only as far as the window.
        """
        os.lseek(self.smaps, 0, os.SEEK_SET)
        found: list[tuple[int, int, int, str, list[str]]] = []
        rest = b""
        here: re.Match[bytes] | None = None
        while chunk := os.read(self.smaps, CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"VmFlags:"):
                    if here is not None:
                        found.append(_record(here, line))
                elif (header := HEADER.match(line)) is not None:
                    start = int(header[1], 16)
                    if start >= self.high:
                        return found
                    here = header if start >= self.low else None
        return found


def _record(header: re.Match[bytes], flags: bytes) -> tuple[int, int, int, str, list[str]]:
    start, end, offset = (int(number, 16) for number in header.groups()[:3])
    return start, end, offset, header[4].decode(), flags.decode().split()[1:]


def serve_one(link: Connection, low: int, high: int) -> None:
    """Be the process of one scenario."""
    for number in FATAL:
        libc.signal(number, _pointer(libc.pthread_exit))
    process = Process(link, low, high)
    occupied = bool(process.mappings())
    link.send(not occupied)
    if not occupied:
        process.serve()


def main(descriptor: int) -> None:
    """Fork a process for every window that is asked for, until the connection ends."""
    link = Connection(descriptor)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # children whose parents are gone become its own
    while True:
        try:
            low, high = link.recv()
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            try:
                serve_one(link, low, high)
            except BaseException:  # noqa: BLE001 - a child must not go on as its parent
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        link.send(wait_for_all())


def wait_for_all() -> int:
    """Wait for a child, and for what it has left: how the first ended that did not end well."""
    first = 0
    while True:
        try:
            _, status = os.wait()
        except ChildProcessError:
            return first
        first = first or os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
