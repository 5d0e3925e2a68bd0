# SPDX-License-Identifier: GPL-2.0-only
"""Members that a macro sets although its body does not name them: an argument does.

`#define SET(ops, member, f) ((ops)->member = (f))` as a statement, `#define OP(member, f) .member =
f` as an entry of an initializer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from premap.csource.macros import expand
from premap.csource.nodes import arguments, callee, calls_in, find_all, parse, text_of
from premap.csource.source import Macro

_WORD = re.compile(r"\w+")
MAX_DEPTH = 8
"""Macros within macros that are looked into."""


class SetByArgument(Struct, frozen=True):
    """What one use of a macro sets."""

    member: str
    value: Node | None
    owner: Node | None
    """The expression whose member it is; None in an initializer."""
    arrow: bool
    """Whether `owner` is a pointer."""


def sets_by_argument(
    call: Node, defined: Callable[[str], list[Macro]], members: Sequence[str], depth: int = 0
) -> Iterator[SetByArgument]:
    """Yield what a call_expression sets, if it is a macro's use; `defined` knows the macros."""
    given = [text_of(argument) for argument in arguments(call)]
    named = [member for member in members if member in given]
    if not named or depth > MAX_DEPTH:
        return
    for macro in defined(callee(call) or ""):
        expanded = expand(macro, given) if macro.parameters else None
        if expanded is None:
            continue
        root = _parsed(expanded)
        words = set(_WORD.findall(macro.body))
        yield from _set_in(root, [member for member in named if member not in words])
        for inner in calls_in(root):
            yield from sets_by_argument(inner, defined, named, depth + 1)


def _parsed(expanded: str) -> Node:
    text = expanded.encode("latin-1")
    entries = text.lstrip().startswith((b".", b"["))
    return parse(b"int s = {" + text + b"};" if entries else b"void f(void){" + text + b";}")


def _set_in(root: Node, members: Sequence[str]) -> Iterator[SetByArgument]:
    for node in find_all(root, "assignment_expression", "initializer_pair"):
        if node.type == "initializer_pair":
            named = node.children_by_field_name("designator")[-1]
            member = text_of(named).removeprefix(".").strip()
            if member in members:
                yield SetByArgument(member, node.child_by_field_name("value"), None, arrow=False)
            continue
        left = node.child_by_field_name("left")
        if left is None or left.type != "field_expression":
            continue
        member = text_of(left.child_by_field_name("field"))
        owner = left.child_by_field_name("argument")
        if member in members and owner is not None:
            arrow = text_of(left.child_by_field_name("operator")) == "->"
            yield SetByArgument(member, node.child_by_field_name("right"), owner, arrow)
