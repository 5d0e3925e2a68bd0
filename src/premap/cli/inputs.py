# SPDX-License-Identifier: GPL-2.0-only
"""From the paths of a command line to the files that it means, each with its tree and name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from premap.cli.command import UsageError
from premap.csource.tree import KernelTree, find_tree

SUFFIXES = (".c", ".h")
MENTIONED = b"mmap"
"""What a file of a folder must hold to be read at all."""


class Input(NamedTuple):
    """One file to work on."""

    path: Path
    root: Path | None
    """Root of its tree; None where it lies in none."""
    name: str
    """Relative to the root, or as given where there is no tree."""
    named: bool = False
    """Whether it was named itself, rather than found in a folder."""
    driver: Path | None = None
    """The folder that was named, with all files of a driver, where that lies in no tree."""


def find_inputs(paths: Sequence[Path], root: Path | None) -> list[Input]:
    """Return the files that `paths` name, in order, each once; of folders, those that say mmap.

    `root` is the tree given by the user, None to look for one. A path that does not exist is
    among them: reading it will say so.
    """
    tree = given_tree(root)
    names = _Names(tree.root if tree else None)
    found: dict[str, Input] = {}
    for path in paths:
        folder = is_folder(path)
        for each in _files(path) if folder else [path]:
            file = names.input(each, path if folder else None)
            before = found.setdefault(os.path.realpath(each), file)
            if not folder:
                found[os.path.realpath(each)] = before._replace(named=True)
    return list(found.values())


def given_tree(root: Path | None) -> KernelTree | None:
    """Return the tree that --tree names, if it is given. Raises UsageError if that is none."""
    if root is None:
        return None
    tree = find_tree(root)
    if tree is None or tree.root != Path(os.path.realpath(root)):
        raise UsageError(f"--tree {root}: no kernel tree there")
    return tree


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; one that can't be looked at is none, and reading it says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


class _Names:
    """Finds trees, each folder's once."""

    def __init__(self, given: Path | None) -> None:
        self._given = given
        self._roots: dict[Path, Path | None] = {}

    def input(self, path: Path, folder: Path | None = None) -> Input:
        root = self._given or self._root_of(path.parent)
        name = _relative(path, root)
        outside = root is None or not _inside(path, root)
        return Input(path, root, name, driver=folder if outside else None)

    def _root_of(self, folder: Path) -> Path | None:
        if folder not in self._roots:
            tree = find_tree(folder)
            self._roots[folder] = tree.root if tree else None
        return self._roots[folder]


def _relative(path: Path, root: Path | None) -> str:
    return str(path) if root is None else KernelTree(root).relative(path)


def _inside(path: Path, root: Path) -> bool:
    """Whether a file lies in a tree, by the folder that it is in."""
    return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(root))


def _files(folder: Path) -> Iterator[Path]:
    """Yield C files below `folder` that say mmap, in the order of their names.

    Symbolic links are passed over: what they point to has a name of its own.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as problem:
        raise UsageError(f"{folder}: {problem.strerror}") from problem
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != ".git":
                yield from _files(Path(entry.path))
        elif entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
            path = Path(entry.path)
            if _mentions(path):
                yield path


def _mentions(path: Path) -> bool:
    """Whether the file says mmap; one that can't be read counts, so that it is reported."""
    try:
        return MENTIONED in path.read_bytes()
    except OSError:
        return True
