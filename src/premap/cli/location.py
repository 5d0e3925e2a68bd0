# SPDX-License-Identifier: GPL-2.0-only
"""`FILE[:FUNCTION]`, as verify and run take it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from premap.cli.command import UsageError
from premap.cli.inputs import Input, find_inputs, is_folder
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.scope import Scope
from premap.csource.source import SourceFile, read_source
from premap.csource.tree import KernelTree


@dataclass(frozen=True, slots=True)
class Location:
    """A C function, opened."""

    source: SourceFile
    function: str
    tree: KernelTree | None


def open_location(text: str, root: Path | None) -> Location:
    """Open `FILE:FUNCTION`, or `FILE` where it holds one mmap handler only.

    `root` is the tree given by the user. Raises UsageError if it leads to no function.
    """
    path, function = split_location(text)
    if is_folder(path):
        raise UsageError(f"{path}: is a directory, where a C file is expected")
    file = find_inputs([path], root)[0]
    tree = KernelTree(file.root) if file.root else None
    source = _open(file, tree)
    function = function or _only_handler(source, tree)
    if function not in source.functions:
        raise UsageError(f"{path}: defines no function {function}")
    return Location(source, function, tree)


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


def _only_handler(source: SourceFile, tree: KernelTree | None) -> str:
    names = sorted({handler.name for handler in find_handlers(source, Scope(source, tree))})
    if len(names) == 1:
        return names[0]
    found = f"names {', '.join(names)}: say which" if names else "has no mmap handler: name one"
    raise UsageError(f"{source.name}: {found}, as FILE:FUNCTION")
