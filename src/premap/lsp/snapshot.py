# SPDX-License-Identifier: GPL-2.0-only
"""One state of a document and of what surrounds it: what a worker is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field


class Snapshot(Struct, frozen=True):
    """A document as it was at one moment."""

    name: str
    text: bytes
    path: Path | None = None
    root: Path | None = None
    """Root of its tree."""
    buffers: Mapping[str, bytes] = field(default_factory=dict)
    """Text of each open document of the tree, by its name there; its own, too."""
    touched: frozenset[str] = frozenset()
    """Files of the tree that may be new since the server was started."""
    target: str | None = None
    """The release that the user named; None: the tree's."""
