# SPDX-License-Identifier: GPL-2.0-only
"""Sums: every word as constant + coefficient * term + …, modulo 2**64.

`(start + length) - start` is `length` because both sides have one normal form. A left shift by a
constant is a multiplication. Coefficients are kept modulo 2**64 and read as signed where the
question is whether a sum can wrap.
"""

from __future__ import annotations

from collections.abc import Iterable

from premap.symbolic.node import ALL, Node, WordNode, const, make_word, value_of


class Sum:
    """A sum that is being built: the constant, and the coefficient of each term by its uid."""

    __slots__ = ("constant", "terms")

    def __init__(self, constant: int = 0) -> None:
        self.constant = constant
        self.terms: dict[int, tuple[WordNode, int]] = {}

    def add(self, node: WordNode, factor: int = 1) -> None:
        """Add `factor * node`, taking apart whatever is a sum itself."""
        if node.op == "const":
            self.constant += factor * value_of(node)
        elif node.op == "sum":
            constant, coefficients = sum_data(node)
            self.constant += factor * constant
            for term, coefficient in zip(sum_terms(node), coefficients, strict=True):
                self.add_term(term, factor * coefficient)
        elif node.op == "bits" and (affine := bits_as_affine(node)) is not None:
            constant, sign, inner = affine
            self.constant += factor * constant
            self.add(inner, factor * sign)
        else:
            self.add_term(node, factor)

    def add_term(self, term: WordNode, coefficient: int) -> None:
        """Add `coefficient * term` for a term that is no sum."""
        old = self.terms.pop(term.uid, None)
        total = (coefficient if old is None else old[1] + coefficient) & ALL
        if not total:
            return
        if term.op == "lshr" and total & ((1 << _shift_of(term)) - 1) == 0:
            self._add_shifted_back(term, signed(total) >> _shift_of(term))
        else:
            self.terms[term.uid] = (term, total)

    def _add_shifted_back(self, term: WordNode, factor: int) -> None:
        """Add `(x >> shift) << shift` as what it is: x without its low bits."""
        from premap.symbolic.bitwise import bits  # noqa: PLC0415 - the two need each other

        (inner,) = sum_terms(term)
        self.add(bits(inner, ALL & (ALL << _shift_of(term))), factor)

    def is_exact(self) -> bool:
        """Whether the word equals this sum in true integers: no wrap is possible."""
        low, high = range_of(self.constant & ALL, self.terms.values())
        return low >= 0 and high <= ALL

    def node(self) -> WordNode:
        """Return the word."""
        self._join_fields()
        constant = self.constant & ALL
        if not self.terms:
            return const(constant)
        pairs = sorted(self.terms.values(), key=_order)
        if len(pairs) == 1 and constant == 0 and pairs[0][1] == 1:
            return pairs[0][0]
        terms = tuple(term for term, _ in pairs)
        coefficients = tuple(coefficient for _, coefficient in pairs)
        low, high = range_of(constant, pairs)
        exact = low >= 0 and high <= ALL
        may, must = _bits_of_sum(constant, pairs)
        if not exact:
            low, high = 0, ALL
        return make_word(
            "sum", terms, (constant, coefficients), low=low, high=high, may=may, must=must
        )

    def _join_fields(self) -> None:
        """Join fields of one word: `(x & a) + (x & b)`, and `x - (x & a)`."""
        fields = [pair for pair in self.terms.values() if pair[0].op == "bits"]
        for field, coefficient in fields:
            if field.uid in self.terms and self.terms[field.uid][1] == coefficient:
                self._join_field(field, coefficient)

    def _join_field(self, field: WordNode, coefficient: int) -> None:
        from premap.symbolic.bitwise import bits, field_parts  # noqa: PLC0415

        base, mask, flip = field_parts(field)
        if flip:
            return
        whole = self.terms.get(base.uid)
        if whole is not None and (whole[1] + coefficient) & ALL == 0:
            del self.terms[base.uid], self.terms[field.uid]
            self.add(bits(base, ALL ^ mask), whole[1])
            return
        for other, factor in list(self.terms.values()):
            if other is field or factor != coefficient or other.op != "bits":
                continue
            other_base, other_mask, other_flip = field_parts(other)
            if other_base is base and not other_mask & mask and not other_flip:
                del self.terms[other.uid], self.terms[field.uid]
                self.add(bits(base, mask | other_mask), coefficient)
                return


def _shift_of(term: WordNode) -> int:
    shift: int = term.data
    return shift


def _order(pair: tuple[WordNode, int]) -> tuple[int, int]:
    return pair[0].key, pair[0].uid


def sum_data(node: Node) -> tuple[int, tuple[int, ...]]:
    """Return the constant and the coefficients of a node that is a sum."""
    constant, coefficients = node.data
    return constant, coefficients


def sum_terms(node: WordNode) -> tuple[WordNode, ...]:
    """Return the arguments of a node that has words only: of a sum, its terms."""
    return node.args


def parts_of(node: WordNode) -> tuple[int, list[tuple[WordNode, int]]]:
    """Return constant and (term, coefficient) pairs of any word."""
    total = Sum()
    total.add(node)
    return total.constant & ALL, sorted(total.terms.values(), key=_order)


