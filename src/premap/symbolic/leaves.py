# SPDX-License-Identifier: GPL-2.0-only
"""Which variables terms hang on."""

from __future__ import annotations

from collections.abc import Iterable

from premap.symbolic.node import Node


def variables_of(terms: Iterable[object]) -> set[str]:
    """Return the names of the variables under all these terms; what is no term has none."""
    names: set[str] = set()
    seen: set[int] = set()
    pending = [each for each in terms if isinstance(each, Node)]
    while pending:
        node = pending.pop()
        if node.uid in seen:
            continue
        seen.add(node.uid)
        if node.op == "var":
            names.add(node.data[0])
        pending += node.args
    return names
