# SPDX-License-Identifier: GPL-2.0-only
"""From what the other rooms found to remarks about a document."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.source import SourceFile
from premap.lsp.remarks import Remark
from premap.records import Checked, Conversion, Finding, Suppression
from premap.report.findings import example_lines, unused_text

CONVERTIBLE = "convertible"
"""Code of the remark that a handler can be converted."""
UNUSED = "unused-suppression"
"""Code of the remark that a comment silences nothing."""


def told(checked: Checked, source: SourceFile) -> Iterator[Remark]:
    """Yield what rules found in a file, and its comments that silence nothing."""
    yield from (_finding(each) for each in checked.findings if each.file == source.name)
    yield from (_unused(each, source) for each in checked.unused if each.file == source.name)


def _finding(finding: Finding) -> Remark:
    lines = [finding.message, *(example_lines(finding.example) if finding.example else ())]
    text = "\n".join(lines)
    return Remark(finding.start, finding.end, finding.level, finding.rule, text, finding.fix)


def _unused(unused: Suppression, source: SourceFile) -> Remark:
    start, end = source.line_span(unused.line)
    return Remark(start, end, "warning", UNUSED, unused_text(unused))


def convertible(conversion: Conversion) -> Remark:
    """Say that a handler can be converted, or why not."""
    handler, reason = conversion.handler, conversion.reason
    what = f"{handler.name} is a deprecated `.mmap` handler"
    if reason is None:
        what = f"{what}; it can become {conversion.new_name}"
        return Remark(handler.start, handler.end, "hint", CONVERTIBLE, what)
    line = "" if reason.line in {None, handler.line} else f"line {reason.line}: "
    what = f"{what}, not converted: {line}{reason.message}"
    return Remark(handler.start, handler.end, "hint", reason.id, what)
