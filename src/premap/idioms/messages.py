# SPDX-License-Identifier: GPL-2.0-only
"""What writes to the log and does nothing else: the kernel's functions, and drivers' macros.

A macro of the driver's own is looked into where the file defines it. Of one that a header defines,
its name and its format say what it is, and a person has to look.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all
from premap.csource.source import Macro, SourceFile

_LEVELS = (
    "emerg|alert|crit|err|error|warn|warning|notice|info|cont|dbg|vdbg|debug|devel|printk|WARN"
)
_UNDOES = (
    "free|put|remove|release|del|delete|unregister|destroy|unmap|clear|reset|unlock|disable|stop"
    "|exit|fini|close|dec|drop|undo"
)
MESSAGE = re.compile(
    rf"(pr|dev|drm|netdev|netif|pci|ibdev|acpi_handle)_({_LEVELS})(_\w+)?|printk\w*|no_printk"
    rf"|(?!debugfs)(?!(?:\w*_)?(?:{_UNDOES})(?:_|\b))\w*(dbg|debug)\w*"
    r"|[A-Z0-9_]*(DEBUG|DBG)[A-Z0-9_]*|DRM_(DEV_)?(ERROR|WARN|NOTE|INFO)\w*"
)
"""Functions and macros that write to the log (include/linux/printk.h, dev_printk.h and others)."""
_BY_NAME = re.compile(
    r"(?!\w*(?:ASSERT|PANIC|BUG|FATAL|DIE|EXIT))[A-Z][A-Z0-9_]*"
    r"|(?!\w*(?:panic|bug|fatal|die|exit|abort))"
    r"\w*_(?:err|error|warn|warning|notice|info|msg|log|print|printk)"
)
"""What drivers call such macros."""
_PROSE = re.compile(r'"[^"]*(?:[ %]|\\n)')
_CHANGES = ("assignment_expression", "update_expression")
_MOST_NESTED = 4
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ACTS = re.compile(r"(?<![=!<>])=(?!=)|\+\+|--|\b(?:return|goto)\b")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_WORDS_OF_C = frozenset({"if", "while", "unlikely", "likely"})


def message_of(statement: Node) -> Node | None:
    """Return the call that is all of a statement, None if it is something else."""
    if statement.type != "expression_statement" or not statement.named_children:
        return None
    inner = statement.named_children[0]
    return inner if inner.type == "call_expression" else None


def is_message(call: Node, source: SourceFile) -> bool:
    """Tell whether a call in the file writes to the log, as far as the file says."""
    name = callee(call) or ""
    macros = source.macros_of(name)
    if macros:
        return all(_only_tells(macro) for macro in macros)
    if name in source.functions:
        return False
    return MESSAGE.fullmatch(name) is not None or is_by_name(call, source)


def is_by_name(call: Node, source: SourceFile) -> bool:
    """Tell whether only its name, and a format among its arguments, say that it is a message."""
    name = callee(call) or ""
    known = MESSAGE.fullmatch(name) is not None or name in source.functions
    if known or source.macros_of(name) or _BY_NAME.fullmatch(name) is None:
        return False
    given = arguments(call)
    if any(_acts(argument) for argument in given):
        return False
    return any(
        argument.type in {"string_literal", "concatenated_string"}
        and _PROSE.search((argument.text or b"").decode("latin-1"))
        for argument in given
    )


def _acts(argument: Node) -> bool:
    return any(calls_in(argument)) or any(find_all(argument, *_CHANGES))


def _only_tells(macro: Macro, depth: int = 0) -> bool:
    """Tell whether all that a macro's body does is to write to the log, if anything.

    The body is looked at as text: with `##args` and strings side by side it is no C.
    """
    body = _STRING.sub('""', macro.body)
    if depth > _MOST_NESTED or _ACTS.search(body):
        return False
    called = _CALLED.findall(body)
    if macro.parameters is None and re.fullmatch(r"\w+", body):
        called = [body]
    return all(_tells(name, macro.source, depth) for name in called if name not in _WORDS_OF_C)


def _tells(name: str, source: SourceFile, depth: int) -> bool:
    macros = source.macros_of(name)
    if macros:
        return all(_only_tells(macro, depth + 1) for macro in macros)
    return name not in source.functions and MESSAGE.fullmatch(name) is not None
