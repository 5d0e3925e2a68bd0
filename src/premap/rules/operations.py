# SPDX-License-Identifier: GPL-2.0-only
"""The tables of VMA operations that a hook may install, and their callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from tree_sitter import Node

from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of, unwrapped
from premap.csource.scope import Scope, Variable
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.rules.hooks import Hook, beside, definitions
from premap.rules.rule import Found, at

if TYPE_CHECKING:
    from premap.rules.paths import Trace

_TABLE = "vm_operations_struct"
_MOST_HELPERS = 32
"""Functions of which the code of one callback is taken to be."""


class Operations(Struct, frozen=True):
    """A `vm_operations_struct`, of a hook's file or, with a tree, of one beside it."""

    name: str
    source: SourceFile
    node: Node
    """Its initializer."""
    members: Mapping[str, str]
    """Names of the callbacks."""
    tree: KernelTree | None

    def functions(self, member: str) -> Sequence[Function]:
        """Return the definitions of a callback; none where it is not found."""
        name = self.members.get(member)
        return () if name is None else definitions(self.source, name, self.tree)

    def text_of(self, member: str) -> bytes:
        """Return the code of a callback and of its file's helpers; empty where it is not found."""
        found = list(self.functions(member))
        for function in found:
            for call in calls_in(function.body) if len(found) < _MOST_HELPERS else ():
                helpers = function.source.functions_of(callee(call) or "")
                found += [each for each in helpers if each not in found]
        return b"\n".join(f.source.code[f.node.start_byte : f.node.end_byte] for f in found)


def operations_of(hook: Hook) -> Sequence[Operations]:
    """Return the tables that a hook, or a helper of it, assigns to `vm_ops`.

    In its own file all assignments count; in others those that a path gets to.
    """
    if hook.operations is None:
        hook.operations = tuple(_operations_of(hook))
    return hook.operations


def left_by(hook: Hook, trace: Trace) -> Sequence[Operations]:
    """Return the tables that the last assignment to `vm_ops` on a path may be of."""
    writes = (step for step in reversed(trace.steps) if step.kind == "write")
    last = next((step.node for step in writes if step.name == "vm_ops"), None)
    if last is None:
        return ()
    named = identifiers_in(last.child_by_field_name("right") or last)
    return [each for each in operations_of(hook) if each.name in named]


def _operations_of(hook: Hook) -> Iterator[Operations]:
    found: dict[tuple[str, str], Operations] = {}
    for scope, node in (*_own_assignments(hook), *_assignments_elsewhere(hook)):
        for name in sorted(identifiers_in(node.child_by_field_name("right") or node)):
            table = _table(scope, name, hook.tree)
            if table is not None:
                found.setdefault((table.source.name, name), table)
    yield from found.values()


def _own_assignments(hook: Hook) -> Iterator[tuple[Scope, Node]]:
    for function, known in hook.bodies:
        body = function.body
        if b"vm_ops" not in function.source.code[body.start_byte : body.end_byte]:
            continue
        for node in find_all(body, "assignment_expression"):
            left = node.child_by_field_name("left")
            if left is not None and _is_vm_ops(left, known):
                yield hook.scope, node


def _assignments_elsewhere(hook: Hook) -> Iterator[tuple[Scope, Node]]:
    """Yield those that paths get to, each once, with what names mean there."""
    if hook.tree is None:
        return
    scopes: dict[str, Scope] = {}
    seen: set[tuple[str, int]] = set()
    for trace in hook.exploration.traces:
        for step in trace.steps:
            assigns = step.kind == "write" and step.name == "vm_ops"
            source = step.function.source
            place = (source.name, step.node.start_byte)
            if not assigns or source is hook.source or place in seen:
                continue
            seen.add(place)
            if step.node.type == "assignment_expression":
                scope = scopes.setdefault(source.name, Scope(source, hook.tree))
                yield scope, step.node


def told(hook: Hook, function: Function, node: Node, message: str, **more: Any) -> Found:
    """Return what was found in a callback; of another file's, at the hook, with its place."""
    if function.source is hook.source:
        return at(function.source, node, message, hook=hook, **more)
    where = f"{function.name}(), {function.source.name}:{node.start_point.row + 1}"
    name = hook.functions[0].name_node
    return at(hook.source, name, f"{message} ({where})", hook=hook, **more)


def _is_vm_ops(left: Node, known: frozenset[str]) -> bool:
    owner = left.child_by_field_name("argument") if left.type == "field_expression" else None
    if owner is None or text_of(left.child_by_field_name("field")) != "vm_ops":
        return False
    return text_of(unwrapped(owner)) in known


def _table(scope: Scope, name: str, tree: KernelTree | None) -> Operations | None:
    """Return a table by its name: of the file that assigns it, else of one beside that."""
    own = scope.own_variable(name)
    if own is not None and own.initializer is not None:
        return _operations(own, tree)
    if (own is not None and own.static) or tree is None or not _may_be_table(scope, name):
        return None
    for other in beside(scope.source, name, tree):
        found = Scope(other, tree).own_variable(name)
        if found is not None and found.initializer is not None and not found.static:
            return _operations(found, tree)
    return None


def _may_be_table(scope: Scope, name: str) -> bool:
    """Whether a name is declared as a table somewhere else."""
    declared = scope.variable(name) if name.isidentifier() and name != "NULL" else None
    return declared is not None and _TABLE in str(declared.type)


def _operations(variable: Variable, tree: KernelTree | None) -> Operations | None:
    if variable.initializer is None or _TABLE not in str(variable.type):
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
    return Operations(variable.name, variable.source, variable.initializer, members, tree)
