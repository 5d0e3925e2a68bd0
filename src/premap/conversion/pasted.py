# SPDX-License-Identifier: GPL-2.0-only
"""Names of functions that a macro puts together: `x##_mmap`, for `TABLE(ring)`.

Whoever renames a function finds no mention there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from premap.conversion.program import Program
from premap.csource.source import Function, SourceFile
from premap.idioms.idiom import Declined

_PAIR = re.compile(r"(\w+)\s*##\s*(?=(\w+))")


_FAR = 2000
"""How far the arguments of a macro go where no parenthesis closes them."""


def check(name: str, function: Function, users: Sequence[SourceFile], program: Program) -> None:
    """Raise Declined if a macro of the function's file or its own headers makes up its name."""
    own = program.scope(function.source).own_files
    makers: dict[str, set[str]] = {}
    for file in {each.name: each for each in (*own, *users)}.values():
        for macro, stem in _makers(name, file):
            makers.setdefault(macro, set()).add(stem)
    for macro, stems in makers.items():
        for user in _users(macro, function, [*own, *users], program):
            at = _use(user, macro, stems)
            if at is not None:
                text = f"{user.name}:{user.line_of(at)}: {macro}() may put the name {name} together"
                raise Declined("second-caller", text, line=function.line)


def _makers(name: str, file: SourceFile) -> Iterator[tuple[str, str]]:
    """Yield macros that may make up a name, and what they have to be given for it."""
    for macro in file.macro_list if b"##" in file.code else ():
        given = set(macro.parameters or ())
        for pair in _PAIR.finditer(macro.body) if given else ():
            one, other = pair[1], pair[2]
            if one in given and other not in given and name.endswith(other) and name != other:
                yield macro.name, name.removesuffix(other)
            if other in given and one not in given and name.startswith(one) and name != one:
                yield macro.name, name.removeprefix(one)


def _use(file: SourceFile, macro: str, stems: Collection[str]) -> int | None:
    """Return where a file uses a macro with one of these words among its arguments."""
    either = b"|".join(re.escape(stem.encode()) for stem in sorted(stems))
    opened = re.compile(rb"\b%b\s*\(" % re.escape(macro.encode()))
    given = re.compile(rb"\b(?:%b)\b" % either)
    for found in opened.finditer(file.code):
        close = file.closing(found.end() - 1) or found.end() + _FAR
        if given.search(file.code, found.end(), close):
            return found.start()
    return None


def _users(
    macro: str, function: Function, own: Sequence[SourceFile], program: Program
) -> Iterator[SourceFile]:
    """Yield files that may use a macro: of a function that is not static, all of the tree."""
    yield from own
    if program.tree is None or program.is_local(function):
        return
    for name in program.tree.search.everywhere(macro):
        if all(name != file.name for file in own):
            yield program.open(name)
