# SPDX-License-Identifier: GPL-2.0-only
"""A hook, and what its tables named before a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from premap.csource.handlers import find_handlers
from premap.csource.source import Function
from premap.rules.context import Context
from premap.rules.hooks import Hook

if TYPE_CHECKING:
    from premap.rules.paths import Exploration, Trace


def replaced(context: Context, hook: Hook) -> dict[str, list[Function]]:
    """Return the handlers that the tables of a hook named before, by name."""
    if context.before is None:
        return {}
    tables = {site.table for site in hook.sites}
    names = {
        handler.name
        for handler in find_handlers(context.before)
        if handler.member == "mmap" and handler.table in tables
    }
    known = context.before.functions
    return {name: known[name] for name in sorted(names) if name in known}


def old_explorations(context: Context, hook: Hook) -> Iterator[Exploration]:
    """Yield the paths of the handlers that a hook replaces, each with all of them.

    Driver state of the same name is the same in them and in the hook's own.
    """
    from premap.rules.paths import explore_beside  # noqa: PLC0415  for patches alone

    names = replaced(context, hook)
    if context.before is None or not names or not hook.exploration.complete:
        return
    before = Context(context.before, context.tree, context.target)
    for old in before.hooks:
        if old.name in names:
            found = explore_beside(old, hook.exploration)
            if found.complete:
                yield found


def contradicting(hook: Hook, old: Exploration) -> Iterator[tuple[Trace, Trace]]:
    """Yield paths of a hook with paths of the old one that end otherwise for the same call.

    Only what both versions ask about counts: a result that one of them alone gets from elsewhere
    may be any.
    """
    from premap.rules.paths import asked  # noqa: PLC0415  for patches alone

    common = asked(hook.exploration.traces) & asked(old.traces)
    for new in hook.exploration.traces:
        for was in old.traces:
            if new.failed != was.failed and asked([new, was]) <= common:
                yield new, was


__all__ = ["contradicting", "old_explorations", "replaced"]
