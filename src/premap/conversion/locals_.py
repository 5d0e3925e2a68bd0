# SPDX-License-Identifier: GPL-2.0-only
"""Local variables of a converted function: those that nobody needs any more, and the file's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.rewriting import Change, applied
from premap.csource.nodes import calls_in, find_all, text_of
from premap.csource.text import code_view
from premap.idioms.idiom import Declined, Hook
from premap.idioms.r1_table import advance

_NO_TAG = r"(?<!\bstruct )(?<!\bunion )(?<!\benum )"


class Local(Struct, frozen=True):
    """One declarator of a declaration within the function."""

    name: str
    declarator: Node
    declaration: Node
    block: int
    """Id of the compound_statement that it is declared in."""


def without_unused(hook: Hook, changes: list[Change]) -> list[Change]:
    """Return `changes` and what removes the locals that they left without a use."""
    found = [local for local in _locals(hook) if not _covered(local.declaration, changes)]
    removed: set[str] = set()
    used_before = {local.name for local in found if _uses(local, found, hook, [], ()) > 0}
    given = changes
    while True:
        unused = {
            local.name
            for local in found
            if local.name in used_before - removed
            and _is_unused(local, found, hook, changes, removed)
        }
        if not unused:
            return changes
        removed |= unused
        changes = _without(found, removed, hook, given)


def _locals(hook: Hook) -> Iterator[Local]:
    for declaration in find_all(hook.function.body, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            inner: Node | None = declarator
            while inner is not None and inner.type != "identifier":
                inner = inner.child_by_field_name("declarator")
            if inner is not None:
                block = hook.parent(declaration)
                yield Local(
                    text_of(inner), declarator, declaration, 0 if block is None else block.id
                )


def _is_unused(
    local: Local,
    all_: Sequence[Local],
    hook: Hook,
    changes: Sequence[Change],
    removed: Collection[str],
) -> bool:
    """Tell whether nothing names a local any more, or nothing but what sets it."""
    stores = [node for node in _stores(local.name, hook) if not _covered(node, changes)]
    uses = _uses(local, all_, hook, changes, removed)
    was_read = _uses(local, all_, hook, [], ()) > len(_stores(local.name, hook))
    return uses == 0 or (uses == len(stores) and was_read)


def _stores(name: str, hook: Hook) -> list[Node]:
    """Return the statements `name = value;` that may go: on their own, with nothing called."""
    found = []
    for node in find_all(hook.function.body, "assignment_expression"):
        statement = hook.parent(node)
        block = None if statement is None else hook.parent(statement)
        if statement is None or block is None or block.type != "compound_statement":
            continue
        left, right = (node.child_by_field_name(side) for side in ("left", "right"))
        sets = left is not None and left.type == "identifier" and text_of(left) == name
        plain = text_of(node.child_by_field_name("operator")) == "="
        if statement.type == "expression_statement" and sets and plain and right is not None:
            effects = find_all(
                right, "call_expression", "assignment_expression", "update_expression"
            )
            found += [] if any(True for _ in effects) else [statement]
    return found


def _uses(
    local: Local,
    all_: Sequence[Local],
    hook: Hook,
    changes: Sequence[Change],
    removed: Collection[str],
) -> int:
    """How often the new text names a local, its declarations left out: less those `removed`."""
    text = _changed(hook, changes)
    found = len(re.findall(rf"{_NO_TAG}(?<![.>\w]){re.escape(local.name)}\b", text))
    return found - sum(
        other.name == local.name
        and other.name not in removed
        and not _covered(other.declaration, changes)
        for other in all_
    )


def _changed(hook: Hook, changes: Sequence[Change]) -> str:
    body = hook.function.body
    text = applied(hook, body.start_byte, body.end_byte, changes)
    return code_view(text.encode("latin-1")).decode("latin-1")


def _covered(node: Node, changes: Sequence[Change]) -> bool:
    return any(c.start <= node.start_byte and node.end_byte <= c.end for c in changes)


def _without(
    found: Sequence[Local], removed: set[str], hook: Hook, changes: Sequence[Change]
) -> list[Change]:
    """Return `changes` less those within removed declarations, and the removals."""
    removals: list[Change] = []
    by_declaration: dict[int, list[Local]] = {}
    for local in found:
        by_declaration.setdefault(local.declaration.id, []).append(local)
    for group in by_declaration.values():
        gone = [local for local in group if local.name in removed]
        for local in gone:
            if any(calls_in(local.declarator)):
                raise Declined(
                    "local-with-effect", f"`{local.name}` is not used any more", local.declarator
                )
        if gone:
            removals.append(
                _shorter(group, gone, hook, changes)
                if len(gone) < len(group)
                else _removal(group, hook, ends_block=_is_whole_block(group, found, removed))
            )
    for name in removed:
        stores = [node for node in _stores(name, hook) if not _covered(node, changes)]
        removals += [Change(*_line(node, hook), "") for node in stores]
    spans = [(removal.start, removal.end) for removal in removals]
    kept = [
        change
        for change in changes
        if not any(start <= change.start and change.end <= end for start, end in spans)
    ]
    return [*kept, *removals]


def _is_whole_block(group: Sequence[Local], found: Sequence[Local], removed: set[str]) -> bool:
    """Tell whether a declaration is the last of its block, and all others of the block go, too."""
    siblings = [local for local in found if local.block == group[0].block]
    return siblings[-1] == group[-1] and all(local.name in removed for local in siblings)


def _removal(group: Sequence[Local], hook: Hook, *, ends_block: bool) -> Change:
    start, end = _line(group[0].declaration, hook)
    text = hook.function.source.text
    following = text[end : text.find(b"\n", end) + 1]
    if ends_block and not following.strip():
        end += len(following)
    return Change(start, end, "")


def _shorter(
    group: Sequence[Local], gone: Sequence[Local], hook: Hook, changes: Sequence[Change]
) -> Change:
    spans = [(each.declarator.start_byte, each.declarator.end_byte) for each in group]
    kept = [
        applied(hook, *span, changes)
        for local, span in zip(group, spans, strict=True)
        if local not in gone
    ]
    if any("\n" in text for text in kept):
        raise Declined("local-with-effect", "a long declaration shrinks", group[0].declaration)
    return Change(spans[0][0], spans[-1][1], ", ".join(kept))


def _line(node: Node, hook: Hook) -> tuple[int, int]:
    """Return the lines of a node, from their first byte to after the last line's end."""
    source = hook.function.source
    end = source.text.find(b"\n", node.end_byte)
    return source.line_start(node.start_byte), end + 1


