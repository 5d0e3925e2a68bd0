# SPDX-License-Identifier: GPL-2.0-only
"""Bits of words: masks, `&`, `|`, `^`, `~` and shifts to the right.

Whatever is done to a word with constant masks is one node, `(x & mask) ^ flip`: a mask of a mask is
a mask. Masks are pushed into `|` and `^`, and taken out of `&`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

from premap.symbolic import linear
from premap.symbolic.node import ALL, WordNode, const, make_word, value_of

MAX_SPINE = 6
"""An operation is carried into nested choices up to that depth."""


def field_parts(node: WordNode) -> tuple[WordNode, int, int]:
    """Return `x, mask, flip` of a node that is `(x & mask) ^ flip`."""
    (inner,) = node.args
    mask, flip = node.data
    return inner, mask, flip


def bits(x: WordNode, mask: int, flip: int = 0) -> WordNode:
    """`(x & mask) ^ flip`, both constant."""
    if x.op == "bits":
        x, inner_mask, inner_flip = field_parts(x)
        flip ^= inner_flip & mask
        mask &= inner_mask
    flip ^= x.must & mask
    variable = x.may & ~x.must
    mask &= variable
    if mask == 0:
        return const(flip)
    if mask == variable and flip == x.must:
        return x
    carry = _CARRY.get(x.op)
    if carry is not None:
        carried = carry(x, mask, flip)
        if carried is not None:
            return carried
    return _bits_node(x, mask, flip)


def _bits_node(x: WordNode, mask: int, flip: int) -> WordNode:
    may, must = mask | flip, flip & ~mask
    low, high = 0, ALL
    change = flip ^ x.must
    if mask == x.may & ~x.must and change & x.may == 0:
        low, high = x.low + change, x.high + change
    elif not flip:
        high = x.high
    return make_word("bits", (x,), (mask, flip), low=low, high=high, may=may, must=must)


def _bits_of_sum(x: WordNode, mask: int, flip: int) -> WordNode | None:
    """Drop what a mask can't see of a sum, and take out of it what the mask leaves alone.

    Adding the highest bit of a mask flips that bit, and so the other way round: what else that
    changes lies above.
    """
    change = flip ^ x.must
    if mask == x.may & ~x.must and (change & x.may == 0 or change == ALL):
        return linear.add(x, const(change)) if change != ALL else linear.sub(const(ALL), x)
    half = 1 << (mask.bit_length() - 1)
    narrow = _narrowed(x, half)
    if narrow.constant == -half:
        narrow.constant = 0
        flip ^= half
    node = narrow.node()
    return _bits_above(x, mask, flip) if node is x else bits(node, mask, flip)


def _narrowed(x: WordNode, half: int) -> linear.Sum:
    """Return a sum of the same bits, up to that of `half`, with the least coefficients."""
    low = 2 * half - 1
    constant, pairs = linear.parts_of(x)
    total = linear.Sum(constant)
    for term, coefficient in pairs:
        if term.op == "bits":
            inner, mask, flip = field_parts(term)
            if inner.may & ~mask & low == 0 and flip & low in (0, half):
                total.add(inner, coefficient)
                total.constant += coefficient * (flip & low)
                continue
        total.add(term, coefficient)
    narrow = linear.Sum(_centred(total.constant, half))
    for term, coefficient in total.terms.values():
        narrow.add_term(term, _centred(coefficient, half))
    return narrow


def _centred(number: int, half: int) -> int:
    return (number + half) % (2 * half) - half


def _bits_above(x: WordNode, mask: int, flip: int) -> WordNode | None:
    """Mask low bits away: multiples of the lowest bit that stays are not touched by that."""
    shift = (mask & -mask).bit_length() - 1
    above = ALL & (ALL << shift)
    multiple, rest = linear.split_by_power(x, shift)
    if not multiple.terms and not multiple.constant:
        return None
    aligned = linear.scale(multiple.node(), 1 << shift)
    exact = rest.is_exact()
    remainder = rest.node()
    if mask == x.may & ~x.must & above:
        whole = linear.add(aligned, bits(remainder, above))
        return None if whole is x else bits(whole, ALL, flip ^ (x.must & above))
    if aligned is not x and exact and remainder.high < 1 << shift:
        return bits(aligned, mask, flip)
    return None


def _bits_of_or(x: WordNode, mask: int, flip: int) -> WordNode | None:
    if mask == x.may & ~x.must:
        return None
    return bits(_join("or", [bits(arg, mask) for arg in _words(x)]), ALL, flip)


def _bits_of_xor(x: WordNode, mask: int, flip: int) -> WordNode | None:
    if mask == x.may & ~x.must:
        return None
    return bits(_join("xor", [bits(arg, mask) for arg in _words(x)]), ALL, flip)


def _bits_of_ite(x: WordNode, mask: int, flip: int) -> WordNode | None:
    from premap.symbolic.truth import choose  # noqa: PLC0415 - the two need each other

    if x.spine > MAX_SPINE:
        return None
    condition, then, otherwise = x.args
    return choose(condition, bits(then, mask, flip), bits(otherwise, mask, flip))


_CARRY = {"sum": _bits_of_sum, "or": _bits_of_or, "xor": _bits_of_xor, "ite": _bits_of_ite}


def _words(node: WordNode) -> tuple[WordNode, ...]:
    return node.args


def invert(x: WordNode) -> WordNode:
    """`~x`."""
    return bits(x, ALL, ALL)


def and_(a: WordNode, b: WordNode) -> WordNode:
    """Return `a & b`."""
    if a.op == "const":
        return bits(b, value_of(a))
    if b.op == "const":
        return bits(a, value_of(b))
    for one, other in ((a, b), (b, a)):
        if _is_choice_of_consts(one):
            return _map_choice(one, partial(and_, other))
    mask = ALL
    args: dict[int, WordNode] = {}
    todo = [a, b]
    while todo:
        arg = todo.pop()
        if arg.op == "and":
            todo.extend(_words(arg))
        elif arg.op == "bits" and field_parts(arg)[2] == 0:
            inner, inner_mask, _ = field_parts(arg)
            mask &= inner_mask
            todo.append(inner)
        else:
            args[arg.uid] = arg
    return bits(_and_node(list(args.values())), mask)


def _and_node(args: list[WordNode]) -> WordNode:
    if len(args) == 1:
        return args[0]
    uids = {arg.uid for arg in args}
    may = reduce(lambda have, arg: have & arg.may, args, ALL)
    must = reduce(lambda have, arg: have & arg.must, args, ALL)
    if may == 0 or any(invert(arg).uid in uids for arg in args if arg.op == "bits"):
        return const(0)
    high = min(arg.high for arg in args)
    return make_word("and", _sorted(args), high=high, may=may, must=must)


def or_(a: WordNode, b: WordNode) -> WordNode:
    """Return `a | b`."""
    for one, other in ((a, b), (b, a)):
        if one.op == "const":
            value = value_of(one)
            return bits(other, ALL ^ value, value)
    return _join("or", [a, b])


def xor(a: WordNode, b: WordNode) -> WordNode:
    """Return `a ^ b`."""
    for one, other in ((a, b), (b, a)):
        if one.op == "const":
            return bits(other, ALL, value_of(one))
    return _join("xor", [a, b])


def _join(op: str, words: list[WordNode]) -> WordNode:
    """Return `a | b | …` or `a ^ b ^ …`: constants outside, one field for each word."""
    constant = 0
    fields: dict[int, tuple[WordNode, int]] = {}
    for arg in [part for word in words for part in _flat(op, word)]:
        base, mask, flip = _field(arg, whole=op == "or")
        flip ^= base.must & mask
        mask &= ~base.must
        old = fields.get(base.uid, (base, 0))[1]
        fields[base.uid] = (base, old | mask if op == "or" else old ^ mask)
        constant = constant | flip if op == "or" else constant ^ flip
    keep = ALL ^ constant if op == "or" else ALL
    args = [bits(base, mask & keep) for base, mask in fields.values()]
    for arg in args:
        if arg.op == "const":
            constant = constant | value_of(arg) if op == "or" else constant ^ value_of(arg)
    return _joined(op, [arg for arg in args if arg.op != "const"], constant)


def _field(arg: WordNode, *, whole: bool) -> tuple[WordNode, int, int]:
    """Take `arg` as `(base & mask) ^ flip`; `whole`: as `(base & mask) | flip` only."""
    if arg.op == "const":
        return arg, 0, value_of(arg)
    if arg.op != "bits":
        return arg, ALL, 0
    base, mask, flip = field_parts(arg)
    return (arg, ALL, 0) if whole and flip & mask else (base, mask, flip)


def _joined(op: str, args: list[WordNode], constant: int) -> WordNode:
    keep = ALL ^ constant if op == "or" else ALL
    if not args:
        return const(constant)
    if len(args) == 1:
        return bits(args[0], keep, constant)
    may = reduce(lambda have, arg: have | arg.may, args, 0)
    low = max(arg.low for arg in args) if op == "or" else 0
    return bits(make_word(op, _sorted(args), low=low, may=may), keep, constant)


def _flat(op: str, node: WordNode) -> tuple[WordNode, ...]:
    """Return what an `or` or `xor`, or one with a constant besides, joins."""
    if node.op == op:
        return _words(node)
    if node.op == "bits":
        base, mask, flip = field_parts(node)
        if base.op == op and mask == base.may and not (op == "or" and flip & mask):
            return (*_words(base), const(flip))
    return (node,)


def _sorted(args: list[WordNode]) -> tuple[WordNode, ...]:
    return tuple(sorted(args, key=lambda arg: (arg.key, arg.uid)))


def _is_choice_of_consts(node: WordNode) -> bool:
    return node.op == "ite" and node.args[1].op == node.args[2].op == "const"


def _map_choice(choice: WordNode, function: Callable[[WordNode], WordNode]) -> WordNode:
    from premap.symbolic.truth import choose  # noqa: PLC0415

    condition, then, otherwise = choice.args
    return choose(condition, function(then), function(otherwise))


def lshr(x: WordNode, count: int) -> WordNode:
    """`x >> count`, zeros coming in from above; 0 for counts of 64 and more."""
    if count == 0:
        return x
    if count >= 64:
        return const(0)
    carry = _SHIFT.get(x.op)
    if carry is not None:
        carried = carry(x, count)
        if carried is not None:
            return carried
    if x.may >> count == 0:
        return const(0)
    return make_word(
        "lshr",
        (x,),
        count,
        low=x.low >> count,
        high=x.high >> count,
        may=x.may >> count,
        must=x.must >> count,
    )


def _lshr_of_const(x: WordNode, count: int) -> WordNode:
    return const(value_of(x) >> count)


def _lshr_of_lshr(x: WordNode, count: int) -> WordNode:
    (inner,) = _words(x)
    return lshr(inner, x.data + count)


def _lshr_of_bits(x: WordNode, count: int) -> WordNode:
    inner, mask, flip = field_parts(x)
    return bits(lshr(inner, count), mask >> count, flip >> count)


def _lshr_of_join(x: WordNode, count: int) -> WordNode:
    shifted = [lshr(arg, count) for arg in _words(x)]
    if x.op == "and":
        return reduce(and_, shifted)
    return _join(x.op, shifted)


def _lshr_of_sum(x: WordNode, count: int) -> WordNode | None:
    """Divide the multiples of 2**count in a sum, where nothing carries or wraps unseen."""
    multiple, rest = linear.split_by_power(x, count)
    if not multiple.terms and not multiple.constant:
        return None
    if not rest.is_exact():
        return None
    remainder = rest.node()
    if linear.is_exact(x):
        return linear.add(multiple.node(), lshr(remainder, count))
    if remainder.high < 1 << count:
        return bits(multiple.node(), ALL >> count)
    return None


def _lshr_of_ite(x: WordNode, count: int) -> WordNode | None:
    if not _is_choice_of_consts(x):
        return None
    return _map_choice(x, lambda arm: lshr(arm, count))


_SHIFT = {
    "const": _lshr_of_const,
    "lshr": _lshr_of_lshr,
    "bits": _lshr_of_bits,
    "and": _lshr_of_join,
    "or": _lshr_of_join,
    "xor": _lshr_of_join,
    "sum": _lshr_of_sum,
    "ite": _lshr_of_ite,
}


def shift_left(x: WordNode, count: WordNode) -> WordNode:
    """`x << count`; 0 for counts of 64 and more."""
    if count.op == "const":
        shift = value_of(count)
        return linear.scale(x, 1 << shift) if shift < 64 else const(0)
    if count.low >= 64 or x.high == 0:
        return const(0)
    return make_word("shl", (x, count))


def shift_right(x: WordNode, count: WordNode) -> WordNode:
    """`x >> count`; 0 for counts of 64 and more."""
    if count.op == "const":
        return lshr(x, value_of(count))
    if x.high >> min(count.low, 64) == 0:
        return const(0)
    return make_word("shr", (x, count), high=x.high >> count.low)


def divide(a: WordNode, b: WordNode) -> WordNode:
    """Return `a / b`, unsigned; all ones where a symbolic `b` is 0.

    Raises ZeroDivisionError if `b` is the constant 0.
    """
    if b.op == "const":
        value = value_of(b)
        if value & (value - 1) == 0 and value:
            return lshr(a, value.bit_length() - 1)
        if a.op == "const":
            return const(value_of(a) // value)
    if b.high == 0:
        raise ZeroDivisionError("division of a word by zero")
    if b.low == 0:
        return make_word("udiv", (a, b))
    if a.high < b.low:
        return const(0)
    return make_word("udiv", (a, b), low=a.low // b.high, high=a.high // b.low)


def modulo(a: WordNode, b: WordNode) -> WordNode:
    """Return `a % b`, unsigned; `a` where a symbolic `b` is 0.

    Raises ZeroDivisionError if `b` is the constant 0.
    """
    if b.op == "const":
        value = value_of(b)
        if value & (value - 1) == 0 and value:
            return bits(a, value - 1)
        if a.op == "const":
            return const(value_of(a) % value)
    if b.high == 0:
        raise ZeroDivisionError("division of a word by zero")
    if a.high < b.low:
        return a
    high = min(a.high, b.high - 1) if b.low else a.high
    return make_word("urem", (a, b), high=high)
