# SPDX-License-Identifier: GPL-2.0-only
"""Truth values and choices: `!`, `&&`, `||`, `?:`."""

from __future__ import annotations

from collections.abc import Iterable

from premap.symbolic.node import BoolNode, Truth, WordNode, const, make_bool, make_word


def not_(a: Truth) -> Truth:
    """Return `!a`."""
    if isinstance(a, bool):
        return not a
    if a.op == "not":
        inner: BoolNode = a.args[0]
        return inner
    return make_bool("not", (a,))


def conjuncts(a: BoolNode) -> tuple[BoolNode, ...]:
    """Return the parts that are all true where `a` is."""
    return a.args if a.op == "conj" else (a,)


def conjunction(parts: Iterable[Truth]) -> Truth:
    """Return `a && b && …`, without an order."""
    found: dict[int, BoolNode] = {}
    for part in parts:
        if part is False:
            return False
        if isinstance(part, BoolNode):
            found.update((conjunct.uid, conjunct) for conjunct in conjuncts(part))
    for part in found.values():
        if part.op == "not" and part.args[0].uid in found:
            return False
    kept = _without_other_values(found)
    if kept is None:
        return False
    if len(kept) < 2:
        return kept[0] if kept else True
    kept.sort(key=lambda part: (part.key, part.uid))
    return make_bool("conj", tuple(kept))


def _without_other_values(found: dict[int, BoolNode]) -> list[BoolNode] | None:
    """Drop `x != 2` beside `x == 1`; None if a word would have two values."""
    values: dict[int, object] = {}
    for part in found.values():
        if part.op == "eq" and values.setdefault(part.args[0].uid, part.data) != part.data:
            return None
    if not values:
        return list(found.values())
    return [
        part
        for part in found.values()
        if not (part.op == "not" and part.args[0].op == "eq" and _uid_of_word(part) in values)
    ]


def _uid_of_word(negated: BoolNode) -> int:
    word: WordNode = negated.args[0].args[0]
    return word.uid


def and_(a: Truth, b: Truth) -> Truth:
    """Return `a && b`."""
    return conjunction((a, b))


def or_(a: Truth, b: Truth) -> Truth:
    """Return `a || b`."""
    return not_(conjunction((not_(a), not_(b))))


def xor(a: Truth, b: Truth) -> Truth:
    """Return `a != b` of truth values."""
    if isinstance(a, bool):
        return not_(b) if a else b
    if isinstance(b, bool):
        return not_(a) if b else a
    first, negate_first = _without_not(a)
    second, negate_second = _without_not(b)
    negate = negate_first != negate_second
    if first is second:
        return negate
    ordered = sorted((first, second), key=lambda part: (part.key, part.uid))
    differ = make_bool("differ", tuple(ordered))
    return not_(differ) if negate else differ


def _without_not(a: BoolNode) -> tuple[BoolNode, bool]:
    return (a.args[0], True) if a.op == "not" else (a, False)


def choose_truth(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """`condition ? then : otherwise` of truth values."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    if then is otherwise:
        return then
    if isinstance(then, bool) and isinstance(otherwise, bool):
        return condition if then else not_(condition)
    return or_(and_(condition, then), and_(not_(condition), otherwise))


def choose(condition: Truth, then: WordNode, otherwise: WordNode) -> WordNode:
    """`condition ? then : otherwise` of words."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    condition, negated = _without_not(condition)
    if negated:
        then, otherwise = otherwise, then
    then = _arm(condition, then, 1)
    otherwise = _arm(condition, otherwise, 2)
    if then is otherwise:
        return then
    return make_word(
        "ite",
        (condition, then, otherwise),
        low=min(then.low, otherwise.low),
        high=max(then.high, otherwise.high),
        may=then.may | otherwise.may,
        must=then.must & otherwise.must,
        spine=1 + max(then.spine, otherwise.spine),
    )


def _arm(condition: BoolNode, arm: WordNode, which: int) -> WordNode:
    """Return what is left of an arm that asks the same condition again."""
    while arm.op == "ite" and arm.args[0] is condition:
        arm = arm.args[which]
    return arm


def as_word(a: Truth) -> WordNode:
    """Return 1 or 0."""
    return choose(a, const(1), const(0))
