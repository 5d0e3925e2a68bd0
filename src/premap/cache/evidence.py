# SPDX-License-Identifier: GPL-2.0-only
"""What an answer about a kernel tree rests on: files read, files missed, folders searched.

It is told by what the file system says of files (times, size, inode), so that a thousand headers
are looked at in milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from os.path import isfile
from pathlib import Path
from typing import NamedTuple

from premap.cache.store import digest_of
from premap.csource.search import names_in

Stamp = tuple[int, int, int, int]
"""Of a file: when it changed, in two ways (nanoseconds), its size, its inode."""


class Evidence(NamedTuple):
    """What an answer rests on; names are relative to the root of the tree."""

    files: tuple[str, ...]
    stamps: str
    """A digest of what the file system says of them."""
    absent: tuple[str, ...]
    """Files that were looked for and are not there: one that comes would be read."""
    folders: tuple[str, ...]
    listing: str
    """A digest of the names of all C files right in these folders."""


def holds(evidence: Evidence, root: Path) -> bool:
    """Whether all that an answer rests on is as it was."""
    at = str(root)
    return (
        not any(isfile(f"{at}/{name}") for name in evidence.absent)  # noqa: PTH113 - thousands
        and told(stamp_of(f"{at}/{name}") for name in evidence.files) == evidence.stamps
        and listing(root, evidence.folders) == evidence.listing
    )


def stamp_of(path: str) -> Stamp | None:
    """Return what tells one state of a file from another; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked of a thousand files at each start
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def told(stamps: Iterable[Stamp | None]) -> str:
    """Return a digest of stamps."""
    return digest_of(repr(list(stamps)).encode())


def listing(root: Path, folders: Sequence[str]) -> str:
    """Return a digest of the names of all C files right in some folders."""
    names = [name for folder in folders for name in names_in(root, folder)]
    return digest_of("\n".join(names).encode("utf-8", "surrogateescape"))


__all__ = ["Evidence", "Stamp", "holds", "listing", "stamp_of", "told"]
