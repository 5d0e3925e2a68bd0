# SPDX-License-Identifier: GPL-2.0-only
"""Which options a C file of a tree is built with, as the tree's makefiles say.

`obj-$(CONFIG_X) += file.o`, Documentation/kbuild/makefiles.rst. Read as text: nothing is run.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from premap.csource.kconfig import Kconfig
from premap.csource.tree import KernelTree

_LIST = re.compile(
    r"^[ \t]*([\w.-]+?)-(?:y|m|objs|\$\(CONFIG_(\w+)\))[ \t]*[:+]?=[ \t]*(.*)$", re.MULTILINE
)
"""A list of objects: what it is of, the option that it hangs on, and what is in it."""
_COMMENT = re.compile(r"(?<!\\)#.*")
_TOP = frozenset({"obj", "lib"})
_DEEPEST = 16
"""Makefiles and composite objects that one file may be in, one in another."""


def only_with(option: str, file: str, tree: KernelTree) -> bool:
    """Tell whether a file is only built in kernels that have an option, as far as the tree says."""
    parts = file.split("/")
    if parts[0] == "arch" and _kconfig(tree).always(parts[1], option):
        return True
    folder, name = posixpath.split(file)
    if not name.endswith(".c"):
        return False
    return tree.once(
        ("only with", option, file), lambda: _only(option, folder, f"{name[:-2]}.o", tree, 0)
    )


def _kconfig(tree: KernelTree) -> Kconfig:
    return tree.once(("kconfig",), lambda: Kconfig(tree))


def _only(option: str, folder: str, goal: str, tree: KernelTree, depth: int) -> bool:
    """Tell it of an object, or of a folder, `sub/`, that the makefile of `folder` lists."""
    listed = list(_listed(folder, goal, tree))
    if not listed or depth > _DEEPEST:
        return False
    return all(
        (bool(needed) and _kconfig(tree).needs(needed, option))
        or _around(option, folder, whole, tree, depth)
        for whole, needed in listed
    )


def _around(option: str, folder: str, whole: str, tree: KernelTree, depth: int) -> bool:
    """Tell it of what a list is of: another object, or all that the folder's makefile builds."""
    if whole not in _TOP:
        return _only(option, folder, f"{whole}.o", tree, depth + 1)
    above, name = posixpath.split(folder)
    return bool(above) and _only(option, above, f"{name}/", tree, depth + 1)


def _listed(folder: str, goal: str, tree: KernelTree) -> Iterator[tuple[str, str]]:
    """Yield the lists that a folder's makefile has something in; none where one is not a list."""
    text = tree.bytes_of(f"{folder}/Kbuild") or tree.bytes_of(f"{folder}/Makefile")
    plain = _COMMENT.sub("", text.decode("latin-1").replace("\\\n", " "))
    found = [
        (match[1], match[2] or "") for match in _LIST.finditer(plain) if goal in match[3].split()
    ]
    # What names it in another way may build it, too.
    if len(re.findall(rf"(?<![\w.-]){re.escape(goal)}(?![\w.-])", plain)) == len(found):
        yield from found
