# SPDX-License-Identifier: GPL-2.0-only
"""What the model raises besides OSError: what it does not know, kernel bugs, and signals."""

from __future__ import annotations

import errno
import os


class NotModelled(Exception):
    """The model, or the interpreter on it, does not know what a kernel would do here.

    It is the one exception that becomes the verdict `unknown`; nothing ever defaults instead.
    `file` and `line` say where in the C source, if the question came from there; `helper` is the
    function, called by a hook or its helpers, that could be taken as unknown code instead.
    """

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.helper: str | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.message
        return f"{self.file or '?'}:{self.line}: {self.message}"


class KernelBug(Exception):
    """A BUG_ON() of the kernel is hit, or its memory corrupted: nothing after it can be told."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PageFaultError(Exception):
    """An access failed with a signal; `address` (bytes) is where."""

    signal = "?"

    def __init__(self, address: int) -> None:
        super().__init__(f"{self.signal} at {address!r}")
        self.address = address


class Sigbus(PageFaultError):
    """SIGBUS: the mapping has no page there (past the end of the file, or ->fault refused)."""

    signal = "SIGBUS"


class Sigsegv(PageFaultError):
    """SIGSEGV: nothing is mapped there, or the mapping does not permit the access."""

    signal = "SIGSEGV"


def errno_name(number: int) -> str:
    """`EINVAL` for 22 and for -22: the kernel's name, where a number has two."""
    if abs(number) == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"
    return errno.errorcode.get(abs(number), str(number))


def os_error(negative_errno: int) -> OSError:
    """Return the OSError for a negative errno of the kernel's."""
    number = -negative_errno
    return OSError(number, os.strerror(number))
