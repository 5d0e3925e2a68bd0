# SPDX-License-Identifier: GPL-2.0-only
"""Terms of which some variables are fixed: what they come to, made anew by the same operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from premap.symbolic import bitwise, compare, linear, truth
from premap.symbolic.linear import sum_data
from premap.symbolic.node import ALL, Node, const, make_word


class Fixing:
    """Puts values in the place of variables; a term whose value is then known becomes that."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self._values = values
        self._made: dict[int, tuple[Node, Any]] = {}
        """What became of a term, by its uid, with the term itself: uids are those of live terms."""

    def __call__(self, term: Any) -> Any:
        """Return the term with the values put in; what is no term comes back as it is."""
        if not isinstance(term, Node):
            return term
        stack = [term]
        while stack:
            node = stack[-1]
            missing = [arg for arg in node.args if arg.uid not in self._made]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._made[node.uid] = (node, self._made_of(node))
        return _plain(self._made[term.uid][1])

    def _made_of(self, node: Node) -> Any:
        if node.op == "var":
            value = self._values.get(node.data[0])
            return node if value is None else const(value & ((1 << node.data[1]) - 1))
        arguments = [self._made[arg.uid][1] for arg in node.args]
        if all(one is other for one, other in zip(arguments, node.args, strict=True)):
            return node
        return _AGAIN[node.op](node, arguments)


def _plain(made: Any) -> Any:
    """Return a word that is known as an integer."""
    return made.data if isinstance(made, Node) and made.op == "const" else made


def _sum(node: Node, given: Sequence[Any]) -> Any:
    total, coefficients = sum_data(node)
    scaled = (linear.scale(*pair) for pair in zip(given, coefficients, strict=True))
    return reduce(linear.add, scaled, const(total))


def _apply(node: Node, given: Sequence[Any]) -> Any:
    return make_word("apply", tuple(given), node.data, may=(1 << node.data[1]) - 1)


def _divide(_: Node, given: Sequence[Any]) -> Any:
    return const(ALL) if given[1] is const(0) else bitwise.divide(*given)


def _modulo(_: Node, given: Sequence[Any]) -> Any:
    return given[0] if given[1] is const(0) else bitwise.modulo(*given)


_AGAIN: dict[str, Callable[[Node, Sequence[Any]], Any]] = {
    "apply": _apply,
    "sum": _sum,
    "mul": lambda _, given: linear.mul(*given),
    "bits": lambda node, given: bitwise.bits(given[0], *node.data),
    "and": lambda _, given: reduce(bitwise.and_, given),
    "or": lambda _, given: reduce(bitwise.or_, given),
    "xor": lambda _, given: reduce(bitwise.xor, given),
    "lshr": lambda node, given: bitwise.lshr(given[0], node.data),
    "shl": lambda _, given: bitwise.shift_left(*given),
    "shr": lambda _, given: bitwise.shift_right(*given),
    "udiv": _divide,
    "urem": _modulo,
    "ite": lambda _, given: truth.choose(*given),
    "eq": lambda node, given: compare.eq(given[0], const(node.data)),
    "lt": lambda _, given: compare.lt(*given),
    "not": lambda _, given: truth.not_(given[0]),
    "conj": lambda _, given: truth.conjunction(given),
    "differ": lambda _, given: truth.xor(*given),
}
"""How each operator makes its term, of other arguments."""
