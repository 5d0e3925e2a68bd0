# SPDX-License-Identifier: GPL-2.0-only
"""Edits outside functions: a prototype that changes is laid out as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tree_sitter import Node

from premap.conversion.layout import Moved, laid_out
from premap.conversion.rewriting import Change
from premap.csource.source import SourceFile
from premap.records import Edit


def edits(file: SourceFile, changes: Iterable[Change]) -> list[Edit]:
    """Return the edits of a file; changes of one declaration become one."""
    single: list[Edit] = []
    grouped: dict[int, tuple[Node, list[Change]]] = {}
    nodes = _prototypes(file)
    for change in changes:
        node = next((n for n in nodes if n.start_byte <= change.start < n.end_byte), None)
        if node is None:
            single.append(_edit(file, change.start, change.end, change.new))
        else:
            grouped.setdefault(node.id, (node, []))[1].append(change)
    return [*single, *(_laid_out(file, node, inner) for node, inner in grouped.values())]


def _prototypes(file: SourceFile) -> list[Node]:
    return [prototype.node for found in file.prototypes.values() for prototype in found]


def _laid_out(file: SourceFile, node: Node, changes: Sequence[Change]) -> Edit:
    start = file.line_start(node.start_byte)
    old = file.seen[start : node.end_byte].decode("latin-1")
    ordered = sorted(changes, key=lambda change: change.start)
    pieces, at = [], start
    for change in ordered:
        pieces += [file.seen[at : change.start].decode("latin-1"), change.new]
        at = change.end
    pieces.append(file.seen[at : node.end_byte].decode("latin-1"))
    return _edit(file, start, node.end_byte, laid_out(old, "".join(pieces), Moved(ordered, start)))


def _edit(file: SourceFile, start: int, end: int, new: str) -> Edit:
    return Edit(file.name, start, end, new.encode("latin-1"))
