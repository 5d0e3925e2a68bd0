# SPDX-License-Identifier: GPL-2.0-only
"""A solver that first tries what is near: most questions of a path have an easy answer.

A model is changed so that a condition becomes true, from the outside of its terms inwards, and kept
if all conditions are true in it. Nothing is concluded where that fails: then z3 is asked, which
takes a tenth of a second to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, product
from typing import cast

from premap.symbolic.effort import QUESTION
from premap.symbolic.linear import signed, sum_data
from premap.symbolic.models import Model, Point
from premap.symbolic.node import ALL, BoolNode, Node, WordNode
from premap.symbolic.slices import nodes
from premap.symbolic.solver import Solver
from premap.symbolic.terms import Bool, Word

TRIES = 48
"""Models that are tried for one question."""
LEVEL_STEPS = 2
"""Changes that are gone on from although as many conditions fail as before, for one question."""
_KEPT = 4
"""Models of earlier questions from which a search begins."""
_DEEPEST = 24
"""Nested terms that are followed inwards."""

Change = tuple[Node, int, int]
"""A leaf, and what its value is to be where the mask (third) has bits."""


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
        found = None if near is None else _search(asked, [near])
        if found is None:
            found = _search(asked, [*self._recent, Model()])
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


def _search(conditions: Sequence[Bool], begin: Sequence[Model]) -> Model | None:
    """Change the best of some models until all conditions are true; None if that doesn't work."""
    best = min(begin, key=lambda model: len(_failing(model, conditions)))
    left, level = TRIES, LEVEL_STEPS
    while True:
        failing = _failing(best, conditions)
        if not failing:
            return _restricted(best, conditions)
        holding = [condition for condition in conditions if best.eval(condition)]
        better = beside = None
        for changes in (each for one in reversed(failing) for each in _true(one, best, 0)):
            left -= 1
            changed = _changed(best, changes)
            fewer = 0 if changed is None else _fewer_fail(changed, failing, holding)
            if fewer > 0:
                better = changed
                break
            if fewer == 0 and beside is None:
                beside = changed
            if left <= 0:
                return None
        if better is None:
            better, level = beside, level - 1
        if better is None or level < 0:
            return None
        best = better


def _failing(model: Model, conditions: Sequence[Bool]) -> list[Bool]:
    return [condition for condition in conditions if not model.eval(condition)]


def _fewer_fail(model: Model, failed: Sequence[Bool], held: Sequence[Bool]) -> int:
    """Return how many conditions fewer fail than did; negative as soon as more do."""
    left = len(failed)
    for condition in chain(failed, held):
        if not model.eval(condition):
            left -= 1
            if left < 0:
                break
    return left


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


Changes = Iterator[list[Change]]


def _true(condition: Node, model: Model, deep: int) -> Changes:
    """Yield changes that may make a condition true."""
    return _truth(condition, model, deep, wanted=True)


def _truth(node: Node, model: Model, deep: int, *, wanted: bool) -> Changes:
    if deep > _DEEPEST:
        return
    if node.op == "not":
        yield from _truth(node.args[0], model, deep + 1, wanted=not wanted)
    elif node.op == "conj":
        yield from _conjunction(node, model, deep, wanted=wanted)
    elif node.op == "eq":
        yield from _equal(node, model, deep, wanted=wanted)
    elif node.op == "lt":
        yield from _less(node, model, deep, wanted=wanted)


def _conjunction(node: Node, model: Model, deep: int, *, wanted: bool) -> Changes:
    if not wanted:
        for part in node.args:
            yield from _truth(part, model, deep + 1, wanted=False)
        return
    whole: list[Change] = []
    for part in node.args:
        if not model.eval(cast("Bool", part)):
            first = next(_truth(part, model, deep + 1, wanted=True), None)
            if first is None:
                return
            whole += first
    yield whole


def _equal(node: Node, model: Model, deep: int, *, wanted: bool) -> Changes:
    (word,), value = node.args, cast("int", node.data)
    if wanted:
        yield from _word(word, value, ALL, model, deep + 1)
        return
    bits = word.data[0] if word.op == "bits" else word.may
    top = 1 << (bits.bit_length() - 1)
    for other in (value ^ (bits & -bits), value + 1, value - 1, top, value ^ top):
        yield from _word(word, other & ALL, ALL, model, deep + 1)


