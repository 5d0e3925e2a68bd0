# SPDX-License-Identifier: GPL-2.0-only
"""Words and truth values with Python's operators, as `premap.model.words` wants them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias, TypeVar, cast

from premap.symbolic import bitwise, compare, linear, node, truth
from premap.symbolic.errors import NotConstant, Undecided
from premap.symbolic.node import ALL, BoolNode, Truth, WordNode, make_word, value_of
from premap.symbolic.text import text

Operand: TypeAlias = "Word | Bool | int"
"""What a word can be combined with; a truth value counts as 1 or 0."""
Condition: TypeAlias = "Bool | bool"
"""A truth value, known or not."""

decider: ContextVar[Callable[[Bool], bool] | None] = ContextVar("decider", default=None)
"""Whoever decides conditions that are tested with `if`: an Explorer, while it runs a program."""

results: ContextVar[dict[tuple[int, int, int], object] | None] = ContextVar("results", default=None)
"""What operators gave, by number and operands, for a program that runs again and again."""
_functions = itertools.count()


def _word_node(value: object) -> WordNode | None:
    """Return any operand as a word; None for what is no number."""
    if isinstance(value, WordNode):
        return value
    if isinstance(value, int):
        return node.const(value)
    if isinstance(value, BoolNode):
        return truth.as_word(value)
    return None


R = TypeVar("R")
Binary: TypeAlias = Callable[[WordNode, WordNode], WordNode]
Relation: TypeAlias = Callable[[WordNode, WordNode], Truth]


def _remembered(function: Callable[[WordNode, WordNode], R]) -> Callable[[WordNode, WordNode], R]:
    """Look a result up by the numbers of the operands: `==`, as any cache has it, would ask."""
    number = next(_functions)

    def recall(left: WordNode, right: WordNode) -> R:
        known = results.get()
        if known is None:
            return function(left, right)
        key = (number, left.uid, right.uid)
        if key in known:
            return cast("R", known[key])
        found = known[key] = function(left, right)
        return found

    return recall


def _operator(function: Binary) -> Callable[[object, Operand], Word]:
    recall = _remembered(function)

    def forward(self: object, other: Operand) -> Word:
        left = self if isinstance(self, WordNode) else _word_node(self)
        right = other if isinstance(other, WordNode) else _word_node(other)
        if left is None or right is None:
            return NotImplemented  # type: ignore[no-any-return]
        return cast("Word", recall(left, right))

    return forward


def _reflected(function: Binary) -> Callable[[object, Operand], Word]:
    return _operator(lambda right, left: function(left, right))


def _relation(function: Relation) -> Callable[[object, Operand], Condition]:
    recall = _remembered(function)

    def forward(self: object, other: Operand) -> Condition:
        left = self if isinstance(self, WordNode) else _word_node(self)
        right = other if isinstance(other, WordNode) else _word_node(other)
        if left is None or right is None:
            return NotImplemented  # type: ignore[no-any-return]
        return cast("Condition", recall(left, right))

    return forward


def _ne(a: WordNode, b: WordNode) -> Truth:
    return truth.not_(compare.eq(a, b))


def _le(a: WordNode, b: WordNode) -> Truth:
    return truth.not_(compare.lt(b, a))


def _gt(a: WordNode, b: WordNode) -> Truth:
    return compare.lt(b, a)


def _ge(a: WordNode, b: WordNode) -> Truth:
    return truth.not_(compare.lt(a, b))


class Word(WordNode):
    """A term whose value is an `unsigned long`: 64 bits, and every operation wraps.

    Operators take words, integers (modulo 2**64) and truth values (1 or 0) on either side. `>>`
    brings in zeros; a shift by 64 or more gives 0. `//` and `%` by the constant 0 raise
    ZeroDivisionError; by a symbolic divisor that is 0 they give all ones and the dividend.
    Comparisons are unsigned, and give a Python bool where the answer is known.
    """

    __slots__ = ()

    __add__ = _operator(linear.add)
    __radd__ = _reflected(linear.add)
    __sub__ = _operator(linear.sub)
    __rsub__ = _reflected(linear.sub)
    __mul__ = _operator(linear.mul)
    __rmul__ = _reflected(linear.mul)
    __floordiv__ = _operator(bitwise.divide)
    __rfloordiv__ = _reflected(bitwise.divide)
    __mod__ = _operator(bitwise.modulo)
    __rmod__ = _reflected(bitwise.modulo)
    __and__ = _operator(bitwise.and_)
    __rand__ = _reflected(bitwise.and_)
    __or__ = _operator(bitwise.or_)
    __ror__ = _reflected(bitwise.or_)
    __xor__ = _operator(bitwise.xor)
    __rxor__ = _reflected(bitwise.xor)
    __lshift__ = _operator(bitwise.shift_left)
    __rlshift__ = _reflected(bitwise.shift_left)
    __rshift__ = _operator(bitwise.shift_right)
    __rrshift__ = _reflected(bitwise.shift_right)
    __lt__ = _relation(compare.lt)
    __gt__ = _relation(_gt)
    __le__ = _relation(_le)
    __ge__ = _relation(_ge)
    __eq__ = _relation(compare.eq)  # type: ignore[assignment]
    __ne__ = _relation(_ne)  # type: ignore[assignment]

    def __hash__(self) -> int:
        return hash(value_of(self)) if self.is_const else self.key

    def __neg__(self) -> Word:
        return cast("Word", linear.scale(self, -1))

    def __invert__(self) -> Word:
        return cast("Word", bitwise.invert(self))

    def __pos__(self) -> Word:
        return self

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        if not self.is_const:
            raise NotConstant(f"{self} has no known value")
        return value_of(self)

    __int__ = __index__

    def __format__(self, spec: str) -> str:
        return format(value_of(self), spec) if self.is_const else format(str(self), spec)

    def __repr__(self) -> str:
        return text(self)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_word, (self.op, self.args, self.data, _facts(self))


class Bool(BoolNode):
    """A truth value that is not known: the result of comparing words.

    `&`, `|`, `^` and `~` combine truth values without asking for them; testing one (`if`, `not`,
    `and`, `or`) has the current Explorer decide it. In sums and products it counts 1 or 0.
    """

    __slots__ = ()
    __hash__ = BoolNode.__hash__

    def select(self, then: object, otherwise: object) -> object:
        """Return `self ? then : otherwise`: of words and integers a word, else a truth value.

        The same object on both sides comes back as it is, of whatever type. Raises TypeError for
        anything else that is no number.
        """
        if then is otherwise:
            return then
        if isinstance(then, bool | BoolNode) and isinstance(otherwise, bool | BoolNode):
            return truth.choose_truth(self, then, otherwise)
        first, second = _word_node(then), _word_node(otherwise)
        if first is None or second is None:
            raise TypeError(f"a condition can't choose between {then!r} and {otherwise!r}")
        return truth.choose(self, first, second)

    def __and__(self, other: Operand) -> Condition:
        if isinstance(other, bool | BoolNode):
            return cast("Condition", truth.and_(self, other))
        return cast("Condition", _as_word(self) & other)

    def __or__(self, other: Operand) -> Condition:
        if isinstance(other, bool | BoolNode):
            return cast("Condition", truth.or_(self, other))
        return cast("Condition", _as_word(self) | other)

    def __xor__(self, other: Operand) -> Condition:
        if isinstance(other, bool | BoolNode):
            return cast("Condition", truth.xor(self, other))
        return cast("Condition", _as_word(self) ^ other)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __invert__(self) -> Condition:
        return cast("Condition", truth.not_(self))

    __add__ = _operator(linear.add)
    __radd__ = _reflected(linear.add)
    __sub__ = _operator(linear.sub)
    __rsub__ = _reflected(linear.sub)
    __mul__ = _operator(linear.mul)
    __rmul__ = _reflected(linear.mul)
    __lshift__ = _operator(bitwise.shift_left)
    __rlshift__ = _reflected(bitwise.shift_left)
    __rshift__ = _operator(bitwise.shift_right)
    __rrshift__ = _reflected(bitwise.shift_right)
    __lt__ = _relation(compare.lt)
    __gt__ = _relation(_gt)
    __le__ = _relation(_le)
    __ge__ = _relation(_ge)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        if isinstance(other, bool | BoolNode):
            return cast("Condition", truth.not_(truth.xor(self, other)))
        return _as_word(self) == other

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        if isinstance(other, bool | BoolNode):
            return cast("Condition", truth.xor(self, other))
        return _as_word(self) != other

    def __bool__(self) -> bool:
        decide = decider.get()
        if decide is None:
            raise Undecided(f"nothing decides {self}")
        return decide(self)

    def __repr__(self) -> str:
        return text(self)

    def __reduce__(self) -> tuple[object, ...]:
        return node.make_bool, (self.op, self.args, self.data)


def _as_word(condition: Bool) -> Word:
    return cast("Word", truth.as_word(condition))


def _facts(word: Word) -> tuple[int, int, int, int, int]:
    return word.low, word.high, word.may, word.must, word.spine


def _rebuild_word(
    op: str, args: tuple[node.Node, ...], data: object, facts: tuple[int, int, int, int, int]
) -> WordNode:
    low, high, may, must, spine = facts
    return make_word(op, args, data, low=low, high=high, may=may, must=must, spine=spine)


def const(value: int) -> Word:
    """Return the word of that value, modulo 2**64."""
    return cast("Word", node.const(value.__index__()))


def var(name: str, bits: int = 64) -> Word:
    """Return the unknown word of that name, of which only the low `bits` bits can be set.

    A name stands for one word: of the same name, ask for the same number of bits.
    """
    return cast("Word", make_word("var", (), (name, bits), may=ALL >> (64 - bits)))


def apply(function: str, *args: Operand, bits: int = 64) -> Word:
    """Return what an unknown function gives for these arguments: the same for equal ones.

    Functions of different numbers of arguments are different functions; of the same function, ask
    for the same number of bits.
    """
    words = tuple(as_word(arg) for arg in args)
    node = make_word("apply", words, (function, bits), may=ALL >> (64 - bits))
    return cast("Word", node)


def as_word(value: Operand) -> Word:
    """Return an integer or a truth value as a word."""
    word = _word_node(value)
    if word is None:
        raise TypeError(f"{value!r} is no word")
    return cast("Word", word)


def all_of(*conditions: Condition) -> Condition:
    """Return `a && b && …`, without asking for any of them."""
    return cast("Condition", truth.conjunction(conditions))


def any_of(*conditions: Condition) -> Condition:
    """Return `a || b || …`, without asking for any of them."""
    return cast("Condition", truth.not_(truth.conjunction(truth.not_(each) for each in conditions)))
