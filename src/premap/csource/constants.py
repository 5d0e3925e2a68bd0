# SPDX-License-Identifier: GPL-2.0-only
"""Constant expressions of C, such as lengths of arrays and values of enums.

Arithmetic is that of int, unsigned int, long and unsigned long of a 64-bit kernel. What is
not known gives None; nothing is guessed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from msgspec import Struct
from tree_sitter import Node

from premap.csource.ctypes import CType, IntType
from premap.csource.nodes import arguments, callee, text_of

MAX_DEPTH = 100
"""Nesting of operators and macros that is looked into."""
MAX_WORK = 10_000
"""Operators and operands that one expression may have, macros expanded."""
ASSUMED = {"CONFIG_PAGE_SHIFT": 12, "BITS_PER_LONG": 64, "__BITS_PER_LONG": 64}
"""What configuration decides and premap assumes: pages of 4 KiB, LP64."""
_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uUlL]*)")
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TRUTH = {"<", "<=", ">", ">=", "==", "!=", "&&", "||"}
_TRUTHS = frozenset({"bool", "_Bool"})
_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34}


class _Number(Struct, frozen=True):
    value: int
    width: int
    signed: bool

    def to(self, width: int, signed: bool) -> _Number:  # noqa: FBT001 - part of the type
        value = self.value & ((1 << width) - 1)
        if signed and value >> (width - 1):
            value -= 1 << width
        return _Number(value, width, signed)


class ConstantReader:
    """Computes constant expressions.

    `named` gives what a name stands for: an expression (None: 0) and what to add to it; `called`
    the expression that a call of a function-like macro expands to; `typed` the type that a cast
    names.
    """

    def __init__(
        self,
        named: Callable[[str], tuple[Node | None, int] | None],
        called: Callable[[str, list[Node]], Node | None],
        typed: Callable[[Node], CType],
    ) -> None:
        self._named = named
        self._called = called
        self._typed = typed
        self._names: dict[str, _Number | None] = {}
        self._work = 0

    def value(self, node: Node) -> int | None:
        """Value of the expression; None if it isn't constant, or uses what is not known."""
        self._work = MAX_WORK
        found = self._number(node, 0)
        return None if found is None else found.value

    def _number(self, node: Node, depth: int) -> _Number | None:
        self._work -= 1
        if depth > MAX_DEPTH or self._work < 0:
            return None
        reader = _READERS.get(node.type)
        return None if reader is None else reader(self, node, depth + 1)

    def _operand(self, node: Node, name: str, depth: int) -> _Number | None:
        child = node.child_by_field_name(name)
        return None if child is None else self._number(child, depth)

    def group(self, node: Node, depth: int) -> _Number | None:
        """Read what parentheses hold."""
        inner = [child for child in node.named_children if child.type != "comment"]
        return self._number(inner[0], depth) if len(inner) == 1 else None

    def literal(self, node: Node, _depth: int) -> _Number | None:
        """Read a number."""
        match = _NUMBER.fullmatch(text_of(node))
        if match is None:
            return None
        number = _literal_number(match[2], match[3].lower())
        # tree-sitter-c makes the sign of a number part of it.
        return _negated(number) if number is not None and match[1] == "-" else number

    def character(self, node: Node, _depth: int) -> _Number | None:
        """Read a character constant, such as 'a'."""
        inner = text_of(node)[1:-1]
        if len(inner) == 2 and inner[0] == "\\":
            code = _ESCAPES.get(inner[1])
            return None if code is None else _Number(code, 32, signed=True)
        return _Number(ord(inner), 32, signed=True) if len(inner) == 1 else None

    def truth(self, node: Node, _depth: int) -> _Number | None:
        """Read `true` or `false`."""
        return _Number(int(node.type == "true"), 32, signed=True)

    def identifier(self, node: Node, depth: int) -> _Number | None:
        """Look a name up, once."""
        name = text_of(node)
        if name not in self._names:
            # A name that needs itself has no value.
            self._names[name] = None
            self._names[name] = self._name(name, depth)
        return self._names[name]

    def _name(self, name: str, depth: int) -> _Number | None:
        if name in ASSUMED:
            return _fitting(ASSUMED[name])
        found = self._named(name)
        if found is None:
            return None
        expression, offset = found
        if expression is None:
            return _fitting(offset)
        base = self._number(expression, depth)
        return base if base is None or not offset else _fitting(base.value + offset)

    def call(self, node: Node, depth: int) -> _Number | None:
        """Expand a call of a function-like macro."""
        name = callee(node)
        expression = None if name is None else self._called(name, arguments(node))
        return None if expression is None else self._number(expression, depth)

    def unary(self, node: Node, depth: int) -> _Number | None:
        """Compute `-a`, `~a`, `+a` or `!a`."""
        given = self._operand(node, "argument", depth)
        sign = text_of(node.child_by_field_name("operator"))
        if given is None:
            return None
        if sign == "!":
            return _Number(int(not given.value), 32, signed=True)
        values = {"-": -given.value, "~": ~given.value, "+": given.value}
        if sign not in values:
            return None
        return _Number(values[sign], given.width, given.signed).to(given.width, given.signed)

    def binary(self, node: Node, depth: int) -> _Number | None:
        """Compute `a OP b`."""
        left = self._operand(node, "left", depth)
        right = self._operand(node, "right", depth)
        if left is None or right is None:
            return None
        return _binary(text_of(node.child_by_field_name("operator")), left, right)

    def cast(self, node: Node, depth: int) -> _Number | None:
        """Compute `(T)a` for an integer type."""
        given = self._operand(node, "value", depth)
        named = node.child_by_field_name("type")
        ctype = None if given is None or named is None else self._typed(named)
        if given is None or not isinstance(ctype, IntType):
            return None
        if ctype.name in _TRUTHS:
            return _Number(int(given.value != 0), 32, signed=True)
        number = given.to(ctype.width, ctype.signed)
        return number if ctype.width >= 32 else _Number(number.value, 32, signed=True)

    def conditional(self, node: Node, depth: int) -> _Number | None:
        """Compute `a ? b : c`."""
        condition = self._operand(node, "condition", depth)
        if condition is None:
            return None
        return self._operand(node, "consequence" if condition.value else "alternative", depth)


