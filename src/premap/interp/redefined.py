# SPDX-License-Identifier: GPL-2.0-only
"""Names of C and of the kernel that a file gives another meaning: what is known of them is wrong.

What a file defines in an `#if` arm stands for older kernels, most of the time: there, both versions
have to define the same.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.ctypes import KERNEL_INTEGERS
from premap.csource.scope import Scope
from premap.interp.layouts import agree_on_names
from premap.interp.machine import Frame, Machine
from premap.model.errors import NotModelled

KEYWORDS = re.findall(
    r"\w+",
    """
    NULL break case char const continue default do double else enum extern false float for goto if
    int long register return short signed sizeof static struct switch true typedef union unsigned
    void volatile while
    """,
)
"""Words of C that no file of a kernel gives another meaning (`refuse_words`)."""


def refuse_words(scope: Scope) -> None:
    """Raise NotModelled if words of the language, or the kernel's integer types, mean others."""
    found = scope.once("redefined words", "", lambda: _word(scope))
    if found is not None:
        raise NotModelled(f"{found}, which the file defines to be something else")


def _word(scope: Scope) -> str | None:
    words = (*KEYWORDS, *KERNEL_INTEGERS)
    macros = (word for word in words if any(m.body.strip() != word for m in scope.own_macro(word)))
    types = (
        name
        for name, known in KERNEL_INTEGERS.items()
        if any(each != known for each in scope.own_types(name))
    )
    return next(macros, None) or next(types, None)


def refuse(machine: Machine, scope: Scope, name: str) -> None:
    """Raise NotModelled if a function or macro of the kernel is the file's own."""
    if is_own(scope, name):
        raise NotModelled(f"{name}, which the file defines itself")
    agree_on_names(machine, scope, name, f"{name} may be defined differently")


def is_own(scope: Scope, name: str) -> bool:
    """Return whether the file, in every configuration, defines a macro or function of its own."""
    return scope.once("own", name, lambda: _is_own(scope, name))


def _is_own(scope: Scope, name: str) -> bool:
    if any(not macro.arms and macro.body.strip() != name for macro in scope.own_macro(name)):
        return True
    functions = (each for file in scope.own_files for each in file.functions_of(name))
    return any(each.static and not each.arms for each in functions)


def refuse_elsewhere(machine: Machine, frame: Frame, node: Node, name: str) -> None:
    """Raise NotModelled if a macro that is used may not be defined at that place of the file."""
    line = frame.line(node)
    for macro in frame.scope.own_macro(name):
        if macro.source is frame.function.source and macro.line > line:
            raise machine.failure(frame, node, f"{name}, which is defined behind its use")
        if frame.scope.once("taken back", name, lambda: _is_taken_back(frame.scope, name)):
            raise machine.failure(frame, node, f"{name}, which is defined and undefined")


def _is_taken_back(scope: Scope, name: str) -> bool:
    """Return whether a macro is undefined behind one of its definitions."""
    undefines = re.compile(rb"#[ \t]*undef[ \t]+%b\b" % re.escape(name.encode()))
    return any(
        undefines.search(macro.source.text, macro.end) is not None
        for macro in scope.own_macro(name)
    )
