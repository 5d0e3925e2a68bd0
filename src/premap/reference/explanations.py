# SPDX-License-Identifier: GPL-2.0-only
"""The reference as `premap explain` prints it."""

from __future__ import annotations

from premap.records import Explanation
from premap.reference.entries import Entry, lookup, names


def _explanation(entry: Entry) -> Explanation:
    told = [entry.text, f"{entry.availability[:1].upper()}{entry.availability[1:]}."]
    text = "\n\n".join(told if entry.availability else told[:1])
    return Explanation(entry.name, "kernel", entry.head, text)


EXPLANATIONS = {name: _explanation(entry) for name in names() if (entry := lookup(name))}
