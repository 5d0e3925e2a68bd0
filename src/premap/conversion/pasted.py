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

_CHAIN = re.compile(r"\w+(?:\s*##\s*\w+)+")
_WORD = re.compile(r"\w+")
_Words = frozenset[str]
_FAR = 2000
"""How far the arguments of a macro go where no parenthesis closes them."""
_LONGEST = 5
"""Parts of a name that are told; more are no name of a function."""


def check(name: str, function: Function, users: Sequence[SourceFile], program: Program) -> None:
    """Raise Declined if a macro of the function's file or its own headers makes up its name."""
    own = program.scope(function.source).own_files
    files = {each.name: each for each in (*own, *users)}.values()
    makers: dict[str, set[_Words]] = {}
    for file in files:
        for macro, words in _makers(name, file):
            makers.setdefault(macro, set()).add(words)
    _add_wrappers(makers, files)
    for macro, wanted in makers.items():
        for user in _users(macro, function, [*own, *users], program):
            at = _use(user, macro, wanted)
            if at is not None:
                text = f"{user.name}:{user.line_of(at)}: {macro}() may put the name {name} together"
                raise Declined("second-caller", text, line=function.line)


def _makers(name: str, file: SourceFile) -> Iterator[tuple[str, _Words]]:
    """Yield macros that may make up a name, and words that they have to be given for it."""
    for macro in file.macro_list if b"##" in file.code else ():
        given = set(macro.parameters or ())
        for chain in _CHAIN.finditer(macro.body) if given else ():
            parts = [part.strip() for part in chain[0].split("##")]
            if len(parts) <= _LONGEST and given.intersection(parts):
                yield from ((macro.name, words) for words in _words(name, parts, given))


def _words(name: str, parts: Sequence[str], given: Collection[str]) -> Iterator[_Words]:
    """Yield what the parameters among the parts have to be for all parts to make up the name."""
    if not parts:
        yield from [frozenset[str]()] if not name else []
        return
    [part, *rest] = parts
    if part not in given:
        if name.startswith(part):
            yield from _words(name.removeprefix(part), rest, given)
        return
    for length in range(1, len(name) + 1) if rest else [len(name)]:
        for words in _words(name[length:], rest, given) if name else ():
            yield words | {name[:length]}


def _add_wrappers(makers: dict[str, set[_Words]], files: Collection[SourceFile]) -> None:
    """Add macros that use such a macro: they may hand on what they are given."""
    pending = [*makers]
    while pending:
        maker = pending.pop()
        use = re.compile(rf"\b{re.escape(maker)}\b")
        for macro in (each for file in files for each in file.macro_list if each.parameters):
            if macro.name != maker and maker in macro.body and use.search(macro.body):
                known = makers.setdefault(macro.name, set())
                if not makers[maker] <= known:
                    known |= makers[maker]
                    pending.append(macro.name)


def _use(file: SourceFile, macro: str, wanted: Collection[_Words]) -> int | None:
    """Return where a file uses a macro with all of these words, of any of the sets, in it."""
    opened = re.compile(rb"\b%b\s*\(" % re.escape(macro.encode()))
    for found in opened.finditer(file.code):
        close = file.closing(found.end() - 1) or found.end() + _FAR
        given = set(_WORD.findall(file.code[found.end() : close].decode("latin-1")))
        if any(words <= given for words in wanted):
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
