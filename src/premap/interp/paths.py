# SPDX-License-Identifier: GPL-2.0-only
"""Paths of members and elements within an object, and where they lead to the same place."""

from __future__ import annotations

from premap.interp.values import Index, Path


def is_vague(path: Path) -> bool:
    """Return whether it can't be told to which element a path leads."""
    return path != () and any(isinstance(step, Index) and step.symbolic for step in path)


def within(path: Path, outer: Path) -> bool:
    """Return whether a place is another one or a member of it.

    An element is not within element 0, which has the array's own path.
    """
    depth = len(outer)
    return path[:depth] == outer and (len(path) == depth or not isinstance(path[depth], Index))


def may_overlap(one: Path, other: Path) -> bool:
    """Return whether it can't be told if two paths lead to the same place.

    Element 0 of an array has the array's own path.
    """
    i = j = 0
    while i < len(one) or j < len(other):
        a = one[i] if i < len(one) else None
        b = other[j] if j < len(other) else None
        first = a if isinstance(a, Index) else b
        if isinstance(first, Index):
            second = b if first is a and isinstance(b, Index) else Index(0, first.unit)
            if first != second:
                return first.symbolic or second.symbolic
            i += isinstance(a, Index)
            j += isinstance(b, Index)
        elif a is None or b is None or a != b:
            return False
        else:
            i, j = i + 1, j + 1
    return False
