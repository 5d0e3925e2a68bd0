# SPDX-License-Identifier: GPL-2.0-only
"""Which conditions hang together: those that share a variable or an unknown function.

Conditions that share none can be made true apart from each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from premap.symbolic.node import BoolNode, Node
from premap.symbolic.truth import conjuncts

FUNCTION = "()"
"""What the name of an unknown function ends with, beside those of variables."""
_LEAVES = frozenset({"var", "apply"})


class Slice(Struct, frozen=True):
    """Conditions, and the names that they and what they hang together with have."""

    parts: Sequence[BoolNode]
    leaves: frozenset[str]


class Leaves:
    """Knows the names in each condition that it was asked about."""

    def __init__(self) -> None:
        self._names: dict[int, frozenset[str]] = {}
        self._held: list[BoolNode] = []
        """What `_names` knows: a number is given again only to the same term."""

    def of(self, part: BoolNode) -> frozenset[str]:
        """Return the variables that a condition hangs on, and the functions, with FUNCTION."""
        found = self._names.get(part.uid)
        if found is None:
            found = self._names[part.uid] = frozenset(_names(part))
            self._held.append(part)
        return found

    def around(self, begin: Iterable[BoolNode], others: Iterable[BoolNode]) -> Slice:
        """Return those of the others that hang together with the first ones."""
        names: set[str] = set().union(*map(self.of, begin))
        left = [(part, self.of(part)) for part in others]
        parts: list[BoolNode] = []
        grown = True
        while grown:
            near = [each for each in left if not names.isdisjoint(each[1])]
            left = [each for each in left if names.isdisjoint(each[1])]
            grown = bool(near)
            parts += [part for part, _ in near]
            names.update(*(leaves for _, leaves in near))
        return Slice(parts, frozenset(names))


def conjuncts_of(condition: object) -> tuple[BoolNode, ...]:
    """Return the parts of a condition; none of one that is known to be true."""
    return conjuncts(condition) if isinstance(condition, BoolNode) else ()


def nodes(terms: Iterable[Node]) -> Iterator[Node]:
    """Yield every node of some terms, once."""
    seen: set[int] = set()
    pending = list(terms)
    while pending:
        node = pending.pop()
        if node.uid not in seen:
            seen.add(node.uid)
            pending += node.args
            yield node


def leaf_name(node: Node) -> str:
    """Return the name of a variable or of an unknown function, with FUNCTION."""
    name: str = node.data[0]
    return name if node.op == "var" else name + FUNCTION


def _names(part: BoolNode) -> Iterator[str]:
    return (leaf_name(node) for node in nodes([part]) if node.op in _LEAVES)
