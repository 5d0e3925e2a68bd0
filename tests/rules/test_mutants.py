# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes planted in correct hooks are found; the hooks themselves are clean."""

from __future__ import annotations

import pytest
from tests.rules.hooks import HOOKS
from tests.rules.mutants import found_in, mutants

from premap.csource.source import SourceFile
from premap.rules import RULES, check_file

MUTANTS = list(mutants())


@pytest.mark.parametrize("name", HOOKS)
def test_correct_hooks_are_clean(name: str) -> None:
    checked = check_file(SourceFile("ring.c", HOOKS[name].encode()), None, "7.3")
    assert [(each.rule, each.line, each.message) for each in checked.findings] == []


def test_every_mistake_is_planted() -> None:
    assert {mutant.rule for mutant in MUTANTS} == set(RULES)
    assert {mutant.hook for mutant in MUTANTS} == set(HOOKS)


@pytest.mark.parametrize("rule", RULES)
def test_planted_mistakes_are_found(rule: str) -> None:
    planted = [mutant for mutant in MUTANTS if mutant.rule == rule]
    missed = [f"{each.hook} #{each.number}" for each in planted if rule not in found_in(each)]
    assert missed == []
