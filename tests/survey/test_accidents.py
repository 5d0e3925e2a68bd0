# SPDX-License-Identifier: GPL-2.0-only
"""Surveys whose processes are killed: nothing is lost, nothing is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.survey.test_store import told
from tests.survey.test_survey import Silent, surveyed

from premap.cache.store import Store
from premap.survey import Plan, survey
from premap.survey.engine import LocalEngine
from premap.survey.index import known_index, look, remember, take
from premap.survey.kept import version
from premap.survey.looking import Looked, Looker
from premap.survey.textfacts import text_facts
from premap.survey.work import Job, do
from premap.workers import Workers

VICTIM = "drivers/room/door.c"


def killed_once(job: Job) -> dict[str, Any]:
    """Do a job; the first time that it is the victim's, as its process is killed."""
    mark = Path(job.root).parent / "killed"
    if job.name == VICTIM and job.kind == "deep" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return do(job)


class Killing:
    """Runs jobs in processes of which one is killed."""

    def run(self, jobs: Sequence[Job]) -> Any:
        workers: Workers[Job, dict[str, Any]] = Workers(killed_once, 2, 60)
        return workers.run(jobs)


class TestWorkers:
    def test_a_killed_one_costs_its_file(self, small_tree: Path) -> None:
        done = survey(Plan(small_tree, engine=Killing()), Silent()).document
        assert [error["file"] for error in done["errors"]] == [VICTIM]
        assert "SIGKILL" in done["errors"][0]["message"]
        status = {site["file"]: site["status"] for site in done["handlers"]}
        assert status[VICTIM] in {"error", "unset"}
        assert len(done["handlers"]) == 8

    def test_its_file_is_tried_again(self, small_tree: Path) -> None:
        done = survey(Plan(small_tree, engine=Killing(), retries=1), Silent()).document
        assert told(done) == told(surveyed(small_tree, deep=True))

    def test_the_next_run_tries_again(self, small_tree: Path, tmp_path: Path) -> None:
        store = Store(tmp_path / "store")
        survey(Plan(small_tree, engine=Killing(), store=store), Silent())
        again = survey(Plan(small_tree, engine=LocalEngine(2, 60), store=store), Silent()).document
        assert told(again) == told(surveyed(small_tree, deep=True))


