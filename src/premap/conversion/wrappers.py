# SPDX-License-Identifier: GPL-2.0-only
"""Which of the functions that a hook calls are wrappers of one that changes flags (G11)."""

from __future__ import annotations

import re

from premap.conversion.program import Program
from premap.csource.nodes import arguments, callee, calls_in, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.idioms import g11_flag_wrappers
from premap.idioms.flags import CHANGES

_INLINE = re.compile(rb"\binline\b|\b__(?:maybe_)?unused\b")


def called(function: Function, vma: str, program: Program) -> dict[str, str]:
    """Return the wrappers that a function calls with its VMA, and what each stands for."""
    found = {}
    for call in calls_in(function.body):
        name, given = callee(call), arguments(call)
        if name is None or name in CHANGES or len(given) != 2 or name in found:
            continue
        if text_of(unwrapped(given[0])) == vma:
            kernels = _stands_for(name, function.source, program)
            if kernels is not None:
                found[name] = kernels
    return found


def _stands_for(name: str, source: SourceFile, program: Program) -> str | None:
    scope = program.scope(source)
    functions = scope.function(name)
    if any(_would_be_unused(each) for each in functions):
        return None
    return g11_flag_wrappers.stands_for(functions, scope.macro(name))


def _would_be_unused(function: Function) -> bool:
    """Tell whether the compiler may say that nothing calls a function any more."""
    head = function.source.code[function.node.start_byte : function.body.start_byte]
    own = not function.source.name.endswith(".h")
    return function.static and own and not _INLINE.search(head)
