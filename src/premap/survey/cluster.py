# SPDX-License-Identifier: GPL-2.0-only
"""Works on the machines of a dask.distributed cluster, which see the tree under the same path.

A worker that dies is the scheduler's to replace: its jobs go to others, and one that kills three of
them counts as failed. Results are kept in the store of whichever machine made them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from premap.survey.work import Job, do
from premap.workers import Failure

CONNECT = 10
"""Seconds to wait for the scheduler."""


class ClusterError(Exception):
    """There is no cluster to work on. `str()` says why."""


@contextlib.contextmanager
def cluster(address: str, limit: float) -> Iterator[ClusterEngine]:
    """Connect to the scheduler at `address`. Raises ClusterError."""
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as problem:
        raise ClusterError("--scheduler needs dask: pip install 'premap[cluster]'") from problem
    try:
        client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as problem:
        raise ClusterError(f"{address}: no scheduler there ({problem})") from problem
    try:
        yield ClusterEngine(client, distributed, limit)
    finally:
        client.close()


class ClusterEngine:
    """Hands jobs to a scheduler."""

    def __init__(self, client: Any, distributed: Any, limit: float) -> None:
        self._client = client
        self._distributed = distributed
        self._limit = limit

    def run(self, jobs: Sequence[Job]) -> Iterator[dict[str, Any] | Failure]:
        """Yield what came of each job, in their order.

        Where none of the jobs comes to an end within the limit (seconds), the rest has failed.
        """
        futures = self._client.map(do, jobs, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        done: dict[int, dict[str, Any] | Failure] = {}
        following = 0
        try:
            while following < len(jobs):
                waiting = [future for future in futures if places[future.key] not in done]
                done.update((places[key], outcome) for key, outcome in self._outcomes(waiting))
                while following in done:
                    yield done.pop(following)
                    following += 1
                futures = [f for f in futures if places[f.key] >= following]
        finally:
            self._client.cancel(futures)

    def _outcomes(self, waiting: list[Any]) -> list[tuple[str, dict[str, Any] | Failure]]:
        """Return the keys of those that have ended, and what came of them.

        A result can be lost after its job has ended, with the worker that holds it: the scheduler
        has the job done again then, and it is waited for like the others.
        """
        try:
            with self._client.as_current():
                ended = self._distributed.wait(waiting, self._limit, "FIRST_COMPLETED").done
        except self._distributed.TimeoutError:
            return [(future.key, Failure("nothing came of it in time")) for future in waiting]
        return [(future.key, _outcome(future)) for future in ended if future.done()]


def _outcome(future: Any) -> dict[str, Any] | Failure:
    problem = future.exception()
    if problem is not None:
        return Failure(f"its worker failed: {type(problem).__name__}: {problem}")
    found: dict[str, Any] = future.result()
    return found
