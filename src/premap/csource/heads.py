# SPDX-License-Identifier: GPL-2.0-only
"""The head of a function: its name, its parameters, and what it returns, as written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from premap.csource.nodes import specifier_text, text_of, walk
from premap.csource.text import without_comments

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    """Empty where it has none, "..." for the variable ones."""
    type_text: str
    """Its type as written, with the stars: "struct vm_area_struct *"."""
    node: Node = field(repr=False, compare=False)


def function_name(node: Node) -> tuple[Node, Node] | None:
    """Return the identifier and the function_declarator that a definition or declarator has.

    Looks through pointers, parentheses and attributes; None if it declares no function.
    """
    declarator = node.child_by_field_name("declarator")
    innermost: Node | None = None
    while declarator is not None:
        if declarator.type == "function_declarator":
            innermost = declarator
        if declarator.type == "identifier":
            return None if innermost is None else (declarator, innermost)
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type in _WRAPPERS:
            inner = next((c for c in declarator.named_children if c.type in _INNER), None)
        declarator = inner
    return None


_WRAPPERS = {"parenthesized_declarator", "attributed_declarator"}
_INNER = {
    "identifier",
    "pointer_declarator",
    "function_declarator",
    "parenthesized_declarator",
    "array_declarator",
}


def parameters_of(declarator: Node) -> tuple[Parameter, ...]:
    """Parameters of a function_declarator; none for `(void)`."""
    listed = declarator.child_by_field_name("parameters")
    if listed is None:
        return ()
    found = []
    for child in listed.named_children:
        if child.type == "parameter_declaration":
            found.append(_parameter(child))
        elif child.type == "variadic_parameter":
            found.append(Parameter("...", "...", child))
        elif child.type == "identifier":
            found.append(Parameter(text_of(child), "", child))
    if len(found) == 1 and found[0].type_text == "void" and not found[0].name:
        return ()
    return tuple(found)


def _parameter(node: Node) -> Parameter:
    name = next(
        (n for n in _declared(node.child_by_field_name("declarator")) if n.type == "identifier"),
        None,
    )
    whole = node.text or b""
    if name is not None:
        at = name.start_byte - node.start_byte
        whole = whole[:at] + whole[at + name.end_byte - name.start_byte :]
    return Parameter(text_of(name), _one_line(whole), node)


def _declared(declarator: Node | None) -> Iterator[Node]:
    """Nodes of a declarator down to its name, parameter lists left out."""
    if declarator is not None:
        yield from walk(declarator, into=lambda node: node.type != "parameter_list")


def return_type(node: Node, outer: Node | None, declarator: Node) -> str:
    """Return the type of what a function returns: `outer` declares it, `declarator` is its own."""
    base = specifier_text(node)
    stars = b""
    while outer is not None and outer.start_byte < declarator.start_byte:
        stars += b"*" if outer.type == "pointer_declarator" else b""
        outer = outer.child_by_field_name("declarator")
    return f"{base} {stars.decode()}".strip()


def _one_line(text: bytes) -> str:
    return " ".join(without_comments(text).decode("latin-1").split())
