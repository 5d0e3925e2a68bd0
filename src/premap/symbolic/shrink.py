# SPDX-License-Identifier: GPL-2.0-only
"""Small counter-examples: the least values for which conditions still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from premap.symbolic.errors import SolverGaveUp
from premap.symbolic.models import SIMPLE_VALUES, Model
from premap.symbolic.solver import Solver
from premap.symbolic.terms import Bool, Condition, Word


def shrink(
    model: Model,
    conditions: Sequence[Condition],
    preferences: Iterable[Word],
    solver: Solver | None = None,
) -> Model:
    """Return a model of `conditions` whose `preferences` are small, the first ones first."""
    shrinker = _Shrinker(solver or Solver(), model, conditions)
    try:
        for word in preferences:
            if not word.is_const:
                shrinker.minimise(word)
    except SolverGaveUp:
        pass
    return shrinker.model


class _Shrinker:
    def __init__(self, solver: Solver, model: Model, conditions: Sequence[Condition]) -> None:
        self.solver = solver
        self.model = model
        self.conditions = [each for each in conditions if isinstance(each, Bool)]

    def minimise(self, word: Word) -> None:
        """Fix a word to the simplest value that it can have."""
        for value in SIMPLE_VALUES:
            if value == self._now(word) or self._try(word == value):
                break
        else:
            self._descend(word)
        self._fix(word == self._now(word))

    def _now(self, word: Word) -> int:
        return self.model.eval(word)

    def _descend(self, word: Word) -> None:
        """Find the least value by halving the interval in which it lies."""
        low = word.low
        while low < self._now(word):
            middle = (low + self._now(word)) // 2
            if not self._try(word <= middle):
                low = middle + 1

    def _try(self, condition: Condition) -> bool:
        if isinstance(condition, bool):
            return condition
        found = self.solver.check([*self.conditions, condition])
        if found is None:
            return False
        self.model = found
        return True

    def _fix(self, condition: Condition) -> None:
        if isinstance(condition, Bool):
            self.conditions.append(condition)
