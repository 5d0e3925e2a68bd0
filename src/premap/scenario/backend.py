# SPDX-License-Identifier: GPL-2.0-only
"""What can run a scenario: the model, or a kernel."""

from __future__ import annotations

from typing import Protocol

from premap.scenario.reader import Json


class MissingStep(Exception):
    """The backend has no step of this kind; the scenario ends before it."""

    def __init__(self, op: str) -> None:
        super().__init__(f"{op}: this backend has no such step yet")
        self.op = op


class BackendError(Exception):
    """What runs the scenarios can't be had, or is gone. `str()` is one line."""


class Backend(Protocol):
    """Runs scenarios, one after another, each in a process of its own."""

    def begin(self, window: tuple[int, int]) -> None:
        """Start a process with nothing mapped in the window ([low, high) in bytes)."""
        ...

    def step(self, step: Json) -> Json:
        """Run one step; returns its result. Raises MissingStep."""
        ...

    def end(self) -> None:
        """End the process, and forget its files and devices."""
        ...

    def close(self) -> None:
        """Let go of what runs the scenarios; nothing is called after that."""
        ...
