# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree: which release it is, and its files, each read once."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from os.path import isdir
from pathlib import Path
from typing import Any, TypeVar

from premap.csource.search import Search
from premap.csource.source import SourceFile, read_source, source_of

_VERSION = re.compile(rb"^(VERSION|PATCHLEVEL)[ \t]*=[ \t]*(\d+)[ \t]*\r?$", re.MULTILINE)
DEFINE = "#"
"""Stands before the name of a macro that is looked for."""
_MAX_UP = 64
MAKEFILE = "Makefile"

T = TypeVar("T")
_Stamp = tuple[int, int, int] | None
"""What tells one state of a file on disk from another; None where there is none."""


def _release(root: Path) -> str | None:
    """VERSION.PATCHLEVEL of the Makefile in `root`; None if it is no kernel's."""
    try:
        with (root / MAKEFILE).open("rb") as file:
            found = dict(_VERSION.findall(file.read(4096)))
    except OSError:
        return None
    if len(found) != 2 or not (root / "include" / "linux").is_dir():
        return None
    return f"{int(found[b'VERSION'])}.{int(found[b'PATCHLEVEL'])}"


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  asked of a thousand files at each edit
    except (OSError, ValueError):
        return None


def _stamp(status: os.stat_result | None) -> _Stamp:
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)


class KernelTree:
    """The source tree at `root`. Files are kept once read; nothing of it is ever executed."""

    holds_all_users = True
    """Whether whoever may name an exported function is in it, too."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._root = str(self.root)
        self._files: dict[str, SourceFile] = {}
        self._exists: dict[str, bool] = {}
        self._there: dict[str, bool] = {}
        self._seen: dict[str, os.stat_result] = {}
        """What the file system said of files that were looked for, and not read since."""
        self._facts: dict[tuple[str, ...], Any] = {}
        self._facts_of_all: dict[tuple[str, ...], Any] = {}
        self.closures: dict[tuple[str, ...], Any] = {}
        """What files with the same includes share; `premap.csource.includes` keeps it."""
        self._buffers: dict[str, bytes] = {}
        self._touched: set[str] = set()
        self._stamps: dict[str, _Stamp] = {}
        self.search = Search(self)

    def __repr__(self) -> str:
        return f"KernelTree({str(self.root)!r})"

    @property
    def release(self) -> str:
        """Release as "7.3"; "?" where the Makefile does not say."""
        return self.once(("release", MAKEFILE), self._read_release)

    def _read_release(self) -> str:
        self._stamps[MAKEFILE] = _stamp(_status(f"{self.root}/{MAKEFILE}"))
        return _release(self.root) or "?"

    def open(self, relpath: str) -> SourceFile:
        """File of the tree, read once. Raises a SourceError if it can't be used."""
        if relpath not in self._files:
            place = os.path.join(self._root, relpath)  # noqa: PTH118  of a thousand headers
            if relpath in self._buffers:
                self._files[relpath] = source_of(relpath, self._buffers[relpath], place)
            else:
                status = self._seen.pop(relpath, None) or _status(place)
                self._stamps[relpath] = _stamp(status)
                self._files[relpath] = read_source(place, relpath, status)
        return self._files[relpath]

    def included(self, relpath: str) -> SourceFile:
        """Return a file that another includes, or a makefile beside it; as `open` does."""
        return self.open(relpath)

    def saying(
        self, _root: SourceFile, _name: str, found: Iterator[SourceFile], /
    ) -> Iterator[SourceFile]:
        """Return `found`: which of the files that a root includes say a name, nearest first.

        Here nothing more is done; a tree that notes what answers rest on overrides it.
        """
        return found

    def bytes_of(self, relpath: str) -> bytes:
        """Text of a file, which is not kept; b"" where it can't be read."""
        if relpath in self._buffers:
            return self._buffers[relpath]
        try:
            with open(f"{self._root}/{relpath}", "rb", 0) as file:  # noqa: PTH123  of a whole tree
                return file.readall()
        except OSError:
            return b""

    def exists(self, relpath: str) -> bool:
        """Is there such a regular file? Names that lead out of the tree are not in it."""
        known = self._exists.get(relpath)
        if known is None:
            known = relpath in self._buffers or self._on_disk(relpath)
            self._exists[relpath] = known
        return known

    def _on_disk(self, relpath: str) -> bool:
        if relpath.startswith(("/", "../")) or "\0" in relpath:
            return False
        folder = relpath.rpartition("/")[0]
        there = self._there.get(folder)
        if there is None:
            there = self._there[folder] = isdir(f"{self._root}/{folder}")  # noqa: PTH112
        status = _status(f"{self._root}/{relpath}") if there else None
        if status is None or not stat.S_ISREG(status.st_mode):
            return False
        self._seen[relpath] = status
        return True

    def relative(self, path: Path) -> str:
        """Name of `path` relative to the root, with slashes; as it is, if it lies elsewhere.

        A symbolic link keeps its own name, and a tree of links its own files.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
        for known in (absolute, Path(os.path.realpath(absolute.parent)) / absolute.name):
            if known.is_relative_to(self.root):
                return known.relative_to(self.root).as_posix()
        return str(path)

    def renew(self, buffers: Mapping[str, bytes], touched: Iterable[str] = ()) -> None:
        """Make the tree new for another question, as an editor asks them.

        `buffers` stand for the files of these names; `touched` names files that may be new. What
        changed on disk since it was read is read again. What is known of other files stays.
        """
        changed = {name for name, text in buffers.items() if self._buffers.get(name) != text}
        changed |= self._buffers.keys() - buffers.keys()
        changed |= {
            n for n, stamp in self._stamps.items() if stamp != _stamp(_status(f"{self._root}/{n}"))
        }
        for name in changed:
            self._files.pop(name, None)
            self._stamps.pop(name, None)
        changed |= set(touched) - self._touched
        self._touched |= changed
        self._buffers = dict(buffers)
        self._exists.clear()
        self._there.clear()
        self._seen.clear()
        self.search.renew(changed)
        self._forget(changed)

    def _forget(self, changed: set[str]) -> None:
        """Forget facts about files; of what no file includes, only those that name it."""
        if changed:
            self._facts_of_all.clear()
        if all(name.endswith(".c") for name in changed):
            self._facts = {
                key: fact for key, fact in self._facts.items() if changed.isdisjoint(key)
            }
        else:
            self._facts.clear()
            self.closures.clear()

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what `make` gave for `key` the first time.

        A fact about a `.c` file has its name in the key.
        """
        return _once(self._facts, key, make)

    def once_of_all(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what `make` gave the first time, of all files: any that changes makes it new."""
        return _once(self._facts_of_all, key, make)


def _once(facts: dict[tuple[str, ...], Any], key: tuple[str, ...], make: Callable[[], T]) -> T:
    if key not in facts:
        facts[key] = make()
    found: T = facts[key]
    return found


def find_tree(path: Path) -> KernelTree | None:
    """Return the kernel tree that holds `path`: its nearest such parent, or itself."""
    here = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    for candidate in [here, *here.parents][:_MAX_UP]:
        if _release(candidate) is not None:
            return KernelTree(candidate)
    return None
