# SPDX-License-Identifier: GPL-2.0-only
"""Which functions two versions of a hook have in common, with all that these reach.

Such a function, called alike from alike states, does the same in both versions; so it need not be
followed to compare them, as if it were defined in a file that nobody has (`Machine.closed`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.csource.heads import function_name
from premap.csource.source import SourceFile
from premap.equivalence.outcome import Side

_NAME = re.compile(rb"(?<![.\w])(?<!->)[A-Za-z_]\w*")
"""A name that is no member."""
_BRACES = re.compile(rb"\{[^{}]*\}")
_KEYWORDS = frozenset(
    b"auto bool break case char const continue default do double else enum extern float for goto "
    b"if inline int long register restrict return short signed sizeof static struct switch typedef "
    b"typeof union unsigned void volatile while u8 u16 u32 u64 s8 s16 s32 s64 size_t".split()
)
_CONDITIONAL = ("preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif")


class _Item(Struct, frozen=True):
    """What lies at file level: its text, and the names that it may define."""

    text: bytes
    names: frozenset[bytes]
    directive: bool
    """Whether it may change what headers, or what comes after it, mean."""


class Common:
    """Tells of a function's name whether both versions mean the same by it."""

    def __init__(self, old: Side, new: Side) -> None:
        before, after = _files(old), _files(new)
        self._files = [*before.values()]
        self._headers = any(each.endswith(".h") for each in before)
        self._items: dict[bytes, list[_Item]] = {}
        self._changed: set[bytes] = set()
        self._comparable = old.tree is new.tree and before.keys() == after.keys()
        if any(file.text != after[name].text for name, file in before.items() if name in after):
            for name, file in before.items() if self._comparable else ():
                self._compare(_items(file), _items(after[name]))

    def __contains__(self, name: str) -> bool:
        """Whether the function, and all that it reaches in these files, is the same in both."""
        if not self._comparable:
            return False
        if not any(name in each.functions for each in self._files):
            return not self._headers  # a header's, which is one file to both versions
        pending, seen = {name.encode()}, set[bytes]()
        while pending:
            word = pending.pop()
            if word in self._changed:
                return False
            seen.add(word)
            for item in self._items.get(word, ()):
                pending |= _names_in(item.text) - seen
        return True

    def _compare(self, old: list[_Item], new: list[_Item]) -> None:
        """Note what defines which names, and which names are not defined alike."""
        texts = Counter(each.text for each in old), Counter(each.text for each in new)
        for item in old:
            for each in item.names:
                self._items.setdefault(each, []).append(item)
        changed = [item for item in (*old, *new) if texts[0][item.text] != texts[1][item.text]]
        self._changed.update(*(item.names for item in changed))
        kept = [[item.text for item in side if item not in changed] for side in (old, new)]
        if kept[0] != kept[1] or any(item.directive for item in changed):
            self._comparable = False


def _files(side: Side) -> dict[str, SourceFile]:
    files = (*side.tables, *(each.source for each in side.functions))
    return {each.name: each for each in files}


def _items(file: SourceFile) -> list[_Item]:
    return [_item(file.text[node.start_byte : node.end_byte], node) for node in _level(file.root)]


def _level(outer: Node) -> Iterator[Node]:
    """Yield what lies at file level, and what makes conditions of it."""
    for node in outer.children:
        if node.type in _CONDITIONAL:
            yield from _level(node)
        else:
            yield node


def _item(text: bytes, node: Node) -> _Item:
    outside = node.parent is None or node.parent.type in _CONDITIONAL
    directive = node.type.startswith(("preproc_", "#")) or (
        outside and node.type in {"identifier", "binary_expression", "unary_expression"}
    )
    return _Item(text, _defined(node, text), directive)


def _defined(node: Node, text: bytes) -> frozenset[bytes]:
    """Return the names that an item may define: too many rather than too few."""
    if node.type in {"function_definition", "declaration"}:
        named = function_name(node)
        if named is not None and named[0].text is not None:
            return frozenset({named[0].text})
    if node.type in {"declaration", "struct_specifier"} and b"enum" not in text:
        while (less := _BRACES.sub(b" ", text)) != text:
            text = less
    return frozenset(_names_in(text))


def _names_in(text: bytes) -> set[bytes]:
    return set(_NAME.findall(text)) - _KEYWORDS
