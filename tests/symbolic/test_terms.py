# SPDX-License-Identifier: GPL-2.0-only
"""Terms against Python's integers and against z3."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from premap.symbolic import Bool, Model, NotConstant, Undecided, Word, as_word, const, var
from premap.symbolic.solver import Translator

from .expressions import ALL, conditions, environments, operators, python_value, term, z3_expression
from .expressions import words as expressions

thorough = settings(
    derandomize=True,
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
with_solver = settings(thorough, max_examples=250)

HARD_FOR_Z3 = {"*", "//", "%"}


def term_or_reject(expression: Any) -> Any:
    try:
        return term(expression)
    except ZeroDivisionError:
        assume(False)


class TestAgainstPython:
    @thorough
    @given(expressions, environments)
    def test_a_word_has_the_value_of_the_integers(
        self, expression: Any, names: dict[str, int]
    ) -> None:
        word = as_word(term_or_reject(expression))
        assert Model(names).eval(word) == python_value(expression, names)

    @thorough
    @given(expressions, environments)
    def test_what_is_known_of_a_word_is_true(self, expression: Any, names: dict[str, int]) -> None:
        word = as_word(term_or_reject(expression))
        value = python_value(expression, names)
        assert word.low <= value <= word.high
        assert value & ~word.may == 0
        assert value & word.must == word.must

    @thorough
    @given(conditions, environments)
    def test_a_condition_is_as_true_as_with_integers(
        self, expression: Any, names: dict[str, int]
    ) -> None:
        condition = term_or_reject(expression)
        assert Model(names).eval(condition) == python_value(expression, names)

    @settings(thorough, max_examples=200)
    @given(expressions, environments)
    def test_constants_fold_to_integers(self, expression: Any, names: dict[str, int]) -> None:
        def fixed(part: Any) -> Any:
            if isinstance(part, tuple):
                return (part[0], *[fixed(each) for each in part[1:]])
            return names[part] if isinstance(part, str) else part

        word = term_or_reject(fixed(expression))
        assert int(word) == python_value(expression, names)


class TestAgainstZ3:
    @with_solver
    @given(expressions)
    def test_a_simplified_word_is_the_same_word(self, expression: Any) -> None:
        assume(not operators(expression) & HARD_FOR_Z3)
        self.refute(expression)

    @with_solver
    @given(conditions)
    def test_a_simplified_condition_is_the_same_condition(self, expression: Any) -> None:
        assume(not operators(expression) & HARD_FOR_Z3)
        self.refute(expression)

    @staticmethod
    def refute(expression: Any) -> None:
        translator = Translator()
        simplified = term(expression)
        if isinstance(simplified, bool):
            ours = translator.z3.BoolVal(simplified, translator.context)
        else:
            ours = translator.translate(simplified)
        solver = translator.z3.SolverFor("QF_BV", ctx=translator.context)
        solver.set("timeout", 20_000)
        solver.add(ours != z3_expression(expression, translator))
        assert solver.check() == translator.z3.unsat


class TestIdentity:
    @settings(thorough, max_examples=200)
    @given(expressions)
    def test_the_same_structure_is_the_same_object(self, expression: Any) -> None:
        assert term_or_reject(expression) is term_or_reject(expression)

    def test_a_copy_is_the_same_object(self) -> None:
        word = (var("a") + 1) & 0xFFF
        assert copy.deepcopy([word])[0] is word
        assert copy.copy(word) is word

    def test_a_pickled_term_is_the_same_object(self) -> None:
        condition = (var("a") + var("pages", 36)) >> 3 < 17
        assert pickle.loads(pickle.dumps(condition)) is condition

    def test_a_constant_hashes_as_its_integer(self) -> None:
        assert hash(const(4096)) == hash(4096)
        assert {4096: "page"}[const(4096)] == "page"


class TestConstants:
    def test_index_and_int_of_a_constant(self) -> None:
        assert list(range(const(3))) == [0, 1, 2]
        assert int(const(-1)) == ALL

    @pytest.mark.parametrize("use", [int, range, hex])
    def test_an_unknown_word_is_no_integer(self, use: Any) -> None:
        with pytest.raises(NotConstant, match="length"):
            use(var("length"))

    def test_constants_format_as_integers(self) -> None:
        assert f"{const(255):x} {const(7)}" == "ff 7"

    def test_truth_of_a_constant(self) -> None:
        assert const(2)
        assert not const(0)

    @pytest.mark.parametrize("operate", [lambda a, b: a // b, lambda a, b: a % b])
    def test_division_by_constant_zero_raises(self, operate: Any) -> None:
        with pytest.raises(ZeroDivisionError):
            operate(var("a"), 0)

    def test_a_word_is_not_equal_to_what_is_no_number(self) -> None:
        assert (var("a") == None) is False  # noqa: E711
        assert (var("a") != "a") is True


class TestConditions:
    def test_an_unknown_condition_is_undecided_outside_an_explorer(self) -> None:
        with pytest.raises(Undecided, match="length"):
            bool(var("length") < 3)

    def test_python_bools_on_either_side(self) -> None:
        less = var("a") < 3
        assert (True & less) is less
        assert (less & False) is False
        assert (less | True) is True
        assert (False | less) is less
        assert (True ^ (True ^ less)) is less

    def test_a_condition_and_its_opposite(self) -> None:
        less = var("a") < 3
        assert (less & ~less) is False
        assert (less | ~less) is True
        assert (less ^ ~less) is True

    def test_a_word_can_not_have_two_values(self) -> None:
        assert ((var("a") == 1) & (var("a") == 2)) is False

    def test_it_counts_one_or_zero(self) -> None:
        less = var("a") < 3
        total = less + less + 1
        assert isinstance(total, Word)
        assert Model({"a": 2}).eval(total) == 3
        assert Model({"a": 3}).eval(total) == 1

    def test_select_of_conditions_is_a_condition(self) -> None:
        chosen = (var("a") < 3).select(var("b") < 3, True)
        assert isinstance(chosen, Bool)
        assert Model({"a": 0, "b": 5}).eval(chosen) is False
        assert Model({"a": 9, "b": 5}).eval(chosen) is True

    def test_select_of_equal_objects_is_the_object(self) -> None:
        table = object()
        assert (var("a") < 3).select(table, table) is table

    def test_select_of_other_things_is_refused(self) -> None:
        with pytest.raises(TypeError, match="choose"):
            (var("a") < 3).select(None, 1)
