# SPDX-License-Identifier: GPL-2.0-only
"""Lists of parameters and arguments, in the kernel's style."""

from __future__ import annotations

from premap.idioms.r1_table import TAB, advance

WIDTH = 80


def wrapped(head: str, listed: list[str]) -> str:
    """Return `head(a, b, c)`, continued below the parenthesis where a line would get too long."""
    column = advance(head + "(", 0)
    lines = [head + "("]
    for index, each in enumerate(listed):
        piece = each + (")" if index == len(listed) - 1 else ",")
        space = "" if lines[-1].endswith(("(", "\t")) else " "
        too_long = advance(lines[-1] + space + piece, 0) > WIDTH - 1
        if too_long and index:
            lines.append("\t" * (column // TAB) + " " * (column % TAB) + piece)
        else:
            lines[-1] += space + piece
    return "\n".join(lines)
