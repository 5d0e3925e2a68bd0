# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios without devices on the kernel that premap runs on. Needs Linux, and no set-up.

Files are memfds, which lie on tmpfs.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from premap.model.constants import MAP_ANONYMOUS, MLOCK_ONFAULT
from premap.model.errors import errno_name
from premap.model.words import PAGE_SHIFT
from premap.scenario import host_worker
from premap.scenario.backend import BackendError, MissingStep
from premap.scenario.reader import Json, number
from premap.scenario.steps import (
    ADVICE,
    GROWS,
    MCL_FLAGS,
    MMAP_FLAGS,
    MREMAP_FLAGS,
    PROT,
    SEALS,
    bits_of,
)

_MEMFD, _DELETED = "/memfd:", " (deleted)"
_GONE = "the process that makes the calls is gone"
_CAP_IPC_LOCK = 14
_LOCKED = 1 << 20
"""Bytes that a scenario may lock."""
_RANGE_CALLS = frozenset({"munmap", "mlock", "munlock", "mseal"})


class HostError(BackendError):
    """The process that made the calls is gone, or can't be had."""


def _mask(names: Any, table: dict[str, int]) -> int:
    total = 0
    for name in names:
        total |= table[name]
    return total


def _call(step: Json) -> list[Any]:
    """Return a step as the worker's message. Raises MissingStep."""
    op = step["op"]
    value = {
        key: number(step[key])
        for key in ("addr", "len", "new_len", "new_addr", "offset", "size")
        if key in step
    }
    bits = bits_of(step)
    if op == "mlock" and (step.get("onfault") or bits):
        flags = (MLOCK_ONFAULT if step.get("onfault") else 0) | bits
        return ["mlock2", value["addr"], value["len"], flags]
    if op in _RANGE_CALLS:
        return [op, value["addr"], value["len"]]
    if op == "mmap":
        flags = _mask(step["flags"], MMAP_FLAGS) | (MAP_ANONYMOUS if step["file"] is None else 0)
        prot = _mask(step["prot"], PROT)
        return [op, value["addr"], value["len"], prot, flags | bits, step["file"], value["offset"]]
    if op == "mprotect":
        prot = _mask(step["prot"], PROT) | GROWS.get(step.get("grows", ""), 0) | bits
        return [op, value["addr"], value["len"], prot]
    if op == "mremap":
        flags = _mask(step["flags"], MREMAP_FLAGS) | bits
        place = value.get("new_addr", 0)
        return [op, value["addr"], value["len"], value["new_len"], flags, place]
    if op == "madvise":
        return [op, value["addr"], value["len"], ADVICE[step["advice"]] | bits]
    if op == "touch":
        return [op, value["addr"], int(step["access"] == "w")]
    if op == "mlockall":
        return [op, _mask(step["flags"], MCL_FLAGS) | bits]
    if op == "seal":
        return [op, step["file"], _mask(step["seals"], SEALS)]
    if op == "file" and any(
        step.get(kind) for kind in ("noexec", "append", "zero", "fifo", "swap")
    ):
        raise MissingStep(op)
    if op == "file":
        return [op, step["name"], value["size"], int(step["mode"] == "rw")]
    if op == "fork":
        if step.get("entries"):
            raise MissingStep(op)
        return [op, step.get("then")]
    if op in ("peek", "munlockall"):
        return [op, *value.values()]
    raise MissingStep(op)


class HostBackend:
    """Runs steps as system calls, each scenario in a process forked for it. May raise HostError."""

    def __init__(self) -> None:
        missing = lacking()
        if missing is not None:
            raise HostError(missing)
        self.link, theirs = Pipe()
        program = [sys.executable, "-I", "-S", host_worker.__file__, str(theirs.fileno())]
        self.worker = subprocess.Popen(program, pass_fds=[theirs.fileno()])  # noqa: S603 - our own
        theirs.close()
        self.running = False

    def close(self) -> None:
        """End the worker."""
        self.link.close()
        self.worker.wait()

    def begin(self, window: tuple[int, int]) -> None:
        """Fork a process. Raises HostError where something is mapped in the window already."""
        self._send(window)
        if not self._receive():
            self._receive()
            raise HostError(f"{window[0]:#x}-{window[1]:#x}: something is mapped there")
        self.running = True

    def step(self, step: Json) -> Json:
        """Make the call of one step; returns its result. Raises MissingStep, HostError."""
        self._send(_call(step))
        answer = self._receive()
        if not isinstance(answer, tuple):
            self.running = False
            raise HostError(f"{step['op']}: the process ended with {answer}")
        ret, mappings = answer
        if isinstance(ret, int) and ret < 0:
            ret = errno_name(-ret)
        return {"ret": ret, "events": [], "vmas": [_vma(*mapping) for mapping in mappings]}

    def end(self) -> None:
        """End the scenario's process."""
        if self.running:
            self.running = False
            self._send(None)
            self._receive()

    def _send(self, message: Any) -> None:
        try:
            self.link.send(message)
        except OSError as error:
            raise HostError(_GONE) from error

    def _receive(self) -> Any:
        try:
            return self.link.recv()
        except (EOFError, OSError) as error:
            raise HostError(_GONE) from error


def _vma(start: int, end: int, offset: int, name: str, flags: list[str]) -> Json:
    file = None
    if name.startswith(_MEMFD):
        file = name.removeprefix(_MEMFD).removesuffix(_DELETED)
    return {
        "start": start,
        "end": end,
        "flags": [flag for flag in flags if flag != "sd"],
        "pgoff": offset >> PAGE_SHIFT,
        "file": file,
    }


def release() -> tuple[int, int]:
    """Return the release of this kernel, as (6, 12)."""
    text = Path("/proc/sys/kernel/osrelease").read_text()
    major, minor = text.split(".")[:2]
    return int(major), int("".join(letter for letter in minor if letter.isdigit()))


def lacking() -> str | None:
    """Return what this process lacks for scenarios, which are root's; None if nothing."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY or limit >= _LOCKED or _may_lock():
        return None
    return f"at most {limit} bytes of memory may be locked: raise the limit to {_LOCKED}"


def _may_lock() -> bool:
    """Return whether this process has CAP_IPC_LOCK, for which the limit does not count."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_IPC_LOCK & 1)
