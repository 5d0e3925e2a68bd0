# SPDX-License-Identifier: GPL-2.0-only
"""Which C expressions are the length, or the start, of the whole mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, find_all, text_of, unwrapped
from premap.idioms.idiom import Hook

WORDS = frozenset(
    {
        "unsigned long",
        "long unsigned int",
        "unsigned long int",
        "size_t",
        "u64",
        "uint64_t",
        "__u64",
        "unsigned long long",
        "resource_size_t",
        "phys_addr_t",
        "long",
    }
)
"""Types that hold every length in bytes of a mapping on every kernel."""
_ROUNDS_UP = {"PAGE_ALIGN": [], "ALIGN": ["PAGE_SIZE"], "round_up": ["PAGE_SIZE"]}
"""Macros that round their first argument up, and their others where that is to whole pages."""
Holds = Callable[[Node | None, str, Hook], bool]
_INFERRED = frozenset({"Auto", "__auto_type"})
"""What stands for the type of the value; `auto` as the parser is shown it."""


def is_length(node: Node, hook: Hook) -> bool:
    """Tell whether this is `vma->vm_end - vma->vm_start`, as written."""
    return _is_length(node, hook, _is_member)


def _is_length(node: Node, hook: Hook, holds: Holds) -> bool:
    """Tell whether this is vm_end less vm_start, each by what `holds` takes for it."""
    node = unwrapped(node)
    return (
        node.type == "binary_expression"
        and text_of(node.child_by_field_name("operator")) == "-"
        and holds(node.child_by_field_name("left"), "vm_end", hook)
        and holds(node.child_by_field_name("right"), "vm_start", hook)
    )


def is_whole(node: Node, hook: Hook) -> bool:
    """Tell whether the value of this expression is the length of the whole mapping, in bytes.

    Also where a check before it left the function for any other length.
    """
    return _computes_whole(node, hook) or _checked_whole(node, hook)


def is_start(node: Node, hook: Hook) -> bool:
    """Tell whether the value of this expression is the address where the mapping starts."""
    return _holds_member(node, "vm_start", hook)


def _holds_member(node: Node | None, member: str, hook: Hook) -> bool:
    """Tell whether this is a member of the VMA, or a local variable that holds it and no other."""
    if node is None or _is_member(node, member, hook):
        return node is not None
    value = only_value(node, hook)
    return value is not None and _is_member(value, member, hook)


def _computes_whole(node: Node, hook: Hook) -> bool:
    node = _without_rounding(node)
    value = only_value(node, hook)
    return any(
        _is_length(each, hook, _holds_member) or _is_pages_in_bytes(each, hook)
        for each in (node, None if value is None else _without_rounding(value))
        if each is not None
    )


def _without_rounding(node: Node) -> Node:
    """Return what is rounded up to whole pages, which the length of a mapping always is."""
    inner = unwrapped(node)
    more = _ROUNDS_UP.get(callee(inner) or "")
    given = arguments(inner)
    return given[0] if given and [text_of(each) for each in given[1:]] == more else node


def _is_pages_in_bytes(node: Node, hook: Hook) -> bool:
    """vma_pages(vma) << PAGE_SHIFT, or times PAGE_SIZE."""
    node = unwrapped(node)
    if node.type != "binary_expression":
        return False
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    how = (text_of(node.child_by_field_name("operator")), text_of(right))
    if left is None or how not in {("<<", "PAGE_SHIFT"), ("*", "PAGE_SIZE")}:
        return False
    left = unwrapped(left)
    given = arguments(left) if callee(left) == "vma_pages" else []
    return len(given) == 1 and hook.is_vma(given[0])


def _checked_whole(node: Node, hook: Hook) -> bool:
    """Tell whether every path to here came through an `if (whole != node) return …;`."""
    inner = unwrapped(node)
    constant = inner.type == "number_literal" or (
        inner.type == "identifier" and text_of(inner).isupper()
    )
    return constant and is_checked(node, hook)


def is_checked(node: Node, hook: Hook) -> bool:
    """Tell whether every path to here left for any other length than this expression, as written.

    Its value may have changed since.
    """
    wanted = _spelled(node)
    return any(
        _differs(part, wanted, hook)
        for check in _checks_before(node, hook)
        for part in _disjuncts(check)
    )


def _spelled(node: Node) -> str:
    return " ".join(text_of(unwrapped(node)).split())


def _checks_before(node: Node, hook: Hook) -> Iterator[Node]:
    """Conditions of the `if`s before a node, in its block or one around it, that leave if true."""
    here: Node | None = node
    while here is not None and here.id != hook.function.node.id:
        parent = hook.parent(here)
        if parent is not None and parent.type == "compound_statement":
            for sibling in parent.named_children:
                if sibling.start_byte >= here.start_byte:
                    break
                if sibling.type == "if_statement" and _leaves(sibling):
                    condition = sibling.child_by_field_name("condition")
                    if condition is not None:
                        yield condition
        here = parent


def _leaves(statement: Node) -> bool:
    """Tell whether the `if` leaves the function when its condition is true."""
    body = statement.child_by_field_name("consequence")
    if body is not None and body.type == "compound_statement":
        inner = [child for child in body.named_children if child.type != "comment"]
        body = inner[-1] if inner else None
    return body is not None and body.type == "return_statement"


def _disjuncts(condition: Node) -> Iterator[Node]:
    node = unwrapped(condition)
    if node.type == "binary_expression" and text_of(node.child_by_field_name("operator")) == "||":
        for side in ("left", "right"):
            part = node.child_by_field_name(side)
            if part is not None:
                yield from _disjuncts(part)
    else:
        yield node


def _differs(node: Node, wanted: str, hook: Hook) -> bool:
    if node.type != "binary_expression" or text_of(node.child_by_field_name("operator")) != "!=":
        return False
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return False
    sides = ((left, right), (right, left))
    return any(_spelled(other) == wanted and _computes_whole(one, hook) for one, other in sides)


def only_value(node: Node, hook: Hook) -> Node | None:
    """Return what a local variable of a wide type holds: the only value that it is ever given."""
    node = unwrapped(node)
    if node.type != "identifier":
        return None
    name = text_of(node)
    values: list[Node | None] = []
    for found in find_all(hook.function.body, "identifier"):
        if text_of(found) == name:
            values += _given(found, hook)
    if len(values) != 1 or _type_of(name, hook) not in WORDS | _INFERRED:
        return None
    return values[0]


def _given(use: Node, hook: Hook) -> list[Node | None]:
    """Values that this use of a variable gives it; None stands for one that is not seen."""
    parent = hook.parent(use)
    if parent is None:
        return [None]
    if parent.type == "init_declarator" and parent.child_by_field_name("declarator") == use:
        return [parent.child_by_field_name("value")]
    if parent.type == "assignment_expression" and parent.child_by_field_name("left") == use:
        plain = text_of(parent.child_by_field_name("operator")) == "="
        return [parent.child_by_field_name("right") if plain else None]
    if parent.type in {"update_expression", "pointer_expression"}:
        return [None]
    return []


def _type_of(name: str, hook: Hook) -> str:
    """Type of a local variable, as written; "" if it has several or is a pointer."""
    types = []
    for declaration in find_all(hook.function.body, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            inner = declarator
            if declarator.type == "init_declarator":
                inner = declarator.child_by_field_name("declarator") or declarator
            if inner.type == "identifier" and text_of(inner) == name:
                types.append(" ".join(text_of(declaration.child_by_field_name("type")).split()))
    return types[0] if len(types) == 1 else ""


def _is_member(node: Node | None, member: str, hook: Hook) -> bool:
    return node is not None and hook.member(node) == member
