# SPDX-License-Identifier: GPL-2.0-only
"""A baseline: findings that were there before, and are not reported again.

A finding is known by its file, rule, function and the text of its line, so that it stays known when
lines are added above it. Of several such, as many are silenced as there were.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from premap.records import Checked, Finding, Suppression
from premap.settings.errors import BadSettings

Key = tuple[str, str, str, str]
_VERSION = 1
REASON = "in the baseline"


def key_of(finding: Finding) -> Key:
    """Return what a finding is known by."""
    return finding.file, finding.rule, finding.function or "", " ".join(finding.text.split())


def write_baseline(path: Path, checked: Iterable[Checked]) -> int:
    """Write all findings to a file; return how many there are."""
    counts = Counter(key_of(finding) for each in checked for finding in each.findings)
    entries = [
        {"file": file, "rule": rule, "function": function, "text": text, "count": count}
        for (file, rule, function, text), count in sorted(counts.items())
    ]
    document = {"premap": _VERSION, "findings": entries}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    return counts.total()


def read_baseline(path: Path) -> Counter[Key]:
    """Return how many findings of each kind there were. Raises BadSettings if it is no baseline."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["premap"] != _VERSION:
            raise BadSettings(f"{path}: is a baseline of version {document['premap']!r}")
        return Counter(
            {
                (each["file"], each["rule"], each["function"], each["text"]): int(each["count"])
                for each in document["findings"]
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadSettings(f"{path}: is no baseline of premap") from problem


def without_known(checked: Iterable[Checked], known: Counter[Key]) -> list[Checked]:
    """Return results with the findings of a baseline among the suppressed ones."""
    left = known.copy()
    return [_divided(each, left) for each in checked]


def _divided(checked: Checked, left: Counter[Key]) -> Checked:
    kept, silenced = [], list(checked.suppressed)
    for finding in checked.findings:
        key = key_of(finding)
        if left[key] > 0:
            left[key] -= 1
            given = Suppression(finding.file, 0, (finding.rule,), REASON)
            silenced.append((finding, given))
        else:
            kept.append(finding)
    return replace(checked, findings=tuple(kept), suppressed=tuple(silenced))
