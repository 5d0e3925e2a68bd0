# SPDX-License-Identifier: GPL-2.0-only
"""Layouts of structures, which are made up: by names, so both versions have to mean the same."""

from __future__ import annotations

import re

from premap.csource.ctypes import ArrayType, CType, PointerType, StructType, UnknownType
from premap.csource.includes import of_kernel
from premap.csource.meanings import meaning, names_in
from premap.csource.scope import Scope
from premap.csource.structs import StructDef
from premap.interp.machine import Machine
from premap.interp.types import settled
from premap.model.errors import NotModelled

_MOST_NESTED = 20
_BEHIND = re.compile(rb"[^;={}]*")
"""What stands between the brace and the end of a definition: attributes, names."""
_PACK = re.compile(rb"#[ \t]*pragma[ \t]+[^\n]*")


def agree(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if a structure may have another layout in the other version."""
    if not machine.memory.namer.compares:
        return
    if isinstance(ctype, ArrayType):
        agree_on_length(machine, scope, ctype)
    found = _structure(ctype)
    if found is not None and found.tag is not None:
        text = f"{found} may have another layout in the two versions"
        fact = fact_of(scope, found)
        machine.memory.namer.agree(("layout", str(found)), fact, text)


def fact_of(scope: Scope, ctype: CType) -> frozenset[bytes | str]:
    """Return all that the layout of a structure hangs on, as text; nothing if it is not defined."""
    found = _structure(ctype)
    if found is None:
        return frozenset()
    about = found if found.definition is None else found.definition
    return scope.once("layout", about, lambda: _texts(scope, found))


def agrees(machine: Machine, scope: Scope, ctype: CType) -> bool:
    """Return whether a structure has one layout in both versions, as far as was seen by now."""
    try:
        agree(machine, scope, ctype)
    except NotModelled:
        return False
    return True


def agree_on_length(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if what an array's length is written as may be something else."""
    if not machine.memory.namer.compares:
        return
    while isinstance(ctype, ArrayType):
        for name in names_in(ctype.length_text):
            bodies = frozenset(macro.body for macro in scope.macro(name))
            text = f"{name}, which is in an array's length, may differ in the two versions"
            fact = bodies, meaning(scope, name)
            machine.memory.namer.agree(("length", name), fact, text)
        ctype = ctype.element


def _structure(ctype: CType) -> StructType | None:
    while isinstance(ctype, ArrayType):
        ctype = ctype.element
    return ctype if isinstance(ctype, StructType) else None


def agree_on_names(machine: Machine, scope: Scope, text: str, problem: str) -> None:
    """Raise NotModelled where the own names in a text mean something else in the other version."""
    if not machine.memory.namer.compares:
        return
    known = meaning(scope, text)
    machine.memory.namer.agree(("meaning", text), known, f"{problem} in the two versions")


def agree_on_unknown(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if a type that was not found, or has several forms, may be another one."""
    if not machine.memory.namer.compares:
        return
    ctype = _innermost(ctype)
    if isinstance(ctype, UnknownType):
        agree_on_names(machine, scope, ctype.name, f"the type {ctype.name} may be another one")


def is_untold(ctype: CType) -> bool:
    """Return whether a type, or what it leads to, was not found, or has several forms."""
    return isinstance(_innermost(ctype), UnknownType)


def _innermost(ctype: CType) -> CType:
    """Return what pointers and arrays lead to."""
    while True:
        if isinstance(ctype, PointerType):
            ctype = ctype.target
        elif isinstance(ctype, ArrayType):
            ctype = ctype.element
        else:
            return ctype


def agree_on_own(machine: Machine, scope: Scope, ctype: CType) -> None:
    """Raise NotModelled if a structure of the file's own may have another layout."""
    if not machine.memory.namer.compares:
        return
    if any(not of_kernel(each.source.name) for each in scope.definitions(ctype)):
        agree(machine, scope, ctype)


def _texts(scope: Scope, ctype: StructType) -> frozenset[bytes | str]:
    """Return the texts of a structure's definition, and of all that it holds, comments left out."""
    texts: set[bytes | str] = set()
    pending, seen = [ctype], {str(ctype)}
    while pending and len(seen) < _MOST_NESTED:
        definitions = scope.definitions(pending.pop())
        for definition in definitions:
            body = _whole(definition)
            texts.add(b" ".join(body.split()))
            texts.update(_PACK.findall(definition.source.code, 0, definition.start))
            if not of_kernel(definition.source.name):
                texts |= meaning(scope, body.decode("latin-1"))
        for field in (field for definition in definitions for field in definition.fields):
            inner = _structure(settled(field.type))
            if inner is not None and str(inner) not in seen:
                seen.add(str(inner))
                pending.append(inner)
    return frozenset(texts)


def _whole(definition: StructDef) -> bytes:
    """Return a definition with the attributes before its tag, and behind its brace."""
    code = definition.source.code
    start = max(code.rfind(definition.kind.encode(), 0, definition.start), 0)
    behind = _BEHIND.match(code, definition.end)
    return code[start : definition.end if behind is None else behind.end()]