def declare(hook: Hook, declaration: str, changes: Sequence[Change]) -> Change:
    """Return the insertion of a declaration: first, or where the lines' lengths want it."""
    body = hook.function.body
    source = hook.function.source
    declarations = _leading(body, changes)
    if not declarations:
        at = source.text.find(b"\n", body.start_byte) + 1
        following = source.text[at : source.text.find(b"\n", at)]
        blank = "\n" if following.strip() else ""
        return Change(at, at, f"\t{declaration}\n{blank}")
    before = declarations[_place(declaration, declarations, hook)]
    at = source.line_start(before.start_byte)
    indent = hook.indent(before)
    return Change(at, at, f"{indent}{_in_columns(declaration, indent + hook.text(before))}\n")


def _in_columns(declaration: str, other: str) -> str:
    """Return the declaration with its name in the column of another one's, if tabs lead there."""
    columns = re.match(r"\s*\w[\w ]*\t+(?=[*\w])", other)
    type_, star, rest = declaration.partition("*")
    if columns is None:
        return declaration
    indent = other[: len(other) - len(other.lstrip())]
    wanted = advance(columns[0], 0)
    type_ = type_.rstrip() + "\t"
    while advance(indent + type_, 0) < wanted:
        type_ += "\t"
    return type_ + star + rest


def spaced(hook: Hook, changes: Sequence[Change]) -> list[Change]:
    """Return an insertion of the blank line that is missing between changed lines.

    It belongs behind the declarations that a function begins with.
    """
    leading = _leading(hook.function.body, changes)
    following = [c for c in hook.function.body.named_children if c not in leading]
    if not leading or not following or following[0].start_point[0] != leading[-1].end_point[0] + 1:
        return []
    for node in (leading[-1], following[0]):
        if not any(node.start_byte <= c.start < node.end_byte for c in changes):
            return []
    at = hook.function.source.line_start(following[0].start_byte)
    return [Change(at, at, "\n")]


def _leading(body: Node, changes: Sequence[Change]) -> list[Node]:
    """Return declarations that the body begins with, less those that go."""
    found = []
    for child in body.named_children:
        if child.type != "declaration":
            break
        if not any(c.new == "" and c.start <= child.start_byte < c.end for c in changes):
            found.append(child)
    return found


def _place(declaration: str, declarations: Sequence[Node], hook: Hook) -> int:
    """Index of the declaration to go before: the first, unless longest-first order says else."""
    lengths = [len(hook.text(node)) for node in declarations]
    ordered = len(lengths) > 1 and lengths == sorted(lengths, reverse=True)
    if not ordered:
        return 0
    names = [hook.file] if hook.file else []
    for index, node in enumerate(declarations):
        needs = any(re.search(rf"\b{re.escape(name)}\b", hook.text(node)) for name in names if name)
        if needs or "vm_file" in hook.text(node) or lengths[index] <= len(declaration):
            return index
    return 0
