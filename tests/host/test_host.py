# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios on the kernel that runs these tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from premap.scenario import MissingStep, Scenario, read, run
from premap.scenario.difference import first_difference
from premap.scenario.host import HostBackend, HostError, lacking, release
from premap.scenario.known import CHECKED, known
from premap.scenario.outcome import outcomes

LOW, PAGE = 0x10000000, 4096
WINDOW = (LOW, LOW + 64 * PAGE)
SCENARIO = Path(__file__).parent.parent / "scenario"
RECORDED = [
    scenario
    for path in sorted((SCENARIO / "data").glob("*.jsonl.gz"))
    for scenario in read(path)
    if not any(step["op"] == "device" for step in scenario.steps)
]
KNOWN = [
    json.loads(line)
    for path in sorted((SCENARIO / "known").glob("*.jsonl"))
    for line in path.read_text().splitlines()
]
BEYOND: tuple[dict[str, Any], ...] = (
    *({"op": op} for op in ("counts", "anon", "fail", "limit", "device")),
    {"zero": True},
)
"""What no process can see or ask of the kernel that it runs on, or `HostBackend` does not do."""
SEEN = [
    case
    for case in KNOWN
    if not any(each.items() <= step.items() for step in case["scenario"] for each in BEYOND)
]
ANONYMOUS = {"file": None, "offset": 0, "prot": "rw"}
pytestmark = pytest.mark.skipif(
    release() < CHECKED or lacking() is not None,
    reason=lacking() or f"the host's kernel is older than {CHECKED[0]}.{CHECKED[1]}",
)


@pytest.fixture(scope="module")
def host() -> Iterator[HostBackend]:
    backend = HostBackend()
    yield backend
    backend.close()


def mmap(page: int, pages: int, *flags: str, **more: Any) -> dict[str, Any]:
    where = {"addr": LOW + page * PAGE, "len": pages * PAGE}
    return {"op": "mmap", **ANONYMOUS, **where, "flags": [*flags, "FIXED"], **more}


def at(op: str, page: int, **more: Any) -> dict[str, Any]:
    return {"op": op, "addr": LOW + page * PAGE, **more}


def returned(host: HostBackend, *steps: dict[str, Any]) -> list[int | str]:
    return [result["ret"] for result in outcomes(steps, WINDOW, host)]


class TestRecorded:
    """What a 7.3 kernel did, this one does, but for what is known of its release."""

    def test_there_are_35(self) -> None:
        assert len(RECORDED) == 35

    @pytest.mark.parametrize("scenario", RECORDED, ids=lambda scenario: str(scenario.seed))
    def test_agrees(self, host: HostBackend, scenario: Scenario) -> None:
        ran = list(run(scenario, host))
        found = first_difference(scenario.steps, scenario.results or (), ran)
        assert found is None or known(found, release()) is not None, found


class TestKnown:
    """The table of releases, on this one."""

    @pytest.mark.parametrize("case", SEEN, ids=lambda case: str(case["known"]))
    def test_does_as_one_of_the_two(self, host: HostBackend, case: dict[str, Any]) -> None:
        assert outcomes(case["scenario"][1:], WINDOW, host) in (case["results"], case["there"])


class TestAccesses:
    def test_nothing_mapped(self, host: HostBackend) -> None:
        assert returned(host, at("touch", 1, access="r"), at("peek", 1)) == ["SIGSEGV"] * 2

    def test_not_writable(self, host: HostBackend) -> None:
        steps = mmap(0, 1, "PRIVATE", prot="r"), at("touch", 0, access="w"), at("peek", 0)
        assert returned(host, *steps)[1:] == ["SIGSEGV", "zero"]

    def test_beyond_a_file(self, host: HostBackend) -> None:
        file = {"op": "file", "name": "f0", "size": PAGE, "mode": "r"}
        steps = file, mmap(0, 2, "SHARED", file="f0", prot="r"), at("touch", 1, access="r")
        assert returned(host, *steps, at("peek", 0))[2:] == ["SIGBUS", "f0:0"]

    def test_a_private_copy_lasts(self, host: HostBackend) -> None:
        """A written page of a private mapping keeps its text when the file's page goes away."""
        file = {"op": "file", "name": "f0", "size": 2 * PAGE, "mode": "rw"}
        written = mmap(0, 1, "PRIVATE", file="f0"), at("touch", 0, access="w")
        moved = at(
            "mremap", 0, len=PAGE, new_len=PAGE, flags=["MAYMOVE", "FIXED"], new_addr=LOW + 9 * PAGE
        )
        assert returned(host, file, *written, moved, at("peek", 9), at("peek", 0))[4:] == [
            "f0:0",
            "SIGSEGV",
        ]

    def test_many_signals(self, host: HostBackend) -> None:
        assert returned(host, *[at("peek", 5)] * 300) == ["SIGSEGV"] * 300


class TestFork:
    def test_reports_the_child(self, host: HostBackend) -> None:
        keep = at("madvise", 0, len=PAGE, advice="DONTFORK")
        results = outcomes([mmap(0, 2, "PRIVATE"), keep, {"op": "fork"}, keep], WINDOW, host)
        assert [[vma["start"] for vma in result["vmas"]] for result in results[1:]] == [
            [LOW, LOW + PAGE],
            [LOW + PAGE],
            [LOW, LOW + PAGE],
        ]


class TestProcesses:
    def test_each_scenario_has_its_own(self, host: HostBackend) -> None:
        assert outcomes([mmap(0, 1, "PRIVATE")], WINDOW, host)[0]["vmas"]
        assert not outcomes([at("munmap", 0, len=0)], WINDOW, host)[0]["vmas"]

    def test_a_window_that_is_taken(self, host: HostBackend) -> None:
        with pytest.raises(HostError, match="something is mapped there"):
            host.begin((0, 1 << 47))
        assert returned(host, at("peek", 0)) == ["SIGSEGV"]

    def test_devices_are_missing(self, host: HostBackend) -> None:
        host.begin(WINDOW)
        with pytest.raises(MissingStep):
            host.step({"op": "device", "name": "d0", "hook": "mmap"})
        host.end()

    def test_a_process_that_is_gone(self) -> None:
        backend = HostBackend()
        backend.worker.kill()
        backend.worker.wait()
        with pytest.raises(HostError):
            returned(backend, *[at("peek", 0)] * 3)
        backend.close()
