# SPDX-License-Identifier: GPL-2.0-only
"""Works on the machines of a dask.distributed cluster, which see the tree under the same path.

Each worker does its jobs in a process beside it (apart), so that one which crashes or hangs costs
that file. A worker that dies itself is the scheduler's to replace: its jobs go to others. Results
are kept in the store of whichever machine made them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from premap.survey.apart import do_apart
from premap.survey.work import Job, do
from premap.workers import PATIENCE, Failure

CONNECT = 10
"""Seconds to wait for the scheduler."""
_GRACE = 120
"""Seconds, beyond what a job may take, in which some result has to arrive."""


class ClusterError(Exception):
    """There is no cluster to work on. `str()` says why."""


@contextlib.contextmanager
def cluster(
    address: str, limit: float, work: Callable[[Job], dict[str, Any]] = do
) -> Iterator[ClusterEngine]:
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
        yield ClusterEngine(client, distributed, limit, work)
    finally:
        client.close()


class ClusterEngine:
    """Hands jobs to a scheduler."""

    def __init__(
        self,
        client: Any,
        distributed: Any,
        limit: float,
        work: Callable[[Job], dict[str, Any]] = do,
    ) -> None:
        """Give each job at most `limit` seconds of the processor."""
        self._client = client
        self._distributed = distributed
        self._limit = limit
        self._work = work

    def run(self, jobs: Sequence[Job]) -> Iterator[dict[str, Any] | Failure]:
        """Yield what came of each job, in their order.

        Where nothing arrives any more, the rest has failed: the workers are gone, or cut off.
        """
        limits = {"work": self._work, "limit": self._limit}
        futures = self._client.map(do_apart, jobs, pure=False, **limits)
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
        longest = PATIENCE * self._limit + _GRACE
        try:
            with self._client.as_current():
                ended = self._distributed.wait(waiting, longest, "FIRST_COMPLETED").done
        except self._distributed.TimeoutError:
            return [(future.key, Failure("nothing came of it in time")) for future in waiting]
        return [(future.key, _outcome(future)) for future in ended if future.done()]


def _outcome(future: Any) -> dict[str, Any] | Failure:
    problem = future.exception()
    if problem is not None:
        return Failure(f"its worker failed: {type(problem).__name__}: {problem}")
    found: dict[str, Any] | Failure = future.result()
    return found
