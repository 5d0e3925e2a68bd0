# SPDX-License-Identifier: GPL-2.0-only
"""JSON documents: one a run, its keys always present, null where there is nothing to say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from premap.records import Checked, Difference, Finding, Note, Outcome, Reason, Verdict

Document = dict[str, Any]


def dumps(document: Mapping[str, Any]) -> str:
    """Return the text of a document, all ASCII.

    Bytes of sources and file names that are no UTF-8 are lone surrogates U+DC80 to U+DCFF in its
    strings (Python's "surrogateescape").
    """
    return json.dumps(document, indent=2)


def convert(outcomes: Iterable[Outcome], diff: bytes, target: str | None) -> Document:
    """Return what `premap convert` found and did; `target` is None where trees differ in it."""
    return {
        "target": target,
        "results": [_result(outcome) for outcome in outcomes],
        "diff": diff.decode("utf-8", "surrogateescape"),
    }


class ConvertDocument:
    """Reports a run of `premap convert` when it ends."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def outcomes(self, found: Iterable[Outcome]) -> None:
        """Wait for the end."""

    def written(self, paths: Iterable[Path]) -> None:
        """Say nothing: the document has the whole diff."""

    def end(self, outcomes: list[Outcome], diff: bytes, target: str | None) -> None:
        """Print the document."""
        self._out.write(dumps(convert(outcomes, diff, target)) + "\n")


def verdict(found: Verdict) -> Document:
    """Return a verdict, as `premap verify` prints it."""
    return {
        "status": found.status,
        "differences": [_difference(each) for each in found.differences],
        "reason": found.reason,
        "bounds": list(found.bounds),
    }


def _result(outcome: Outcome) -> Document:
    conversion = outcome.conversion
    handler = conversion.handler if conversion else None
    return {
        "file": outcome.file,
        "line": handler.line if handler else None,
        "handler": handler.name if handler else None,
        "ops": handler.ops if handler else None,
        "member": handler.member if handler else None,
        "status": outcome.status,
        "new_name": conversion.new_name if conversion else None,
        "idioms": list(conversion.idioms) if conversion else [],
        "reason": _message(outcome.reason) if outcome.reason else None,
        "notes": [_message(note) for note in conversion.notes] if conversion else [],
        "safety": outcome.safety,
        "verdict": verdict(outcome.verdict) if outcome.verdict else None,
    }


def _message(said: Note | Reason) -> Document:
    return {"id": said.id, "message": said.message, "line": said.line}


def _difference(difference: Difference) -> Document:
    return {"id": difference.id, "message": difference.message, "example": difference.example}


def check(
    checked: Iterable[Checked], errors: Iterable[tuple[str, Reason]], target: str | None
) -> Document:
    """Return what `premap check` found; `target` is None where trees differ in it."""
    results = list(checked)
    return {
        "target": target,
        "findings": [finding(one) for each in results for one in each.findings],
        "suppressed": [
            {**finding(one), "reason": given.reason}
            for each in results
            for one, given in each.suppressed
        ],
        "unused_suppressions": [
            {"file": one.file, "line": one.line, "rules": list(one.rules), "reason": one.reason}
            for each in results
            for one in each.unused
        ],
        "errors": [
            {"file": file, "line": why.line, "message": why.message} for file, why in errors
        ],
    }


def finding(found: Finding) -> Document:
    """Return one finding."""
    return {
        "file": found.file,
        "line": found.line,
        "column": found.column,
        "end_line": found.end_line,
        "end_column": found.end_column,
        "rule": found.rule,
        "level": found.level,
        "message": found.message,
        "function": found.function,
        "handler": found.handler,
        "target": found.target,
        "example": found.example,
        "fix": None if found.fix is None else found.fix.diff,
    }
