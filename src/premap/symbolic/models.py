# SPDX-License-Identifier: GPL-2.0-only
"""Models: a value for every variable, and the values that unknown functions gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

from premap.symbolic.evaluate import evaluate
from premap.symbolic.node import Node
from premap.symbolic.slices import FUNCTION
from premap.symbolic.terms import Bool, Condition, Word

if TYPE_CHECKING:
    from premap.symbolic.solver import Solver

PAGE_SIZE = 4096
SIMPLE_VALUES = (0, 1, PAGE_SIZE, 2 * PAGE_SIZE, 3 * PAGE_SIZE, 4 * PAGE_SIZE)
"""What a counter-example's numbers should rather be, in this order."""

Point = tuple[str, tuple[int, ...]]
"""A function and its arguments."""


class Model:
    """An assignment, total: what it does not mention is 0.

    `variables` and `functions` are plain data; a model outlives its solver, and can be pickled.
    """

    def __init__(
        self,
        variables: Mapping[str, int] | None = None,
        functions: Mapping[Point, int] | None = None,
    ) -> None:
        self.variables = dict(variables or {})
        self.functions = dict(functions or {})
        self._memo: dict[int, int] = {}

    @overload
    def eval(self, term: Word | int) -> int: ...
    @overload
    def eval(self, term: Bool) -> bool: ...

    def eval(self, term: Word | Bool | int) -> int | bool:
        """Return the value of a word (an integer), or of a truth value (a bool)."""
        if not isinstance(term, Node):
            return term
        value = self._memo.get(term.uid)
        if value is None:
            value = evaluate(term, self._memo, self._leaf)
        return value == 1 if isinstance(term, Bool) else value

    def satisfies(self, conditions: Sequence[Condition]) -> bool:
        """Whether all conditions are true here."""
        return all(
            condition if isinstance(condition, bool) else self.eval(condition)
            for condition in conditions
        )

    def changed(self, other: Model, names: frozenset[str]) -> Model:
        """Return this model with what the other one says of these names (`slices.Leaves`)."""
        variables = {name: value for name, value in self.variables.items() if name not in names}
        functions = {
            point: value
            for point, value in self.functions.items()
            if point[0] + FUNCTION not in names
        }
        return Model(variables | other.variables, functions | other.functions)

    def _leaf(self, node: Node, arguments: Sequence[int]) -> int:
        bits: int
        name, bits = node.data
        if node.op == "var":
            value = self.variables.get(name, 0)
        else:
            value = self.functions.get((name, tuple(arguments)), 0)
        return value & ((1 << bits) - 1)

    def shrink(
        self,
        conditions: Sequence[Condition],
        preferences: Sequence[Word],
        solver: Solver | None = None,
    ) -> Model:
        """Return a model of `conditions` in which the `preferences` are as simple as can be.

        They are made small one after the other, the first ones first: one of SIMPLE_VALUES, else
        the least value. `self` has to satisfy the conditions. Where the solver gives up, what was
        reached so far is the answer.
        """
        from premap.symbolic.shrink import shrink  # noqa: PLC0415 - it needs Model

        return shrink(self, conditions, preferences, solver)

    def __getstate__(self) -> dict[str, object]:
        return {"variables": self.variables, "functions": self.functions, "_memo": {}}

    def __repr__(self) -> str:
        values = [f"{name}={value:#x}" for name, value in sorted(self.variables.items())]
        values += [
            f"{name}({', '.join(map(hex, arguments))})={value:#x}"
            for (name, arguments), value in sorted(self.functions.items())
        ]
        return f"Model({', '.join(values)})"
