# SPDX-License-Identifier: GPL-2.0-only
"""Opens the files of a command line, each in its tree. Runs in a worker's process."""

from __future__ import annotations

import os
from pathlib import Path

from premap.cli.inputs import Input
from premap.csource.driver import DriverTree
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile, read_source
from premap.csource.tree import KernelTree
from premap.csource.whole import torn
from premap.records import Reason

_TREES: dict[os.PathLike[str], KernelTree] = {}
"""Trees by root: a process that works on many files reads shared headers once."""

_DRIVERS: dict[tuple[Path, Path | None], DriverTree] = {}
"""Drivers that lie in no tree, by folder and the tree that they are built with."""


def open_source(file: Input, tree: KernelTree | None) -> SourceFile:
    """Read a file. Raises a SourceError that says why it can't be used."""
    if tree is not None and tree.exists(file.name):
        return tree.open(file.name)
    return read_source(file.path, file.name)


def world_of(file: Input) -> KernelTree | None:
    """Return the tree that holds a file, or the driver that it belongs to; None for neither."""
    if file.driver is None:
        return tree_of(file)
    key = (file.driver, file.root)
    if key not in _DRIVERS:
        _DRIVERS[key] = DriverTree(file.driver, file.root)
    return _DRIVERS[key]


def tree_of(file: Input) -> KernelTree | None:
    """Return the tree that holds a file; None if there is none."""
    if file.root is None:
        return None
    return tree_at(file.root)


def tree_at(root: Path) -> KernelTree:
    """Return the tree with that root, which this process keeps, and those that it forks."""
    return _TREES.setdefault(root, KernelTree(root))


def unreadable(problem: SourceError) -> Reason:
    """Return why a file can't be used."""
    return Reason("unreadable", problem.detail or problem.why)


def torn_reason(source: SourceFile) -> Reason | None:
    """Return why a file can't be read whole; None if it can."""
    found = torn(source)
    if found is None:
        return None
    return Reason("unreadable", f"{found.why}: what follows can't be read", found.line)
