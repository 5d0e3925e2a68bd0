# SPDX-License-Identifier: GPL-2.0-only
"""Which helpers may take a lock, as far as their code can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.csource.nodes import identifiers_in
from premap.csource.scope import Scope
from premap.interp import unknown
from premap.interp.redefined import KEYWORDS

_WORD = re.compile(r"\b[A-Za-z_]\w*")
MOST_NAMES = 2000
"""Names that are looked into for one helper; one that reaches more may take a lock."""


def may_lock(scope: Scope, name: str) -> bool:
    """Return whether a function may take a lock: it, or what can be read of what it names.

    What is defined in files that are not read is unknown code, and takes no lock in any comparison.
    """
    return scope.once("may lock", name, lambda: _may_lock(scope, name))


def _may_lock(scope: Scope, name: str) -> bool:
    pending, seen = [name], {name}
    table = unknown.table()
    while pending:
        word = pending.pop()
        if word in table and table[word].kind == "lock":
            return True
        fresh = {*_named_by(scope, word)} - seen
        seen |= fresh
        pending += sorted(fresh)
        if len(seen) > MOST_NAMES:
            return True
    return False


def _named_by(scope: Scope, word: str) -> Iterator[str]:
    """Yield the names in the code of a function or macro."""
    for function in scope.function(word):
        own = {each.name for each in function.parameters}
        yield from identifiers_in(function.node) - own
    for macro in scope.macro(word):
        yield from {*_WORD.findall(macro.body)}.difference(macro.parameters or (), KEYWORDS)