def bits_as_affine(node: WordNode) -> tuple[int, int, WordNode] | None:
    """Return (constant, sign, x) if a bits node is constant + sign * x, else None."""
    from premap.symbolic.bitwise import field_parts  # noqa: PLC0415

    inner, mask, flip = field_parts(node)
    if mask != inner.may & ~inner.must:
        return None
    change = flip ^ inner.must
    if change & inner.may == 0:
        return change, 1, inner
    if change & ~inner.must == 0:
        return -change, 1, inner
    if change == ALL:
        return -1, -1, inner
    return None


def signed(coefficient: int) -> int:
    """Read a coefficient as a signed number."""
    return coefficient - (1 << 64) if coefficient >> 63 else coefficient


def range_of(constant: int, pairs: Iterable[tuple[WordNode, int]]) -> tuple[int, int]:
    """Return the least and greatest value of a sum in true integers."""
    low, high = true_range(((term, signed(coefficient)) for term, coefficient in pairs))
    if high + constant > ALL:
        constant = signed(constant)
    return low + constant, high + constant


def true_range(pairs: Iterable[tuple[WordNode, int]]) -> tuple[int, int]:
    """Return the least and greatest value of Σ factor * term, the factors being true integers."""
    low = high = 0
    for term, factor in pairs:
        ends = (factor * term.low, factor * term.high)
        low += min(ends)
        high += max(ends)
    return low, high


def true_constant(constant: int, pairs: Iterable[tuple[WordNode, int]]) -> int:
    """Return the constant as the true integer that lets the sum fit, if one does."""
    _, high = true_range(((term, signed(coefficient)) for term, coefficient in pairs))
    return signed(constant) if high + constant > ALL else constant


def _bits_of_sum(constant: int, pairs: list[tuple[WordNode, int]]) -> tuple[int, int]:
    """Return the `may` and `must` bits of a sum."""
    may, must = constant, constant
    lowest = constant & -constant if constant else 1 << 64
    disjoint = True
    for term, coefficient in pairs:
        step = (term.may & -term.may) * (coefficient & -coefficient)
        lowest = min(lowest, step)
        power = coefficient & (coefficient - 1) == 0
        term_may = term.may * coefficient
        disjoint = disjoint and power and term_may <= ALL and not term_may & may
        if disjoint:
            may |= term_may
            must |= term.must * coefficient
    if disjoint:
        return may, must
    return ALL & ~(lowest - 1), 0


def is_exact(node: WordNode) -> bool:
    """Whether the word equals the sum of its parts in true integers: no wrap is possible."""
    constant, pairs = parts_of(node)
    low, high = range_of(constant, pairs)
    return low >= 0 and high <= ALL


def add(a: WordNode, b: WordNode) -> WordNode:
    """Return `a + b`."""
    if a.op == "const" and b.op == "const":
        return const(a.data + b.data)
    total = Sum()
    total.add(a)
    total.add(b)
    return total.node()


def sub(a: WordNode, b: WordNode) -> WordNode:
    """Return `a - b`."""
    if a.op == "const" and b.op == "const":
        return const(a.data - b.data)
    total = Sum()
    total.add(a)
    total.add(b, -1)
    return total.node()


def scale(a: WordNode, factor: int) -> WordNode:
    """Return `a * factor`."""
    total = Sum()
    total.add(a, factor)
    return total.node()


def mul(a: WordNode, b: WordNode) -> WordNode:
    """Return `a * b`."""
    if a.op == "const":
        return scale(b, value_of(a))
    if b.op == "const":
        return scale(a, value_of(b))
    factor_a, a = _pull_factor(a)
    factor_b, b = _pull_factor(b)
    if (a.key, a.uid) > (b.key, b.uid):
        a, b = b, a
    high = a.high * b.high
    trailing = (a.may & -a.may) * (b.may & -b.may)
    low = a.low * b.low if high <= ALL else 0
    may = ALL & ~(trailing - 1)
    product = make_word("mul", (a, b), low=low, high=min(high, ALL), may=may)
    return scale(product, factor_a * factor_b)


def _pull_factor(node: WordNode) -> tuple[int, WordNode]:
    """Return `k, x` for `k * x`."""
    if node.op == "sum" and len(node.args) == 1:
        constant, (coefficient,) = sum_data(node)
        if constant == 0:
            return coefficient, sum_terms(node)[0]
    return 1, node


def split_by_power(node: WordNode, shift: int) -> tuple[Sum, Sum]:
    """Split a word into a part that is a multiple of 2**shift, divided by it, and the rest."""
    multiple, rest = Sum(), Sum()
    constant, pairs = parts_of(node)
    rest.constant = constant & ((1 << shift) - 1)
    multiple.constant = true_constant(constant, pairs) >> shift
    for term, coefficient in pairs:
        if coefficient & ((1 << shift) - 1) == 0:
            multiple.add_term(term, signed(coefficient) >> shift)
        else:
            rest.add_term(term, coefficient)
    return multiple, rest
