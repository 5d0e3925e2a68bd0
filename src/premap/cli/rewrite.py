# SPDX-License-Identifier: GPL-2.0-only
"""Writes files so that a reader, or a crash, sees the old text or the new one and nothing else."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


class ChangedMeanwhile(Exception):
    """The file is no longer what was read; it is left alone."""


def replace_text(path: Path, old: bytes, new: bytes) -> None:
    """Replace the contents of `path`, which must still be `old`, by `new`.

    Keeps the mode, and the owner where that is allowed; a symbolic link stays, what it points to
    is replaced. Raises ChangedMeanwhile, or OSError; nothing has happened then.
    """
    target = Path(os.path.realpath(path))
    status = target.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new)
            file.flush()
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, status.st_mode & 0o7777)
            os.fsync(descriptor)
        _check_unchanged(target, old)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _check_unchanged(path: Path, old: bytes) -> None:
    if path.read_bytes() != old:
        raise ChangedMeanwhile("it changed while premap was at work")


def _sync_folder(folder: Path) -> None:
    """Make the rename last; not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
