# SPDX-License-Identifier: GPL-2.0-only
"""What tells one state of premap's own code, and of what it depends on, from another."""

from __future__ import annotations

import os
from importlib.machinery import PathFinder
from pathlib import Path

import premap
from premap.cache.store import digest_of

_SUFFIXES = (".py", ".toml")
_LIBRARIES = ("tree_sitter", "tree_sitter_c", "z3")


def code_stamp() -> str:
    """Return a digest of the stamps of premap's own files, and of the libraries it rests on.

    Nothing is read: that would take longer than what is saved.
    """
    stamps = [*_stamps(str(Path(premap.__file__).parent)), *map(_library, _LIBRARIES)]
    return digest_of("\n".join(sorted(stamps)).encode("utf-8", "surrogateescape"))


def _stamps(folder: str) -> list[str]:
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIXES):
                found.append(_stamp(entry.path, entry.stat()))
            elif entry.name != "__pycache__" and entry.is_dir():
                found += _stamps(entry.path)
    return found


def _stamp(path: str, status: os.stat_result) -> str:
    return f"{path} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_size} {status.st_ino}"


def _library(name: str) -> str:
    spec = PathFinder.find_spec(name)
    if spec is None or spec.origin is None:
        return name
    return _stamp(spec.origin, os.stat(spec.origin))  # noqa: PTH116 - asked at every start


__all__ = ["code_stamp"]
