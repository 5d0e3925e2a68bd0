# SPDX-License-Identifier: GPL-2.0-only
"""Truth values and choices: `!`, `&&`, `||`, `?:`."""

from __future__ import annotations

from collections.abc import Iterable

from premap.symbolic.node import BoolNode, Truth, WordNode, const, make_bool, make_word


def not_(a: Truth) -> Truth:
    """`!a`."""
    if isinstance(a, bool):
        return not a
    if a.op == "not":
        return a.args[0]  # type: ignore[return-value]
    return make_bool("not", (a,))


def conjuncts(a: BoolNode) -> tuple[BoolNode, ...]:
    """Return the parts that are all true where `a` is."""
    return a.args if a.op == "conj" else (a,)  # type: ignore[return-value]


def conjunction(parts: Iterable[Truth]) -> Truth:
    """`a && b && …`, without an order."""
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
    return negated.args[0].args[0].uid


def and_(a: Truth, b: Truth) -> Truth:
    """`a && b`."""
    return conjunction((a, b))


def or_(a: Truth, b: Truth) -> Truth:
    """`a || b`."""
    return not_(conjunction((not_(a), not_(b))))


def xor(a: Truth, b: Truth) -> Truth:
    """`a != b` of truth values."""
    if isinstance(a, bool):
        return not_(b) if a else b
    if isinstance(b, bool):
        return not_(a) if b else a
    negate = False
    if a.op == "not":
        a, negate = a.args[0], not negate  # type: ignore[assignment]
    if b.op == "not":
        b, negate = b.args[0], not negate  # type: ignore[assignment]
    if a is b:
        return negate
    if (a.key, a.uid) > (b.key, b.uid):
        a, b = b, a
    differ = make_bool("differ", (a, b))
    return not_(differ) if negate else differ


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
    if condition.op == "not":
        condition, then, otherwise = condition.args[0], otherwise, then  # type: ignore[assignment]
    then = _arm(condition, then, 1)
    otherwise = _arm(condition, otherwise, 2)
    if then is otherwise:
        return then
    return make_word(
        "ite",
        (condition, then, otherwise),  # type: ignore[arg-type]
        low=min(then.low, otherwise.low),
        high=max(then.high, otherwise.high),
        may=then.may | otherwise.may,
        must=then.must & otherwise.must,
        spine=1 + max(then.spine, otherwise.spine),
    )


def _arm(condition: Truth, arm: WordNode, which: int) -> WordNode:
    """Return what is left of an arm that asks the same condition again."""
    while arm.op == "ite" and arm.args[0] is condition:
        arm = arm.args[which]  # type: ignore[assignment]
    return arm


def as_word(a: Truth) -> WordNode:
    """Return 1 or 0."""
    return choose(a, const(1), const(0))
