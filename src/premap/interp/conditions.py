# SPDX-License-Identifier: GPL-2.0-only
"""Conditions of `#if`: made up as one truth value for each option, the same for old and new.

A macro that the file defines in every configuration is defined; what else its own names say has to
be the same in both versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.meanings import names_in
from premap.csource.nodes import parse_expression
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.text import GAP
from premap.interp.layouts import agree_on_names
from premap.interp.machine import Machine
from premap.interp.redefined import refuse_asked_elsewhere
from premap.interp.syntax import arguments_of, callee, part, text_of
from premap.model.words import lnot

OPTION = "option "
"""Names of the made-up words of the configuration begin with it."""

_BARE = re.compile(r"\bdefined\s+(\w+)")
_KNOWN = {"CONFIG_MMU": True, "CONFIG_64BIT": True, "__KERNEL__": True, "__ASSEMBLY__": False}
"""What the model's kernel is: 64 bits, with an MMU."""
_CONFIG = "CONFIG_"
_MOST_NESTED = 8


def condition(machine: Machine, scope: Scope, text: str) -> bool:
    """Return the truth of an `#if` condition; options of the configuration are made up."""
    plain = _BARE.sub(r"defined(\1)", text)
    for name in set(names_in(plain)):
        refuse_asked_elsewhere(scope, name)
    try:
        return _evaluate(machine, scope, parse_expression(plain))
    except NotC:
        return _option(machine, scope, plain)


def compiled(machine: Machine, source: SourceFile, arms: Sequence[str]) -> bool:
    """Return whether the configuration chooses what is in these `#if` arms of a file."""
    scope = machine.bindings.scope(source) if arms else None
    return scope is None or all(bool(condition(machine, scope, arm)) for arm in arms)


def defined(machine: Machine, scope: Scope, name: str) -> bool:
    """Return whether a macro is defined, which an option of the configuration is if it is set."""
    if name in _KNOWN:
        return _KNOWN[name]
    refuse_asked_elsewhere(scope, name)
    always = any(not macro.arms for macro in scope.own_macro(name))
    if always and not any(_undefines(file.text, name) for file in scope.own_files):
        return True
    return _option(machine, scope, name)


def _undefines(text: bytes, name: str) -> bool:
    return re.search(rb"#[ \t]*undef%b%b\b" % (GAP, re.escape(name.encode())), text) is not None


def _option(machine: Machine, scope: Scope, text: str) -> bool:
    name = " ".join(text.split())
    agree_on_names(machine, scope, name, f"`#if {name}` may mean different things")
    return machine.inputs.word(f"{OPTION}{name}") & 1 != 0


def _evaluate(machine: Machine, scope: Scope, node: Node, depth: int = 0) -> bool:
    if node.type == "parenthesized_expression" and node.named_child_count == 1:
        return _evaluate(machine, scope, node.named_children[0], depth)
    if node.type == "number_literal":
        return text_of(node).strip("uUlL") not in ("0", "0x0")
    operator = text_of(part(node, "operator"))
    if node.type == "unary_expression" and operator == "!":
        return lnot(_evaluate(machine, scope, node.named_children[0], depth))
    if node.type == "binary_expression" and operator in ("&&", "||"):
        left = _evaluate(machine, scope, node.named_children[0], depth)
        right = _evaluate(machine, scope, node.named_children[1], depth)
        return left & right if operator == "&&" else left | right
    if node.type == "call_expression" and len(arguments_of(node)) == 1:
        known = _asked(machine, scope, callee(node), text_of(arguments_of(node)[0]))
        if known is not None:
            return known
    if node.type == "identifier":
        return _value(machine, scope, text_of(node), depth)
    return _option(machine, scope, text_of(node))


def _asked(machine: Machine, scope: Scope, question: str | None, name: str) -> bool | None:
    """Return the answer to `defined(NAME)` and its like, None for other questions."""
    if question in ("defined", "IS_BUILTIN"):
        return defined(machine, scope, name)
    if question == "IS_MODULE":
        return defined(machine, scope, f"{name}_MODULE")
    if question == "IS_ENABLED":
        return defined(machine, scope, name) | defined(machine, scope, f"{name}_MODULE")
    return None


def _value(machine: Machine, scope: Scope, name: str, depth: int) -> bool:
    """Return whether a name in a condition is not 0; an option that is set is 1."""
    if name.startswith(_CONFIG) or name in _KNOWN:
        return defined(machine, scope, name)
    macros = scope.own_macro(name)
    if len(macros) == 1 and not macros[0].arms and depth < _MOST_NESTED:
        try:
            return _evaluate(machine, scope, parse_expression(macros[0].body), depth + 1)
        except NotC:
            pass
    return _option(machine, scope, f"{name} != 0")
