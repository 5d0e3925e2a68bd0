# SPDX-License-Identifier: GPL-2.0-only
"""Layouts of structures, which are made up: by names, so both versions have to mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.csource.ctypes import ArrayType, CType, StructType
from premap.csource.nodes import text_of
from premap.csource.scope import Scope
from premap.interp.machine import Machine
from premap.interp.types import settled

_MOST_NESTED = 20
_NAME = re.compile(r"[A-Za-z_]\w*")


def agree(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if a structure may have another layout in the other version."""
    if isinstance(ctype, ArrayType):
        agree_on_length(machine, scope, ctype)
    found = _structure(ctype)
    if found is not None and found.tag is not None:
        text = f"{found} may have another layout in the two versions"
        fact = scope.once("layout", str(found), lambda: _texts(scope, found))
        machine.memory.namer.agree(("layout", str(found)), fact, text)


def agree_on_length(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if what an array's length is written as may be something else."""
    while isinstance(ctype, ArrayType):
        for name in _NAME.findall(ctype.length_text):
            bodies = frozenset(macro.body for macro in scope.macro(name))
            text = f"{name}, which is in an array's length, may differ in the two versions"
            machine.memory.namer.agree(("length", name), bodies, text)
        ctype = ctype.element


def _structure(ctype: CType) -> StructType | None:
    while isinstance(ctype, ArrayType):
        ctype = ctype.element
    return ctype if isinstance(ctype, StructType) else None


def _texts(scope: Scope, ctype: StructType) -> frozenset[bytes]:
    """Return the texts of a structure's definition, and of all that it holds, comments left out."""
    texts: set[bytes] = set()
    pending, seen = [ctype], {str(ctype)}
    while pending and len(seen) < _MOST_NESTED:
        definitions = scope.definitions(pending.pop())
        for definition in definitions:
            body = definition.source.code[definition.start : definition.end]
            texts.add(b" ".join(body.split()))
        for field in (field for definition in definitions for field in definition.fields):
            inner = _structure(settled(field.type))
            if inner is not None and str(inner) not in seen:
                seen.add(str(inner))
                pending.append(inner)
    return frozenset(texts)


def meaning(scope: Scope, text: str) -> frozenset[str]:
    """Return what the file's own names in a text stand for, and the names in that."""
    return scope.once("meaning", text, lambda: _meaning(scope, text))


def _meaning(scope: Scope, text: str) -> frozenset[str]:
    found: set[str] = set()
    pending, seen = _NAME.findall(text), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for written in _written(scope, name):
            found.add(f"{name}: {written}")
            pending += _NAME.findall(written)
    return frozenset(found)


def _written(scope: Scope, name: str) -> Iterator[str]:
    """Yield what a name of the file is defined as: as a macro, a constant, a variable or a type."""
    yield from (macro.body for macro in scope.source.macros_of(name))
    enumerator = scope.enumerator(name)
    if enumerator is not None and enumerator.source is scope.source:
        yield str(enumerator)
    variable = scope.own_variable(name)
    if variable is not None and variable.initializer is not None:
        yield " ".join(text_of(variable.initializer).split())
    for definition in scope.definitions(StructType("struct", name)):
        if definition.source is scope.source:
            yield definition.source.code[definition.start : definition.end].decode("latin-1")
