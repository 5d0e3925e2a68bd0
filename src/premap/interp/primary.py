# SPDX-License-Identifier: GPL-2.0-only
"""Evaluates what expressions are built of: names, numbers, characters and strings."""

from __future__ import annotations

import re
from functools import lru_cache

from tree_sitter import Node

from premap.csource.ctypes import (
    ArrayType,
    IntType,
    PointerType,
    StructType,
    VoidType,
)
from premap.csource.meanings import meaning, redefined
from premap.interp import (
    constants,
    expansion,
    operators,
    strings,
)
from premap.interp import redefined as redefined_names
from premap.interp.dispatch import (
    evaluate,
    evaluates,
)
from premap.interp.lvalues import (
    global_place,
    macro_bodies,
    read,
)
from premap.interp.machine import Frame, Machine
from premap.interp.operators import FUNCTION
from premap.interp.syntax import text_of
from premap.interp.values import (
    BOOL,
    CHAR,
    INT,
    LONG,
    UINT,
    ULONG,
    FunctionName,
    Place,
    Pointer,
    Value,
)
from premap.model.words import U64_MAX

_COUNTERS = ("__LINE__", "__COUNTER__")
"""Of these, those within macros are taken to be the same: they go into messages."""


@evaluates("identifier")
def _identifier(machine: Machine, frame: Frame, node: Node) -> Value:
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return evaluate(machine, outer, inner)
    local = frame.variable(name)
    if local is not None:
        return read(machine, frame, Place(local.object), local.type)
    if name in ("__func__", "__FUNCTION__"):
        made = machine.memory.object(name, ArrayType(CHAR, None), nonnull=True)
        return Value(PointerType(CHAR), Pointer(Place(made), made.address))
    if name in _COUNTERS and frame.outer is None and machine.memory.namer.compares:
        raise machine.failure(frame, node, f"{name}, another number in each version")
    if name == "current" and not redefined_names.is_own(frame.scope, name):
        return machine.memory.named("current", PointerType(StructType("struct", "task_struct")))
    known = None if redefined_names.is_own(frame.scope, name) else constants.kernel_constant(name)
    if known is None and not frame.scope.source.macros_of(name):
        known = constants.of_architecture(machine, name)
    if known is not None:
        return known
    return _file_scope_name(machine, frame, node, name)


def _file_scope_name(machine: Machine, frame: Frame, node: Node, name: str) -> Value:
    bodies = macro_bodies(machine, frame, name)
    if bodies:
        redefined_names.refuse_elsewhere(machine, frame, node, name)
    if len(bodies) > 1:
        if redefined(frame.scope.own_macro(name)):
            raise machine.failure(frame, node, f"{name}, which is defined again")
        return constants.made_up_constant(machine, name, {*bodies, *meaning(frame.scope, name)})
    if bodies:
        found = expansion.object_like(machine, frame, node, name, bodies.pop())
        return evaluate(machine, found.frame, found.read.node)
    number = frame.scope.enum_constant(name)
    if number is not None:
        return Value(_literal_type(abs(number), "", decimal=False), number & U64_MAX)
    enumerator = frame.scope.enumerator(name)
    if enumerator is not None:
        written = f"{enumerator} {enumerator.around}"
        return constants.made_up_constant(machine, name, {written, *meaning(frame.scope, written)})
    if frame.scope.function(name) or name in frame.scope.source.prototypes:
        return Value(FUNCTION, FunctionName(name))
    variable = frame.scope.variable(name)
    if variable is not None:
        place, ctype = global_place(machine, frame, name)
        return read(machine, frame, place, ctype)
    if constants.looks_constant(name):
        return constants.made_up_constant(machine, name)
    raise machine.failure(frame, node, f"`{name}` is not declared in the file or its headers")


@evaluates("number_literal")
def _number(machine: Machine, frame: Frame, node: Node) -> Value:
    text = text_of(node).replace("'", "")
    literal = _literal(text.removeprefix("-"))
    if literal is None:
        raise machine.failure(frame, node, f"number {text}")
    return operators.unary(machine.inputs, "-", literal) if text[0] == "-" else literal


@lru_cache(1024)
def _literal(text: str) -> Value | None:
    """Return the value of an integer constant, None if it is something else."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    digits, suffix = match[1], match[2].lower()
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(digits, 8) if octal else int(digits, 0)
    decimal = digits.isdigit() and not octal
    return Value(_literal_type(number, suffix, decimal=decimal), number)


_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)")


def _literal_type(number: int, suffix: str, *, decimal: bool) -> IntType:
    candidates = [INT, UINT, LONG, ULONG]
    if "u" in suffix:
        candidates = [UINT, ULONG]
    elif decimal:
        candidates = [INT, LONG, ULONG]
    if "l" in suffix:
        candidates = [candidate for candidate in candidates if candidate.width == 64]
    for candidate in candidates:
        if number < 1 << (candidate.width - candidate.signed):
            return candidate
    return ULONG


_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34, "a": 7, "b": 8}


@evaluates("char_literal")
def _character(machine: Machine, frame: Frame, node: Node) -> Value:
    text = text_of(node)[1:-1]
    if len(text) == 1:
        return Value(INT, ord(text))
    if len(text) == 2 and text[0] == "\\" and text[1] in _ESCAPES:
        return Value(INT, _ESCAPES[text[1]])
    raise machine.failure(frame, node, f"character {text_of(node)}")


@evaluates("true", "false", "null")
def _keyword(machine: Machine, frame: Frame, node: Node) -> Value:
    del machine, frame
    if node.type == "null":
        return Value(PointerType(VoidType()), Pointer(None, 0))
    return Value(BOOL, int(node.type == "true"))


@evaluates("string_literal", "concatenated_string")
def _string(machine: Machine, frame: Frame, node: Node) -> Value:
    text = strings.spelled(machine, frame, node)
    made = machine.memory.object(text, ArrayType(CHAR, None), nonnull=True)
    return Value(PointerType(CHAR), Pointer(Place(made), made.address))
