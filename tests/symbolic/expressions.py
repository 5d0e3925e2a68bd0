# SPDX-License-Identifier: GPL-2.0-only
"""Random expressions as plain data, and three meanings of them: Python's, ours and z3's.

An expression is an integer, a name, or a tuple of an operator and expressions. Python's meaning
(integers modulo 2**64) is the truth that the others are held against.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from premap.symbolic import as_word, var

ALL = (1 << 64) - 1
WIDTHS = {"a": 64, "b": 64, "c": 64, "pages": 36, "rest": 12, "bit": 1}
CONSTANTS = [0, 1, 2, 5, 12, 63, 64, 0xFFF, 0x1000, 0x1001, 0x3000, 1 << 40, (1 << 63) - 1, 1 << 63]
CONSTANTS += [ALL ^ 0xFFF, ALL - 1, ALL]

BINARY = ["+", "-", "*", "&", "|", "^", "<<", ">>", "//", "%"]
RELATIONS = ["<", "<=", ">", ">=", "==", "!="]

constants = st.sampled_from(CONSTANTS) | st.integers(0, ALL)
leaves = st.sampled_from(sorted(WIDTHS)) | constants


def _extend(words: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    shifts = st.tuples(st.sampled_from(["<<", ">>"]), words, st.sampled_from([0, 1, 3, 12, 40, 64]))
    masks = st.tuples(st.sampled_from(["&", "|", "^", "+"]), words, constants)
    choices = st.tuples(st.just("?"), conditions_over(words), words, words)
    plain = st.tuples(st.sampled_from(BINARY), words, words)
    return plain | shifts | masks | choices | st.tuples(st.sampled_from(["~", "neg"]), words)


def conditions_over(words: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return conditions on such words."""
    compared = st.tuples(st.sampled_from(RELATIONS), words, words | constants)
    pairs = st.tuples(st.sampled_from(["&", "|", "^"]), compared, compared)
    return compared | pairs | st.tuples(st.just("!"), compared)


words = st.recursive(leaves, _extend, max_leaves=10)
conditions = conditions_over(words)
environments = st.fixed_dictionaries(
    {
        name: st.integers(0, (1 << bits) - 1)
        | st.sampled_from([0, (1 << bits) - 1, *[each for each in CONSTANTS if not each >> bits]])
        for name, bits in WIDTHS.items()
    }
)


def operators(expression: Any) -> set[str]:
    """Return the operators of an expression."""
    if not isinstance(expression, tuple):
        return set()
    return {expression[0]}.union(*[operators(part) for part in expression[1:]])


def python_value(expression: Any, names: dict[str, int]) -> Any:
    """Return what Python's integers, masked, make of an expression."""
    if isinstance(expression, str):
        return names[expression]
    if isinstance(expression, int):
        return expression
    operator, *parts = expression
    values = [python_value(part, names) for part in parts]
    return _PYTHON[operator](*values)


def _masked(value: Any) -> Any:
    return value if isinstance(value, bool) else value & ALL


_PYTHON = {
    "+": lambda a, b: (a + b) & ALL,
    "-": lambda a, b: (a - b) & ALL,
    "*": lambda a, b: (a * b) & ALL,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: (a << b) & ALL if b < 64 else 0,
    ">>": lambda a, b: a >> b if b < 64 else 0,
    "//": lambda a, b: a // b if b else ALL,
    "%": lambda a, b: a % b if b else a,
    "~": lambda a: a ^ ALL,
    "neg": lambda a: -a & ALL,
    "!": lambda a: not a,
    "?": lambda condition, a, b: a if condition else b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def term(expression: Any) -> Any:
    """Return the term of an expression; raises ZeroDivisionError for a division by constant 0."""
    if isinstance(expression, str):
        return var(expression, WIDTHS[expression])
    if isinstance(expression, int):
        return as_word(expression)
    operator, *parts = expression
    terms = [term(part) for part in parts]
    return _TERMS.get(operator, _PLAIN.get(operator))(*terms)


def _choose(condition: Any, then: Any, otherwise: Any) -> Any:
    if isinstance(condition, bool):
        return then if condition else otherwise
    return condition.select(then, otherwise)


_TERMS = {
    "~": lambda a: ~a,
    "neg": lambda a: -a,
    "!": lambda a: a ^ True,
    "?": _choose,
}
_PLAIN = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def z3_expression(expression: Any, translator: Any) -> Any:
    """Return z3's expression, nothing simplified on the way."""
    z3 = translator.z3
    if isinstance(expression, str):
        bits = WIDTHS[expression]
        narrow = z3.BitVec(expression, bits, translator.context)
        return z3.ZeroExt(64 - bits, narrow) if bits < 64 else narrow
    if isinstance(expression, int):
        return z3.BitVecVal(expression, 64, translator.context)
    operator, *parts = expression
    values = [z3_expression(part, translator) for part in parts]
    unsigned = {"<": z3.ULT, "<=": z3.ULE, ">": z3.UGT, ">=": z3.UGE}
    unsigned |= {">>": z3.LShR, "//": z3.UDiv, "%": z3.URem, "?": z3.If, "!": z3.Not}
    if z3.is_bool(values[0]) and operator in "&|^":
        return {"&": z3.And, "|": z3.Or, "^": z3.Xor}[operator](*values)
    return {**_TERMS, **_PLAIN, **unsigned}[operator](*values)
