# SPDX-License-Identifier: GPL-2.0-only
"""A worker process, as the server's event loop sees it."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from premap.lsp.worker import LENGTH
from premap.workers import Failure, death

_GRACE = 1
"""Seconds for a process to end after it closed its output."""

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerProcess:
    """Does one task at a time. It is started when needed, and again after it ended.

    A task that takes too long, or crashes the process, gives a Failure.
    """

    def __init__(self, *preloaded: str) -> None:
        self._preloaded = preloaded
        self._channel: _Channel | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the process now rather than with the first task."""
        async with self._turn:
            await self._running()

    async def run(
        self, work: Callable[[Task], Result], task: Task, limit: float
    ) -> Result | Failure:
        """Return what `work(task)` gives in the process, or a Failure after `limit` seconds.

        If the caller is cancelled, the process finishes the task and its answer is dropped.
        """
        async with self._turn:
            return await self._exchange(work, task, limit)

    async def run_while_wanted(
        self, work: Callable[[Task], Result], task: Task, limit: float
    ) -> Result | Failure:
        """Do as `run`, but end the process if the caller is cancelled."""
        async with self._turn:
            try:
                return await self._exchange(work, task, limit)
            except asyncio.CancelledError:
                self.stop()
                raise

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._channel is not None:
            self._channel.close()
        self._channel = None

    async def _exchange(
        self, work: Callable[[Task], Result], task: Task, limit: float
    ) -> Result | Failure:
        try:
            async with asyncio.timeout(limit):
                channel = await self._settled()
                answer: Result | Failure = await channel.ask(pickle.dumps((work, task)))
                return answer
        except TimeoutError:
            self.stop()
            return Failure(f"took longer than {limit:g} seconds")
        except (OSError, asyncio.IncompleteReadError):
            return await self._died()

    async def _settled(self) -> _Channel:
        """Return the process, ready for a task; or another, if an earlier task ended it."""
        channel = await self._running()
        try:
            await channel.settle()
        except (OSError, asyncio.IncompleteReadError):
            await self._died()
            channel = await self._running()
        return channel

    async def _running(self) -> _Channel:
        if self._channel is None or self._channel.ended:
            self._channel = await _started(self._preloaded)
        return self._channel

    async def _died(self) -> Failure:
        code = self._channel.wait() if self._channel else None
        self.stop()
        return Failure(death(code))


async def _started(preloaded: Iterable[str]) -> _Channel:
    ours, theirs = socket.socketpair()
    with theirs:
        # -P: the folder that the server was started in, a kernel tree, is no place to import
        # Python from.
        process = subprocess.Popen(  # noqa: S603  it does not block; it is Python
            [sys.executable, "-P", "-m", "premap.lsp.worker", str(theirs.fileno()), *preloaded],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return _Channel(process, *await asyncio.open_connection(sock=ours))


class _Channel:
    """The socket to one process: questions and answers, in order."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        answers: asyncio.StreamReader,
        questions: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._answers = answers
        self._questions = questions
        self._owed = 0
        """Answers to come."""
        self._reading: asyncio.Task[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    async def settle(self) -> None:
        """Take the answers that nobody waits for any more."""
        while self._owed:
            await self._answer()

    async def ask(self, question: bytes) -> Any:
        """Send a question, and return the answer to it."""
        self._questions.write(LENGTH.pack(len(question)) + question)
        self._owed += 1
        await self._questions.drain()
        return pickle.loads(await self._answer())  # noqa: S301  our own process's

    async def _answer(self) -> bytes:
        """Read one answer; a caller that is cancelled meanwhile leaves it to the next."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())
        answer = await asyncio.shield(self._reading)
        self._reading = None
        self._owed -= 1
        return answer

    async def _read(self) -> bytes:
        (length,) = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))
        return await self._answers.readexactly(length)

    def wait(self) -> int | None:
        """Return the exit code of a process that closed its end; None if it does not end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_GRACE)
        return None

    def close(self) -> None:
        """End the process."""
        if self._reading is not None:
            self._reading.cancel()
        self._questions.close()
        self._process.kill()
        self._process.wait()
