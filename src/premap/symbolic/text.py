# SPDX-License-Identifier: GPL-2.0-only
"""Terms as text, in C's notation."""

from __future__ import annotations

from collections.abc import Callable

from premap.symbolic.linear import signed, sum_data
from premap.symbolic.node import ALL, Node

MAX_DEPTH = 12
"""What is nested deeper is written as `…`."""
_SIGNS = {"and": " & ", "or": " | ", "xor": " ^ ", "mul": " * ", "udiv": " / ", "urem": " % "}
_SIGNS |= {"shl": " << ", "shr": " >> ", "lt": " < ", "conj": " && ", "differ": " != "}
_ATOMS = {"const", "var", "apply"}


def text(node: Node, depth: int = 0) -> str:
    """Return the term as a C expression."""
    if depth > MAX_DEPTH:
        return "…"
    special = _WRITERS.get(node.op)
    if special is not None:
        return special(node, depth)
    return _SIGNS[node.op].join(_inner(arg, depth) for arg in node.args)


def _inner(node: Node, depth: int) -> str:
    written = text(node, depth + 1)
    return written if node.op in _ATOMS else f"({written})"


def number(value: int) -> str:
    """Return a number in decimal if it is small, of either sign, else in hexadecimal."""
    small = signed(value)
    return str(small) if -4096 < small < 4096 else hex(value)


def _const(node: Node, _depth: int) -> str:
    return number(node.data)


def _var(node: Node, _depth: int) -> str:
    name, _bits = node.data
    return str(name)


def _apply(node: Node, depth: int) -> str:
    arguments = ", ".join(text(arg, depth + 1) for arg in node.args)
    return f"{node.data[0]}({arguments})"


def _sum(node: Node, depth: int) -> str:
    constant, coefficients = sum_data(node)
    written = ""
    for arg, coefficient in zip(node.args, coefficients, strict=True):
        factor = signed(coefficient)
        times = "" if abs(factor) == 1 else f"{number(abs(factor))} * "
        sign = " - " if factor < 0 else " + "
        written += f"{sign}{times}{_inner(arg, depth)}"
    if constant:
        sign = " - " if number(constant).startswith("-") else " + "
        written += sign + number(constant).removeprefix("-")
    return (
        written.removeprefix(" + ").replace(" - ", "-", 1) if written[:3] == " - " else written[3:]
    )


def _bits(node: Node, depth: int) -> str:
    mask, flip = node.data
    (arg,) = node.args
    inner = _inner(arg, depth)
    if mask == arg.may & ~arg.must and flip == ALL ^ arg.must:
        return f"~{inner}"
    masked = f"{inner} & {hex(mask)}"
    if not flip:
        return masked
    sign = "^" if flip & mask else "|"
    return f"({masked}) {sign} {hex(flip)}"


def _lshr(node: Node, depth: int) -> str:
    return f"{_inner(node.args[0], depth)} >> {node.data}"


def _ite(node: Node, depth: int) -> str:
    condition, then, otherwise = (_inner(arg, depth) for arg in node.args)
    return f"{condition} ? {then} : {otherwise}"


def _eq(node: Node, depth: int) -> str:
    return f"{_inner(node.args[0], depth)} == {number(node.data)}"


def _not(node: Node, depth: int) -> str:
    (arg,) = node.args
    if arg.op == "eq":
        return _eq(arg, depth).replace(" == ", " != ")
    if arg.op == "lt":
        return f"{_inner(arg.args[0], depth)} >= {_inner(arg.args[1], depth)}"
    if arg.op == "conj" and all(part.op == "not" for part in arg.args):
        return " || ".join(_inner(part.args[0], depth) for part in arg.args)
    return f"!{_inner(arg, depth)}"


_WRITERS: dict[str, Callable[[Node, int], str]] = {
    "const": _const,
    "var": _var,
    "apply": _apply,
    "sum": _sum,
    "bits": _bits,
    "lshr": _lshr,
    "ite": _ite,
    "eq": _eq,
    "not": _not,
}
