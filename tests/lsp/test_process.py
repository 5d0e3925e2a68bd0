# SPDX-License-Identifier: GPL-2.0-only
"""Workers of the server: cancelled, crashed, or too slow, they answer the next question."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from premap.lsp.process import WorkerProcess
from premap.workers import Failure


def _with_worker(work: Callable[[WorkerProcess], Awaitable[None]]) -> None:
    async def run() -> None:
        worker = WorkerProcess()
        try:
            await work(worker)
            assert await worker.run(operator.neg, 4, 30) == -4
        finally:
            worker.stop()

    asyncio.run(run())


class TestFailures:
    @pytest.mark.parametrize(
        ("work", "task", "message"),
        [
            (operator.neg, "x", "internal error: TypeError"),
            (os._exit, 7, "exit code 7"),
            (signal.raise_signal, signal.SIGSEGV, "killed by SIGSEGV"),
            (time.sleep, 60, "took longer than 0.5 seconds"),
        ],
    )
    def test_cost_one_task(
        self, work: Callable[[object], object], task: object, message: str
    ) -> None:
        async def fail(worker: WorkerProcess) -> None:
            await worker.start()
            limit = 0.5 if work is time.sleep else 30
            answer = await worker.run(work, task, limit)
            assert isinstance(answer, Failure)
            assert message in answer.message

        _with_worker(fail)


class TestCancelled:
    def test_tasks_end_by_themselves_and_are_not_answered(self) -> None:
        async def cancel(worker: WorkerProcess) -> None:
            await worker.start()
            asked = asyncio.ensure_future(worker.run(time.sleep, 0.2, 30))
            await asyncio.sleep(0.05)
            asked.cancel()
            assert await worker.run(operator.neg, 3, 30) == -3

        _with_worker(cancel)

    def test_tasks_that_crash_are_nobody_elses_failure(self) -> None:
        async def cancel(worker: WorkerProcess) -> None:
            await worker.start()
            asked = asyncio.ensure_future(worker.run(os._exit, 3, 30))
            await asyncio.sleep(0.05)
            asked.cancel()
            assert await worker.run(operator.neg, 3, 30) == -3

        _with_worker(cancel)

    def test_tasks_that_nobody_wants_are_ended(self) -> None:
        async def cancel(worker: WorkerProcess) -> None:
            asked = asyncio.ensure_future(worker.run_while_wanted(time.sleep, 1000, 1000))
            await asyncio.sleep(0.2)
            asked.cancel()
            began = time.monotonic()
            assert await worker.run(operator.neg, 3, 30) == -3
            assert time.monotonic() - began < 30

        _with_worker(cancel)

    def test_waiting_tasks_are_never_begun(self) -> None:
        async def cancel(worker: WorkerProcess) -> None:
            first = asyncio.ensure_future(worker.run(time.sleep, 0.2, 30))
            await asyncio.sleep(0.05)
            second = asyncio.ensure_future(worker.run(os._exit, 3, 30))
            await asyncio.sleep(0.05)
            second.cancel()
            assert await first is None

        _with_worker(cancel)


class TestFolder:
    def test_of_the_server_is_no_place_to_import_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A kernel tree is not trusted; a Python file in it is not run."""
        monkeypatch.chdir(tmp_path)
        for name in ("pickle.py", "premap.py", "socket.py"):
            (tmp_path / name).write_text("import os; os._exit(9)\n")

        async def nothing(worker: WorkerProcess) -> None:
            await worker.start()

        _with_worker(nothing)
