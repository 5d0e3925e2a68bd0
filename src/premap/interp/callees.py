# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a file a pointer may be: those whose names are given away for its member.

A call through a pointer that is not known is taken to do the same in both versions. So what they
name for it, and what that does, has to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.csource.meanings import reached
from premap.csource.scope import Scope
from premap.interp.machine import Machine

_MEMBER = re.compile(r"(?:->|\.)(\w+)\W*\Z")
"""The member that a pointer was read from, at the end of its name."""
_SET = re.compile(rb"(?:\.|->)\s*(\w+)\s*=\s*&?\s*\Z")
"""What stands before a function's name where it is set as a member."""
_NAME = re.compile(rb"\b[A-Za-z_]\w*\b(?!\s*\()")
_ELSEWHERE = re.compile(
    rb"\b(?:EXPORT_SYMBOL\w*|\w*module_init|module_exit|\w+_initcall)\s*\(\s*\Z"
)
"""What is told a function's name for who knows it by that."""
_BEFORE = 80
_HOOKS = frozenset({"mmap", "mmap_prepare", "mapped"})


def agree(machine: Machine, scope: Scope, pointer: str) -> None:
    """Raise NotModelled where what a pointer of that name may call differs in the two versions."""
    member = _MEMBER.search(pointer)
    wanted = "" if member is None else member[1]
    given = scope.once("given away", "", lambda: list(_given_away(scope)))
    named = {name for name, where in given if where == wanted}
    text = f"what {pointer} calls may be another function in the two versions"
    if wanted and wanted not in _HOOKS:
        machine.memory.namer.agree(("called through", wanted), frozenset(named), text)
    for name in named | {name for name, where in given if not where}:
        text = f"{name}(), which {pointer} may call, differs in the two versions"
        fact = scope.once("reached", name, lambda name=name: _texts(scope, name))  # type: ignore[misc]
        machine.memory.namer.agree(("may be called", name), fact, text)


def _texts(scope: Scope, name: str) -> tuple[object, ...]:
    found = (reached(file, [name]) for file in scope.own_files)
    return tuple(sorted((each, tuple(texts)) for one in found for each, texts in one.items()))


def _given_away(scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield functions whose names are not called: with the member that they are set as, or ""."""
    functions = {name.encode("latin-1") for file in scope.own_files for name in file.functions}
    for file in scope.own_files:
        heads = {each.name_node.start_byte for found in file.functions.values() for each in found}
        for match in _NAME.finditer(file.code):
            if match.group() in functions and match.start() not in heads:
                before = file.code[max(0, match.start() - _BEFORE) : match.start()]
                if _ELSEWHERE.search(before):
                    continue
                is_set = _SET.search(before)
                name = match.group().decode("latin-1")
                yield name, "" if is_set is None else is_set[1].decode("latin-1")
