# SPDX-License-Identifier: GPL-2.0-only
"""Replaying scenario files, and comparing with what was recorded.

Results are compared as the bytes that `json.dumps` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from premap.model.tree import ListTree
from premap.scenario.backend import Backend, MissingStep
from premap.scenario.device import Word
from premap.scenario.model_backend import ModelBackend
from premap.scenario.reader import Json, Scenario, read


class Disagreement(Struct, frozen=True):
    """A step whose result is not the one recorded; both as they are written."""

    step: int
    expected: str
    got: str


class Replay(Struct, frozen=True):
    """What came of one scenario.

    `results` are one a step, up to the end or to the first step that the backend does not have,
    whose kind is `missing`; `disagreement` is the first one with the record, if there is a record.
    """

    scenario: Scenario
    results: tuple[Json, ...]
    missing: str | None
    disagreement: Disagreement | None

    @property
    def agrees(self) -> bool:
        """All steps ran, and none differs from the record."""
        return self.missing is None and self.disagreement is None


def run(scenario: Scenario, backend: Backend) -> Iterator[Json]:
    """Run a scenario on a backend, one result a step. Raises MissingStep."""
    backend.begin(scenario.window)
    try:
        for step in scenario.steps:
            yield backend.step(step)
    finally:
        backend.end()


def replay(scenario: Scenario, backend: Backend) -> Replay:
    """Run a scenario, and compare it with its record."""
    results: list[Json] = []
    missing = None
    try:
        for result in run(scenario, backend):
            results.append(result)  # noqa: PERF402 - those before a missing step count
    except MissingStep as step:
        missing = step.op
    return Replay(scenario, tuple(results), missing, _compare(scenario, results))


def _compare(scenario: Scenario, results: list[Json]) -> Disagreement | None:
    for index, (expected, got) in enumerate(zip(scenario.results or (), results, strict=False)):
        written = json.dumps(expected), json.dumps(got)
        if written[0] != written[1]:
            return Disagreement(index, *written)
    return None


def model_backend(words: Word | None = None) -> ModelBackend:
    """Return the model as a backend; `words` makes a word of a number, None for plain integers.

    With words of another kind the mappings are held in a list, which only compares them in `if`s.
    """
    if words is None:
        return ModelBackend()
    return ModelBackend(words, ListTree)


def replay_file(
    path: str | Path, words: Word | None = None, backend: Backend | None = None
) -> list[Replay]:
    """Replay every scenario of a file, on the model unless another backend is given.

    `words` makes the words that the model computes with (`premap.symbolic.const`). Raises
    ScenarioError for a file that can't be read, NotModelled where the model does not know.
    """
    target = backend or model_backend(words)
    return [replay(scenario, target) for scenario in read(path)]
