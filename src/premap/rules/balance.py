# SPDX-License-Identifier: GPL-2.0-only
"""Whether calls take and give back as much."""

from __future__ import annotations

import re

from premap.csource.keeping import GIVES, allocates, refers

_TAKES_BY_WORD = re.compile(r"(?:^|_)(?:get|inc|hold|grab|acquire|add|ref|pin|alloc|take)(?:_|$)")


def takes(name: str) -> bool:
    """Whether a kernel function of this name takes or allocates something."""
    return allocates(name) or refers(name)


def by_word(name: str) -> int:
    """Return what `weight` does, and go by single words where it knows nothing.

    Right for callbacks, whose calls come in pairs; a hook calls many a function that only gets.
    """
    known = weight(name)
    return 1 if known == 0 and _TAKES_BY_WORD.search(name) else known


def weight(name: str) -> int:
    """Return 1 for a function that takes something, -1 for one that gives it back, else 0."""
    if takes(name):
        return 1
    return -1 if GIVES.search(name) else 0
