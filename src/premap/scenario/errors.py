# SPDX-License-Identifier: GPL-2.0-only
"""What can be wrong with a scenario file."""

from __future__ import annotations


class ScenarioError(Exception):
    """A scenario that can't be read, or does not follow the format; names file and line."""

    def __init__(self, message: str, path: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}" if place else self.message
