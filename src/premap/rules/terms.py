# SPDX-License-Identifier: GPL-2.0-only
"""What conditions and values of a path depend on: words of the call, and made-up driver state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from premap.model.words import U64_MAX
from premap.symbolic import Model, slices
from premap.symbolic.linear import signed, sum_data
from premap.symbolic.node import Node

_LOW_HALF = (1 << 32) - 1


def leaves(terms: Iterable[Any]) -> list[Any]:
    """Return the made-up words, and results of unknown functions, that terms depend on."""
    return [node for node in nodes(terms) if node.op in {"var", "apply"}]


def nodes(terms: Iterable[Any]) -> Iterator[Any]:
    """Yield every node of some terms, once; plain numbers have none."""
    yield from slices.nodes(each for each in terms if isinstance(each, Node))


def variables(terms: Iterable[Any]) -> set[str]:
    """Return the names of the made-up words that terms depend on, functions' names included."""
    return {leaf.data[0] for leaf in leaves(terms)}


def bits_of(term: Any, name: str) -> int:
    """Return the bits of a made-up word that a term may depend on, as a mask."""
    found = 0
    seen: set[tuple[int, int]] = set()
    todo: list[tuple[Any, int]] = [(term, U64_MAX)]
    while todo:
        node, mask = todo.pop()
        if not isinstance(node, Node) or (node.uid, mask) in seen:
            continue
        seen.add((node.uid, mask))
        if node.op == "var" and node.data[0] == name:
            found |= mask & ((1 << node.data[1]) - 1)
        elif node.op == "bits":
            todo.append((node.args[0], mask & node.data[0]))
        elif node.op == "lshr":
            todo.append((node.args[0], mask << node.data & U64_MAX))
        elif node.op in {"and", "or", "xor"}:
            todo += [(arg, mask) for arg in node.args]
        else:
            todo += [(arg, U64_MAX) for arg in node.args]
    return found


def wraps(terms: Iterable[Any], model: Model) -> bool:
    """Return whether a sum in some terms does not fit a word there, or the high half is cut off."""
    for node in nodes(terms):
        values = [model.eval(each) for each in node.args]
        if node.op == "sum" and not 0 <= _true_sum(node, values) <= U64_MAX:
            return True
        if node.op == "bits" and _is_cut(node.data[0], values[0]):
            return True
    return False


def _true_sum(node: Node, values: Sequence[int]) -> int:
    constant, coefficients = sum_data(node)
    parts = zip(values, coefficients, strict=True)
    return signed(constant) + sum(value * signed(coefficient) for value, coefficient in parts)


def _is_cut(mask: int, value: int) -> bool:
    """Whether a mask leaves the low half of a value, or more of it, and not all."""
    most = mask | ((mask & -mask) - 1)
    return most >= _LOW_HALF and most & (most + 1) == 0 and value > most
