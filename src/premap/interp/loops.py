# SPDX-License-Identifier: GPL-2.0-only
"""Macros that a statement follows: `list_for_each_entry(…) { … }`, `scoped_guard(…) { … }`.

`premap.csource.readable` makes a `while` of them. What such a macro expands to is executed, with a
call in place of the statement, which leads back to it.
"""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.macros import expand as expanded
from premap.csource.readable import readable_statement
from premap.csource.scope import Scope
from premap.interp import cleanup
from premap.interp.dispatch import Outcome, execute
from premap.interp.expansion import spelled
from premap.interp.machine import Block, Frame, Machine
from premap.interp.redefined import refuse_elsewhere
from premap.interp.syntax import text_of

BODY = "premap_rest"
"""The call that stands for the statement."""


def expand(machine: Machine, frame: Frame, node: Node, name: str, body: Node) -> Outcome:
    """Execute the loop that the macro `name` makes of the statement `body`."""
    if name == BODY:
        raise machine.failure(frame, node, f"a macro is called {BODY}")
    given = cleanup.listed(node)
    if name in cleanup.SCOPED:
        return cleanup.scoped(machine, frame, name, given, body)
    refuse_elsewhere(machine, frame, node, name)
    text = _expanded(frame.scope, name, tuple(spelled(machine, frame, each) for each in given))
    if text is None:
        raise machine.failure(frame, node, f"what loop {name}() makes was not found")
    if name in frame.expanding:
        raise machine.failure(frame, node, f"macro {name} expands to itself")
    read = readable_statement(f"{text} {BODY}();")
    if read is None:
        raise machine.failure(frame, node, f"macro {name} makes no loop that can be read")
    inner = Frame(
        frame.function,
        frame.scope,
        [Block()],
        {},
        frame.line(node),
        (*frame.expanding, name),
        frame,
        read.marks,
        (body, frame) if not _is_rest(body) else frame.body,
        use=(node, frame),
    )
    return execute(machine, inner, read.node)


def _expanded(scope: Scope, name: str, given: tuple[str, ...]) -> str | None:
    """Return what a use of the macro becomes; None, where that is not one thing."""

    def expand_all() -> str | None:
        macros = [each for each in scope.macro(name) if each.parameters is not None]
        texts = {expanded(macro, given) for macro in macros}
        return texts.pop() if len(texts) == 1 else None

    return scope.once("loop", (name, given), expand_all)


def _is_rest(body: Node) -> bool:
    return text_of(body).startswith(f"{BODY}(")
