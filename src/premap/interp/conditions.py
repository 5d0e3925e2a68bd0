# SPDX-License-Identifier: GPL-2.0-only
"""Conditions of `#if`: made up as one truth value for each option, the same for old and new."""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.nodes import parse_expression, text_of
from premap.interp.machine import Machine
from premap.model.words import lnot

OPTION = "option "
"""Names of the made-up words of the configuration begin with it."""

_DEFINED = re.compile(r"\b(?:defined|IS_BUILTIN)\s*\(?\s*(\w+)\s*\)?")
_ENABLED = re.compile(r"\bIS_ENABLED\s*\(\s*(\w+)\s*\)")
_MODULE = re.compile(r"\bIS_MODULE\s*\(\s*(\w+)\s*\)")
_KNOWN = {"CONFIG_MMU": True, "CONFIG_64BIT": True, "__KERNEL__": True, "__ASSEMBLY__": False}
"""What the model's kernel is: 64 bits, with an MMU."""


def condition(machine: Machine, text: str) -> bool:
    """Return the truth of an `#if` condition; options of the configuration are made up."""
    plain = _ENABLED.sub(r"(\1 || \1_MODULE)", text)
    plain = _DEFINED.sub(r"\1", _MODULE.sub(r"\1_MODULE", plain))
    try:
        return _evaluate(machine, parse_expression(plain))
    except NotC:
        return option(machine, " ".join(plain.split()))


def option(machine: Machine, name: str) -> bool:
    """Return whether an option of the configuration is set."""
    if name in _KNOWN:
        return _KNOWN[name]
    return machine.inputs.word(f"{OPTION}{name}") & 1 != 0


def _evaluate(machine: Machine, node: Node) -> bool:
    if node.type == "parenthesized_expression" and node.named_child_count == 1:
        return _evaluate(machine, node.named_children[0])
    if node.type == "number_literal":
        return text_of(node).strip("uUlL") not in ("0", "0x0")
    operator = text_of(node.child_by_field_name("operator"))
    if node.type == "unary_expression" and operator == "!":
        return lnot(_evaluate(machine, node.named_children[0]))
    if node.type == "binary_expression" and operator in ("&&", "||"):
        left = _evaluate(machine, node.named_children[0])
        right = _evaluate(machine, node.named_children[1])
        return left & right if operator == "&&" else left | right
    return option(machine, " ".join(text_of(node).split()))
