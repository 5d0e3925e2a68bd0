# SPDX-License-Identifier: GPL-2.0-only
"""Comments that silence a rule: `/* premap: ignore R16: reason */`, on the line or before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from premap.csource.source import SourceFile
from premap.csource.text import comments
from premap.records import Checked, Finding, Suppression

_SAID = (b"premap:", b"Premap:", b"PREMAP:")
_IGNORE = re.compile(
    rb"premap:\s*ignore\s+(R\d+(?:\s*,\s*R\d+)*)\s*(?::\s*(.*?))?\s*(?:\*/)?\s*\Z",
    re.DOTALL | re.IGNORECASE,
)
_MEANT = re.compile(
    rb"premap:\s*(?:ignore|disable|suppress|silence|allow|off|no\w*|R\d+)\b", re.IGNORECASE
)
"""Says that a comment is to silence something, whether or not in our words."""


def may_suppress(text: bytes) -> bool:
    """Tell whether a file may have such comments."""
    return any(word in text for word in _SAID)


def find_suppressions(source: SourceFile) -> Iterator[tuple[Suppression, int]]:
    """Yield each such comment of a file, and the line on which it ends."""
    if not may_suppress(source.text):
        return
    for start, end in comments(source.text):
        match = _IGNORE.search(source.text, start, end)
        if match is None and _MEANT.search(source.text, start, end) is None:
            continue
        rules: tuple[str, ...] = ()
        reason = ""
        if match is not None:
            rules = tuple(name.strip().upper() for name in match[1].decode().split(","))
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
    unused = (_unused(each, used) for each, _ in given)
    return Checked(tuple(kept), tuple(silenced), tuple(each for each in unused if each is not None))


def _unused(given: Suppression, used: set[tuple[int, str]]) -> Suppression | None:
    """Return a comment with the rules of which it silences nothing; None if there are none."""
    if not given.reason:
        return given
    left = tuple(rule for rule in given.rules if (given.line, rule) not in used)
    return replace(given, rules=left) if left else None


def _silences(given: Suppression, last: int, finding: Finding) -> bool:
    if not given.reason or finding.file != given.file or finding.rule not in given.rules:
        return False
    return given.line <= finding.line <= last + 1
