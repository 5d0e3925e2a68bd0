# SPDX-License-Identifier: GPL-2.0-only
"""Findings as SARIF 2.1.0 (OASIS), which code scanning services read."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import premap
from premap.records import Checked, Explanation, Finding, Level, Reason, Suppression

Document = dict[str, Any]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(
    checked: Iterable[Checked],
    errors: Iterable[tuple[str, Reason]],
    rules: Mapping[str, Explanation],
    levels: Mapping[str, Level],
) -> Document:
    """Return a log of one run; `errors` are files that could not be checked, and why."""
    results = list(checked)
    order = {rule: index for index, rule in enumerate(rules)}
    failed = list(errors)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "premap",
                        "version": premap.__version__,
                        "rules": [_rule(rule, levels[rule.id]) for rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SRCROOT": {"description": {"text": "root of the tree"}}},
                "invocations": [
                    {
                        "executionSuccessful": not failed,
                        "toolExecutionNotifications": [_notification(*each) for each in failed],
                    }
                ],
                "results": [
                    *(_result(one, order) for each in results for one in each.findings),
                    *(
                        _result(one, order, given)
                        for each in results
                        for one, given in each.suppressed
                    ),
                ],
            }
        ],
    }


def _rule(rule: Explanation, level: Level) -> Document:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
        "help": {
            "text": rule.text,
            "markdown": f"{rule.text}\n\n```c\n{rule.before}```\n\n```c\n{rule.after}```",
        },
        "defaultConfiguration": {"level": level},
    }


def _notification(file: str, why: Reason) -> Document:
    where: Document = {"artifactLocation": _artifact(file)}
    if why.line is not None:
        where["region"] = {"startLine": why.line}
    return {
        "level": "error",
        "message": {"text": why.message},
        "locations": [{"physicalLocation": where}],
    }


def _result(
    finding: Finding, order: Mapping[str, int], given: Suppression | None = None
) -> Document:
    location: Document = {"physicalLocation": _physical(finding)}
    if finding.function is not None:
        location["logicalLocations"] = [{"name": finding.function, "kind": "function"}]
    result: Document = {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {"premap/v1": fingerprint(finding)},
    }
    if finding.example is not None:
        result["properties"] = {"example": finding.example}
    if finding.fix is not None:
        result["fixes"] = [_fix(finding)]
    if given is not None:
        kind = "external" if given.line == 0 else "inSource"
        result["suppressions"] = [
            {"kind": kind, "status": "accepted", "justification": given.reason}
        ]
    return result


def _physical(finding: Finding) -> Document:
    region: Document = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    if finding.text:
        region["snippet"] = {"text": _text(finding.text)}
    return {"artifactLocation": _artifact(finding.file), "region": region}


def _artifact(file: str) -> Document:
    uri = quote(file.encode("utf-8", "surrogateescape"))
    if file.startswith("/"):
        return {"uri": f"file://{uri}"}
    return {"uri": uri, "uriBaseId": "SRCROOT"}


def _fix(finding: Finding) -> Document:
    if finding.fix is None:
        raise AssertionError(finding)
    by_file = itertools.groupby(finding.fix.edits, key=lambda edit: edit.file)
    return {
        "description": {"text": finding.fix.title},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(file),
                "replacements": [
                    {
                        "deletedRegion": {
                            "byteOffset": edit.start,
                            "byteLength": edit.end - edit.start,
                        },
                        "insertedContent": {"text": edit.new.decode("utf-8", "replace")},
                    }
                    for edit in edits
                ],
            }
            for file, edits in by_file
        ],
    }


def fingerprint(finding: Finding) -> str:
    """Return what tells a finding from others, and stays when lines are added above it."""
    parts = (finding.file, finding.rule, finding.function or "", " ".join(finding.text.split()))
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _text(text: str) -> str:
    """Return a text without lone surrogates, which JSON readers refuse."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