def _less(node: Node, model: Model, deep: int, *, wanted: bool) -> Changes:
    left, right = node.args
    low, high = model.eval(left), model.eval(right)
    if wanted:
        given = [
            (left, _down(left, high - 1)),
            (right, _up(right, low + 1)),
            (left, 0),
            (right, right.may),
        ]
    else:
        given = [(left, _up(left, high)), (right, _down(right, low)), (right, 0), (left, left.may)]
    for word, value in given:
        if 0 <= value <= ALL:
            yield from _word(word, value, ALL, model, deep + 1)
    if wanted and left.op == "sum":
        yield from _wrapping(left, model, deep + 1)


def _up(word: WordNode, value: int) -> int:
    """Return the least number from a value on whose low bits the word may have: whole pages."""
    step = word.may & -word.may
    return (value + step - 1) // step * step if step else value


def _down(word: WordNode, value: int) -> int:
    """Return the greatest number up to a value whose low bits the word may have."""
    step = word.may & -word.may
    return value // step * step if step else value


def _wrapping(node: Node, model: Model, deep: int) -> Changes:
    """Yield changes that may make a sum wrap: as much as can be of one part, and a little."""
    for much in node.args:
        for little in node.args:
            if little is not much:
                for first in _word(much, much.high, ALL, model, deep):
                    for second in _word(little, 2, ALL, model, deep):
                        yield [*first, *second]


def _word(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    """Yield changes that may give a word a value, where the mask has bits."""
    if deep > _DEEPEST or mask == 0:
        return
    if node.op in {"var", "apply"}:
        yield [(node, value, mask)]
        return
    way = _INWARDS.get(node.op)
    if way is not None:
        yield from way(node, value, mask, model, deep + 1)


def _bits(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    kept, flip = cast("tuple[int, int]", node.data)
    wanted = (value ^ flip) & mask
    if not wanted & ~kept:
        yield from _word(node.args[0], wanted, mask & kept, model, deep)


def _lshr(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    shift = cast("int", node.data)
    if not (value & mask) >> (64 - shift) if shift else True:
        yield from _word(node.args[0], value << shift & ALL, mask << shift & ALL, model, deep)


def _sum(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    constant, coefficients = sum_data(node)
    values = [model.eval(arg) for arg in node.args]
    total = constant + sum(c * v for c, v in zip(coefficients, values, strict=True))
    top = mask.bit_length()  # what is carried beyond does not matter
    parts = list(zip(node.args, coefficients, values, strict=True))
    ways = dict.fromkeys(((total & ~mask) | (value & mask), value & mask))
    for wanted, (arg, coefficient, now) in product(ways, parts):
        rest = (wanted - (total - coefficient * now)) & (ALL >> (64 - top))
        shift = (coefficient & -coefficient).bit_length() - 1
        if shift >= top or rest & ((1 << shift) - 1):
            continue
        odd = signed(coefficient) >> shift
        matters = (1 << (top - shift)) - 1
        new = (rest >> shift) * pow(odd, -1, 1 << 64) & matters
        yield from _word(arg, new, matters, model, deep)


def _or(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    for arg in node.args:
        others = _others(node, arg, model, lambda a, b: a | b, 0)
        if not others & ~value & mask:
            yield from _word(arg, value, mask & ~others, model, deep)
    whole: list[Change] = []
    for arg in node.args:
        first = next(_word(arg, value & arg.may, mask & arg.may, model, deep), None)
        if first is None and (model.eval(arg) ^ value) & mask & arg.may:
            return
        whole += first or ()
    yield whole


def _and(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    for arg in node.args:
        others = _others(node, arg, model, lambda a, b: a & b, ALL)
        if not value & ~others & mask:
            yield from _word(arg, value, mask & others, model, deep)


def _xor(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    for arg in node.args:
        others = _others(node, arg, model, lambda a, b: a ^ b, 0)
        yield from _word(arg, value ^ others, mask, model, deep)


def _others(
    node: Node, arg: Node, model: Model, join: Callable[[int, int], int], begin: int
) -> int:
    total = begin
    for other in node.args:
        if other is not arg:
            total = join(total, model.eval(other))
    return total


def _ite(node: Node, value: int, mask: int, model: Model, deep: int) -> Changes:
    condition, then, otherwise = node.args
    now = model.eval(condition)
    yield from _word(then if now else otherwise, value, mask, model, deep)
    other = otherwise if now else then
    for changes in _truth(condition, model, deep, wanted=not now):
        if not (model.eval(other) ^ value) & mask:
            yield changes
        for more in _word(other, value, mask, model, deep):
            yield [*changes, *more]


_INWARDS: dict[str, Callable[[Node, int, int, Model, int], Changes]] = {
    "bits": _bits,
    "lshr": _lshr,
    "sum": _sum,
    "or": _or,
    "and": _and,
    "xor": _xor,
    "ite": _ite,
}


__all__ = ["GuessingSolver"]
