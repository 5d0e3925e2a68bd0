# SPDX-License-Identifier: GPL-2.0-only
"""A running kernel: a process that reads lines of commands and writes lines of answers."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from pathlib import Path

from premap.uml.errors import UmlError

MEMORY = "64M"
TIMEOUT = 60.0
"""Seconds without an answer after which a kernel counts as hanging."""
_CHUNK = 65536


class Machine:
    """A User Mode Linux kernel in a process group of its own, and its console.

    Writing never waits for a kernel that waits for its answers to be read: both happen at once.
    """

    def __init__(self, linux: Path, initramfs: Path, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self.folder = Path(tempfile.mkdtemp(prefix="premap-uml-"))
        self.lines: deque[str] = deque()
        self.rest = b""
        self.outgoing = bytearray()
        self.process = self._start(linux, initramfs)
        os.set_blocking(self._stdin, False)

    def _start(self, linux: Path, initramfs: Path) -> subprocess.Popen[bytes]:
        command = [
            str(linux),
            f"mem={MEMORY}",
            f"initrd={initramfs}",
            "con=null",
            f"uml_dir={self.folder}/",
            "con1=null,fd:2",
            "console=tty1",
            "loglevel=5",
            "oops=panic",
            "norandmaps",
            "seccomp=auto",
        ]
        try:
            with (self.folder / "log").open("wb") as log:
                return subprocess.Popen(  # noqa: S603 - what premap has built
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self.folder,
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise UmlError(f"{linux} can't be started: {error.strerror}") from error

    @property
    def _stdin(self) -> int:
        assert self.process.stdin is not None  # noqa: S101 - for the type
        return self.process.stdin.fileno()

    @property
    def _stdout(self) -> int:
        assert self.process.stdout is not None  # noqa: S101 - for the type
        return self.process.stdout.fileno()

    @property
    def is_running(self) -> bool:
        """Whether the kernel is still there."""
        return self.process.poll() is None

    def send(self, text: str) -> None:
        """Send commands, as far as the kernel takes them; the rest goes out while reading."""
        self.outgoing += text.encode()
        if len(self.outgoing) > _CHUNK:
            self._exchange(0)

    def read_line(self) -> str:
        """Return the next line of the answers. Raises UmlError for a kernel that hangs or died."""
        deadline = time.monotonic() + self.timeout
        while not self.lines:
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise UmlError(f"the kernel hangs: no answer for {self.timeout:g} s{self._said()}")
            self._exchange(left)
        line = self.lines.popleft()
        if line.startswith("! "):
            self.kill()
            raise UmlError(f"the init of the kernel gave up: {line[2:]}{self._said()}")
        return line

    def _exchange(self, wait: float) -> None:
        """Read and write what can be; wait up to so many seconds until something can."""
        writing = [self._stdin] if self.outgoing else []
        try:
            readable, writable, _ = select.select([self._stdout], writing, [], wait)
            if writable:
                del self.outgoing[: os.write(self._stdin, self.outgoing[:_CHUNK])]
            if readable:
                self._take(os.read(self._stdout, _CHUNK))
        except (BrokenPipeError, EOFError, ValueError) as error:
            self.kill()
            raise UmlError(f"the kernel is gone{self._said()}") from error

    def _take(self, data: bytes) -> None:
        if not data:
            raise EOFError
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.lines.extend(line.decode(errors="replace") for line in lines)

    def _said(self) -> str:
        """Return what the kernel printed last, as the end of a message."""
        with contextlib.suppress(OSError):
            said = (self.folder / "log").read_text(errors="replace").split("\n")
            told = [line.strip() for line in said if line.strip() and "epollctl" not in line]
            panic = [line for line in told if "panic" in line.lower()]
            if told:
                return f"; it printed: {(panic or told)[-1][:200]}"
        return ""

    def kill(self) -> None:
        """End the kernel and the processes of what ran on it, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the kernel, and remove what it left."""
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)
