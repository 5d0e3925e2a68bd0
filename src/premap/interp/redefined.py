# SPDX-License-Identifier: GPL-2.0-only
"""Names of C and of the kernel that a file gives another meaning: what is known of them is wrong.

What a file defines in an `#if` arm stands for older kernels, most of the time: there, both versions
have to define the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from tree_sitter import Node

from premap.csource.ctypes import KERNEL_INTEGERS
from premap.csource.regions import may_define_function
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.text import GAP
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

_DEFINED = re.compile(
    rb"define(?:\W|/\*.*?\*/)+(" + "|".join((*KEYWORDS, *KERNEL_INTEGERS)).encode() + rb")\b",
    re.DOTALL,
)
"""Where a file may define such a word: a driver's headers have 90,000 others."""


def refuse_words(scope: Scope) -> None:
    """Raise NotModelled if words of the language, or the kernel's integer types, mean others."""
    found = scope.once("redefined words", "", lambda: _word(scope))
    if found is not None:
        raise NotModelled(f"{found}, which the file defines to be something else")


def _word(scope: Scope) -> str | None:
    said = {name.decode() for file in scope.own_files for name in _DEFINED.findall(file.text)}
    words = (word for word in (*KEYWORDS, *KERNEL_INTEGERS) if word in said)
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
    files = (file for file in scope.own_files if file.linked or may_define_function(file, name))
    functions = (each for file in files for each in file.functions_of(name))
    return any(each.static and not each.arms for each in functions)


def refuse_elsewhere(machine: Machine, frame: Frame, node: Node, name: str) -> None:
    """Raise NotModelled if a macro that is used may not be defined at that place of the file."""
    line = frame.line(node)
    for macro in frame.scope.own_macro(name):
        if macro.source is frame.function.source and macro.line > line:
            raise machine.failure(frame, node, f"{name}, which is defined behind its use")
        if frame.scope.once("taken back", name, lambda: _is_taken_back(frame.scope, name)):
            raise machine.failure(frame, node, f"{name}, which is defined and undefined")


def refuse_macro(scope: Scope, name: str, what: str) -> None:
    """Raise NotModelled if a name that is meant as C is also an own macro without parameters."""
    macros = scope.own_macro(name)
    if macros and any(each.parameters is None and each.body.strip() != name for each in macros):
        raise NotModelled(f"{what} {name}, which is a macro, too")


def refuse_asked_elsewhere(scope: Scope, name: str) -> None:
    """Raise NotModelled if what `#if` finds of a macro hangs on where in the file it asks."""
    files = {macro.source.name: macro.source for macro in scope.own_macro(name)}
    for file in files.values():
        if name in scope.once("asked first", file.name, partial(_asked_first, file)):
            raise NotModelled(f"{name}, for which `#if` asks before it is defined, or undefined")


def agree_on_order(machine: Machine, scope: Scope, function: Function) -> None:
    """Raise NotModelled if `#if` asks elsewhere in the other version for what is defined behind."""
    if not machine.memory.namer.compares:
        return
    files = scope.own_files
    fact = scope.once("order", "", lambda: tuple(filter(None, map(_order, files))))
    text = "what `#if` asks for is defined elsewhere in the two versions, before it and behind"
    try:
        machine.memory.namer.agree(("order",), fact, text)
    except NotModelled as error:
        raise NotModelled(text, function.source.name, function.line) from error


_ASK = re.compile(
    rb"^[ \t]*#[ \t]*(?:el)?(ifn?(?:def)?)\b((?:[^\n\\]|\\.)*)", re.MULTILINE | re.DOTALL
)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_GUARDS = (b"_H", b"_H_", b"_H__")
"""How the names end that headers are guarded by."""


def _asks(file: SourceFile) -> dict[bytes, list[re.Match[bytes]]]:
    """Return where a file has `#if` ask for a macro that is no option of the configuration."""
    asked: dict[bytes, list[re.Match[bytes]]] = {}
    for ask in _ASK.finditer(file.code):
        for word in _WORD.findall(ask[2]):
            if (
                word != b"defined"
                and not word.startswith(b"CONFIG_")
                and not word.endswith(_GUARDS)
            ):
                asked.setdefault(word, []).append(ask)
    return asked


def _changes(file: SourceFile, names: Iterable[bytes]) -> Iterator[re.Match[bytes]]:
    """Yield the directives that define or undefine these macros."""
    named = [re.escape(name) for name in names if name in file.code]
    if named:
        pattern = rb"^[ \t]*#[ \t]*(?:define|undef)%b(%b)\b(?:[^\n\\]|\\.)*" % (
            GAP,
            b"|".join(named),
        )
        yield from re.finditer(pattern, file.code, re.MULTILINE | re.DOTALL)


def _asked_first(file: SourceFile) -> set[str]:
    """Return the macros for which a file has `#if` ask before it defines, or undefines, them.

    A definition right behind `#ifndef` is guarded by it.
    """
    asked, found = _asks(file), set()
    for change in _changes(file, asked):
        before = [each for each in asked[change[1]] if each.end() <= change.start()]
        if not all(each[1] == b"ifndef" and _follows(file, each, change) for each in before):
            found.add(change[1].decode())
    return found


def _follows(file: SourceFile, one: re.Match[bytes], other: re.Match[bytes]) -> bool:
    return not file.code[one.end() : other.start()].strip()


def _order(file: SourceFile) -> tuple[bytes, ...]:
    """Return the directives about macros that are asked for before they are defined, in order."""
    names = {each.encode() for each in _asked_first(file)}
    if not names:
        return ()
    lines = (b" ".join(each.split()) for each in re.findall(rb"(?m)^[ \t]*#[^\n]*", file.code))
    return tuple(line for line in lines if not names.isdisjoint(_WORD.findall(line)))


def _is_taken_back(scope: Scope, name: str) -> bool:
    """Return whether a macro is undefined behind one of its definitions."""
    undefines = re.compile(rb"#[ \t]*undef%b%b\b" % (GAP, re.escape(name.encode())))
    return any(
        undefines.search(macro.source.text, macro.end) is not None
        for macro in scope.own_macro(name)
    )
