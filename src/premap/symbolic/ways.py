# SPDX-License-Identifier: GPL-2.0-only
"""What may be changed of a model so that a condition becomes true.

From the outside of its terms inwards, one leaf or a few at a time. Nothing is promised: whoever
asks looks whether the changed model is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import ClassVar, cast

from premap.symbolic.linear import signed, sum_data
from premap.symbolic.models import Model
from premap.symbolic.node import ALL, Node, WordNode
from premap.symbolic.terms import Bool

STEPS = 1000
"""Terms that are looked into for the changes of one model."""
_DEEPEST = 24
"""Nested terms that are followed inwards."""
_WIDEST = 6
"""Nested terms in which another way is tried: each of them may double what is tried."""

Change = tuple[Node, int, int]
"""A leaf, and what its value is to be where the mask (third) has bits."""
Changes = Iterator[list[Change]]


class Ways:
    """Ways to change one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.left = STEPS
        """How many terms may still be looked into."""

    def to_true(self, condition: Node) -> Changes:
        """Yield changes that may make a condition true."""
        return self._truth(condition, 0, wanted=True)

    def _truth(self, node: Node, deep: int, *, wanted: bool) -> Changes:
        if deep > _DEEPEST:
            return
        if node.op == "not":
            yield from self._truth(node.args[0], deep + 1, wanted=not wanted)
        elif node.op == "conj":
            yield from self._conjunction(node, deep, wanted=wanted)
        elif node.op == "eq":
            yield from self._equal(node, deep, wanted=wanted)
        elif node.op == "lt":
            yield from self._less(node, deep, wanted=wanted)

    def _conjunction(self, node: Node, deep: int, *, wanted: bool) -> Changes:
        if not wanted:
            for part in node.args:
                yield from self._truth(part, deep + 1, wanted=False)
            return
        whole: list[Change] = []
        for part in node.args:
            if not self.model.eval(cast("Bool", part)):
                first = next(self._truth(part, deep + 1, wanted=True), None)
                if first is None:
                    return
                whole += first
        yield whole

    def _equal(self, node: Node, deep: int, *, wanted: bool) -> Changes:
        (word,), value = node.args, cast("int", node.data)
        if wanted:
            yield from self._word(word, value, ALL, deep + 1)
            return
        bits = word.data[0] if word.op == "bits" else word.may
        top = 1 << (bits.bit_length() - 1)
        for other in (value ^ (bits & -bits), value + 1, value - 1, top, value ^ top):
            yield from self._word(word, other & ALL, ALL, deep + 1)

    def _less(self, node: Node, deep: int, *, wanted: bool) -> Changes:
        left, right = node.args
        low, high = self.model.eval(left), self.model.eval(right)
        if wanted:
            given = [
                (left, _down(left, high - 1)),
                (right, _up(right, low + 1)),
                (left, 0),
                (right, right.may),
            ]
        else:
            given = [
                (left, _up(left, high)),
                (right, _down(right, low)),
                (right, 0),
                (left, left.may),
            ]
        for word, value in given:
            if 0 <= value <= ALL:
                yield from self._word(word, value, ALL, deep + 1)
        if wanted and left.op == "sum":
            yield from self._wrapping(left, deep + 1)

    def _wrapping(self, node: Node, deep: int) -> Changes:
        """Yield changes that may make a sum wrap: as much as can be of one part, and a little."""
        for much in node.args:
            for little in node.args:
                if little is not much:
                    for first in self._word(much, much.high, ALL, deep):
                        for second in self._word(little, 2, ALL, deep):
                            yield [*first, *second]

    def _word(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        """Yield changes that may give a word a value, where the mask has bits."""
        self.left -= 1
        if deep > _DEEPEST or mask == 0 or self.left < 0:
            return
        if node.op in {"var", "apply"}:
            yield [(node, value, mask)]
            return
        way = self._inwards.get(node.op)
        if way is not None:
            yield from way(self, node, value, mask, deep + 1)

    def _bits(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        kept, flip = cast("tuple[int, int]", node.data)
        wanted = (value ^ flip) & mask
        if not wanted & ~kept:
            yield from self._word(node.args[0], wanted, mask & kept, deep)

    def _lshr(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        shift = cast("int", node.data)
        if not (value & mask) >> (64 - shift) if shift else True:
            yield from self._word(node.args[0], value << shift & ALL, mask << shift & ALL, deep)

    def _sum(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        constant, coefficients = sum_data(node)
        values = [self.model.eval(arg) for arg in node.args]
        total = constant + sum(c * v for c, v in zip(coefficients, values, strict=True))
        top = mask.bit_length()  # what is carried beyond does not matter
        parts = list(zip(node.args, coefficients, values, strict=True))
        ways = dict.fromkeys(((total & ~mask) | (value & mask), value & mask))
        if deep > _WIDEST and len(ways) > 1:
            ways.popitem()
        for wanted, (arg, coefficient, now) in product(ways, parts):
            rest = (wanted - (total - coefficient * now)) & (ALL >> (64 - top))
            shift = (coefficient & -coefficient).bit_length() - 1
            if shift >= top or rest & ((1 << shift) - 1):
                continue
            odd = signed(coefficient) >> shift
            matters = (1 << (top - shift)) - 1
            new = (rest >> shift) * pow(odd, -1, 1 << 64) & matters
            yield from self._word(arg, new, matters, deep)

    def _or(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        for arg in node.args:
            others = self._others(node, arg, lambda a, b: a | b, 0)
            if not others & ~value & mask:
                yield from self._word(arg, value, mask & ~others, deep)
        if deep > _WIDEST:
            return
        whole: list[Change] = []
        for arg in node.args:
            first = next(self._word(arg, value & arg.may, mask & arg.may, deep), None)
            if first is None and (self.model.eval(arg) ^ value) & mask & arg.may:
                return
            whole += first or ()
        yield whole

    def _and(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        for arg in node.args:
            others = self._others(node, arg, lambda a, b: a & b, ALL)
            if not value & ~others & mask:
                yield from self._word(arg, value, mask & others, deep)

    def _xor(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        for arg in node.args:
            others = self._others(node, arg, lambda a, b: a ^ b, 0)
            yield from self._word(arg, value ^ others, mask, deep)

    def _others(self, node: Node, arg: Node, join: Callable[[int, int], int], begin: int) -> int:
        total = begin
        for other in node.args:
            if other is not arg:
                total = join(total, self.model.eval(other))
        return total

    def _ite(self, node: Node, value: int, mask: int, deep: int) -> Changes:
        condition, then, otherwise = node.args
        now = self.model.eval(condition)
        yield from self._word(then if now else otherwise, value, mask, deep)
        other = otherwise if now else then
        for changes in self._truth(condition, deep, wanted=not now):
            if not (self.model.eval(other) ^ value) & mask:
                yield changes
            for more in self._word(other, value, mask, deep):
                yield [*changes, *more]

    _inwards: ClassVar[dict[str, Callable[[Ways, Node, int, int, int], Changes]]] = {
        "bits": _bits,
        "lshr": _lshr,
        "sum": _sum,
        "or": _or,
        "and": _and,
        "xor": _xor,
        "ite": _ite,
    }


def _up(word: WordNode, value: int) -> int:
    """Return the least number from a value on whose low bits the word may have: whole pages."""
    step = word.may & -word.may
    return (value + step - 1) // step * step if step else value


def _down(word: WordNode, value: int) -> int:
    """Return the greatest number up to a value whose low bits the word may have."""
    step = word.may & -word.may
    return value // step * step if step else value
