# SPDX-License-Identifier: GPL-2.0-only
"""A driver outside any kernel tree, of which all files are known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from premap.csource.search import SUFFIXES, speaks_of_mappings
from premap.csource.source import SourceFile, read_source
from premap.csource.tree import KernelTree

_BUILD_FILES = frozenset({"Makefile", "Kbuild"})
"""What says where else headers are."""


class DriverTree(KernelTree):
    """The files below `folder`, by their names as given, before those of the kernel's tree.

    Only the driver's own files are searched, and so only they may change: what the kernel's tree
    holds is what their names mean. Without one, they mean what the driver itself says.
    """

    holds_all_users = False

    def __init__(self, folder: Path, kernel: Path | None) -> None:
        super().__init__(folder if kernel is None else kernel)
        self._has_kernel = kernel is not None
        self._own = dict(_files(folder))
        self.search.know([name for name in self._own if self._speaks(name)])

    def _speaks(self, name: str) -> bool:
        return name.endswith(SUFFIXES) and speaks_of_mappings(self.bytes_of(name))

    def open(self, relpath: str) -> SourceFile:
        """File of the driver, or else of the kernel. Raises a SourceError if it can't be used."""
        if relpath in self._own and relpath not in self._files:
            self._files[relpath] = read_source(self._own[relpath], relpath)
        return super().open(relpath)

    def bytes_of(self, relpath: str) -> bytes:
        """Text of a file, which is not kept; b"" where it can't be read."""
        if relpath not in self._own:
            return super().bytes_of(relpath)
        try:
            return self._own[relpath].read_bytes()
        except OSError:
            return b""

    def exists(self, relpath: str) -> bool:
        """Tell whether the driver or the kernel has such a file."""
        return relpath in self._own or (self._has_kernel and super().exists(relpath))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield C files and what builds them, below a folder, each with its name as given."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            path = Path(where) / name
            wanted = name.endswith(SUFFIXES) or name in _BUILD_FILES
            if wanted and path.is_file() and not path.is_symlink():
                yield str(path), path
