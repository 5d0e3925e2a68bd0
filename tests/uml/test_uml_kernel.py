# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios on a 7.3 kernel, held against those that were recorded on one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premap.scenario import MissingStep, Scenario, read, replay
from premap.uml import Kernel, UmlBackend, UmlError

DATA = Path(__file__).parent.parent / "scenario" / "data"
FILES = sorted(DATA.glob("*.jsonl.gz"))
LOW = 0x10000000
HEADER = {"premap": 1, "page_size": 4096, "window": [LOW, LOW + 0x40000]}
Json = dict[str, Any]


def scenario(*steps: Json, window: tuple[int, int] | None = None) -> Scenario:
    header = HEADER if window is None else HEADER | {"window": list(window)}
    return Scenario(header, steps, (0,) * len(steps))


def mmap(file: str | None, addr: int = LOW, length: int = 0x4000, **given: Any) -> Json:
    flags = given.get("flags", ["SHARED", "FIXED"])
    prot, offset = given.get("prot", "rw"), given.get("offset", 0)
    return {"op": "mmap", "file": file, "addr": addr, "len": length, "prot": prot, "flags": flags,
            "offset": offset}  # fmt: skip


def device(name: str = "d0", **programme: Any) -> Json:
    return {"op": "device", "name": name, "hook": "mmap_prepare", **programme}


class TestRecords:
    def test_all_140_in_one_go_give_the_recorded_bytes(self, uml: UmlBackend) -> None:
        recorded = [one for path in FILES for one in read(path)]
        results = list(uml.run_all(recorded))
        different = [
            one.seed
            for one, result in zip(recorded, results, strict=True)
            if json.dumps(list(one.results or ())) != json.dumps(result)
        ]
        assert (len(recorded), different) == (140, [])

    @pytest.mark.parametrize(
        "path",
        [*FILES, DATA / "extensions.jsonl", DATA / "by-hand" / "by-hand.jsonl.gz"],
        ids=lambda path: path.name,
    )
    def test_step_by_step_is_the_same(self, uml: UmlBackend, path: Path) -> None:
        outcomes = [replay(one, uml) for one in read(path)]
        assert [one.scenario.seed for one in outcomes if not one.agrees] == []


class TestDevices:
    def test_have_the_names_of_the_scenario(self, uml: UmlBackend) -> None:
        ops = device("uart", vm_ops=["fault"])
        results = replay(scenario(ops, mmap("uart"), {"op": "peek", "addr": LOW}), uml).results
        assert results[2]["ret"] == "uart:0"
        assert results[1]["vmas"][0]["file"] == "uart"

    def test_are_new_in_every_scenario(self, uml: UmlBackend) -> None:
        first = scenario(device("d0", vm_ops=["fault"], set=["DONTDUMP"]), mmap("d0"))
        second = scenario(device("d1", vm_ops=["fault"]), mmap("d1"), {"op": "peek", "addr": LOW})
        results = list(uml.run_all([first, second]))
        assert "dd" not in results[1][1]["vmas"][0]["flags"]
        assert results[1][2]["ret"] == "d1:0"

    def test_pages_that_they_do_not_have_are_refused(self, uml: UmlBackend) -> None:
        action = {"kind": "remap_full", "page": 14}
        with pytest.raises(UmlError, match="d0: an action beyond the device's 16 pages"):
            replay(scenario(device(action=action), mmap("d0")), uml)

    def test_a_hook_that_fails_right_away_gives_its_error(self, uml: UmlBackend) -> None:
        results = replay(scenario(device(ret="ENXIO"), mmap("d0")), uml).results
        assert results[1]["ret"] == "ENXIO"


class TestProcess:
    def test_a_scenario_that_ends_early_leaves_the_kernel_up(self, uml: UmlBackend) -> None:
        whole_of_memory = {"op": "munmap", "addr": 0x70000000, "len": 0x1000000}
        with pytest.raises(UmlError, match="the scenario's process ended with signal 11"):
            replay(scenario(whole_of_memory, mmap(None)), uml)
        assert replay(scenario(mmap(None)), uml).results[0]["ret"] == LOW

    def test_a_window_that_is_not_empty_is_refused(self, uml: UmlBackend) -> None:
        window = (0x70000000, 0x70100000)
        with pytest.raises(UmlError, match="the window is not empty"):
            replay(scenario(mmap(None), window=window), uml)

    def test_steps_that_there_are_not_are_missing(self, uml: UmlBackend) -> None:
        uml.begin((LOW, LOW + 0x1000))
        with pytest.raises(MissingStep):
            uml.step({"op": "teleport"})
        uml.end()

    def test_a_page_table_that_goes_and_comes_back_is_empty(self, uml: UmlBackend) -> None:
        written = [mmap(None, flags=["PRIVATE", "FIXED"]), {"op": "touch", "addr": LOW,
                   "access": "w"}]  # fmt: skip
        again = mmap("f0", prot="r", flags=["PRIVATE", "FIXED"])
        file = {"op": "file", "name": "f0", "size": 4096, "mode": "r"}
        results = replay(scenario(file, *written, again, {"op": "peek", "addr": LOW}), uml).results
        assert results[4]["ret"] == "f0:0"

    def test_nothing_is_left_when_it_is_closed(self, kernel: Kernel) -> None:
        backend = UmlBackend(kernel)
        list(backend.run_all([scenario(mmap(None), {"op": "fork"})]))
        folder = backend.machine.folder
        backend.close()
        assert not folder.exists()
        assert running_in(folder) == []


def running_in(folder: Path) -> list[str]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


class TestSpeed:
    def test_hundreds_of_short_cases_take_a_second(self, uml: UmlBackend) -> None:
        case = scenario(
            mmap(None), {"op": "touch", "addr": LOW, "access": "w"}, {"op": "munmap", "addr": LOW,
            "len": 0x4000},
        )  # fmt: skip
        began = time.perf_counter()
        assert len(list(uml.run_all([case] * 500))) == 500
        assert time.perf_counter() - began < 5


class TestCommandLine:
    def test_replay_on_uml_agrees_with_the_record(
        self, kernel: Kernel, kernel_tree: Callable[[str], Path]
    ) -> None:
        tree = kernel_tree("7.3")
        command = [sys.executable, "-m", "premap", "replay", str(FILES[0]), "--on", "uml"]
        command += ["--kernel", str(tree)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "20 scenarios: 20 agree\n")
