# SPDX-License-Identifier: GPL-2.0-only
"""The functions of `premap.model.words`, with integers, constant words and unknown words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premap.model import words
from premap.symbolic import Model, Word, const, var

FUNCTIONS: list[Callable[..., Any]] = [
    words.add,
    words.sub,
    words.mul,
    words.umin,
    words.umax,
    words.signed_lt,
    lambda a, _: words.invert(a),
    lambda a, _: words.page_align(a),
    lambda a, _: words.offset_in_page(a),
    lambda a, _: words.shl(a, 12),
    lambda a, b: words.lnot(a < b),
    lambda a, b: words.select(a == b, a, words.add(b, 1)),
    lambda a, b: words.select((a < b) & (b < 4096), a < 7, b < 7),
    lambda a, b: a & b | (a ^ b) >> 3,
]
numbers = st.integers(0, words.U64_MAX) | st.sampled_from(
    [0, 1, 4095, 4096, 4097, words.SIGN_BIT, words.PAGE_MASK, words.U64_MAX]
)
fixed = settings(derandomize=True, deadline=None, max_examples=100)


@pytest.mark.parametrize("function", FUNCTIONS)
class TestProtocol:
    @fixed
    @given(numbers, numbers)
    def test_constant_words_give_what_integers_give(
        self, function: Callable[..., Any], x: int, y: int
    ) -> None:
        plain, symbolic = function(x, y), function(const(x), const(y))
        assert type(symbolic) is (bool if isinstance(plain, bool) else Word)
        assert symbolic == plain

    @fixed
    @given(numbers, numbers)
    def test_unknown_words_give_what_integers_give(
        self, function: Callable[..., Any], x: int, y: int
    ) -> None:
        symbolic = function(var("x"), var("y"))
        assert Model({"x": x, "y": y}).eval(symbolic) == function(x, y)

    @fixed
    @given(numbers, numbers)
    def test_words_and_integers_mix(self, function: Callable[..., Any], x: int, y: int) -> None:
        assert Model({"x": x}).eval(function(var("x"), y)) == function(x, y)
        assert Model({"y": y}).eval(function(x, var("y"))) == function(x, y)
