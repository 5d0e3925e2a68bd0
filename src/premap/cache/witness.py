# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree that notes what its answers rest on.

A file that changed so shortly before it was read that its times might not show a further change
makes no evidence: what rests on it is not kept.
"""

from __future__ import annotations

import time
from pathlib import Path

from premap.cache.evidence import Evidence, listing, stamp_of, told
from premap.csource.search import Search
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree

SETTLED = 2.5
"""Seconds after which a change of a file shows in its times, whatever the file system."""
MOST = 5000
"""Files beyond which an answer is no longer worth its evidence."""


class WitnessTree(KernelTree):
    """A kernel tree that can tell what all that was asked of it rests on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._began = time.time()
        self._read: set[str] = set()
        self._folders: set[str] = set()
        self._unknown = False
        self.search = _WitnessSearch(self)

    def open(self, relpath: str) -> SourceFile:
        """Return a file, and note it."""
        self._read.add(relpath)
        return super().open(relpath)

    def bytes_of(self, relpath: str) -> bytes:
        """Return a text, and note the file."""
        self._read.add(relpath)
        return super().bytes_of(relpath)

    def searched(self, folder: str | None) -> None:
        """Note a folder in which a word was looked for; None: more than can be looked at again."""
        if folder is None:
            self._unknown = True
        else:
            self._folders.add(folder)

    def evidence(self) -> Evidence | None:
        """Return what all answers of this tree rest on; None where that can't be told."""
        absent = sorted(name for name, there in self._exists.items() if not there)
        files = sorted(self._read)
        if self._unknown or len(files) + len(absent) > MOST:
            return None
        root = str(self.root)
        stamps = [stamp_of(f"{root}/{name}") for name in files]
        if any(stamp is not None and max(stamp[:2]) > self._settled for stamp in stamps):
            return None
        folders = sorted(self._folders)
        names = listing(self.root, folders)
        return Evidence(tuple(files), told(stamps), tuple(absent), tuple(folders), names)

    @property
    def _settled(self) -> int:
        return int((self._began - SETTLED) * 1e9)


class _WitnessSearch(Search):
    def __init__(self, tree: WitnessTree) -> None:
        super().__init__(tree)
        self._witness = tree

    def mentioning(self, name: str, top: str) -> list[str]:
        self._witness.searched(None)
        return super().mentioning(name, top)

    def documented(self, name: str) -> list[tuple[str, int]]:
        self._witness.searched(None)
        return super().documented(name)

    def in_rust(self, name: str, top: str) -> str | None:
        self._witness.searched(None)
        return super().in_rust(name, top)

    def beside(self, name: str, folder: str) -> list[str]:
        self._witness.searched(folder)
        return super().beside(name, folder)


__all__ = ["WitnessTree"]
