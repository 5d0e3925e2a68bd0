# SPDX-License-Identifier: GPL-2.0-only
"""A folder of results, each under a key that says what it was made of.

Any number of processes may use it at once: an entry is written aside and renamed to its place;
one that is torn or changed does not match its own digest and counts as missing. Nothing here
raises: where the folder can't be written (read-only, full), results are computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

LIMIT = 2 << 30
"""Bytes that all entries together may take, unless the user says otherwise."""
_DIGEST = 16
_USED_EVERY = 3600
"""Seconds after which a use of an entry is noted again."""
_STALE = 3600
"""Seconds after which what a killed process was writing goes."""


def folder(of: str) -> Path:
    """Return where a command keeps its results: XDG_CACHE_HOME/premap and its name."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "premap" / of


def digest_of(*parts: bytes) -> str:
    """Return what tells one sequence of parts from another."""
    whole = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.hexdigest()


class Store:
    """Bytes by key. `root` None: nothing is kept."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self.problem: str | None = None
        """Why entries could not be written."""

    def get(self, key: str) -> bytes | None:
        """Return an entry; None if there is none, or it is not whole."""
        if self.root is None:
            return None
        path = self._path(self.root, key)
        try:
            text = path.read_bytes()
        except OSError:
            return None
        if len(text) < _DIGEST or _sum(text[_DIGEST:]) != text[:_DIGEST]:
            return None
        self._used(path)
        return text[_DIGEST:]

    def put(self, key: str, entry: bytes) -> None:
        """Write an entry, or note why it can't be written."""
        if self.root is None:
            return
        path = self._path(self.root, key)
        aside = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(_sum(entry) + entry)
            aside.replace(path)
        except OSError as problem:
            self.problem = problem.strerror or str(problem)
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    def trim(self, limit: int = LIMIT) -> None:
        """Drop the entries used longest ago until the rest fits, and what was never finished."""
        if self.root is None:
            return
        entries = _finished(_below(self.root))
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= limit:
                return
            _drop(path)
            total -= size

    def trim_beside(self, key: str, most: int) -> None:
        """Drop the entries used longest ago, of the 256th part of all that a key is in, but `most`.

        This costs no walk through all of them.
        """
        if self.root is not None:
            for _, _, path in _finished(_below(self._path(self.root, key).parent))[:-most]:
                _drop(path)

    def _path(self, root: Path, key: str) -> Path:
        return root / key[:2] / key[2:]

    def _used(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _USED_EVERY:
                os.utime(path)


def _below(folder: Path) -> Iterator[os.DirEntry[str]]:
    folders = [str(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    yield entry


def _finished(entries: Iterator[os.DirEntry[str]]) -> list[tuple[float, int, str]]:
    """Return time, size and place of whole entries, the oldest first; drop what died unfinished."""
    now = time.time()
    found: list[tuple[float, int, str]] = []
    for entry in entries:
        with contextlib.suppress(OSError):
            status = entry.stat()
            if not entry.name.endswith(".new"):
                found.append((status.st_mtime, status.st_size, entry.path))
            elif now - status.st_mtime > _STALE:
                _drop(entry.path)
    return sorted(found)


def _drop(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - there may be many thousands


def _sum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST).digest()
