# SPDX-License-Identifier: GPL-2.0-only
"""Arms of an `#if` that go: those for older kernels, and those that say the same once converted.

Drivers that span releases ask for the release where the kernel's interface changed:
`vm_flags_set()` under the `#if`, `vma->vm_flags |= …` under the `#else`. The new hook is for newer
kernels, so nothing is left of the `#else`. Where the `#if` asks for something else, as for a macro
that a configure script sets, both become one call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.rewriting import Change, applied, preprocessed
from premap.csource.nodes import walk
from premap.csource.source import SourceFile
from premap.csource.versions import Hidden
from premap.idioms.idiom import Declined, Hook
from premap.records import Note

_COMMENTS = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*)*", re.DOTALL)


class _Arms(Struct, frozen=True):
    """An `#if` with one `#else`: the bytes of it, and of the lines in either arm."""

    whole: tuple[int, int]
    first: tuple[int, int]
    second: tuple[int, int]


def without_older(hook: Hook, changes: Sequence[Change]) -> list[Change]:
    """Return the changes, and those that take what no kernel with the new hook compiles.

    Raises Declined where the head of the function is in such arms.
    """
    node, source = hook.function.node, hook.function.source
    kept = list(changes)
    lines: list[int] = []
    for each in source.hidden:
        if each.end <= node.start_byte or each.start >= node.end_byte:
            continue
        if each.start < node.start_byte or each.end > node.end_byte:
            if all(_is_outside(taken, node) for taken in each.ranges):
                continue
            message = "an `#if` for older kernels begins or ends within the function's head"
            raise Declined("arms-around-head", message, line=source.line_of(each.start))
        found = [Change(start, _end(each, end, source), "") for start, end in each.ranges]
        kept += [new for new in found if not any(_holds(old, new) for old in changes)]
        lines.append(source.line_of(each.start))
        if each.gone is not None:
            message = f"{each.gone} is taken not to be defined, as no kernel since 3.7 has it"
            hook.notes.append(Note("older-arms", message, source.line_of(each.start)))
    if lines:
        message = "what only kernels before 7.0 compile is not in the new hook"
        hook.notes.append(Note("older-arms", message, lines[0], look=False))
    return kept


def _is_outside(taken: tuple[int, int], node: Node) -> bool:
    return taken[1] <= node.start_byte or taken[0] >= node.end_byte


def _holds(old: Change, new: Change) -> bool:
    return old.start <= new.start and new.end <= old.end


def _end(each: Hidden, end: int, source: SourceFile) -> int:
    """Return where what is taken ends: with a blank line if one stood before it, too."""
    text = source.text
    alone = each.whole and text[: each.start].endswith((b"\n\n", b"\n\r\n", b"{\n", b"{\r\n"))
    newline = next((n for n in (b"\n", b"\r\n") if text.startswith(n, end)), b"")
    return end + len(newline) if alone else end


def merged(hook: Hook, changes: Sequence[Change]) -> list[Change]:
    """Return the changes; where two arms become the same, the directives go with the second."""
    kept = list(changes)
    for arms in _arms(hook):
        if _became_alike(arms, hook, kept):
            kept = [change for change in kept if not _within(change, arms.second)]
            kept.append(Change(arms.whole[0], arms.first[0], ""))
            kept.append(Change(arms.first[1], arms.whole[1], ""))
    return kept


def _became_alike(arms: _Arms, hook: Hook, changes: Sequence[Change]) -> bool:
    touching = [c for c in changes if c.start < arms.whole[1] and c.end > arms.whole[0]]
    if not touching or not all(_within(c, arms.first) or _within(c, arms.second) for c in touching):
        return False
    first, second = (applied(hook, *arm, changes) for arm in (arms.first, arms.second))
    return first == second != ""


def _within(change: Change, span: tuple[int, int]) -> bool:
    return span[0] <= change.start and change.end <= span[1]


def _arms(hook: Hook) -> Iterator[_Arms]:
    """Yield each `#if` that has two arms and no other directive in them."""
    for node in preprocessed(hook):
        other = node.child_by_field_name("alternative")
        condition = node.child_by_field_name("condition") or node.child_by_field_name("name")
        if other is None or other.type != "preproc_else" or condition is None:
            continue
        directives = {inner.id for inner in walk(node) if inner.type.startswith("preproc_")}
        if directives - {node.id, other.id} - {inner.id for inner in walk(condition)}:
            continue
        if (found := _lines(node, condition, other, hook)) is not None:
            yield found


def _lines(node: Node, condition: Node, other: Node, hook: Hook) -> _Arms | None:
    """Measure the arms in whole lines; None if a line holds more than its directive."""
    source = hook.function.source
    end = node.children[-1]
    heads = [
        (condition, node.end_byte),
        (other.children[0], node.end_byte),
        (end, len(source.text)),
    ]
    ends = []
    for head, limit in heads:
        newline = source.text.find(b"\n", head.end_byte, limit)
        if newline < 0 or not _COMMENTS.fullmatch(hook.between(head.end_byte, newline)):
            return None
        ends.append(newline + 1)
    starts = [source.line_start(part.start_byte) for part in (node, other, end)]
    return _Arms((starts[0], ends[2]), (ends[0], starts[1]), (ends[1], starts[2]))
