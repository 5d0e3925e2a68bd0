# SPDX-License-Identifier: GPL-2.0-only
"""What can be wrong with a file of C before any of it is read, and with text that is not C."""

from __future__ import annotations


class SourceError(Exception):
    """A file can't be used. `str()` is one line that names the file and says why."""

    why = "can't be used"

    def __init__(self, name: str, detail: str = "") -> None:
        self.name = name
        self.detail = detail
        super().__init__(f"{name}: {detail or self.why}")


class MissingSource(SourceError):
    """There is no such file."""

    why = "no such file"


class DirectorySource(SourceError):
    """A directory lies where a file is expected."""

    why = "is a directory"


class BinarySource(SourceError):
    """The file has NUL bytes, so it is not text."""

    why = "is binary (it has NUL bytes)"


class LargeSource(SourceError):
    """The file is larger than `source.MAX_BYTES`."""

    why = "is too large"


class UnreadableSource(SourceError):
    """The operating system refuses to read it, or it is no regular file."""

    why = "can't be read"


class NotC(Exception):
    """Text that should be one C expression or statement is not."""

    def __init__(self, kind: str, text: str) -> None:
        shown = text if len(text) <= 60 else text[:57] + "..."
        super().__init__(f"not a C {kind}: {shown!r}")
        self.kind = kind
        self.text = text
