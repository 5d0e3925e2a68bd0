# SPDX-License-Identifier: GPL-2.0-only
"""Which inline functions and macros of headers are followed, and which are unknown code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from premap.csource.meanings import redefined
from premap.csource.nodes import calls_in, walk
from premap.csource.readable import readable_expression
from premap.csource.scope import Scope
from premap.csource.source import Function, Macro
from premap.interp import model_calls, unknown
from premap.interp.kernel_macros import COMPUTED, SPECIAL
from premap.interp.syntax import part, text_of
from premap.model.errors import NotModelled

HEAVY = frozenset(
    {
        "for_statement",
        "while_statement",
        "do_statement",
        "goto_statement",
        "gnu_asm_expression",
        "compound_literal_expression",
        "ERROR",
    }
)
"""Nodes for which a function of the kernel's headers is not followed."""


_DEEPEST = 4
"""Functions and macros within each other that are looked into."""


def worth_executing(scope: Scope, found: Sequence[Function], depth: int = 0) -> bool:
    """Return whether a header's inline function is executed rather than taken as unknown code.

    Those of the driver's own headers are; those of the kernel's, if they are plain: no loops, no
    assembly, and nothing called that isn't known or plain itself.
    """
    return all(
        not _is_kernel_header(function.source.name) or _is_plain(scope, function, depth)
        for function in found
    )


def _is_kernel_header(name: str) -> bool:
    return name.startswith(("include/", "arch/"))


def _is_plain(scope: Scope, function: Function, depth: int) -> bool:
    return scope.once(f"plain {depth}", function, lambda: _has_plain_body(scope, function, depth))


def _has_plain_body(scope: Scope, function: Function, depth: int) -> bool:
    if depth > _DEEPEST or function.body.has_error:
        return False
    for node in walk(function.body):
        if node.type in HEAVY:
            return False
        if node.type == "call_expression":
            name = text_of(part(node, "function"))
            if not _is_known(scope, name, depth):
                return False
    return True


def _is_known(scope: Scope, name: str, depth: int) -> bool:
    if name in COMPUTED or name in SPECIAL or name in model_calls.MODEL or name in unknown.table():
        return True
    macros = [macro for macro in scope.macro(name) if macro.parameters is not None]
    if macros:
        return depth <= _DEEPEST and all(_is_plain_macro(scope, macro, depth) for macro in macros)
    found = scope.function(name)
    return bool(found) and all(_is_plain(scope, each, depth + 1) for each in found)


def _is_plain_macro(scope: Scope, macro: Macro, depth: int) -> bool:
    """Return whether a macro's body is an expression that calls only what is known."""
    read = readable_expression(macro.body)
    heavy = (*HEAVY, "compound_statement", "assignment_expression")
    if read is None or any(node.type in heavy for node in walk(read.node)):
        return False
    called = [text_of(part(node, "function")) for node in calls_in(read.node)]
    return all(_is_known(scope, name, depth + 1) for name in called)


class FunctionLike(Struct, frozen=True):
    """What a file means by the name of a function-like macro."""

    macro: Macro | None = None
    """What to expand, if anything."""
    choices: tuple[Macro, ...] = ()
    """What to expand where the configuration chooses its `#if` arms; else it is a function."""
    several: bool = False
    """Whether the file has several definitions: it is unknown code then, the same if they are."""
    refused: str | None = None
    """Why a use of it can't be told."""


def function_like(scope: Scope, name: str) -> FunctionLike:
    """Return what a file means by a macro's name. Found out once: every call asks."""
    return scope.once("function-like", name, lambda: _function_like(scope, name))


def _function_like(scope: Scope, name: str) -> FunctionLike:
    own = [each for each in scope.own_macro(name) if each.parameters is not None]
    if own:
        return _of_own(scope, own)
    if name in unknown.table() or scope.own_functions(name):
        return FunctionLike()
    found = [each for each in scope.macro(name) if each.parameters is not None]
    if not found or scope.function(name):
        return FunctionLike()
    if _is_kernel_header(found[0].source.name):
        try:
            if _calls_unknown(scope, found[0]):
                return FunctionLike()
        except NotModelled as error:
            return FunctionLike(refused=str(error))
    several = len({each.body.strip() for each in found}) > 1
    return FunctionLike(None if several else found[0])


def _of_own(scope: Scope, own: Sequence[Macro]) -> FunctionLike:
    """Return what a macro of the file's own means; in other arms it may be a function."""
    name, functions = own[0].name, scope.function(own[0].name)
    alone = len({(each.parameters, each.body.strip()) for each in own}) == 1
    if alone and not (functions and own[0].arms):
        return FunctionLike(own[0])
    if redefined(own):
        return FunctionLike(refused=f"{name}(), which is defined again, as something else")
    if functions:
        return FunctionLike(None, tuple(own))
    return FunctionLike(several=True)


def _calls_unknown(scope: Scope, macro: Macro) -> bool:
    """Return whether a kernel macro is better taken as a call of unknown code.

    Raises NotModelled if it might assign to its arguments: a function can't.
    """
    read = readable_expression(macro.body)
    if read is not None and all(node.type != "compound_statement" for node in walk(read.node)):
        calls = [text_of(part(node, "function")) for node in calls_in(read.node)]
        if all(_is_known(scope, name, 0) for name in calls):
            return False
    for name in macro.parameters or ():
        named = re.escape(name)
        assigned = (
            rf"\b{named}\b\s*\)*\s*(?:[-+|&^*/%]?=[^=]|\+\+|--)"
            rf"|&\s*\(*{named}\b"
        )
        if re.search(assigned, macro.body):
            raise NotModelled(f"macro {macro.name} may change its argument {name}")
    return True
