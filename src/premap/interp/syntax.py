# SPDX-License-Identifier: GPL-2.0-only
"""What the nodes of a syntax tree say: read once, for the interpreter comes by again and again.

A hook runs once for each of its paths, in each setting. tree-sitter makes its nodes, and their
texts, anew each time that it is asked: several times what a look at what was known before takes.
Keeping a node keeps its tree, so what is kept is bounded, and let go of once a comparison is over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar, cast

from tree_sitter import Node

from premap.csource import nodes
from premap.model.errors import NotModelled

KEPT = 1 << 14
"""Nodes of which each fact is kept: more than the functions have that a hook calls."""

F = TypeVar("F", bound=Callable[..., object])
_forgetting: list[Callable[[], None]] = []


def of_syntax(function: F) -> F:
    """Keep what a function gives, which has to hang on the text of the nodes alone."""
    kept = lru_cache(KEPT)(function)
    _forgetting.append(kept.cache_clear)
    return cast("F", kept)


def forget() -> None:
    """Let go of the nodes."""
    for each in _forgetting:
        each()


@of_syntax
def text_of(node: Node | None) -> str:
    """Return the text of a node, byte for byte (Latin-1); "" without one."""
    return nodes.text_of(node)


@of_syntax
def part(node: Node, name: str) -> Node | None:
    """Return a node's child of a name, if it has one."""
    return node.child_by_field_name(name)


@of_syntax
def child(node: Node, name: str) -> Node:
    """Return a node's child of a name; raise NotModelled where the parser left it out."""
    found = node.child_by_field_name(name)
    if found is None:
        raise NotModelled(f"incomplete {node.type.replace('_', ' ')}")
    return found


@of_syntax
def inner_of(node: Node) -> tuple[Node, ...]:
    """Return the named children of a node that are no comments."""
    return tuple([each for each in node.named_children if each.type != "comment"])


def only_child(node: Node) -> Node:
    """Return what is between parentheses; raise NotModelled where there is not one thing."""
    within = inner_of(node)
    if len(within) != 1:
        raise NotModelled(f"incomplete {node.type.replace('_', ' ')}")
    return within[0]


def arguments_of(call: Node) -> tuple[Node, ...]:
    """Return the arguments of a call_expression, without comments."""
    listed = part(call, "arguments")
    return () if listed is None else inner_of(listed)


@of_syntax
def callee(call: Node) -> str | None:
    """Return the name of the function that a call_expression calls; None if it is no plain name."""
    return nodes.callee(call)


@of_syntax
def unwrapped(node: Node) -> Node:
    """Return the expression within parentheses."""
    return nodes.unwrapped(node)
