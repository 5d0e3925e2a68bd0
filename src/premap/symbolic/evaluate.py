# SPDX-License-Identifier: GPL-2.0-only
"""The value of a term where the values of its variables are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from premap.symbolic.linear import sum_data
from premap.symbolic.node import ALL, Node

Leaf = Callable[[Node, Sequence[int]], int]
"""Gives the value of a variable, or of an unknown function for the values of its arguments."""


def evaluate(root: Node, memo: dict[int, int], leaf: Leaf) -> int:
    """Return the value of a term (truth values: 1 or 0); `memo` keeps it, by the term's uid."""
    known = memo.get(root.uid)
    if known is not None:
        return known
    stack = [root]
    while stack:
        node = stack[-1]
        missing = [arg for arg in node.args if arg.uid not in memo]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        values = [memo[arg.uid] for arg in node.args]
        compute = _COMPUTE.get(node.op)
        memo[node.uid] = leaf(node, values) if compute is None else compute(node, values)
    return memo[root.uid]


def _const(node: Node, _values: list[int]) -> int:
    value: int = node.data
    return value


def _sum(node: Node, values: list[int]) -> int:
    total, coefficients = sum_data(node)
    for coefficient, value in zip(coefficients, values, strict=True):
        total += coefficient * value
    return total & ALL


def _mul(_node: Node, values: list[int]) -> int:
    return values[0] * values[1] & ALL


def _bits(node: Node, values: list[int]) -> int:
    mask: int
    flip: int
    mask, flip = node.data
    return (values[0] & mask) ^ flip


def _and(_node: Node, values: list[int]) -> int:
    result = ALL
    for value in values:
        result &= value
    return result


def _or(_node: Node, values: list[int]) -> int:
    result = 0
    for value in values:
        result |= value
    return result


def _xor(_node: Node, values: list[int]) -> int:
    result = 0
    for value in values:
        result ^= value
    return result


def _lshr(node: Node, values: list[int]) -> int:
    shift: int = node.data
    return values[0] >> shift


def _shl(_node: Node, values: list[int]) -> int:
    return values[0] << values[1] & ALL if values[1] < 64 else 0


def _shr(_node: Node, values: list[int]) -> int:
    return values[0] >> values[1] if values[1] < 64 else 0


def _udiv(_node: Node, values: list[int]) -> int:
    return values[0] // values[1] if values[1] else ALL


def _urem(_node: Node, values: list[int]) -> int:
    return values[0] % values[1] if values[1] else values[0]


def _ite(_node: Node, values: list[int]) -> int:
    return values[1] if values[0] else values[2]


def _eq(node: Node, values: list[int]) -> int:
    return int(values[0] == node.data)


def _lt(_node: Node, values: list[int]) -> int:
    return int(values[0] < values[1])


def _not(_node: Node, values: list[int]) -> int:
    return 1 - values[0]


def _conj(_node: Node, values: list[int]) -> int:
    return int(all(values))


_COMPUTE: dict[str, Callable[[Node, list[int]], int]] = {
    "const": _const,
    "sum": _sum,
    "mul": _mul,
    "bits": _bits,
    "and": _and,
    "or": _or,
    "xor": _xor,
    "lshr": _lshr,
    "shl": _shl,
    "shr": _shr,
    "udiv": _udiv,
    "urem": _urem,
    "ite": _ite,
    "eq": _eq,
    "lt": _lt,
    "not": _not,
    "conj": _conj,
    "differ": _xor,
}
