# SPDX-License-Identifier: GPL-2.0-only
"""The rules of `premap check`, one file each; `RULES` has them by id."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Checked, Explanation, Finding
from premap.rules import engine
from premap.rules.rule import Rule


def _rules() -> dict[str, Rule]:
    """Import every rule: a rule is a file whose name begins with its number."""
    names = [each.name for each in pkgutil.iter_modules(__path__)]
    files = sorted(name for name in names if re.match(r"r\d\d_", name))
    rules: list[Rule] = [importlib.import_module(f"{__name__}.{name}").RULE for name in files]
    return {rule.id: rule for rule in rules}


RULES: Mapping[str, Rule] = _rules()
EXPLANATIONS: Mapping[str, Explanation] = {rule.id: rule.explanation() for rule in RULES.values()}


def check(source: SourceFile, tree: KernelTree | None, target: str) -> list[Finding]:
    """Return what all rules find in a file, for a release, in a stable order.

    What comments silence is left out; `check_file` returns it as well.
    """
    return list(check_file(source, tree, target).findings)


def check_file(
    source: SourceFile,
    tree: KernelTree | None,
    target: str,
    before: SourceFile | None = None,
) -> Checked:
    """Return findings, what comments silence, and the comments that silence nothing.

    `before` is the file as it was before a change: some rules compare.
    """
    return engine.check_file(source, tree, target, RULES.values(), before)


__all__ = ["EXPLANATIONS", "RULES", "check", "check_file"]