def wait_for_workers(run: subprocess.Popen[str]) -> None:
    """Wait until a process has children, or has ended."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    while run.poll() is None and not children.read_text():
        time.sleep(0.01)


class TestMain:
    def start(self, tree: Path, cache: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "premap", "survey", str(tree), "--format", "json"],
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
    def test_it_goes_on_after_it_was_ended(
        self, small_tree: Path, tmp_path: Path, how: signal.Signals
    ) -> None:
        """At every moment that comes up, the next run says what an undisturbed one says."""
        for seconds in (0.0, 0.1, 0.3):
            run = self.start(small_tree, tmp_path / "cache")
            wait_for_workers(run)
            time.sleep(seconds)
            run.send_signal(how)
            _, complaint = run.communicate()
            assert "Traceback" not in complaint
        run = self.start(small_tree, tmp_path / "cache")
        found = json.loads(run.communicate()[0])
        assert told(found) == told(surveyed(small_tree, deep=True))


def in_a_mount(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount things, which nobody else sees."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"]
    if subprocess.run([*command[:4], "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mounts of our own here")
    return subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)


class TestDisk:
    """A cache on a file system of its own, which is full or read-only."""

    SURVEY = 'XDG_CACHE_HOME=$1 "$2" -m premap survey "$3" --format json'

    def test_full(self, small_tree: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        script = f'mount -t tmpfs -o size=40k none "$1"; {self.SURVEY}; df --output=avail "$1" >&2'
        ran = in_a_mount(script, str(tmp_path / "disk"), sys.executable, str(small_tree))
        found = json.loads(ran.stdout)
        assert ran.stderr.split()[-1] == "0"
        assert found["problem"] == "No space left on device"
        assert told(found) == told(surveyed(small_tree, deep=True))

    def test_read_only_and_empty_then_not(self, small_tree: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        script = (
            f'mount -t tmpfs none "$1"; mount -o remount,ro "$1"; {self.SURVEY} > "$4/1";'
            f'mount -o remount,rw "$1"; {self.SURVEY} > "$4/2";'
            f'mount -o remount,ro "$1"; {self.SURVEY} > "$4/3"'
        )
        ran = in_a_mount(
            script, str(tmp_path / "disk"), sys.executable, str(small_tree), str(tmp_path)
        )
        assert ran.stderr == ""
        first, second, third = (json.loads((tmp_path / n).read_text()) for n in "123")
        assert first["problem"] == "Read-only file system"
        assert second["problem"] is None
        assert told(first) == told(second) == told(third) == told(surveyed(small_tree, deep=True))


def interrupted(*looks: Looked) -> Iterator[Looked]:
    """Yield looks at a tree, then Ctrl-C comes."""
    yield from looks
    raise KeyboardInterrupt


class TestReading:
    """A tree is read in some seconds; what was read counts, whenever it is interrupted."""

    def test_what_was_read_is_kept(self, small_tree: Path, tmp_path: Path) -> None:
        store = Store(tmp_path / "store")
        time.sleep(2.1)  # times of files tell only so well
        index = known_index(small_tree, store, "now")
        room = Looker(small_tree, {}, text_facts, time.time_ns())(
            [("drivers/room/", ["core.c", "door.c"])]
        )
        with pytest.raises(KeyboardInterrupt):
            take(index, interrupted(room))
        remember(index, store, "now")
        again = known_index(small_tree, store, "now")
        assert set(again.facts) == {"drivers/room/core.c", "drivers/room/door.c"}
        look(again, 1)
        whole = known_index(small_tree, Store(None), "now")
        look(whole, 1)
        assert {*again.read} == {*whole.read} - {"drivers/room/core.c", "drivers/room/door.c"}
        assert json.dumps(again.facts, sort_keys=True) == json.dumps(whole.facts, sort_keys=True)
        assert again.files == whole.files
        assert {*again.unheard} == {*whole.unheard}

    def test_what_was_known_is_kept(self, small_tree: Path, tmp_path: Path) -> None:
        """Of folders that were not looked at when Ctrl-C came, what an earlier run found."""
        store = Store(tmp_path / "store")
        time.sleep(2.1)
        index = known_index(small_tree, store, "now")
        look(index, 1)
        remember(index, store, "now")
        (small_tree / "drivers/room/door.c").unlink()
        again = known_index(small_tree, store, "now")
        known = again.kept["folders"]
        with pytest.raises(KeyboardInterrupt):
            take(
                again,
                interrupted(Looker(small_tree, known, text_facts, 0)([("drivers/room/", [])])),
            )
        remember(again, store, "now")
        third = known_index(small_tree, store, "now")
        look(third, 1)
        assert {*third.read} == {
            "drivers/room/core.c",
            "drivers/room/cupboard.c",
            "drivers/room/window.c",
        }
        assert set(third.facts) == set(index.facts) - {"drivers/room/door.c"}

    def test_an_interrupt(self, kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
        """It stops at once, with a whole tree half read; the next run reads the other half."""
        root = kernel_tree("7.3")
        kept = Store(tmp_path / "premap" / "survey")
        for seconds in (0.5, 1, 2, 4, 8):  # of a loaded machine that had time for nothing
            run = subprocess.Popen(
                [sys.executable, "-m", "premap", "survey", str(root), "--no-convert", "--jobs=2"],
                env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            wait_for_workers(run)
            time.sleep(seconds)
            run.send_signal(signal.SIGINT)
            _, complaint = run.communicate(timeout=60)  # 0.2 s on an idle machine
            assert run.returncode == 130
            assert "Traceback" not in complaint
            index = known_index(root, kept, version())
            if index.facts:
                break
        assert index.facts
        assert 0 < len(index.files) < 65000
