# SPDX-License-Identifier: GPL-2.0-only
"""A copy of a tree that is made of links, in which files can be replaced.

Folders are real ones: a compiler that follows `../x.h` through a link to a folder would leave the
copy, and find the old header.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from premap.kbuild.make import KbuildError

_BUILT = (".config", "include/config", "include/generated")
"""What a build in the tree itself leaves: make would take it for its own."""
_LEFT_OUT = frozenset({".git"})


def link(tree: Path, folder: Path) -> None:
    """Make `folder` a copy of the tree; files that were replaced before are links again."""
    for name in _BUILT:
        if (tree / name).exists():
            raise KbuildError(f"{tree}: something was built in it; run `make mrproper` there")
    if folder.resolve().is_relative_to(tree.resolve()):
        raise KbuildError(f"{folder}: lies in the tree, which is to stay as it is")
    try:
        _link(tree.resolve(), folder)
    except OSError as problem:
        raise KbuildError(f"{folder}: {problem.strerror}") from problem


def _link(tree: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    there = {entry.name: entry for entry in os.scandir(folder)}
    for entry in os.scandir(tree):
        if entry.name in _LEFT_OUT:
            continue
        old = there.pop(entry.name, None)
        if entry.is_dir(follow_symlinks=False):
            _link(Path(entry.path), folder / entry.name)
        elif old is None or not old.is_symlink():
            replace(folder / entry.name, entry.path)
    for old in there.values():
        if not old.is_dir(follow_symlinks=False):
            os.unlink(old.path)  # noqa: PTH108  as many as a tree has files


def replace(place: Path, target: str) -> None:
    """Put a link to `target` in a place, whatever is there."""
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def written(folder: Path, texts: Mapping[str, bytes]) -> Iterator[Path]:
    """Replace files of the copy, those whose text is another; yield their paths."""
    for name, text in texts.items():
        path = folder / name
        if path.read_bytes() != text:
            path.unlink()
            path.write_bytes(text)
            yield path
