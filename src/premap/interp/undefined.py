# SPDX-License-Identifier: GPL-2.0-only
"""Runs that a comparison leaves out, and says so: what C leaves undefined, and long loops."""

from __future__ import annotations

from premap.model.errors import NotModelled


class Undefined(NotModelled):
    """C leaves undefined what happens here: division by zero, a shift by too much …."""


class Freed(Undefined):
    """Memory is accessed, or freed again, after it was freed."""


class Uninitialised(NotModelled):
    """A local variable is read before it is written."""


class NullPointer(NotModelled):
    """A pointer that is NULL, or an error, is followed."""


class BeyondBound(NotModelled):
    """A loop goes on for longer than it is followed."""
