# SPDX-License-Identifier: GPL-2.0-only
"""Long lines as a person reads them: at words, with what follows indented."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

HANG = 4
"""Columns that what follows the first line is indented by."""
_NARROWEST = 40


def show(out: Console, line: Text) -> None:
    """Print a line, on several ones where a terminal is too narrow for it.

    What is not printed to a terminal stays on one line, so that it can be searched, and so does
    text that is `no_wrap`, such as a command to be copied.
    """
    if not out.is_terminal or line.no_wrap or out.width < _NARROWEST:
        out.print(line)
        return
    indent = _leading(line) + HANG
    first, *more = line.wrap(out, out.width)
    out.print(_without_end(first))
    if more:
        rest = line[len(first.plain.rstrip()) :]
        for each in rest[_leading(rest) :].wrap(out, out.width - indent):
            out.print(Text(" " * indent) + _without_end(each))


def _leading(line: Text) -> int:
    return len(line.plain) - len(line.plain.lstrip(" "))


def _without_end(line: Text) -> Text:
    copied = line.copy()
    copied.rstrip()
    return copied
