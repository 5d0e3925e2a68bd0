# SPDX-License-Identifier: GPL-2.0-only
"""Comparisons of words, unsigned: decided where that is cheap, else one normal form for each.

There are two nodes: `eq` (a sum of terms equals a constant) and `lt`. A comparison of two sums with
terms in common is one of what is left only if neither can wrap.
"""

from __future__ import annotations

from collections.abc import Callable

from premap.symbolic import linear
from premap.symbolic.bitwise import MAX_SPINE, bits, field_parts
from premap.symbolic.node import ALL, Truth, WordNode, const, make_bool, value_of
from premap.symbolic.truth import choose_truth, conjunction, not_


def eq(a: WordNode, b: WordNode) -> Truth:
    """Return `a == b`."""
    if a is b:
        return True
    if a.must & ~b.may or b.must & ~a.may or a.high < b.low or b.high < a.low:
        return False
    if b.op == "const":
        return _eq_const(a, value_of(b))
    if a.op == "const":
        return _eq_const(b, value_of(a))
    if linear.is_exact(a) and linear.is_exact(b):
        return _eq_exact(a, b)
    return _eq_const(linear.sub(a, b), 0)


def _eq_exact(a: WordNode, b: WordNode) -> Truth:
    """Compare two sums that can't wrap, divided by the power of two that they have in common."""
    constant, factors = _divided(*_true_difference(a, b))
    difference = linear.Sum(constant)
    for term, factor in factors:
        difference.add(term, factor)
    return _eq_const(difference.node(), 0)


def _eq_const(a: WordNode, value: int) -> Truth:
    if a.op == "const":
        return value_of(a) == value
    if a.must & ~value or value & ~a.may or not a.low <= value <= a.high:
        return False
    rule = _EQUAL.get(a.op)
    if rule is not None:
        answer = rule(a, value)
        if answer is not None:
            return answer
    return make_bool("eq", (a,), value)


def _eq_sum(a: WordNode, value: int) -> Truth | None:
    constant, pairs = linear.parts_of(a)
    value = (value - constant) & ALL
    shift = min((coefficient & -coefficient).bit_length() - 1 for _, coefficient in pairs)
    if value & ((1 << shift) - 1):
        return False
    if shift:
        divided = linear.Sum()
        for term, coefficient in pairs:
            divided.add(term, linear.signed(coefficient) >> shift)
        return eq(bits(divided.node(), ALL >> shift), const(value >> shift))
    if len(pairs) == 1:
        term, coefficient = pairs[0]
        return _eq_const(term, value * pow(coefficient, -1, 1 << 64) & ALL)
    return _eq_terms(pairs, value, changed=constant != 0)


def _eq_terms(pairs: list[tuple[WordNode, int]], value: int, *, changed: bool) -> Truth | None:
    """Choose the sign: the first term of the sum counts positive."""
    first = pairs[0][1]
    sign = -1 if first > -first & ALL else 1
    if sign == 1 and not changed:
        return None
    total = linear.Sum()
    for term, coefficient in pairs:
        total.add(term, coefficient * sign)
    return _eq_const(total.node(), value * sign & ALL)


def _eq_bits(a: WordNode, value: int) -> Truth | None:
    x, mask, flip = field_parts(a)
    value ^= flip
    if value & ~mask:
        return False
    if mask == x.may & ~x.must:
        return _eq_const(x, value ^ x.must)
    bound = mask & -mask
    if not value and x.op == "sum" and x.may & ~mask < bound and linear.is_exact(x):
        return _lt_const_exact(x, bound)
    if mask & (mask - 1) == 0 and value:
        return not_(_eq_const(bits(x, mask), 0))
    return _eq_const(bits(x, mask), value) if flip else None


def _eq_or(a: WordNode, value: int) -> Truth | None:
    if value:
        return None
    return conjunction(_eq_const(arg, 0) for arg in a.args)


def _eq_xor(a: WordNode, value: int) -> Truth | None:
    if value or len(a.args) != 2:
        return None
    return eq(*a.args)


def _eq_lshr(a: WordNode, value: int) -> Truth | None:
    mask = ALL & (ALL << a.data)
    return _eq_const(bits(a.args[0], mask), value << a.data)


def _eq_ite(a: WordNode, value: int) -> Truth | None:
    return _of_arms(a, lambda arm: _eq_const(arm, value))


def _of_arms(a: WordNode, compare: Callable[[WordNode], Truth]) -> Truth | None:
    """Compare each arm of a choice, if that decides at least one of them."""
    if a.spine > MAX_SPINE:
        return None
    condition, then, otherwise = a.args
    first, second = compare(then), compare(otherwise)
    if isinstance(first, bool) or isinstance(second, bool):
        return choose_truth(condition, first, second)
    return None


