# SPDX-License-Identifier: GPL-2.0-only
"""The fix of R16: where an access was rejected, what permits it later is cleared.

Only where that can take nothing from anybody: the condition is a test of flags, or has one next to
`||` or `&&`, and whoever fails it leaves. Whoever goes on has not asked for the access.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, find_all, path_to, text_of, unwrapped
from premap.csource.source import SourceFile
from premap.records import Edit
from premap.rules.rule import Repair

_LISTS = frozenset(
    {"compound_statement", "case_statement", "preproc_if", "preproc_ifdef", "preproc_else"}
)
"""What holds statements one after the other."""
_CHANGES = ("call_expression", "assignment_expression", "update_expression", "ERROR")
_BIT = re.compile(r"VMA_(READ|WRITE|EXEC)_BIT")
_MASK = re.compile(r"VM_(READ|WRITE|EXEC)")
_ANY = frozenset({"vma_desc_test", "vma_desc_test_any", "vma_desc_test_flags"})
_COMMENT = re.compile(rb"[ \t]*(?:/\*(?:(?!\*/).)*\*/|//[^\n]*?)?[ \t]*(\r?)$")


class _Rejected(NamedTuple):
    """A part of a condition which is true where some access is asked for."""

    mapping: str
    """What the mapping is called there."""
    accesses: tuple[str, ...]
    prepares: bool
    besides: tuple[str, ...] = ()
    """What else has to be true."""


def repair(source: SourceFile, condition: Node, *, functions: bool) -> Repair | None:
    """Return the fix for what a condition rejects; None where none is safe.

    `functions`: the release has vm_flags_clear(), which came in 6.3.
    """
    statement = _statement(source, condition)
    rejected = [] if statement is None else list(_rejected(condition))
    if statement is None or not rejected:
        return None
    begin = source.line_start(statement.start_byte)
    indent = source.text[begin : statement.start_byte]
    rest = _COMMENT.match(source.text[statement.end_byte :].split(b"\n", 1)[0])
    if indent.strip() or rest is None:
        return None
    at = statement.end_byte + rest.start(1)
    ends = b"\r\n" if rest[1] else b"\n"
    lines = [
        indent + line.encode() for each in rejected for line in _lines(each, functions=functions)
    ]
    edit = Edit(source.name, at, at, b"".join(ends + line for line in lines))
    named = ", ".join(f"MAY{name}" for each in rejected for name in each.accesses)
    return Repair(f"Clear {named} as well", (edit,))


def _statement(source: SourceFile, condition: Node) -> Node | None:
    """Return the `if` of a condition, where control comes to its end only if that is false."""
    path = path_to(source.root, condition.start_byte)
    around = [each for each in path if each.type == "if_statement"]
    if not around or around[-1].child_by_field_name("condition") != condition:
        return None
    found, parent = around[-1], path[path.index(around[-1]) - 1]
    taken = found.child_by_field_name("consequence")
    alone = found.child_by_field_name("alternative") is None and parent.type in _LISTS
    return found if alone and taken is not None and _leaves(taken) else None


def _leaves(taken: Node) -> bool:
    if taken.type == "compound_statement":
        inner = [child for child in taken.named_children if child.type != "comment"]
        return bool(inner) and _leaves(inner[-1])
    return taken.type in ("return_statement", "goto_statement")


def _rejected(condition: Node) -> Iterator[_Rejected]:
    """Yield the tests of flags of a condition, each of which alone makes it true."""
    for part in _parts(condition, "||"):
        inner = _parts(part, "&&")
        tests = [test for each in inner if (test := _test(each)) is not None]
        besides = [each for each in inner if _test(each) is None]
        if len(tests) == 1 and not any(True for each in besides for _ in find_all(each, *_CHANGES)):
            yield tests[0]._replace(besides=tuple(map(text_of, besides)))


def _parts(node: Node, operator: str) -> list[Node]:
    """Return the operands of a chain of `||` or `&&`."""
    inner = unwrapped(node)
    sides = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if text_of(inner.child_by_field_name("operator")) != operator or None in sides:
        return [node]
    return [part for side in sides if side is not None for part in _parts(side, operator)]


def _test(node: Node) -> _Rejected | None:
    """Return what a test of flags asks for, if it is true for any of them."""
    node = unwrapped(node)
    if node.type == "call_expression":
        given = [text_of(each) for each in arguments(node)]
        found = tuple(match[1] for each in given[1:] if (match := _BIT.fullmatch(each)))
        single = len(given) == 2
        any_of = callee(node) in _ANY or (callee(node) == "vma_desc_test_all" and single)
        plain = any_of and given[0].isidentifier()
        return _Rejected(given[0], found, prepares=True) if plain and found else None
    if node.type != "binary_expression" or text_of(node.child_by_field_name("operator")) != "&":
        return None
    sides = [unwrapped(each) for each in (node.children[0], node.children[-1])]
    flags = [each for each in sides if each.type == "field_expression"]
    masks = [text_of(part) for each in sides if each not in flags for part in _parts(each, "|")]
    owner = flags[0].child_by_field_name("argument") if len(flags) == 1 else None
    named = owner is not None and owner.type == "identifier"
    if not named or text_of(flags[0].child_by_field_name("field")) != "vm_flags":
        return None
    found = tuple(match[1] for each in masks if (match := _MASK.fullmatch(each)))
    return _Rejected(text_of(owner), found, prepares=False) if found else None


def _lines(each: _Rejected, *, functions: bool) -> Iterator[str]:
    cleared = ", ".join(f"VMA_MAY{name}_BIT" for name in each.accesses)
    masks = " | ".join(f"VM_MAY{name}" for name in each.accesses)
    if each.besides:
        yield f"if ({' && '.join(each.besides)})"
    if each.prepares:
        call = f"vma_desc_clear_flags({each.mapping}, {cleared});"
    elif functions:
        call = f"vm_flags_clear({each.mapping}, {masks});"
    else:
        masks = f"({masks})" if len(each.accesses) > 1 else masks
        call = f"{each.mapping}->vm_flags &= ~{masks};"
    yield f"\t{call}" if each.besides else call
