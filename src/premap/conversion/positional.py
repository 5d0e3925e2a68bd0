# SPDX-License-Identifier: GPL-2.0-only
"""Tables that are filled by position: a new member would move what comes after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.conversion.callback import Callback
from premap.csource.scope import Scope
from premap.csource.tree import KernelTree
from premap.idioms.idiom import Declined

_ZERO = re.compile(rb"\{*\s*(?:0|NULL)\s*,?\s*\}")


def check(callback: Callback, tree: KernelTree) -> None:
    """Raise Declined if a table of the callback's structure is filled by position."""
    tag = re.escape(callback.tag.encode())
    table = re.compile(rb"\bstruct\s+%b\s+\w+\s*(?:\[[^\]]*\]\s*)?(?:__\w+\s*)*=\s*\{" % tag)
    for name in tree.search.mentioning(callback.tag, ""):
        if not table.search(tree.bytes_of(name)):
            continue
        file = tree.open(name)
        for found in table.finditer(file.code):
            if any(
                not Scope(file, tree).macro(entry)
                for entry in _first_entries(file.code, found.end() - 1)
            ):
                line = file.line_of(found.start())
                text = f"{name}:{line} fills a {callback.ops} by position"
                raise Declined("positional-table", text)


def _first_entries(code: bytes, brace: int) -> Iterator[str]:
    """Yield what the braces begin with that has no designator: a table's, or those of its elements.

    `{ 0 }` begins with nothing.
    """
    if _ZERO.match(code, brace):
        return
    found = re.compile(rb"[\s{]*").match(code, brace)
    entry = re.compile(rb"&?\s*(\w+)").match(code, brace if found is None else found.end())
    if entry is not None:
        yield entry[1].decode("latin-1")
