# SPDX-License-Identifier: GPL-2.0-only
"""A tree that remembers what was asked of it, so that an answer is reused only while it holds.

Facts that a tree keeps hide from it which headers were read; those are what the files that were
touched include, whole. A fact about a `.c` file has its name in the key (`KernelTree.once`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from premap.cache.store import digest_of
from premap.csource.errors import SourceError
from premap.csource.includes import closure
from premap.csource.search import Search
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree

T = TypeVar("T")
Query = tuple[str, str]
"""A word, and the folder under which it was looked for; with a slash at its end: right in which."""


def asked_again(query: Query, search: Search) -> list[str]:
    """Return what a query finds now."""
    name, top = query
    return search.beside(name, top[:-1]) if top.endswith("/") else search.mentioning(name, top)


class _RecordingSearch(Search):
    def __init__(self, tree: RecordingTree) -> None:
        super().__init__(tree)
        self._recording = tree

    def mentioning(self, name: str, top: str) -> list[str]:
        return self._recorded(name, top, super().mentioning(name, top))

    def beside(self, name: str, folder: str) -> list[str]:
        return self._recorded(name, f"{folder}/", super().beside(name, folder))

    def _recorded(self, name: str, top: str, found: list[str]) -> list[str]:
        self._recording.queries[name, top] = tuple(found)
        self._recording.touched.update(found)
        return found


class RecordingTree(KernelTree):
    """A kernel tree that notes the files and searches that an answer rests on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.touched: set[str] = set()
        self.queries: dict[Query, tuple[str, ...]] = {}
        self.search = _RecordingSearch(self)
        self._digests: dict[str, str] = {}

    def begin(self) -> None:
        """Forget what was noted."""
        self.touched.clear()
        self.queries.clear()

    def open(self, relpath: str) -> SourceFile:
        """Return a file, and note it."""
        self.touched.add(relpath)
        return super().open(relpath)

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return a fact, and note the files that it is about."""
        for part in key:
            if part[-2:] == ".c":
                self.touched.add(part)
        return super().once(key, make)

    def digest(self, name: str) -> str:
        """Return the digest of a file's text, which is read once; as Index.digest does."""
        if name not in self._digests:
            file = self._files.get(name)
            text = self.bytes_of(name) if file is None else file.text
            self._digests[name] = digest_of(text) if text else ""
        return self._digests[name]

    def rests_on(self) -> list[str]:
        """Return the files that were touched and all that they include, and their makefiles."""
        found: dict[str, None] = {}
        touched = sorted(self.touched, key=lambda name: (not name.endswith(".c"), name))
        for name in touched:
            if name.endswith(".c") or (name.endswith(".h") and name not in found):
                found.update(dict.fromkeys(self._closure(name)))
            else:
                found[name] = None
        return [*found, *self._makefiles(found)]

    def _closure(self, name: str) -> list[str]:
        try:
            return [file.name for file in closure(super().open(name), self)]
        except SourceError:
            return [name]

    def _makefiles(self, names: dict[str, None]) -> list[str]:
        folders: dict[str, None] = {}
        for name in names:
            folder = name.rpartition("/")[0]
            while folder and folder not in folders:
                folders[folder] = None
                folder = folder.rpartition("/")[0]
        makefiles = (f"{folder}/{kind}" for folder in folders for kind in ("Makefile", "Kbuild"))
        return [name for name in makefiles if name not in names and self.exists(name)]
