# SPDX-License-Identifier: GPL-2.0-only
"""A process beside the one that a cluster's worker is, which may crash, hang or be killed.

Started with `python -m premap.survey.apart FD SECONDS`, it takes jobs from the socket FD.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any, TypeVar

from premap.workers import Failure, Worker, serve

Task = TypeVar("Task")
Result = TypeVar("Result")


class _Process:
    """A program, as Worker sees a process."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program
        self.pid = program.pid

    @property
    def exitcode(self) -> int | None:
        return self._program.returncode

    def kill(self) -> None:
        self._program.kill()

    def join(self) -> None:
        self._program.wait()


_Mine = Worker[tuple[Callable[[Any], Any], Any], Any]


class _Thread(threading.local):
    """What a thread has: a process of its own, that lives on from one job to the next."""

    worker: _Mine | None = None


_THREAD = _Thread()


def do_apart(task: Task, work: Callable[[Task], Result], limit: float) -> Result | Failure:
    """Do `work(task)` in this thread's process, for at most `limit` seconds of the processor."""
    worker = _THREAD.worker or _started(limit)
    _THREAD.worker = worker
    worker.limit = limit
    result, alive = worker.ask((work, task))
    if not alive:
        worker.stop()
        _THREAD.worker = None
    return result


def _started(limit: float) -> _Mine:
    ours, theirs = Pipe()
    with theirs:
        # -P: modules are not looked for in the folder that the worker was started in.
        command = [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), str(limit)]
        program = subprocess.Popen(  # noqa: S603  it is Python
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return Worker(_Process(program), ours, limit)


def _do(given: tuple[Callable[[Any], Any], Any]) -> Any:
    work, task = given
    return work(task)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), _do, float(sys.argv[2]))
