# SPDX-License-Identifier: GPL-2.0-only
"""What a rule is, and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from tree_sitter import Node

from premap.records import Edit, Explanation, Level, Safety

if TYPE_CHECKING:
    from premap.csource.source import SourceFile
    from premap.rules.context import Context
    from premap.rules.hooks import Hook


class Repair(Struct, frozen=True):
    """Edits that would put it right, all in the file of the finding."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety = "review"


class Found(NamedTuple):
    """One place where a rule is broken."""

    source: SourceFile
    start: int
    end: int
    message: str
    level: Level | None = None
    """Where it is not the rule's own."""
    hook: Hook | None = None
    example: dict[str, Any] | None = None
    repair: Repair | None = None


def at(source: SourceFile, node: Node, message: str, **more: Any) -> Found:
    """Return what was found at a node."""
    return Found(source, node.start_byte, node.end_byte, message, **more)


Check = Callable[["Context"], Iterable[Found]]


class Rule(Struct, frozen=True):
    """One mistake that people make with mmap hooks."""

    id: str
    title: str
    """One line, no full stop."""
    level: Level
    why: str
    """What goes wrong, in our words."""
    bad: str
    """C that breaks the rule, and"""
    good: str
    """C that does not. They are the rule's tests, too."""
    check: Check
    since: str = "6.1"
    """The first release that it holds for."""
    legacy: bool = False
    """Whether it is about `->mmap` handlers, too."""
    upstream: tuple[str, ...] = ()
    """Commits and CVEs of real kernels."""
    before: str = ""
    """For a rule that compares two versions: the file as it was."""

    def explanation(self) -> Explanation:
        """Return what `premap explain` says."""
        where = "`->mmap` and `->mmap_prepare`" if self.legacy else "`->mmap_prepare`"
        parts = [self.why.strip(), f"Level: {self.level}. For {where} hooks, since {self.since}."]
        if self.upstream:
            parts.append("See " + "; ".join(self.upstream) + ".")
        return Explanation(self.id, "rule", self.title, "\n\n".join(parts), self.bad, self.good)
