# SPDX-License-Identifier: GPL-2.0-only
"""Calls through a member that both versions of a hook make, as what the tree sets the member to.

`return ops->mmap(x, vma);` becomes, in the copies that are compared, a call of one of the functions
that the tree sets the member to, of each in turn. Whether it is set is made up, the same in both.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace
from tree_sitter import Node

from premap.csource.edit import apply_edits
from premap.csource.nodes import find_all, text_of
from premap.csource.source import Function, SourceFile
from premap.records import Edit, Through

_STATIC = re.compile(rb"\bstatic\s+")


def choices(members: Sequence[Through]) -> list[tuple[Through, ...]]:
    """Return the members with each of the functions that they are set to alone."""
    alone = [[replace(each, to=(one,)) for one in each.to] or [each] for each in members]
    return list(itertools.product(*alone))


def bounds(members: Iterable[Through]) -> tuple[str, ...]:
    """Return what a comparison takes members to be set to."""
    return tuple(
        f"{each.ops}.{each.member} is {each.to[0][0]}() where it is set, as in the tree"
        if each.to
        else f"nothing sets {each.ops}.{each.member}, as in the tree"
        for each in members
    )


def resolved(
    files: Sequence[SourceFile], members: Sequence[Through], *, converted: bool
) -> list[SourceFile]:
    """Return copies of the files that call the functions themselves; `converted`: the new ones."""
    for number, member in enumerate(members):
        files = [_resolved(file, files, member, number, converted=converted) for file in files]
    return list(files)


def _resolved(
    file: SourceFile, files: Sequence[SourceFile], member: Through, number: int, *, converted: bool
) -> SourceFile:
    name = member.twin if converted else member.member
    targets = [pair[converted] for pair in member.to]
    edits = [edit for target in targets for edit in _opened(file, target)]
    callers = [pair[converted] for pair in member.callers]
    functions = [each for caller in callers for each in file.functions.get(caller, ())]
    for function in functions:
        edits += [
            _edit(file, node, number, targets)
            for node in find_all(function.body, "field_expression")
            if text_of(node.child_by_field_name("field")) == name
        ]
    if functions and targets:
        first = min(each.node.start_byte for each in functions)
        text = _declared(targets, files, number)
        edits.append(Edit(file.name, first, first, text.encode("latin-1")))
    return SourceFile(file.name, apply_edits(file.text, edits), file.path)


def _opened(file: SourceFile, target: str) -> Iterable[Edit]:
    """Yield the edits by which other files may call a function."""
    for function in file.functions.get(target, ()):
        head = file.text[function.node.start_byte : function.name_node.start_byte]
        for match in _STATIC.finditer(head):
            start = function.node.start_byte + match.start()
            yield Edit(file.name, start, start + len(match[0]), b"")


def _edit(file: SourceFile, node: Node, number: int, targets: Sequence[str]) -> Edit:
    """Return the edit of a call through the member, or of what asks whether it is set."""
    parent = node.parent
    called = parent is not None and parent.child_by_field_name("function") == node
    if called and parent is not None and not targets:
        return Edit(file.name, parent.start_byte, parent.end_byte, b"0")
    asked = f"premap_set_{number}" if targets else "0"
    new = targets[0] if called else asked
    return Edit(file.name, node.start_byte, node.end_byte, new.encode("latin-1"))


def _declared(targets: Sequence[str], files: Sequence[SourceFile], number: int) -> str:
    """Return the declarations of what is called, and of what tells whether the member is set."""
    [target] = targets
    found = _definition(target, files)
    listed = ", ".join(" ".join(text_of(each.node).split()) for each in found.parameters)
    return f"extern int premap_set_{number};\nint {target}({listed});\n\n"


def _definition(name: str, files: Sequence[SourceFile]) -> Function:
    return next(file.functions[name][0] for file in files if name in file.functions)
