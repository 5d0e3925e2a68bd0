# SPDX-License-Identifier: GPL-2.0-only
"""Work on many things in processes of their own, of which any may crash, hang or be killed.

Each such accident costs the one thing that the process worked on. Linux only, as premap is:
processes are forked, so that what they share is there from the start.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from msgspec import Struct

MEMORY_LIMIT = 6 << 30
"""Bytes of address space that one process may have."""
PATIENCE = 5
"""How many times its limit a task may take by the clock, on a machine that has other work, too."""
_GRACE = 10
"""Seconds after that at which a process ends by itself, should its parent be gone."""
_TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds, in which the kernel counts what a process used of the processor."""
_AT_ONCE = 1 << 16
"""Bytes that are read of a pipe at once."""

Task = TypeVar("Task")
Result = TypeVar("Result")


class Failure(Struct, frozen=True):
    """Nothing came of a task."""

    message: str
    trace: str = ""
    """Python's traceback, where there is one."""


class Process(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int | None:
        """Its number."""

    @property
    def exitcode(self) -> int | None:
        """How it ended; of a signal, negative."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def join(self) -> None:
        """Wait for its end."""


class Worker(Generic[Task, Result]):
    """One process, which takes one task at a time; `serve` is what it does."""

    def __init__(self, process: Process, pipe: Any, limit: float) -> None:
        self.process = process
        self.pipe = pipe
        self.limit = limit
        self.task: int | None = None
        self.deadline = 0.0
        self._began = 0.0
        self._used = 0.0

    def begin(self, index: int, task: Task) -> None:
        """Hand it a task."""
        self.count(index)
        with contextlib.suppress(OSError):  # it died while idle; finish() will say so
            self.pipe.send(task)

    def count(self, index: int) -> None:
        """Count the time of a task from now on."""
        self.task = index
        self._began = time.monotonic()
        self._used = _processor_time(self.process.pid)
        self.deadline = self._began + self.limit

    def ask(self, task: Task) -> tuple[Result | Failure, bool]:
        """Hand it a task and wait; return what came of it, and whether it can take another."""
        self.begin(0, task)
        return self.answer()

    def answer(self) -> tuple[Result | Failure, bool]:
        """Wait; return what came of the task, and whether it can take another."""
        while not self.pipe.poll(max(0.0, self.deadline - time.monotonic())):
            if (late := self.late()) is not None:
                return late, False
        return self.finish()

    def finish(self) -> tuple[Result | Failure, bool]:
        """Take what came of the task; and whether the process can take another."""
        try:
            result: Result | Failure = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Failure(death(self.process.exitcode)), False
        return result, True

    def late(self) -> Failure | None:
        """Tell whether the task has had its time; if not, look again at a later `deadline`."""
        now = time.monotonic()
        most = self._began + PATIENCE * self.limit
        left = self.limit - (_processor_time(self.process.pid) - self._used)
        if now < self.deadline:
            return None
        if left <= 0:
            return Failure(f"took longer than {self.limit:g} seconds of the processor")
        if now >= most:
            return Failure(f"took longer than {PATIENCE * self.limit:g} seconds")
        self.deadline = min(most, now + max(left, _TICK))
        return None

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Workers(Generic[Task, Result]):
    """Runs `work` on tasks, `jobs` at a time, each for at most `limit` seconds of the processor."""

    def __init__(self, work: Callable[[Task], Result], jobs: int, limit: float) -> None:
        self.work = work
        self.jobs = jobs
        self.limit = limit

    def run(self, tasks: Iterable[Task]) -> Iterator[Result | Failure]:
        """Yield what came of each task, in the order of the tasks, which are taken as needed."""
        if isinstance(tasks, Sequence) and len(tasks) == 1:
            yield alone(self.work, tasks[0], self.limit)
            return
        waiting = enumerate(tasks)
        done: dict[int, Result | Failure] = {}
        workers: list[Worker[Task, Result]] = []
        following = 0
        try:
            while self._hand_out(waiting, workers):
                self._collect(workers, done)
                while following in done:
                    yield done.pop(following)
                    following += 1
        finally:
            for worker in workers:
                worker.stop()

    def _hand_out(
        self, waiting: Iterator[tuple[int, Task]], workers: list[Worker[Task, Result]]
    ) -> bool:
        """Give every process a task, as long as there are any; tell whether one has any."""
        while True:
            idle = next((worker for worker in workers if worker.task is None), None)
            if idle is None and len(workers) >= self.jobs:
                return True
            following = next(waiting, None)
            if following is None:
                return any(worker.task is not None for worker in workers)
            if idle is None:
                idle = _forked(self.work, self.limit)
                workers.append(idle)
            idle.begin(*following)

    def _collect(
        self, workers: list[Worker[Task, Result]], done: dict[int, Result | Failure]
    ) -> None:
        """Wait until a process has finished or has had its time."""
        from multiprocessing.connection import wait  # noqa: PLC0415  one task does without

        busy = [worker for worker in workers if worker.task is not None]
        soonest = min(worker.deadline for worker in busy)
        pipes = {worker.pipe: worker for worker in busy}
        ready = wait(pipes, max(0.0, soonest - time.monotonic()))
        for worker in busy:
            if worker.task is None:
                continue
            if worker.pipe in ready:
                result, alive = worker.finish()
            elif (late := worker.late()) is not None:
                result, alive = late, False
            else:
                continue
            done[worker.task] = result
            worker.task = None
            if not alive:
                worker.stop()
                workers.remove(worker)


def _forked(work: Callable[[Task], Result], limit: float) -> Worker[Task, Result]:
    """Start a worker. Ctrl-C does not reach it, from its first moment on."""
    import multiprocessing  # noqa: PLC0415  takes longer than many a task; one does without

    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_serve, args=(ours, theirs, work, limit), daemon=True)
    with _uninterrupted():
        process.start()
    theirs.close()
    return Worker(process, ours, limit)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C from a process that is forked here, until it ignores it itself."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def alone(work: Callable[[Task], Result], task: Task, limit: float) -> Result | Failure:
    """Return what came of one task, done in a process of its own, which gets it by being forked."""
    ours, theirs = os.pipe()
    with _uninterrupted():
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            _write(theirs, work, task, limit)
    os.close(theirs)
    worker: Worker[Task, Result] = Worker(_Forked(pid), _Answer(ours), limit)
    try:
        worker.count(0)
        return worker.answer()[0]
    finally:
        worker.stop()


def _write(file: int, work: Callable[[Any], Any], task: Any, limit: float) -> NoReturn:
    """Work on a task, and write what comes of it. This ends the process."""
    code = 1
    try:
        restrain()
        signal.alarm(int(PATIENCE * limit) + _GRACE)
        left = memoryview(attempt(work, task))
        while left:
            left = left[os.write(file, left) :]
        code = 0
    finally:
        os._exit(code)


class _Forked:
    """A Process that was forked for one task."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exitcode: int | None = None

    def kill(self) -> None:
        if self.exitcode is None:
            os.kill(self.pid, signal.SIGKILL)

    def join(self) -> None:
        if self.exitcode is None:
            self.exitcode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class _Answer:
    """All that a process writes before it ends, as a Worker reads it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._ready = select.poll()
        self._ready.register(file, select.POLLIN)
        self._read = bytearray()

    def poll(self, seconds: float) -> bool:
        """Wait for so many seconds; tell whether it is all there."""
        until = time.monotonic() + seconds
        while self._ready.poll(max(0.0, until - time.monotonic()) * 1000):
            more = os.read(self._file, _AT_ONCE)
            if not more:
                return True
            self._read += more
        return False

    def recv(self) -> Any:
        """Return it. Raises EOFError where the process ended before it had written it all."""
        try:
            return pickle.loads(self._read)  # noqa: S301  our own process's
        except pickle.UnpicklingError as problem:
            raise EOFError from problem

    def close(self) -> None:
        os.close(self._file)


def _serve(parents: Any, pipe: Any, work: Callable[[Any], Any], limit: float) -> None:
    parents.close()
    serve(pipe, work, limit)


def serve(pipe: Any, work: Callable[[Any], Any], limit: float) -> None:
    """Live as a worker: take tasks until there are no more."""
    restrain()
    while True:
        signal.alarm(0)
        try:
            task = pipe.recv()
        except (EOFError, OSError):  # the parent has ended, or was killed
            os._exit(0)
        signal.alarm(int(PATIENCE * limit) + _GRACE)
        made = attempt(work, task)
        try:
            pipe.send_bytes(made)
        except OSError:
            os._exit(0)


def _processor_time(pid: int | None) -> float:
    """Return the seconds of the processor that a process has used; 0 if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK


def restrain() -> None:
    """Make this process one that untrusted input may crash: limited memory, no core dumps."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def attempt(work: Callable[[Any], Any], task: Any) -> bytes:
    """Return, pickled, what came of a task: what `work` returned, or a Failure."""
    try:
        return pickle.dumps(work(task))
    except Exception as problem:  # noqa: BLE001  one task must not end the others
        import traceback  # noqa: PLC0415  few tasks fail

        return pickle.dumps(Failure(_told(problem), traceback.format_exc()))


def _told(problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return "nested too deeply"
    if isinstance(problem, MemoryError):
        return "needs too much memory"
    return f"internal error: {type(problem).__name__}: {problem}"


def death(code: int | None) -> str:
    """Say how a process ended, by its exit code or (negative) the signal."""
    if code is not None and code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"
