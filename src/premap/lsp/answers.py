# SPDX-License-Identifier: GPL-2.0-only
"""What the server asks workers, and what they answer."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from premap.lsp.remarks import Remark, Site
from premap.lsp.snapshot import Snapshot
from premap.records import Edit, Outcome


class CheckedDocument(Struct, frozen=True):
    """What is to be said about a document."""

    remarks: tuple[Remark, ...] = ()
    sites: tuple[Site, ...] = ()
    answered: frozenset[str] = frozenset()
    """Ids of the rules that had their say."""
    complete: bool = True
    """Whether there is nothing more to find out."""
    problem: str | None = None
    """Why nothing can be said about it."""


class Request(Struct, frozen=True):
    """A handler to convert."""

    snapshot: Snapshot
    name: str
    file: str
    """Name of the file with its initializer."""
    start: int
    """Offset of its initializer."""


class ChangedFile(Struct, frozen=True):
    """What a conversion changes in one file."""

    name: str
    path: Path | None
    """None: the document itself, which is no file."""
    before: bytes
    edits: tuple[Edit, ...]


class Converted(Struct, frozen=True):
    """What came of a handler."""

    outcome: Outcome | None
    """None: there is no such handler any more."""
    files: tuple[ChangedFile, ...] = ()
