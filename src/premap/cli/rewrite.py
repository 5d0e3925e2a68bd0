# SPDX-License-Identifier: GPL-2.0-only
"""Writes files so that a reader, or a crash, sees the old text or the new one and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Replacement(Struct, frozen=True):
    """The contents of a file, and what they are to become."""

    path: Path
    old: bytes
    new: bytes


class NotWritten(Exception):
    """None of the files were replaced. `path` is that of the one that could not be."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


def replace_texts(replacements: Sequence[Replacement]) -> None:
    """Replace the contents of files that belong together, each of which must still be `old`.

    Every new text is on the disk before the first file is replaced, and each file is replaced in
    one step. Keeps modes, and owners and extended attributes where that is allowed; a symbolic
    link stays, what it points to is replaced; other hard links keep the old text. Raises
    NotWritten; nothing has happened then. Signals that end the process wait until all is done.
    """
    with _undisturbed(), contextlib.ExitStack() as stack:
        staged = [(each, stack.enter_context(_staged(each))) for each in replacements]
        for each, _ in staged:
            _check_unchanged(each)
        for each, temporary in staged:
            with _told(each):
                temporary.replace(_target(each))
    for folder in {_target(each).parent for each in replacements}:
        _sync_folder(folder)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait that would leave temporary files behind, or half of the replacements."""
    waiting: list[int] = []
    before = {each: signal.signal(each, lambda got, _: waiting.append(got)) for each in _ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        for got in dict.fromkeys(waiting):
            os.kill(os.getpid(), got)


@contextlib.contextmanager
def _staged(each: Replacement) -> Iterator[Path]:
    """Yield a file beside the old one that has the new text; it is gone afterwards."""
    target = _target(each)
    with _told(each):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with _told(each), os.fdopen(descriptor, "wb") as file:
            file.write(each.new)
            file.flush()
            _copy_attributes(target, descriptor)
            os.fsync(descriptor)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _copy_attributes(target: Path, descriptor: int) -> None:
    status = target.stat()
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    with contextlib.suppress(OSError):
        for name in os.listxattr(target):
            os.setxattr(descriptor, name, os.getxattr(target, name))
    os.fchmod(descriptor, status.st_mode & 0o7777)


@contextlib.contextmanager
def _told(each: Replacement) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise NotWritten(each.path, problem.strerror or str(problem)) from problem


def _target(each: Replacement) -> Path:
    return Path(os.path.realpath(each.path))


def _check_unchanged(each: Replacement) -> None:
    with _told(each):
        now = _target(each).read_bytes()
    if now != each.old:
        raise NotWritten(each.path, "it changed while premap was at work")


def _sync_folder(folder: Path) -> None:
    """Make the rename last; not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
