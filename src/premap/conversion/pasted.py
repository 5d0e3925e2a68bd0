# SPDX-License-Identifier: GPL-2.0-only
"""Names of functions that a macro puts together: `x##_mmap`, for `TABLE(ring)`.

Whoever renames a function finds no mention there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from premap.conversion.program import Program
from premap.csource.source import Function, SourceFile
from premap.idioms.idiom import Declined

_MACRO = re.compile(
    rb"#[ \t]*define[ \t]+(\w+)\(([^)]*)\)((?:[^\n\\]|\\.)*?##(?:[^\n\\]|\\.)*)", re.DOTALL
)
_PAIR = re.compile(r"(\w+)\s*##\s*(?=(\w+))")


def check(name: str, function: Function, users: Sequence[SourceFile], program: Program) -> None:
    """Raise Declined if a macro of the function's file or its own headers makes up its name."""
    own = program.scope(function.source).own_files
    for file in {each.name: each for each in (*own, *users)}.values():
        for macro, stem in _makers(name, file):
            used = re.compile(
                rb"\b%b\s*\([^;{}]*?\b%b\b" % (re.escape(macro.encode()), re.escape(stem.encode()))
            )
            for user in _users(macro, function, [*own, *users], program):
                found = used.search(user.code)
                if found is not None:
                    where = f"{user.name}:{user.line_of(found.start())}"
                    text = f"{where}: {macro}() may put the name {name} together"
                    raise Declined("second-caller", text, line=function.line)


def _makers(name: str, file: SourceFile) -> Iterator[tuple[str, str]]:
    """Yield macros that may make up a name, and what they have to be given for it."""
    if b"##" not in file.code:
        return
    for found in _MACRO.finditer(file.code):
        given = {each.strip() for each in found[2].decode("latin-1").split(",")}
        for pair in _PAIR.finditer(found[3].decode("latin-1")):
            one, other = pair[1], pair[2]
            if one in given and other not in given and name.endswith(other) and name != other:
                yield found[1].decode("latin-1"), name.removesuffix(other)
            if other in given and one not in given and name.startswith(one) and name != one:
                yield found[1].decode("latin-1"), name.removeprefix(one)


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
