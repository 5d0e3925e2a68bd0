# SPDX-License-Identifier: GPL-2.0-only
"""Where kernel releases differ from the model, which is 7.3: steps that are not compared there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from premap.scenario.difference import Difference

Release = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """A difference that is the release's: `since` it the kernel does as the model does."""

    id: str
    since: Release
    what: str
    holds: Callable[[Difference], bool]


KNOWN: tuple[Known, ...] = ()


def known(difference: Difference, release: Release) -> Known | None:
    """Return the entry that explains a difference on a kernel of this release, or None."""
    for entry in KNOWN:
        if release < entry.since and entry.holds(difference):
            return entry
    return None
