# SPDX-License-Identifier: GPL-2.0-only
"""A local variable that holds a subsystem's member: `const auto mmap = ops->mmap;` (H10).

What is called through it is the member, which has a twin now; so the variable goes, and each of its
uses becomes one of the member itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.callback_uses import Use, outer
from premap.csource.nodes import find_all, text_of
from premap.csource.source import SourceFile

_CHAIN = re.compile(r"\w+(?:\s*(?:->|\.)\s*\w+)+")
"""Members of members: what may be looked up again, as it calls nothing."""


class Local(Struct, frozen=True):
    """A variable that is initialized with the member, and never changed."""

    declaration: Node
    uses: tuple[Node, ...]
    """Its identifiers, in order."""


def local_of(use: Use) -> Local | None:
    """Return the variable that a use of the member initializes; None if it is no such use."""
    value = outer(use.node)
    declarator = value.parent
    if use.function is None or declarator is None or declarator.type != "init_declarator":
        return None
    declaration = declarator.parent
    if declaration is None or declaration.type != "declaration":
        return None
    if len(declaration.children_by_field_name("declarator")) != 1:
        return None
    name = next(find_all(declarator, "identifier"), None)
    if name is None or not _CHAIN.fullmatch(text_of(value)) or _may_change(value, use):
        return None
    variable = text_of(name)
    body = use.function.body
    uses = [
        each for each in find_all(body, "identifier") if text_of(each) == variable and each != name
    ]
    inside = any(declaration.start_byte <= each.start_byte < declaration.end_byte for each in uses)
    return None if inside else Local(declaration, tuple(uses))


def _may_change(value: Node, use: Use) -> bool:
    """Tell whether the function writes to anything that is called as a part of the chain is."""
    words = set(re.findall(r"\w+", text_of(value)))
    body = use.node if use.function is None else use.function.body
    for write in find_all(body, "assignment_expression", "update_expression"):
        target = write.child_by_field_name("left") or write.child_by_field_name("argument")
        if target is not None and set(re.findall(r"\w+", text_of(target))[-1:]) & words:
            return True
    return False


def call_through(use: Node) -> Node | None:
    """Return the call that a variable is used for, if it is called."""
    whole = outer(use)
    parent = whole.parent
    if parent is not None and parent.type == "call_expression":
        return parent if parent.child_by_field_name("function") == whole else None
    return None


def removed(declaration: Node, source: SourceFile) -> Iterator[tuple[int, int]]:
    """Yield the bytes of a declaration's line, and of an empty one that it would leave."""
    start = source.line_start(declaration.start_byte)
    end = source.text.find(b"\n", declaration.end_byte) + 1
    alone = not source.text[start : declaration.start_byte].strip()
    alone = alone and not source.text[declaration.end_byte : end].strip()
    if not alone:
        yield declaration.start_byte, declaration.end_byte
        return
    first = source.text[:start].rstrip(b" \t\r\n").endswith(b"{")
    blank = re.compile(rb"[ \t\r]*\n").match(source.text, end)
    yield start, blank.end() if first and blank else end
