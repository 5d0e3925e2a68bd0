# SPDX-License-Identifier: GPL-2.0-only
"""Runs the rules on one file, and makes records of what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from premap.csource.calls import function_at
from premap.csource.search import SUFFIXES
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Checked, Finding, Fix, Level
from premap.rules.context import Context
from premap.rules.rule import Found, Repair, Rule
from premap.rules.suppressions import apply_suppressions

LEVELS: Sequence[Level] = ("error", "warning", "note")
"""The worst first."""


def check_file(
    source: SourceFile,
    tree: KernelTree | None,
    target: str,
    applying: Callable[[Context], Iterable[Rule]],
    before: SourceFile | None = None,
) -> Checked:
    """Check one file for a release; sort what is silenced by comments from what isn't.

    `applying` gives the rules; `before` is the file as it was, for rules that compare.
    """
    context = Context(source, tree, target, before)
    found = [finding for rule in applying(context) for finding in findings(rule, context)]
    return apply_suppressions(source, sorted(found, key=order))


def order(finding: Finding) -> tuple[str, int, int, int, str, str]:
    """Return the place of a finding in a stable order: by file, line, and severity."""
    return (
        finding.file,
        finding.line,
        finding.column,
        LEVELS.index(finding.level),
        finding.rule,
        finding.message,
    )


def findings(rule: Rule, context: Context) -> Iterable[Finding]:
    """Yield what one rule finds, each place once."""
    seen: set[tuple[str, int, int]] = set()
    for found in rule.check(context):
        place = (found.source.name, found.start, found.end)
        if place not in seen:
            seen.add(place)
            yield _finding(rule, found, context.target)


def _finding(rule: Rule, found: Found, target: str) -> Finding:
    source = found.source
    function = function_at(source, found.start) if source.name.endswith(SUFFIXES) else None
    line, column = position(source, found.start)
    end_line, end_column = position(source, found.end)
    first = source.line_start(found.start)
    return Finding(
        file=source.name,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        rule=rule.id,
        level=found.level or rule.level,
        message=found.message,
        target=target,
        function=None if function is None else function.name,
        handler=None if found.hook is None else found.hook.name,
        example=found.example,
        fix=None if found.repair is None else _fix(source, found.repair),
        text=_decoded(source.text[first:].split(b"\n", 1)[0].rstrip(b"\r")),
        start=found.start,
        end=found.end,
    )


def position(source: SourceFile, byte: int) -> tuple[int, int]:
    """Return line and column of a byte, both from 1; columns count characters."""
    first = source.line_start(byte)
    return source.line_of(byte), len(_decoded(source.text[first:byte])) + 1


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _fix(source: SourceFile, repair: Repair) -> Fix:
    from premap.csource.edit import apply_edits  # noqa: PLC0415  few need it
    from premap.csource.unified import unified_diff  # noqa: PLC0415  few need it

    after = apply_edits(source.text, repair.edits)
    diff = _decoded(unified_diff(source.name, source.text, after))
    return Fix(repair.title, repair.edits, diff, repair.safety)
