# SPDX-License-Identifier: GPL-2.0-only
"""A solver that first tries what is near: most questions of a path have an easy answer.

A model is changed so that a condition becomes true, from the outside of its terms inwards, and kept
if all conditions are true in it. Nothing is concluded where that fails: then z3 is asked, which
takes a tenth of a second to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from premap.symbolic.effort import LOOK, QUESTION, TRY
from premap.symbolic.models import Model, Point
from premap.symbolic.node import BoolNode, Node
from premap.symbolic.slices import leaf_name, nodes
from premap.symbolic.solver import Solver
from premap.symbolic.terms import Bool, Word
from premap.symbolic.ways import STEPS, Change, Ways

TRIES = 48
"""Models that are tried for one question."""
LEVEL_STEPS = 2
"""Changes that are gone on from although as many conditions fail as before, for one question."""
_KEPT = 4
"""Models of earlier questions from which a search begins."""


class GuessingSolver(Solver):
    """A Solver that guesses before it asks."""

    def __init__(self, limit_ms: int) -> None:
        super().__init__(limit_ms)
        self.guessed = 0
        self._recent: list[Model] = []

    def _ask(self, parts: list[BoolNode], limit_ms: int, near: Model | None = None) -> Model | None:
        self.effort.spent += QUESTION
        if self.refuted(parts):
            return None
        asked = cast("list[Bool]", parts)
        found = None if near is None else self._search(asked, [near])
        if found is None:
            found = self._search(asked, [*self._recent, Model()])
        if found is not None:
            self.guessed += 1
            return self._kept(found)
        answer = self._solve(parts, limit_ms)
        return None if answer is None else self._kept(answer)

    def refuted(self, parts: Sequence[BoolNode]) -> bool:
        """Whether some conditions contradict each other as they are written."""
        known = {part.uid: True for part in parts}
        known |= {part.args[0].uid: False for part in parts if part.op == "not"}
        if any(_follows(part, known) is False for part in parts) or super().refuted(parts):
            return True
        fixed = Model({part.args[0].data[0]: part.data for part in parts if _fixes(part)})
        return bool(fixed.variables) and any(
            not fixed.eval(cast("Bool", part))
            for part in parts
            if self._leaves.of(part) <= fixed.variables.keys()
        )

    def _search(self, conditions: Sequence[Bool], begin: Sequence[Model]) -> Model | None:
        """Change the best of some models until all conditions are true; None if that fails."""
        best = min(begin, key=lambda model: len(_failing(model, conditions)))
        left, level = TRIES, LEVEL_STEPS
        while failing := _failing(best, conditions):
            ways = Ways(best)
            better, fewer, tried = self._step(ways, failing, conditions, left)
            self.effort.spent += TRY * tried + LOOK * (STEPS - max(ways.left, 0))
            left, level = left - tried, level - (not fewer)
            if better is None or left <= 0 or level < 0:
                return None
            best = better
        return _restricted(best, conditions)

    def _step(
        self, ways: Ways, failing: Sequence[Bool], conditions: Sequence[Bool], most: int
    ) -> tuple[Model | None, bool, int]:
        """Return a model in which fewer conditions fail, else one in which as many do, or None.

        Also whether fewer do, and how many models were tried: at most so many.
        """
        holding = [condition for condition in conditions if ways.model.eval(condition)]
        beside, tried = None, 0
        for changes in (each for one in reversed(failing) for each in ways.to_true(one)):
            tried += 1
            changed = _changed(ways.model, changes)
            names = {leaf_name(leaf) for leaf, _, _ in changes}
            fewer = -1 if changed is None else self._fewer_fail(changed, names, failing, holding)
            if fewer > 0:
                return changed, True, tried
            if fewer == 0:
                beside = beside or changed
            if tried >= most:
                break
        return beside, False, tried

    def _fewer_fail(
        self, model: Model, names: set[str], failed: Sequence[Bool], held: Sequence[Bool]
    ) -> int:
        """Return how many conditions fewer fail than did; negative as soon as more do.

        Only conditions in which a leaf of these names is are another matter than before.
        """
        fewer = 0
        for condition in failed:
            if not names.isdisjoint(self._leaves.of(condition)):
                fewer += model.eval(condition)
        for condition in held:
            if not names.isdisjoint(self._leaves.of(condition)) and not model.eval(condition):
                fewer -= 1
                if fewer < 0:
                    break
        return fewer

    def _kept(self, model: Model) -> Model:
        self._recent = [model, *self._recent[: _KEPT - 1]]
        return model


def _follows(node: Node, known: dict[int, bool]) -> bool | None:
    """Return the truth of a condition by what is known of its parts, not of itself."""
    if node.op == "not":
        (inner,) = node.args
        truth = _follows(inner, known) if inner.op == "conj" else known.get(inner.uid)
        return None if truth is None else not truth
    if node.op != "conj":
        return known.get(node.uid)
    parts = [known.get(part.uid, _follows(part, known)) for part in node.args]
    return False if False in parts else None if None in parts else True


def _failing(model: Model, conditions: Sequence[Bool]) -> list[Bool]:
    return [condition for condition in conditions if not model.eval(condition)]


def _restricted(model: Model, conditions: Sequence[Bool]) -> Model:
    """Return a model of what the conditions mention."""
    found = Model()
    for node in nodes(conditions):
        if node.op == "var":
            found.variables[node.data[0]] = model.eval(cast("Word", node))
        elif node.op == "apply":
            found.functions[_point(node, model)] = model.eval(cast("Word", node))
    return found


def _fixes(part: BoolNode) -> bool:
    """Whether a condition says what a variable is."""
    return part.op == "eq" and part.args[0].op == "var"


def _point(node: Node, model: Model) -> Point:
    return node.data[0], tuple(model.eval(argument) for argument in node.args)


def _changed(model: Model, changes: Sequence[Change]) -> Model | None:
    """Return the model with other values for leaves; None where a value does not fit."""
    changed = Model(model.variables, model.functions)
    joined: dict[int, Change] = {}
    for leaf, value, mask in changes:
        _, before, set_before = joined.get(leaf.uid, (leaf, 0, 0))
        joined[leaf.uid] = leaf, (before & ~mask) | (value & mask), set_before | mask
    for leaf, value, mask in joined.values():
        new = (model.eval(cast("Word", leaf)) & ~mask) | (value & mask)
        if new >> leaf.data[1]:
            return None
        if leaf.op == "var":
            changed.variables[leaf.data[0]] = new
        else:
            changed.functions[_point(leaf, model)] = new
    return changed


__all__ = ["GuessingSolver"]
