# SPDX-License-Identifier: GPL-2.0-only
"""What came of a scenario on a backend, whatever came: also an exception of the backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from premap.scenario.backend import Backend
from premap.scenario.reader import Json

FAILED = "failed"
"""The key of a result that says why there is none."""


def attempt(backend: Backend, step: Json) -> Json:
    """Run one step. What the backend can't do, or fails at, is a result like any other."""
    try:
        return backend.step(step)
    except Exception as problem:  # noqa: BLE001 - a mistake of the model is what is looked for
        return {FAILED: f"{type(problem).__name__}: {problem}", "events": [], "vmas": []}


@contextmanager
def begun(backend: Backend, window: tuple[int, int]) -> Iterator[Backend]:
    """Begin a scenario, and end it."""
    backend.begin(window)
    try:
        yield backend
    finally:
        backend.end()


def outcomes(steps: Iterable[Json], window: tuple[int, int], backend: Backend) -> list[Json]:
    """Run steps up to the last, or to one that fails."""
    results: list[Json] = []
    with begun(backend, window):
        for step in steps:
            results.append(attempt(backend, step))
            if FAILED in results[-1]:
                break
    return results
