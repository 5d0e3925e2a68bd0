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

    code = run(["check", "--jobs", "1", "--for-make", *own, "--", source])
    return 0 if code in (0, 1) else code


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