_EQUAL = {
    "sum": _eq_sum,
    "bits": _eq_bits,
    "or": _eq_or,
    "xor": _eq_xor,
    "lshr": _eq_lshr,
    "ite": _eq_ite,
}


def lt(a: WordNode, b: WordNode) -> Truth:
    """Return `a < b`."""
    if a is b or a.low >= b.high:
        return False
    if a.high < b.low:
        return True
    if b.op == "const":
        return _lt_const(a, value_of(b))
    if a.op == "const":
        return not_(_lt_const(b, value_of(a) + 1))
    if linear.is_exact(a) and linear.is_exact(b):
        answer = _lt_exact(a, b)
        if answer is not None:
            return answer
    return make_bool("lt", (a, b))


def _lt_const(a: WordNode, bound: int) -> Truth:
    """Return `a < bound`, where `bound` may be 2**64."""
    if a.high < bound:
        return True
    if a.low >= bound:
        return False
    if bound == a.low + 1:
        return _eq_const(a, a.low)
    if bound == a.high:
        return not_(_eq_const(a, a.high))
    if a.op == "lshr":
        return _lt_const(a.args[0], bound << a.data)
    if a.op == "ite":
        answer = _of_arms(a, lambda arm: _lt_const(arm, bound))
        if answer is not None:
            return answer
    if a.op == "sum" and linear.is_exact(a):
        return _lt_const_exact(a, bound)
    if bound & (bound - 1) == 0:
        return _eq_const(bits(a, ALL & ~(bound - 1)), 0)
    return make_bool("lt", (a, const(bound)))


def _lt_const_exact(a: WordNode, bound: int) -> Truth:
    """Divide by what all coefficients have in common, and take the constant over."""
    constant, pairs = linear.parts_of(a)
    answer = _lt_moved(a, const(bound), changed=constant != 0)
    if answer is not None:
        return answer
    shift = min((coefficient & -coefficient).bit_length() - 1 for _, coefficient in pairs)
    positive = all(linear.signed(coefficient) > 0 for _, coefficient in pairs)
    if shift and positive and not constant:
        total = linear.Sum()
        for term, coefficient in pairs:
            total.add(term, coefficient >> shift)
        return _lt_const(total.node(), -(-bound >> shift))
    return make_bool("lt", (a, const(bound)))


def _lt_exact(a: WordNode, b: WordNode) -> Truth | None:
    """Compare two sums that can't wrap, without what they have in common."""
    constant_a, pairs_a = linear.parts_of(a)
    constant_b, pairs_b = linear.parts_of(b)
    common = {term.uid for term, _ in pairs_a} & {term.uid for term, _ in pairs_b}
    return _lt_moved(a, b, changed=bool(common) or bool(constant_a and constant_b))


def _lt_moved(a: WordNode, b: WordNode, *, changed: bool) -> Truth | None:
    """Put the positive parts of `a - b` on one side and the negative ones on the other."""
    whole, whole_factors = _true_difference(a, b)
    constant, factors = _divided(whole, whole_factors)
    low, high = linear.true_range(factors)
    if high + constant < 0:
        return True
    if low + constant >= 0:
        return False
    if not changed and factors == whole_factors:
        return None
    left, right = linear.Sum(max(constant, 0)), linear.Sum(max(-constant, 0))
    positive = [(term, factor) for term, factor in factors if factor > 0]
    negative = [(term, -factor) for term, factor in factors if factor < 0]
    for side, pairs in ((left, positive), (right, negative)):
        if linear.true_range(pairs)[1] + side.constant > ALL:
            return None
        for term, factor in pairs:
            side.add(term, factor)
    return _lt_sides(left.node(), right.node())


def _divided(
    constant: int, factors: list[tuple[WordNode, int]]
) -> tuple[int, list[tuple[WordNode, int]]]:
    """Divide a sum of true integers by the power of two that all of it has in common."""
    everything = constant
    for _, factor in factors:
        everything |= factor
    shift = max((everything & -everything).bit_length() - 1, 0)
    return constant >> shift, [(term, factor >> shift) for term, factor in factors]


def _true_difference(a: WordNode, b: WordNode) -> tuple[int, list[tuple[WordNode, int]]]:
    """Return `a - b` of exact sums in true integers: the constant, and factors of terms."""
    constant = 0
    factors: dict[int, tuple[WordNode, int]] = {}
    for node, sign in ((a, 1), (b, -1)):
        own, pairs = linear.parts_of(node)
        constant += sign * linear.true_constant(own, pairs)
        for term, coefficient in pairs:
            old = factors.get(term.uid, (term, 0))[1]
            factors[term.uid] = (term, old + sign * linear.signed(coefficient))
    return constant, list(factors.values())


def _lt_sides(a: WordNode, b: WordNode) -> Truth:
    if a.op == "const" or b.op == "const" or a is b:
        return lt(a, b)
    return make_bool("lt", (a, b))
