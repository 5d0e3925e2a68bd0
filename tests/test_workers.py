# SPDX-License-Identifier: GPL-2.0-only
"""Workers that crash, hang, or are killed cost one task each."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import pickle
import signal
import time
from pathlib import Path

import pytest

from premap.workers import Failure, Workers, _Answer


def _work(task: str) -> str:
    match task:
        case "raise":
            raise ValueError("no\nluck")
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash":
            faulthandler.disable()  # pytest's would print all of its own frames
            ctypes.string_at(0)
        case "hang":
            time.sleep(60)
        case "wait":
            time.sleep(1)
        case "spin":
            while True:
                pass
        case "recurse":
            return _work("recurse")
        case "memory":
            return str(len(bytearray(1 << 46)))
        case "odd":
            return lambda: None  # type: ignore[return-value]  # can't be sent
        case "much":
            return "much" * 100_000
        case "slow":
            time.sleep(0.2)
    return task


def _run(tasks: list[str], jobs: int = 2, limit: float = 2) -> list[str | Failure]:
    return list(Workers(_work, jobs, limit).run(tasks))


ENDINGS = [
    ("raise", "ValueError"),
    ("exit", "exit code 7"),
    ("kill", "SIGKILL"),
    ("crash", "SIGSEGV"),
    ("spin", "longer than 1 seconds of the processor"),
    ("odd", "internal error"),
]
"""Tasks that come to no good end, and what is said of them."""


class TestAccidents:
    @pytest.mark.parametrize(
        ("task", "said"),
        [
            *ENDINGS,
            ("hang", "longer than 5 seconds"),
            ("recurse", "nested too deeply"),
            ("memory", "memory"),
        ],
    )
    def test_cost_one_task(self, task: str, said: str) -> None:
        before, failure, after = _run(["a", task, "b"], limit=1)
        assert (before, after) == ("a", "b")
        assert isinstance(failure, Failure)
        assert said in failure.message

    def test_a_machine_that_is_busy_does_not_count(self) -> None:
        assert _run(["wait"], limit=0.5) == ["wait"]

    @pytest.mark.parametrize(("task", "said"), ENDINGS)
    def test_are_told_of_a_single_task(self, task: str, said: str) -> None:
        before = _children()
        (failure,) = _run([task], limit=1)
        assert isinstance(failure, Failure)
        assert said in failure.message
        assert _children() <= before

    def test_an_answer_that_is_cut_short_is_none(self) -> None:
        ours, theirs = os.pipe()
        os.write(theirs, pickle.dumps("much" * 1000)[:-1])
        os.close(theirs)
        answer = _Answer(ours)
        assert answer.poll(1)
        with pytest.raises(EOFError):
            answer.recv()
        answer.close()

    def test_may_all_happen_at_once(self) -> None:
        tasks = ["kill", "a", "exit", "b", "raise", "c", "crash", "d"]
        results = _run(tasks, jobs=3)
        assert [r for r in results if not isinstance(r, Failure)] == ["a", "b", "c", "d"]

    def test_an_exception_leaves_its_traceback(self) -> None:
        (failure,) = _run(["raise"])
        assert isinstance(failure, Failure)
        assert "_work" in failure.trace


class TestOrder:
    @pytest.mark.parametrize("jobs", [1, 2, 8])
    def test_is_that_of_the_tasks(self, jobs: int) -> None:
        tasks = ["slow", "a", "b", "slow", "c"]
        assert _run(tasks, jobs) == tasks

    @pytest.mark.parametrize("tasks", [["much"], ["much", "a"]])
    def test_is_kept_whatever_comes_of_them(self, tasks: list[str]) -> None:
        results = _run(tasks)
        assert results[0] == "much" * 100_000

    def test_of_nothing_is_nothing(self) -> None:
        assert _run([]) == []


class TestEnd:
    def test_leaves_no_process(self) -> None:
        before = _children()
        results = Workers(_work, 2, 5).run(["a", "hang", "b"])
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert _children() <= before


def _children() -> set[str]:
    """Return the processes that this one has begun and not waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}
