# SPDX-License-Identifier: GPL-2.0-only
"""Which files of a tree define a function that others may call."""

from __future__ import annotations

from pathlib import Path

from premap.csource.regions import functions_named
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree

CORE = "mm"
"""Where the kernel defines most of what is handed a mapping."""


def defining(name: str, seen_from: SourceFile, tree: KernelTree) -> list[SourceFile]:
    """Return the files that define the function for others, those nearest to a file.

    They are looked for in the folder of the file, then in mm, which takes milliseconds, then in the
    folders around that of the file, up to the whole tree; only where mappings are spoken of
    (`Search`).
    """
    parents = list(Path(seen_from.name).parents)
    key = ("defining", name, str(parents[0]))
    return tree.once(key, lambda: _defining(name, parents, tree))


def defining_near(name: str, seen_from: SourceFile, tree: KernelTree) -> list[SourceFile]:
    """Return the files that define the function for others: beside a file, else a folder up.

    Folders below those are not searched, and so neither is the whole tree: this takes milliseconds.
    """
    parents = list(Path(seen_from.name).parents)[:-1]
    return tree.once(("near", name, seen_from.name), lambda: _near(name, parents, tree))


def defining_beside(name: str, seen_from: SourceFile, tree: KernelTree) -> list[SourceFile]:
    """Return the files in the folder of a file that define the function for others."""
    folder = Path(seen_from.name).parent

    def find() -> list[SourceFile]:
        needle = name.encode("latin-1", "replace")
        files = sorted(file for file in (tree.root / folder).glob("*.c") if file.is_file())
        said = (file.name for file in files if needle in file.read_bytes())
        return _public(name, [(folder / each).as_posix() for each in said], tree)

    return tree.once(("beside", name, folder.as_posix()), find)


def _defining(name: str, folders: list[Path], tree: KernelTree) -> list[SourceFile]:
    for folder in [folders[0], Path(CORE), *folders[1:]]:
        top = "" if folder == Path() else folder.as_posix()
        found = _public(name, tree.search.mentioning(name, top), tree)
        if found and not (folder == Path(CORE) and _weak(name, found)):
            return found
    return []


def _weak(name: str, files: list[SourceFile]) -> bool:
    """Tell whether an architecture may have a definition of its own instead."""
    heads = (
        file.seen[file.line_start(function.node.start_byte) : function.name_node.start_byte]
        for file in files
        for function in file.functions[name]
    )
    return any(b"__weak" in head for head in heads)


def _near(name: str, folders: list[Path], tree: KernelTree) -> list[SourceFile]:
    found = (_public(name, tree.search.beside(name, folder.as_posix()), tree) for folder in folders)
    return next(filter(None, found), [])


def _public(name: str, files: list[str], tree: KernelTree) -> list[SourceFile]:
    """Return which of the files define it for others; those that only call it are not parsed."""
    opened = [tree.open(file) for file in files]
    return [file for file in opened if any(not f.static for f in functions_named(file, name))]
