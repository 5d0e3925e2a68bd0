# SPDX-License-Identifier: GPL-2.0-only
"""`c ? a : b` has one type, whichever is chosen: the one that both are converted to."""

import pytest
from tests.interp.test_execution import returns, run

from premap.interp.inputs import SymbolicInputs
from premap.model.words import U64_MAX

U32 = 0xFFFF_FFFF
POINTED = """
	unsigned int a[4] = { 1, 2, 3, 4 };
	unsigned int *q = &a[1];
	int minus = -1;
	_Bool flag = 0;
"""
UNSIGNED = ["*(q + 1)", "*(1 + q)", "*(q - 1)", "(flag, *(q + 1))", "a[2]", "*q", "(*q)++", "*a"]


@pytest.mark.parametrize("other", UNSIGNED)
def test_what_is_counted_from_a_pointer_has_its_type(other: str) -> None:
    assert returns(f"{POINTED}return n ? {other} : minus;", 0) == U32
    assert returns(f"{POINTED}return ~(n ? {other} : flag);", 0) == U32


@pytest.mark.parametrize("other", ["q - a", "*(int *)(q + 1)", "minus++"])
def test_a_signed_one_stays_signed(other: str) -> None:
    assert returns(f"{POINTED}return n ? {other} : minus;", 0) == U64_MAX


def test_where_the_other_type_is_not_known_a_number_may_change() -> None:
    body = "return n ? nobody_knows(n) : (int)the_card->size;"
    given, machine = run(body, 0, SymbolicInputs())
    assert str(given).startswith("?(choice)(")
    assert machine.inputs.guessed


@pytest.mark.parametrize("number", ["0", "17", "0x7fffffff"])
def test_a_small_number_is_itself_in_every_type(number: str) -> None:
    assert returns(f"return n ? nobody_knows(n) : {number};", 0) == int(number, 0)


def test_a_number_below_zero_is_not() -> None:
    given, _ = run("return n ? nobody_knows(n) : -1;", 0, SymbolicInputs())
    assert str(given).startswith("?(choice)(")
