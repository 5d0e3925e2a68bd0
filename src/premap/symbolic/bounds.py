# SPDX-License-Identifier: GPL-2.0-only
"""Of several bounds of one term, the closest says what the others say.

A loop that compares its counter with a word asks as many questions as it has iterations, and each
answer is one more bound of that word: `start < 214`, `start < 215`, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable

from premap.symbolic.node import BoolNode, value_of


def closest(parts: Iterable[BoolNode]) -> list[BoolNode]:
    """Return conditions without those `a < c` and `a >= c` that follow from another one."""
    kept: dict[int | tuple[int, bool], BoolNode] = {}
    for part in parts:
        below = part.op == "lt"
        bound: BoolNode = part.args[0] if part.op == "not" else part
        if bound.op != "lt" or bound.args[1].op != "const":
            kept[part.uid] = part
            continue
        about = bound.args[0].uid, below
        known = kept.get(about)
        if known is None or _is_closer(bound, known, below=below):
            kept[about] = part
    return list(kept.values())


def _is_closer(bound: BoolNode, known: BoolNode, *, below: bool) -> bool:
    """Return whether a comparison with a constant bounds its term more than what is known."""
    other: BoolNode = known if below else known.args[0]
    here, there = value_of(bound.args[1]), value_of(other.args[1])
    return here < there if below else here > there
