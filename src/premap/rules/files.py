# SPDX-License-Identifier: GPL-2.0-only
"""Calls that count references of the file which a descriptor came with."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.rules.context import Body

_COUNTS = frozenset({"get_file", "fput", "get_file_rcu", "fput_close", "__fput_sync"})
_FILES = ("file", "vm_file")


def counts_of_file(body: Body) -> Iterator[tuple[Node, str]]:
    """Yield calls that take or drop a reference of the descriptor's file, and its member.

    The file may be in a local variable that holds nothing else. Once the function has put a file
    of its own into the descriptor, `vm_file` is that one.
    """
    given = _given(body)
    held = _held(body, given)
    for call in calls_in(body.function.body):
        arguments_ = arguments(call)
        if callee(call) not in _COUNTS or len(arguments_) != 1:
            continue
        file = unwrapped(arguments_[0])
        member = body.member(file) or held.get(text_of(file))
        own = body.member(file) == "vm_file" and call.start_byte >= given
        if member in _FILES and not own:
            yield call, member


def _held(body: Body, given: int) -> dict[str, str]:
    """Return local variables that are the descriptor's file, and which member they were read of."""
    found: dict[str, set[str]] = {}
    for node in find_all(body.function.body, "init_declarator", "assignment_expression"):
        name, value = text_of(node.named_children[0]).lstrip("* "), node.named_children[-1]
        member = body.member(value) or ""
        own = member == "vm_file" and value.start_byte >= given
        found.setdefault(name, set()).add("" if own else member)
    return {name: members.pop() for name, members in found.items() if len(members) == 1}


def _given(body: Body) -> int:
    """Return where the function first puts a file of its own into the descriptor."""
    for node in find_all(body.function.body, "assignment_expression"):
        left = node.child_by_field_name("left")
        if left is not None and body.member(left) == "vm_file":
            return node.end_byte
    return body.function.node.end_byte
