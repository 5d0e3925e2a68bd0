# SPDX-License-Identifier: GPL-2.0-only
"""Comments that silence a rule: `/* premap: ignore R16: reason */`, on the line or before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from premap.csource.source import SourceFile
from premap.csource.text import comments
from premap.records import Checked, Finding, Suppression

SUPPRESSES = b"premap:"
"""What a file with such comments says."""
_IGNORE = re.compile(
    rb"premap:\s*ignore\s+(R\d+(?:\s*,\s*R\d+)*)\s*(?::\s*(.*?))?\s*(?:\*/)?\s*\Z", re.DOTALL
)


def find_suppressions(source: SourceFile) -> Iterator[tuple[Suppression, int]]:
    """Yield each such comment of a file, and the line on which it ends."""
    if SUPPRESSES not in source.text:
        return
    for start, end in comments(source.text):
        match = _IGNORE.search(source.text[start:end])
        if match is None:
            continue
        rules = tuple(name.strip() for name in match[1].decode().split(","))
        reason = " ".join((match[2] or b"").decode("utf-8", "surrogateescape").split())
        line = source.line_of(start)
        yield Suppression(source.name, line, rules, reason), source.line_of(end - 1)


def apply_suppressions(source: SourceFile, findings: Sequence[Finding]) -> Checked:
    """Divide findings into those that stay and those that a comment silences."""
    given = list(find_suppressions(source))
    kept: list[Finding] = []
    silenced: list[tuple[Finding, Suppression]] = []
    used: set[tuple[int, str]] = set()
    for finding in findings:
        match = next((each for each, last in given if _silences(each, last, finding)), None)
        if match is None:
            kept.append(finding)
        else:
            silenced.append((finding, match))
            used.add((match.line, finding.rule))
    unused = [
        each
        for each, _ in given
        if not each.reason or any((each.line, rule) not in used for rule in each.rules)
    ]
    return Checked(tuple(kept), tuple(silenced), tuple(unused))


def _silences(given: Suppression, last: int, finding: Finding) -> bool:
    if not given.reason or finding.file != given.file or finding.rule not in given.rules:
        return False
    return given.line <= finding.line <= last + 1
