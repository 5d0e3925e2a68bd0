# SPDX-License-Identifier: GPL-2.0-only
"""Surveys on a cluster: a scheduler and workers that are processes of their own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.survey.test_store import told
from tests.survey.test_survey import Silent, surveyed

from premap.cli import main
from premap.survey import Plan, survey
from premap.survey.cluster import ClusterEngine, cluster
from premap.survey.work import Job, do

VICTIM = "drivers/room/door.c"


class Cluster:
    """A scheduler and two workers on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "scheduler.log"
        with self.log.open("w") as log:
            self.scheduler = self._start(log, "scheduler", "--port", "0", "--no-dashboard")
        self.address = self._address()
        self.workers = [self.worker() for _ in range(2)]

    def worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("a") as log:
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
            return self._start(log, "worker", self.address, *options)

    def _start(self, log: Any, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        root = Path(__file__).parents[2]
        command += ["--host", "127.0.0.1"]
        environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'tests'}"}
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=root, env=environment)

    def _address(self) -> str:
        for _ in range(600):
            found = re.search(r"tcp://127\.0\.0\.1:\d+", self.log.read_text())
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.stop()


class KillingOne:
    """Kills a worker of the cluster once the first result is there."""

    def __init__(self, engine: Any, workers: list[subprocess.Popen[bytes]]) -> None:
        self.engine = engine
        self.workers = workers

    def run(self, jobs: Sequence[Job]) -> Iterator[Any]:
        for number, result in enumerate(self.engine.run(jobs)):
            if number == 0 and len(self.workers) > 1:
                self.workers[0].kill()
                self.workers.pop(0).wait()
            yield result


def hanging(job: Job) -> dict[str, Any]:
    """Do a job; the victim's hangs, or takes its process down."""
    if job.name == VICTIM and job.kind == "deep":
        while True:
            pass
    return do(job)


def dying(job: Job) -> dict[str, Any]:
    """Do a job; the victim's process is killed."""
    if job.name == VICTIM and job.kind == "deep":
        os.kill(os.getpid(), signal.SIGKILL)
    return do(job)


class TestCluster:
    @pytest.mark.parametrize(("work", "said"), [(hanging, "took longer than"), (dying, "SIGKILL")])
    def test_one_that_hangs_or_dies_costs_its_file(
        self, started: Cluster, small_tree: Path, work: Callable[[Job], Any], said: str
    ) -> None:
        with cluster(started.address, 3, work) as engine:
            done = survey(Plan(small_tree, engine=engine), Silent()).document
        assert [error["file"] for error in done["errors"]] == [VICTIM]
        assert said in done["errors"][0]["message"]
        status = {s["file"]: s["status"] for s in surveyed(small_tree, deep=True)["handlers"]}
        assert {s["file"]: s["status"] for s in done["handlers"] if s["file"] != VICTIM} == {
            file: each for file, each in status.items() if file != VICTIM
        }

    def test_the_same_result_though_a_worker_is_killed(
        self, started: Cluster, small_tree: Path
    ) -> None:
        with cluster(started.address, 100) as engine:
            killing = KillingOne(engine, started.workers)
            done = survey(Plan(small_tree, engine=killing), Silent()).document
        assert len(started.workers) == 1
        assert told(done) == told(surveyed(small_tree, deep=True))

    def test_nobody_there(
        self,
        small_tree: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("premap.survey.cluster.CONNECT", 1)
        code = main(["survey", str(small_tree), "--no-cache", "--scheduler", "tcp://127.0.0.1:9"])
        assert code == 2
        assert "no scheduler there" in capsys.readouterr().err


class LosingFuture:
    """A job that has ended, and whose result goes down with a worker before it is asked for."""

    key = "job"

    def __init__(self) -> None:
        self.asked = 0

    def done(self) -> bool:
        self.asked += 1
        return self.asked > 1

    def exception(self) -> None:
        return None

    def result(self) -> dict[str, Any]:
        return {"file": "a.c"}


class LosingClient:
    """A cluster with one such job."""

    TimeoutError = TimeoutError

    def __init__(self) -> None:
        self.future = LosingFuture()

    def map(self, do: Any, jobs: Sequence[Job], *, pure: bool, **more: Any) -> list[LosingFuture]:
        return [self.future]

    def as_current(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def wait(self, waiting: list[LosingFuture], limit: float, when: str) -> SimpleNamespace:
        return SimpleNamespace(done=set(waiting))

    def cancel(self, futures: list[LosingFuture]) -> None:
        pass


def test_a_result_lost_after_its_job_ended_is_waited_for_again() -> None:
    losing = LosingClient()
    jobs: list[Any] = [None]
    assert list(ClusterEngine(losing, losing, 1).run(jobs)) == [{"file": "a.c"}]
    assert losing.future.asked == 2