def _negated(number: _Number) -> _Number:
    return _Number(-number.value, number.width, number.signed).to(number.width, number.signed)


def _literal_number(digits: str, suffix: str) -> _Number | None:
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
    try:
        value = int(digits, 8) if octal else int(digits, 0)
    except ValueError:
        return None
    decimal = not octal and digits.isdigit()
    for width in (32, 64):
        for signed in (True, False):
            if ("u" in suffix and signed) or ("l" in suffix and width == 32):
                continue
            if not signed and decimal and "u" not in suffix:
                continue
            if value < 1 << (width - signed):
                return _Number(value, width, signed)
    return None


def _fitting(value: int) -> _Number:
    if -(1 << 31) <= value < 1 << 31:
        return _Number(value, 32, signed=True)
    if value < 1 << 32 and value >= 0:
        return _Number(value, 32, signed=False)
    return _Number(value, 64, signed=value < 1 << 63)


def _binary(sign: str, left: _Number, right: _Number) -> _Number | None:
    if sign in {"&&", "||"}:
        both = (bool(left.value), bool(right.value))
        return _Number(int(all(both) if sign == "&&" else any(both)), 32, signed=True)
    if sign in {"<<", ">>"}:
        if not 0 <= right.value < left.width:
            return None
        value = left.value << right.value if sign == "<<" else left.value >> right.value
        return _Number(value, left.width, left.signed).to(left.width, left.signed)
    width = max(left.width, right.width)
    signed = all(number.signed or number.width < width for number in (left, right))
    a, b = left.to(width, signed).value, right.to(width, signed).value
    if sign in {"/", "%"}:
        return _divided(sign, a, b, width, signed)
    if sign not in _OPERATORS:
        return None
    result = _OPERATORS[sign](a, b)
    if sign in _TRUTH:
        return _Number(int(result), 32, signed=True)
    return _Number(result, width, signed).to(width, signed)


def _divided(sign: str, a: int, b: int, width: int, signed: bool) -> _Number | None:  # noqa: FBT001
    if b == 0:
        return None
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    value = quotient if sign == "/" else a - quotient * b
    return _Number(value, width, signed).to(width, signed)


_READERS: dict[str, Callable[[ConstantReader, Node, int], _Number | None]] = {
    "number_literal": ConstantReader.literal,
    "char_literal": ConstantReader.character,
    "true": ConstantReader.truth,
    "false": ConstantReader.truth,
    "identifier": ConstantReader.identifier,
    "call_expression": ConstantReader.call,
    "parenthesized_expression": ConstantReader.group,
    "unary_expression": ConstantReader.unary,
    "binary_expression": ConstantReader.binary,
    "conditional_expression": ConstantReader.conditional,
    "cast_expression": ConstantReader.cast,
}
