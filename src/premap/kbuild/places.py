# SPDX-License-Identifier: GPL-2.0-only
"""Which object kbuild makes of a C file: one of its own folder's, or one of another folder's.

A makefile may list the objects of another folder, `core-y := ../lib/ring.o`, also through a
variable or in a file that it includes. Such a file compiles with the flags of the folder that lists
it, and kbuild knows its object by that folder's path alone: `drivers/core/../lib/ring.o`.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

_MAKEFILE = re.compile(r"(?:Makefile|Kbuild)(?:\.\w+)?\Z")
_FOR = re.compile(r"^# Linux/(\w+) ", re.MULTILINE)
_COMMENT = re.compile(r"(?<!\\)#.*")
_UP = r"(?:\.\./)+[\w./-]*\w"


class Places:
    """The makefiles of a tree, as they are built for one architecture."""

    def __init__(self, root: Path, config: Path) -> None:
        self.root = root
        found = _FOR.search(config.read_text("utf-8", "replace")) if config.exists() else None
        self.arch = found[1] if found else ""

    def target(self, name: str) -> str:
        """Return the object that make is to be asked for, for a C file."""
        folder, base = posixpath.split(name.removesuffix(".c"))
        listed = re.compile(rf"(?<![\w/-]){re.escape(base)}\.o\b")
        own = posixpath.join(folder, f"{base}.o")
        if any(map(listed.search, self._own(folder))):
            return own
        return next(self._elsewhere(folder, base), own)

    def _own(self, folder: str) -> Iterator[str]:
        for name in ("Kbuild", "Makefile"):
            path = self.root / folder / name
            if path.is_file():
                yield _text(path)

    def _elsewhere(self, folder: str, base: str) -> Iterator[str]:
        """Yield the objects by which other folders' makefiles know a file."""
        listed = re.compile(rf"(\$\(\w+\)|{_UP})/{re.escape(base)}\.o\b")
        for makefile, text in self._texts.items():
            for match in listed.finditer(text):
                for user in (makefile, *self._including(makefile)):
                    at = posixpath.dirname(user)
                    for path in self._values(match[1], makefile, user):
                        if posixpath.normpath(f"{at}/{path}") == folder and self._is_built(at):
                            yield f"{at}/{path}/{base}.o"

    def _values(self, written: str, *makefiles: str) -> Iterator[str]:
        """Yield what a path may be: itself, or what the variable is set to."""
        if not written.startswith("$"):
            yield written
            return
        sets = re.compile(rf"^\s*{written[2:-1]}\s*[:?]*=\s*({_UP})/?\s*$", re.MULTILINE)
        for makefile in makefiles:
            yield from (match[1] for match in sets.finditer(self._texts[makefile]))

    def _including(self, makefile: str) -> Iterator[str]:
        """Yield the makefiles that include one, by the end of the path that they name."""
        end = re.escape("/".join(makefile.split("/")[-2:]))
        includes = re.compile(rf"^\s*-?include\s+(?:\S*/)?{end}\s*$", re.MULTILINE)
        return (other for other, text in self._texts.items() if includes.search(text))

    def _is_built(self, folder: str) -> bool:
        """Tell whether a folder is of no other architecture than what is built for."""
        parts = folder.split("/")
        return parts[0] != "arch" or parts[1:2] == [self.arch]

    @cached_property
    def _texts(self) -> dict[str, str]:
        """All makefiles of the tree, by their paths."""
        found = {}
        for folder, _, files in os.walk(self.root):
            for name in filter(_MAKEFILE.match, files):
                path = Path(folder, name)
                at = path.relative_to(self.root).as_posix()
                found[at] = _text(path)
        return found


def _text(makefile: Path) -> str:
    """Return what a makefile says, without its comments."""
    return _COMMENT.sub("", makefile.read_text("utf-8", "replace"))
