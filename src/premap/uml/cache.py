# SPDX-License-Identifier: GPL-2.0-only
"""Where kernels that were built are kept, and whether one is still that of its tree.

An entry belongs to one tree; in it, each version of premap's own sources has its kernel. A kernel
knows which files of the tree went into it: when one has changed, or premap has, make has to run
again, which takes seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

_PREREQUISITE = re.compile(r"[^\s:\\()]+")
_MAKEFILES = ("Makefile", "Kbuild")


def root() -> Path:
    """Return the folder of all entries: XDG_CACHE_HOME/premap/uml."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "premap" / "uml"


class Entry:
    """One tree's folder: links to its sources, the build, and what came of it."""

    def __init__(self, tree: Path, release: str, own_sources: list[bytes]) -> None:
        self.tree = tree
        self.folder = root() / f"{release}-{_digest([os.fsencode(tree)])}"
        self.sources = self.folder / "sources"
        self.build = self.folder / "build"
        self.log = self.folder / "log"
        self.products = self.folder / f"kernel-{_digest(own_sources)}"
        self.linux = self.products / "linux"
        self.initramfs = self.products / "initramfs.cpio"
        self._ready = self.products / "ready.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from building the same kernel at the same time."""
        self.products.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def is_ready(self) -> bool:
        """Say whether the kernel is there, and none of the files it was made of has changed."""
        try:
            inputs = json.loads(self._ready.read_text())
        except (OSError, ValueError):
            return False
        return all(_state(path) == state for path, state in inputs.items())

    def forget(self) -> None:
        """Say that the kernel is not ready."""
        self._ready.unlink(missing_ok=True)

    def remember(self, before: float) -> None:
        """Say that the kernel is ready, made of the files as they were at the time `before`.

        A file that changed since is not what was built: its state is not the one remembered.
        """
        states = ((path, _state(path)) for path in self._inputs())
        inputs = {path: s if s is None or s[0] < before * 1e9 else None for path, s in states}
        scratch = self._ready.with_suffix(".new")
        scratch.write_text(json.dumps(inputs))
        scratch.replace(self._ready)

    def _inputs(self) -> set[str]:
        """Every file of the tree that the build read: make's own notes name them.

        Among them are some that are not there: premap's own, and folders without a makefile.
        """
        start = str(self.sources) + "/"
        found: set[str] = set()
        for notes in self.build.rglob(".*.cmd"):
            words = _PREREQUISITE.findall(notes.read_text(errors="replace"))
            found.update(word for word in words if word.startswith(start))
        folders = {os.path.dirname(path) for path in found}  # noqa: PTH120 - thousands of them
        found.update(f"{folder}/{name}" for folder in folders for name in _MAKEFILES)
        tree = str(self.tree) + "/"
        return {tree + path.removeprefix(start) for path in found}


def _digest(parts: list[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


def _state(path: str) -> list[int] | None:
    """Return what changes when a file does: time (ns) and size; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]
