# SPDX-License-Identifier: GPL-2.0-only
"""Opens snapshots, in a worker: trees live on from one to the next."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from premap import releases
from premap.conversion import target_release
from premap.csource.reparse import Parsed, reparse
from premap.csource.source import SourceFile, source_of
from premap.csource.tree import KernelTree
from premap.lsp.snapshot import Snapshot
from premap.releases import Release, UnknownRelease
from premap.settings.errors import BadSettings
from premap.settings.files import Settings, read_settings


class Opened(Struct, frozen=True):
    """A snapshot as the other rooms want it."""

    source: SourceFile
    tree: KernelTree | None
    release: str
    """What it is checked for."""
    target: Release | None
    """What handlers are converted for; None: no hook can be written for the release."""


_TREES: dict[Path, KernelTree] = {}
"""Trees of this process, by root: what is known of their headers stays."""


def opened(snapshot: Snapshot) -> Opened:
    """Open a snapshot. Raises a SourceError if its text is no C source."""
    tree = _tree(snapshot)
    if tree is not None and snapshot.name in snapshot.buffers:
        source = tree.open(snapshot.name)
    else:
        source = source_of(snapshot.name, snapshot.text, snapshot.path)
    of_tree = tree.release if tree and tree.release != "?" else releases.NEWEST
    release = snapshot.target or _told(snapshot) or of_tree
    return Opened(source, tree, release, _target(release, tree))


_PARSED: dict[tuple[Path | None, str], Parsed] = {}
"""What came of parsing documents, the one that was edited last at the end."""
_MOST_PARSED = 4


def parsed_by_edits(document: Opened, snapshot: Snapshot) -> None:
    """Parse a document by what it was when it was asked about last."""
    key = (snapshot.root, snapshot.name)
    parsed = reparse(document.source, _PARSED.pop(key, None))
    if parsed is not None:
        _PARSED[key] = parsed
    while len(_PARSED) > _MOST_PARSED:
        del _PARSED[next(iter(_PARSED))]


def _tree(snapshot: Snapshot) -> KernelTree | None:
    if snapshot.root is None:
        return None
    tree = _TREES.setdefault(snapshot.root, KernelTree(snapshot.root))
    tree.renew(snapshot.buffers, snapshot.touched)
    return tree


def _told(snapshot: Snapshot) -> str | None:
    """Return the release that the settings name."""
    try:
        return settings_of(snapshot).target
    except BadSettings:
        return None  # whoever shows the findings says so


def settings_of(snapshot: Snapshot) -> Settings:
    """Return the settings of a document's folder. Raises BadSettings."""
    return read_settings(snapshot.path.parent) if snapshot.path else Settings()


def _target(release: str, tree: KernelTree | None) -> Release | None:
    try:
        return target_release(release, tree)
    except UnknownRelease:
        return None
