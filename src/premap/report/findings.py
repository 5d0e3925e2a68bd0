# SPDX-License-Identifier: GPL-2.0-only
"""Findings of `premap check` as people read them: gcc's lines, the source line, a caret."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from premap.records import Checked, Finding, Level, Reason, Suppression
from premap.report.call import call_text
from premap.report.printable import printable

_COLOURS = {"error": "1;31", "warning": "1;35", "note": "1;36", "caret": "1;32", "file": "1"}
_WORST: Sequence[Level] = ("error", "warning", "note")


def coloured(color: str, out: TextIO) -> bool:
    """Whether text for `out` has colours. `color`: "auto", "always", "never"."""
    if color != "auto":
        return color == "always"
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class FindingsText:
    """Prints the findings of a run, the worst first."""

    def __init__(self, color: str, out: TextIO) -> None:
        self._out = out
        self._colours = coloured(color, out)

    def _in(self, what: str, text: str) -> str:
        return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if self._colours else text

    def print(self, checked: Iterable[Checked]) -> None:
        """Print every finding, and comments that silence nothing."""
        results = list(checked)
        findings = [finding for each in results for finding in each.findings]
        for finding in sorted(findings, key=lambda each: _WORST.index(each.level)):
            for line in self._finding(finding):
                self._out.write(line + "\n")
        for unused in (one for each in results for one in each.unused):
            self._out.write(self._unused(unused) + "\n")

    def print_errors(self, errors: Iterable[tuple[str, Reason]]) -> None:
        """Print why files could not be read, or not wholly."""
        for file, why in errors:
            where = printable(file) + (f":{why.line}:1:" if why.line else ":")
            level = self._in("error", "error:")
            self._out.write(f"{self._in('file', where)} {level} {printable(why.message)}\n")

    def _finding(self, finding: Finding) -> Iterator[str]:
        where = f"{printable(finding.file)}:{finding.line}:{finding.column}:"
        level = self._in(finding.level, f"{finding.level}:")
        message = printable(finding.message)
        yield f"{self._in('file', where)} {level} {message} [{finding.rule}]"
        yield from self._source(finding)
        if finding.handler is not None and finding.handler != finding.function:
            yield f"  in the mmap hook {printable(finding.handler)}()"
        if finding.example is not None:
            yield from (f"  {line}" for line in example_lines(finding.example))
        if finding.fix is not None:
            yield f"  fix ({finding.fix.safety}): {printable(finding.fix.title)}"

    def _source(self, finding: Finding) -> Iterator[str]:
        if not finding.text:
            return
        shown = finding.text.replace("\t", "        ")
        before = finding.text[: finding.column - 1].replace("\t", "        ")
        last = finding.end_column if finding.end_line == finding.line else len(finding.text) + 1
        width = max(1, last - finding.column)
        if printable(shown) != shown:
            return
        yield f"{finding.line:5d} | {shown}"
        caret = self._in("caret", "^" + "~" * (width - 1))
        yield f"      | {' ' * len(before)}{caret}"

    def _unused(self, unused: Suppression) -> str:
        where = self._in("file", f"{printable(unused.file)}:{unused.line}:1:")
        level = self._in("warning", "warning:")
        return f"{where} {level} {unused_text(unused)}"


def unused_text(unused: Suppression) -> str:
    """Say that a comment silences nothing."""
    if not unused.rules:
        return "silences nothing: what is understood is `premap: ignore R16: why`"
    why = "silences nothing" if unused.reason else "gives no reason, so it silences nothing"
    return f"`premap: ignore {', '.join(unused.rules)}` {why}"


def example_lines(example: dict[str, Any]) -> Iterator[str]:
    """Yield what shows a finding: the call, the driver state that it needs, what happens."""
    yield f"for: {call_text(example['call'])}"
    if example["state"]:
        state = ", ".join(f"{name} = {value:#x}" for name, value in example["state"].items())
        yield f"where: {printable(state)}"
    yield f"then: {printable(example['result'])}"


def summary(checked: Sequence[Checked], unread: int) -> str:
    """Return the one line that ends a run. `unread`: files that were not read, or not wholly."""
    levels = Counter(finding.level for each in checked for finding in each.findings)
    told = ", ".join(counted(levels[level], level) for level in _WORST if levels[level])
    silenced = sum(len(each.suppressed) for each in checked)
    parts = [f"{counted(len(checked) - unread, 'file')} checked: {told or 'nothing found'}"]
    if unread:
        parts = parts if len(checked) > unread or told else []
        parts.append(f"{counted(unread, 'file')} could not be read, or not wholly")
    return "; ".join(parts) + (f" ({silenced} silenced)" if silenced else "")


def counted(count: int, what: str) -> str:
    """Return a number and what it counts: "1 file", "2 files"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
