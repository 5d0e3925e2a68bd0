# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that were written after the rules: what is said loudly of them, and of which nothing."""

from __future__ import annotations

import pytest
from tests.rules.unseen_good import GOOD
from tests.rules.unseen_ranges import RANGES
from tests.rules.unseen_state import STATE

from premap.csource.source import SourceFile
from premap.rules import check_file

BAD = {**RANGES, **STATE}


def _loud(text: str) -> set[str]:
    findings = check_file(SourceFile("cam.c", text.encode()), None, "7.3").findings
    return {finding.rule for finding in findings if finding.level != "note"}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_said_of_a_correct_hook(name: str) -> None:
    assert _loud(GOOD[name]) == set()


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_found_and_nothing_else(name: str) -> None:
    rules, text = BAD[name]
    assert _loud(text) == rules
