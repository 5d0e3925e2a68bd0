# SPDX-License-Identifier: GPL-2.0-only
"""Which files of a tree define a function that others may call."""

from __future__ import annotations

from pathlib import Path

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree


def defining(name: str, seen_from: SourceFile, tree: KernelTree) -> list[SourceFile]:
    """Return the files that define the function for others, those nearest to a file.

    They are looked for in the folder of the file, then in that around it, up to the whole tree;
    only where mappings are spoken of (`Search`).
    """
    parents = list(Path(seen_from.name).parents)
    key = ("defining", name, str(parents[0]))
    return tree.once(key, lambda: _defining(name, parents, tree))


def _defining(name: str, folders: list[Path], tree: KernelTree) -> list[SourceFile]:
    for folder in folders:
        top = "" if folder == Path() else folder.as_posix()
        files = [tree.open(file) for file in tree.search.mentioning(name, top)]
        found = [file for file in files if any(not f.static for f in file.functions.get(name, ()))]
        if found:
            return found
    return []
