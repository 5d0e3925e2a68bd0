# SPDX-License-Identifier: GPL-2.0-only
"""Findings as annotations of GitHub Actions: one workflow command a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from premap.records import Checked, Finding, Reason
from premap.report.findings import unused_text

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))


def workflow_commands(
    checked: Iterable[Checked], errors: Iterable[tuple[str, Reason]] = ()
) -> Iterator[str]:
    """Yield a workflow command for each finding; `errors` are files that could not be read."""
    for file, why in errors:
        place = f"file={_escaped(file, _PROPERTY)}" + (f",line={why.line}" if why.line else "")
        yield f"::error {place}::{_escaped(why.message, _DATA)}"
    for each in checked:
        yield from (_annotation(finding) for finding in each.findings)
        for unused in each.unused:
            place = f"file={_escaped(unused.file, _PROPERTY)},line={unused.line}"
            yield f"::warning {place}::{_escaped(unused_text(unused), _DATA)}"


def _annotation(finding: Finding) -> str:
    places = {
        "file": finding.file,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column,
        "endColumn": finding.end_column,
        "title": f"premap {finding.rule}",
    }
    if finding.line != finding.end_line:  # GitHub refuses columns over several lines
        del places["col"], places["endColumn"]
    told = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in places.items())
    return f"::{_COMMANDS[finding.level]} {told}::{_escaped(finding.message, _DATA)}"


def _escaped(text: str, replaced: Iterable[tuple[str, str]]) -> str:
    for plain, escaped in replaced:
        text = text.replace(plain, escaped)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
