# SPDX-License-Identifier: GPL-2.0-only
"""The edits of many conversions, put together file by file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from premap.cli.engine import digest
from premap.cli.inputs import Input
from premap.csource.edit import BadEdit, apply_edits
from premap.csource.unified import unified_diff
from premap.records import Conversion, Edit


class Conflict(Exception):
    """The edits of a conversion can't be made beside those that are there already."""


class Change(Struct):
    """One file that changes."""

    path: Path
    name: str
    old: bytes
    edits: dict[Edit, None] = field(default_factory=dict)

    @property
    def new(self) -> bytes:
        """Its text after all edits."""
        return apply_edits(self.old, self.edits)


class Patch:
    """What a run changes. Files of several trees may have the same name."""

    def __init__(self) -> None:
        self._changes: dict[Path, Change] = {}
        self._together: list[set[Path]] = []

    def add(self, file: Input, conversion: Conversion, digests: dict[str, str]) -> None:
        """Add all edits of a conversion found in `file`, or none of them (Conflict).

        `digests` are of the texts that the edits were made for.
        """
        merged: dict[Path, dict[Edit, None]] = {}
        for edit in conversion.edits:
            change = self._change(file, edit.file, digests)
            merged.setdefault(change.path, dict(change.edits))[edit] = None
        try:
            for path, edits in merged.items():
                apply_edits(self._changes[path].old, edits)
        except BadEdit as problem:
            raise Conflict(f"with the conversion of another handler: {problem}") from problem
        for path, edits in merged.items():
            self._changes[path].edits = edits
        self._join(set(merged))

    def changes(self) -> Iterator[Change]:
        """Files that change, by name."""
        changed = [change for change in self._changes.values() if change.edits]
        yield from sorted(changed, key=_order)

    def groups(self) -> Iterator[list[Change]]:
        """Files that change, those together that one conversion changes, by name."""
        for change in self.changes():
            group = next(paths for paths in self._together if change.path in paths)
            first = min((self._changes[path] for path in group), key=_order)
            if change is first:
                yield sorted((self._changes[path] for path in group), key=_order)

    def _join(self, paths: set[Path]) -> None:
        apart = [group for group in self._together if not group & paths]
        joined = paths.union(*(group for group in self._together if group & paths))
        self._together = [*apart, joined]

    def diff(self) -> bytes:
        """Return the unified diff of everything, as `git apply` takes it."""
        return b"".join(
            unified_diff(change.name, change.old, change.new) for change in self.changes()
        )

    def _change(self, file: Input, name: str, digests: dict[str, str]) -> Change:
        root = file.root if file.root and file.driver is None else Path()
        path = file.path if name == file.name else root / name
        path = Path(os.path.realpath(path))  # one file, whichever way it was reached
        if path not in self._changes:
            try:
                old = path.read_bytes()
            except OSError as problem:
                raise Conflict(f"{name}: {problem.strerror}") from problem
            self._changes[path] = Change(path, name, old)
        change = self._changes[path]
        if digest(change.old) != digests[name]:
            raise Conflict(f"{name} changed while premap was at work")
        return change


def _order(change: Change) -> tuple[str, Path]:
    return change.name, change.path
