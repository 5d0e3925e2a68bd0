# SPDX-License-Identifier: GPL-2.0-only
"""Which files of a tree hold a word. Only bytes are searched; nothing is parsed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from premap.csource.errors import SourceError
from premap.csource.strstr import says
from premap.csource.text import holds, places

if TYPE_CHECKING:
    from premap.csource.tree import KernelTree

_DOCUMENTATION = "Documentation"
_USER_SPACE = frozenset({"tools", "scripts", _DOCUMENTATION, ".git"})
MAPPINGS = (b"mmap", b"vma", b"vm_area")
"""What files that have to do with mappings say."""
SUFFIXES = (".c", ".h")
_EVERYWHERE = "//"
"""In place of a folder: all files, whether they speak of mappings or not."""


def speaks_of_mappings(text: bytes) -> bool:
    """Tell whether a file may have to do with mappings at all."""
    return any(says(text, word) for word in MAPPINGS)


class Search:
    """Searches C files of a tree that speak of mappings. What was found is kept."""

    def __init__(self, tree: KernelTree) -> None:
        self._tree = tree
        self._speaking: dict[str, list[str]] = {}
        self._mentioning: dict[tuple[str, str], list[str]] = {}
        self._touched: set[str] = set()

    def mentioning(self, name: str, top: str) -> list[str]:
        """Names of the files under the folder `top` ("": the whole tree) that hold the word."""
        key = (top, name)
        if key not in self._mentioning:
            self._mentioning[key] = list(self._search(name, top))
        return self._mentioning[key]

    def everywhere(self, name: str) -> list[str]:
        """Names of all files of the tree that hold the word, whatever else they speak of.

        All of them are read, which takes some seconds.
        """
        key = (_EVERYWHERE, name)
        if key not in self._mentioning:
            found = self._holding(name, names_below(self._tree.root, ""))
            self._mentioning[key] = list(found)
        return self._mentioning[key]

    def beside(self, name: str, folder: str) -> list[str]:
        """Names of the files right in a folder, not below it, that hold the word."""
        key = (f"{folder}/", name)
        if key not in self._mentioning:
            files = self._listed(f"{folder}/", lambda: names_in(self._tree.root, folder))
            inside = [file for file in files if file.rpartition("/")[0] == folder]
            self._mentioning[key] = list(self._holding(name, inside))
        return self._mentioning[key]

    def documented(self, name: str) -> list[tuple[str, int]]:
        """Names of the files of Documentation/ that hold the word, and the bytes where it stands.

        All of them are read, which takes a fifth of a second.
        """
        word = name.encode("latin-1")
        return [
            (file, at)
            for file in _named(self._tree.root, _DOCUMENTATION, (".rst", ".txt"))
            for at in places(word, self._tree.bytes_of(file))
        ]

    def in_rust(self, name: str, top: str) -> str | None:
        """Name of the first file in Rust, of the kernel's or below `top`, that holds the word."""
        word = name.encode("latin-1")
        tops = dict.fromkeys(("rust", top))
        files = (file for each in tops for file in _named(self._tree.root, each, (".rs",)))
        return next((each for each in files if holds(self._tree.bytes_of(each), word)), None)

    def speaking(self) -> list[str]:
        """Names of all files of the tree that may speak of mappings."""
        return self._candidates("")

    def know(self, speaking: Sequence[str]) -> None:
        """Take it as known which files of the tree may speak of mappings."""
        self._speaking[""] = sorted(filter(self._searched, speaking), key=_in_order)

    def renew(self, touched: Iterable[str]) -> None:
        """Search again; `touched` may be new, or may speak of mappings only now.

        Other files are searched anew, too, but only those that spoke of mappings before.
        """
        self._touched.update(name for name in touched if name.endswith(SUFFIXES))
        self._mentioning.clear()

    def _search(self, name: str, top: str) -> Iterator[str]:
        return self._holding(name, self._candidates(top))

    def _holding(self, name: str, files: Iterable[str]) -> Iterator[str]:
        word = name.encode("latin-1")
        for file in files:
            text = self._tree.bytes_of(file)
            if holds(text, word) and self._readable(file):
                yield file

    def _candidates(self, top: str) -> list[str]:
        """Files under `top` that may speak of mappings, in the order of their names."""
        return self._listed(top, lambda: names_below(self._tree.root, top))

    def _listed(self, top: str, names: Callable[[], Iterable[str]]) -> list[str]:
        folder = f"{top.removesuffix('/')}/" if top else ""
        if top not in self._speaking:
            whole = self._speaking.get("")
            self._speaking[top] = (
                [file for file in names() if speaks_of_mappings(self._tree.bytes_of(file))]
                if whole is None
                else [file for file in whole if file.startswith(folder)]
            )
        found = self._speaking[top]
        inside = {file for file in self._touched if file.startswith(folder)}
        added = {file for file in inside if self._searched(file)}.difference(found)
        return sorted([*found, *added], key=_in_order) if added else found

    @staticmethod
    def _searched(file: str) -> bool:
        return _USER_SPACE.isdisjoint(file.split("/")[:-1])

    def _readable(self, name: str) -> bool:
        try:
            self._tree.open(name)
        except SourceError:
            return False
        return True


def _in_order(file: str) -> list[str]:
    """Return by what names are sorted: as names_below() has them."""
    return file.split("/")


def names_in(root: Path, folder: str) -> list[str]:
    """Return the C files right in a folder of the tree, by name; symbolic links are left out."""
    return [f"{folder}/{entry.name}" for entry in _entries(root, folder) if _is_c(entry)]


def names_below(root: Path, top: str) -> Iterator[str]:
    """Yield C files below a folder ("": the root), in the order of their names."""
    for entry in _entries(root, top):
        name = f"{top}/{entry.name}" if top else entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _USER_SPACE:
                yield from names_below(root, name)
        elif _is_c(entry):
            yield name


def _named(root: Path, top: str, endings: tuple[str, ...]) -> Iterator[str]:
    """Yield the files of these endings below a folder, in the order of their names."""
    for entry in _entries(root, top):
        name = f"{top}/{entry.name}" if top else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _named(root, name, endings)
        elif entry.name.endswith(endings) and entry.is_file(follow_symlinks=False):
            yield name


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(f"{root}/{folder}"), key=lambda entry: entry.name)
    except OSError:
        return []


def _is_c(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False)
