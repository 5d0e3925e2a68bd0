# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree: which release it is, and its files, each read once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from premap.csource.source import SourceFile, read_source

_VERSION = re.compile(rb"^(VERSION|PATCHLEVEL)[ \t]*=[ \t]*(\d+)[ \t]*\r?$", re.MULTILINE)
_MAX_UP = 64

T = TypeVar("T")


def _release(root: Path) -> str | None:
    """VERSION.PATCHLEVEL of the Makefile in `root`; None if it is no kernel's."""
    try:
        with (root / "Makefile").open("rb") as file:
            found = dict(_VERSION.findall(file.read(4096)))
    except OSError:
        return None
    if len(found) != 2 or not (root / "include" / "linux").is_dir():
        return None
    return f"{int(found[b'VERSION'])}.{int(found[b'PATCHLEVEL'])}"


class KernelTree:
    """The source tree at `root`. Files are kept once read; nothing of it is ever executed."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._files: dict[str, SourceFile] = {}
        self._exists: dict[str, bool] = {}
        self._facts: dict[tuple[str, ...], Any] = {}

    def __repr__(self) -> str:
        return f"KernelTree({str(self.root)!r})"

    @cached_property
    def release(self) -> str:
        """Release as "7.3"; "?" where the Makefile does not say."""
        return _release(self.root) or "?"

    def open(self, relpath: str) -> SourceFile:
        """File of the tree, read once. Raises a SourceError if it can't be used."""
        if relpath not in self._files:
            self._files[relpath] = read_source(self.root / relpath, relpath)
        return self._files[relpath]

    def exists(self, relpath: str) -> bool:
        """Is there such a regular file? Names that lead out of the tree are not in it."""
        known = self._exists.get(relpath)
        if known is None:
            inside = not relpath.startswith(("/", "../")) and "\0" not in relpath
            known = inside and (self.root / relpath).is_file()
            self._exists[relpath] = known
        return known

    def relative(self, path: Path) -> str:
        """Name of `path` relative to the root, with slashes; as it is, if it lies elsewhere.

        A symbolic link keeps its own name.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
        directory = Path(os.path.realpath(absolute.parent)) / absolute.name
        if directory.is_relative_to(self.root):
            return directory.relative_to(self.root).as_posix()
        return str(path)

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what `make` gave for `key` the first time."""
        if key not in self._facts:
            self._facts[key] = make()
        found: T = self._facts[key]
        return found


def find_tree(path: Path) -> KernelTree | None:
    """Return the kernel tree that holds `path`: its nearest such parent, or itself."""
    here = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    for candidate in [here, *here.parents][:_MAX_UP]:
        if _release(candidate) is not None:
            return KernelTree(candidate)
    return None
