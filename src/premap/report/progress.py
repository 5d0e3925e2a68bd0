# SPDX-License-Identifier: GPL-2.0-only
"""How far a long run is: a bar on a terminal, and records as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from premap.report.text import console

_INNER = frozenset({"patch", "run"})
"""What records have for pages only."""
_WINDOW = 120
"""Seconds over which the speed is taken: files differ a hundredfold in what they cost."""


class Bar:
    """One bar a stage; the remaining time is told from the speed of the last two minutes."""

    def __init__(self, color: str, out: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console(color, out),
            speed_estimate_period=_WINDOW,
            transient=True,
            disable=not out.isatty(),
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, what: str, total: int) -> None:
        """Begin a stage of `total` steps; 0 where that is not known."""
        self._progress.reset(self._task, description=what, total=total or None)

    def step(self) -> None:
        """Note that one more is done."""
        self._progress.advance(self._task)

    def sites(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Wait for the end."""


class Lines:
    """Writes each record as a line of JSON once it is complete."""

    def __init__(self, bar: Bar, out: TextIO) -> None:
        self._bar = bar
        self._out = out

    def begin(self, what: str, total: int) -> None:
        """Begin a stage."""
        self._bar.begin(what, total)

    def step(self) -> None:
        """Note that one more is done."""
        self._bar.step()

    def sites(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Write the records."""
        for site in found:
            shown = {key: value for key, value in site.items() if key not in _INNER}
            self._out.write(json.dumps(shown) + "\n")
        self._out.flush()
