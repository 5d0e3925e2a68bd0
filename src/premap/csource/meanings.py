# SPDX-License-Identifier: GPL-2.0-only
"""What a file's own names stand for, as text: what is written there, and in its own headers.

Two versions of a file may say the same and mean different things by it: by macros, constants and
types. With each definition go the `#if` arms that it is in, and their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from premap.csource import regions
from premap.csource.nodes import identifiers_in, text_of
from premap.csource.scope import Scope
from premap.csource.source import Macro, SourceFile
from premap.csource.structs import read_struct

NAME = re.compile(r"[A-Za-z_]\w*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def meaning(scope: Scope, text: str) -> frozenset[str]:
    """Return what the own names in a text stand for, and the names in that, and so on."""
    return scope.once("meaning", text, lambda: _meaning(scope, text))


def _meaning(scope: Scope, text: str) -> frozenset[str]:
    found: set[str] = set()
    pending, seen = names_in(text), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        written = " | ".join(_written(scope, name))
        if written:
            found.add(f"{name}: {written}")
            pending += names_in(written)
    return frozenset(found)


def names_in(text: str) -> list[str]:
    """Return the names in a piece of C, those within strings left out."""
    return NAME.findall(_STRING.sub('""', text))


def redefined(macros: Sequence[Macro]) -> bool:
    """Return whether macros of one name have other bodies in the same arms: at other places."""
    bodies = {(macro.arms, macro.body.strip()) for macro in macros}
    return len({arms for arms, _ in bodies}) < len(bodies)


def _written(scope: Scope, name: str) -> Iterator[str]:
    """Yield what a name is defined as: a macro, a constant, a variable, a type."""
    for file in scope.own_files_with(name):
        for macro in file.macros_of(name):
            parameters = "" if macro.parameters is None else f"({', '.join(macro.parameters)})"
            yield f"{_arms(macro.arms)}{parameters} {' '.join(macro.body.split())}"
        yield from _undefined(file, name)
        yield from _types(scope, file, name)
    enumerator = scope.own_enumerator(name)
    if enumerator is not None:
        yield f"{enumerator} {'' if enumerator.certain else 'in some arms of ' + enumerator.around}"
    variable = scope.own_variable(name)
    if variable is not None and variable.initializer is not None:
        const = "const " if variable.const else ""
        written = " ".join(text_of(variable.initializer).split())
        yield f"{_arms(variable.arms)}{const}{written}"


def _undefined(file: SourceFile, name: str) -> Iterator[str]:
    """Yield after how many definitions of a macro it is undefined."""
    for at in file.undefined.get(name, ()):
        before = sum(macro.start < at for macro in file.macros_of(name))
        yield f"#undef after {before}"


def _types(scope: Scope, file: SourceFile, name: str) -> Iterator[str]:
    opened = name.encode("latin-1", "replace") in file.opened
    for kind in ("struct", "union") if opened else ():
        for brace in regions.struct_braces(file, kind, name):
            found = read_struct(file, kind, name, brace, scope.types)
            if found is not None:
                yield _text(file, found.start, found.end)
    for start, end in scope.own_typedefs(file).get(name, ()):
        yield _text(file, start, end)


def _text(file: SourceFile, start: int, end: int) -> str:
    return _arms(file.arms_at(start)) + " ".join(file.code[start:end].decode("latin-1").split())


def _arms(arms: tuple[str, ...]) -> str:
    return f"[{' && '.join(arms)}] " if arms else ""


def reached(source: SourceFile, names: Sequence[str]) -> dict[str, list[bytes]]:
    """Return the text of the file's functions and macros that these name, or reach."""
    found: dict[str, list[bytes]] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        functions, macros = source.functions_of(name), source.macros_of(name)
        if functions or macros:
            found[name] = [_plain(function.node.text) for function in functions]
            found[name] += [_plain(macro.body.encode("latin-1")) for macro in macros]
        for function in functions:
            pending += identifiers_in(function.body)
        for macro in macros:
            pending += NAME.findall(macro.body)
    return found


def _plain(given: bytes | None) -> bytes:
    return b" ".join((given or b"").split())
