# SPDX-License-Identifier: GPL-2.0-only
"""Terms with the values of some variables put in, against Python's integers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from premap.symbolic import Fixing, Model, apply, as_word, var, variables_of

from .expressions import WIDTHS, conditions, environments, python_value
from .expressions import words as expressions
from .test_terms import term_or_reject, thorough

fixed_names = st.sets(st.sampled_from(sorted(WIDTHS)))


class TestFixing:
    @thorough
    @given(expressions, environments, fixed_names)
    def test_a_word_keeps_its_value(
        self, expression: Any, names: dict[str, int], fixed: set[str]
    ) -> None:
        word = as_word(term_or_reject(expression))
        made = Fixing({name: names[name] for name in fixed})(word)
        rest = {name: value for name, value in names.items() if name not in fixed}
        assert Model(rest).eval(made) == python_value(expression, names)

    @thorough
    @given(conditions, environments, fixed_names)
    def test_a_condition_keeps_its_value(
        self, expression: Any, names: dict[str, int], fixed: set[str]
    ) -> None:
        made = Fixing({name: names[name] for name in fixed})(term_or_reject(expression))
        rest = {name: value for name, value in names.items() if name not in fixed}
        assert Model(rest).eval(made) == python_value(expression, names)

    @thorough
    @given(expressions, environments)
    def test_all_variables_leave_a_number(self, expression: Any, names: dict[str, int]) -> None:
        made = Fixing(names)(as_word(term_or_reject(expression)))
        assert type(made) is int
        assert made == python_value(expression, names)

    def test_no_fixed_variable_is_left(self) -> None:
        made = Fixing({"a": 5})(var("a") * var("b") + (var("a") & var("c")))
        assert variables_of([made]) == {"b", "c"}

    def test_an_unknown_function_gets_the_value(self) -> None:
        assert Fixing({"a": 5})(apply("f", var("a"), bits=32)) is apply("f", 5, bits=32)

    def test_what_is_no_term_stays(self) -> None:
        assert Fixing({"a": 5})(None) is None
        assert Fixing({"a": 5})(True) is True
