# SPDX-License-Identifier: GPL-2.0-only
"""Which files of a tree hold a word. Only bytes are searched; nothing is parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from premap.csource.errors import SourceError

if TYPE_CHECKING:
    from premap.csource.tree import KernelTree

_USER_SPACE = frozenset({"tools", "scripts", "Documentation", ".git"})
_BEGINS_TWO, _BEGIN_ALIKE, _OTHER = b"vm", (b"vma", b"vm_area"), b"mmap"
"""What files that have to do with mappings say. Most say none of it, after two searches."""
SUFFIXES = (".c", ".h")


def speaks_of_mappings(text: bytes) -> bool:
    """Tell whether a file may have to do with mappings at all."""
    return (_BEGINS_TWO in text and any(word in text for word in _BEGIN_ALIKE)) or _OTHER in text


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

    def renew(self, touched: Iterable[str]) -> None:
        """Search again; `touched` may be new, or may speak of mappings only now.

        Other files are searched anew, too, but only those that spoke of mappings before.
        """
        self._touched.update(name for name in touched if name.endswith(SUFFIXES))
        self._mentioning.clear()

    def _search(self, name: str, top: str) -> Iterator[str]:
        plain = name.encode("latin-1")
        word = re.compile(rb"(?<!\w)" + re.escape(plain) + rb"(?!\w)")
        for file in self._candidates(top):
            text = self._tree.bytes_of(file)
            if plain in text and word.search(text) and self._readable(file):
                yield file

    def _candidates(self, top: str) -> list[str]:
        """Files under `top` that may speak of mappings, in the order of their names."""
        if top not in self._speaking:
            self._speaking[top] = [
                file for file in self._files(top) if speaks_of_mappings(self._tree.bytes_of(file))
            ]
        found = self._speaking[top]
        inside = {file for file in self._touched if not top or file.startswith(f"{top}/")}
        added = {file for file in inside if self._searched(file)}.difference(found)
        return sorted([*found, *added], key=lambda file: file.split("/")) if added else found

    def _files(self, top: str) -> Iterator[str]:
        return _c_files(str(self._tree.root / top), f"{top}/" if top else "")

    @staticmethod
    def _searched(file: str) -> bool:
        return _USER_SPACE.isdisjoint(file.split("/")[:-1])

    def _readable(self, name: str) -> bool:
        try:
            self._tree.open(name)
        except SourceError:
            return False
        return True


def _c_files(folder: str, prefix: str) -> Iterator[str]:
    """Yield names of the C files below a folder, in their order; symbolic links are left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _USER_SPACE:
                yield from _c_files(entry.path, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
            yield f"{prefix}{entry.name}"
