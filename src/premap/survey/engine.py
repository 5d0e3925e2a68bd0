# SPDX-License-Identifier: GPL-2.0-only
"""What runs the jobs of a survey: processes of this machine, or of others (cluster)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from premap.survey.work import Job, do
from premap.workers import Failure, Workers

Result = dict[str, Any]
"""Of a job: "result" and the "digests" it rests on, or the "problem"."""


class Engine(Protocol):
    """Runs jobs, here or on other machines."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
        """Yield what came of each job, in their order."""


class LocalEngine:
    """Processes of this machine."""

    def __init__(self, jobs: int, time_limit: float) -> None:
        self._jobs = jobs
        self._limit = time_limit

    def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
        """Yield what came of each job, in their order."""
        workers: Workers[Job, Result] = Workers(do, self._jobs, self._limit)
        yield from workers.run(jobs)
