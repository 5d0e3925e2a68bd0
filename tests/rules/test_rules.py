# SPDX-License-Identifier: GPL-2.0-only
"""Every rule on its own C: it fires on what breaks it, and is silent on what doesn't."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import RULES, check_file
from premap.rules.rule import Rule


def _rules_that_fire(text: str, before: str = "") -> dict[str, list[str]]:
    source = SourceFile("ring.c", text.encode())
    old = SourceFile("ring.c", before.encode()) if before else None
    found: dict[str, list[str]] = {}
    for finding in check_file(source, None, "7.3", old).findings:
        found.setdefault(finding.rule, []).append(f"{finding.level} {finding.message}")
    return found


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestOwnC:
    """The snippets that `premap explain` shows."""

    def test_fires_on_bad(self, rule: Rule) -> None:
        assert rule.id in _rules_that_fire(rule.bad, rule.before)

    def test_only_it_warns_on_bad(self, rule: Rule) -> None:
        found = _rules_that_fire(rule.bad, rule.before)
        loud = {id_ for id_, told in found.items() if any(not t.startswith("note") for t in told)}
        assert loud <= {rule.id}, found

    def test_silent_on_good(self, rule: Rule) -> None:
        assert _rules_that_fire(rule.good, rule.before) == {}


def test_a_lost_errno_is_shown() -> None:
    rule = RULES["R24"]
    old = SourceFile("ring.c", rule.before.encode())
    (found,) = check_file(SourceFile("ring.c", rule.bad.encode()), None, "7.3", old).findings
    assert "-EAGAIN" in found.message
    assert found.example is not None
    assert found.example["result"] == "mmap() failed with -EAGAIN, and fails with -ENOMEM now"
