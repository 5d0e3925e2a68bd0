# SPDX-License-Identifier: GPL-2.0-only
"""What rules find without following the paths of a hook: for someone who is typing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from premap.records import Checked, Finding
from premap.rules import engine
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.rule import Rule
from premap.rules.suppressions import apply_suppressions

if TYPE_CHECKING:
    from premap.rules.paths import Exploration


class Later(Exception):
    """A rule asked for the paths of a hook."""


class _Unexplored(Hook):
    """A hook whose paths are not followed."""

    @property
    def exploration(self) -> Exploration:
        """Its paths: not now."""
        raise Later


class _Shallow(Context):
    """A file that is checked soon."""

    @cached_property
    def hooks(self) -> list[Hook]:
        """The hooks, none of which can be explored."""
        return [
            _Unexplored(hook.name, hook.member, hook.functions, hook.sites, hook.scope, hook.tree)
            for hook in super().hooks
        ]


def check_soon(context: Context, rules: Iterable[Rule]) -> tuple[Checked, frozenset[str]]:
    """Return what some rules find, and the ids of those that have to follow paths for that.

    Comments that silence nothing are not told: rules that they silence may have had no say yet.
    """
    shallow = _Shallow(context.source, context.tree, context.target, context.before)
    shallow.sites = context.sites
    found: list[Finding] = []
    later: set[str] = set()
    for rule in rules:
        try:
            found += engine.findings(rule, shallow)
        except Later:
            later.add(rule.id)
    checked = apply_suppressions(context.source, sorted(found, key=engine.order))
    return Checked(checked.findings, checked.suppressed), frozenset(later)
