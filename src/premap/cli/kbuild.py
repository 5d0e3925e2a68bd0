# SPDX-License-Identifier: GPL-2.0-only
"""`make C=2 CHECK="premap check --kbuild"`: called once a file, as sparse is.

kbuild gives the compiler's arguments and the file. Most files map no memory: that shows before
anything is imported. The exit code is 0 whatever is found, since make would stop.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

FLAG = "--kbuild"
_MENTIONED = b"mmap"
_WITH_VALUE = frozenset({"-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-o", "-x"})
"""Options of the compiler whose value is an argument of its own."""
_OWN = frozenset({"--target", "--tree", "--level"})


def check(arguments: Sequence[str]) -> int:
    """Check the one file of a compiler's command line, and print to standard error."""
    own, source = _divided(arguments)
    if source is None:
        print("premap: check --kbuild: no C file among the arguments", file=sys.stderr)
        return 2
    try:
        if _MENTIONED not in Path(source).read_bytes():
            return 0
    except OSError as problem:
        print(f"premap: {source}: {problem.strerror}", file=sys.stderr)
        return 2
    from premap.cli.dispatch import run

    if not any(each.split("=")[0] == "--tree" for each in own):
        own += _tree_of(arguments, Path(source))
    code = run(["check", "--jobs", "1", "--for-make", *own, "--", source])
    return 0 if code in (0, 1) else code


def _tree_of(arguments: Sequence[str], source: Path) -> list[str]:
    """Return the options that name the tree a driver is built for that lies outside of it.

    It is the first kernel tree whose include/ the compiler searches.
    """
    from premap.csource.tree import find_tree

    if find_tree(source.parent) is not None:
        return []
    folders = (Path(each.removeprefix("-I")) for each in arguments if each.startswith("-I"))
    trees = (find_tree(each.parent) for each in folders if each.name == "include")
    root = next((tree.root for tree in trees if tree is not None), None)
    return [] if root is None else ["--tree", str(root)]


def _divided(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Return options of our own, and the C file; everything else is the compiler's."""
    own: list[str] = []
    source: str | None = None
    given = iter(arguments)
    for argument in given:
        if argument in _OWN:
            own += [argument, next(given, "")]
        elif argument.split("=")[0] in _OWN:
            own.append(argument)
        elif argument in _WITH_VALUE:
            next(given, None)
        elif argument.endswith((".c", ".h", ".S")) and not argument.startswith("-"):
            source = argument
    return own, source
