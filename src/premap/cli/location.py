# SPDX-License-Identifier: GPL-2.0-only
"""`FILE[:FUNCTION]`, as verify and run take it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from premap.cli.command import UsageError
from premap.cli.inputs import Input, find_inputs, is_folder
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile, read_source
from premap.csource.tree import KernelTree


class Location(Struct, frozen=True):
    """A C function in a file that was opened."""

    source: SourceFile
    function: str | None
    """None: the only hook of the file."""
    tree: KernelTree | None


def open_location(text: str, root: Path | None) -> Location:
    """Open `FILE:FUNCTION`, or `FILE`, which then has to hold one hook only.

    `root` is the tree given by the user. Raises UsageError if the file can't be read.
    """
    path, function = split_location(text)
    if is_folder(path):
        raise UsageError(f"{path}: is a directory, where a C file is expected")
    file = find_inputs([path], root)[0]
    tree = KernelTree(file.root) if file.root else None
    return Location(_open(file, tree), function, tree)


def split_location(text: str) -> tuple[Path, str | None]:
    """Divide at the last colon, unless there is a file of the whole name.

    Raises UsageError if what follows the colon is no name of a function.
    """
    name, colon, function = text.rpartition(":")
    if not colon or os.path.exists(text):  # noqa: PTH110  Path raises on odd names
        return Path(text), None
    if not name or not re.fullmatch(r"[A-Za-z_]\w*", function):
        raise UsageError(f"{text!r} is not FILE:FUNCTION")
    return Path(name), function


def _open(file: Input, tree: KernelTree | None) -> SourceFile:
    try:
        if tree is not None and tree.exists(file.name):
            return tree.open(file.name)
        return read_source(file.path, file.name)
    except SourceError as problem:
        raise UsageError(str(problem)) from problem
