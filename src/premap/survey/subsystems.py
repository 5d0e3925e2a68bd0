# SPDX-License-Identifier: GPL-2.0-only
"""Whose a file is, by the tree's MAINTAINERS."""

from __future__ import annotations

from functools import cached_property
from os.path import isdir
from pathlib import Path

from premap.mailing.maintainers import Maintainers


class Subsystems:
    """Subsystem and maintainers of files; of none where the tree has no such file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[str | None, list[str]]] = {}

    @cached_property
    def _maintainers(self) -> Maintainers:
        try:
            text = (self._root / "MAINTAINERS").read_text("utf-8", "replace")
        except OSError:
            text = ""
        return Maintainers(text, self._is_folder)

    def _is_folder(self, name: str) -> bool:
        return isdir(f"{self._root}/{name}")  # noqa: PTH112  asked of thousands

    def of(self, file: str) -> tuple[str | None, list[str]]:
        """Return the closest section's title, and everybody who maintains the file."""
        if file not in self._known:
            sections = self._maintainers.of(file)
            people = [person for section in sections for person in section.recipients.to]
            title = sections[0].title if sections else None
            self._known[file] = title, list(dict.fromkeys(people))
        return self._known[file]
