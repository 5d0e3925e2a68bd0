# SPDX-License-Identifier: GPL-2.0-only
"""The tables of VMA operations that a hook may install, and their callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from premap.csource.nodes import find_all, identifiers_in, text_of, unwrapped
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.rules.hooks import Hook


@dataclass(frozen=True, slots=True)
class Operations:
    """A `vm_operations_struct` that is defined in a hook's file."""

    name: str
    source: SourceFile
    node: Node
    """Its initializer."""
    members: Mapping[str, str]
    """Names of the callbacks."""

    def functions(self, member: str) -> Sequence[Function]:
        """Return the definitions of a callback; none where the file has none."""
        return self.source.functions_of(self.members.get(member, ""))

    def text_of(self, member: str) -> bytes:
        """Return the code of a callback; empty where the file has none."""
        parts = [f.source.code[f.node.start_byte : f.node.end_byte] for f in self.functions(member)]
        return b"\n".join(parts)


def operations_of(hook: Hook) -> Iterator[Operations]:
    """Yield the tables of its file that a hook, or a helper of it, assigns to `vm_ops`."""
    names: dict[str, None] = {}
    for function, known in hook.bodies:
        for node in find_all(function.body, "assignment_expression"):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is None or right is None or not _is_vm_ops(left, known):
                continue
            names.update(dict.fromkeys(sorted(identifiers_in(right))))
    for name in names:
        found = table(hook.scope, hook.source, name)
        if found is not None:
            yield found


def _is_vm_ops(left: Node, known: frozenset[str]) -> bool:
    owner = left.child_by_field_name("argument") if left.type == "field_expression" else None
    if owner is None or text_of(left.child_by_field_name("field")) != "vm_ops":
        return False
    return text_of(unwrapped(owner)) in known


def table(scope: Scope, source: SourceFile, name: str) -> Operations | None:
    """Return a table of the file by its name."""
    variable = scope.variable(name)
    if variable is None or variable.initializer is None or variable.source is not source:
        return None
    members: dict[str, str] = {}
    for pair in find_all(variable.initializer, "initializer_pair"):
        designator, value = (
            pair.child_by_field_name("designator"),
            pair.child_by_field_name("value"),
        )
        if designator is not None and value is not None:
            members[text_of(designator).lstrip(".")] = text_of(unwrapped(value)).lstrip("&")
    members = {member: called for member, called in members.items() if called != "NULL"}
    return Operations(name, source, variable.initializer, members)
