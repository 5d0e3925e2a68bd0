# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios recorded on a real kernel, replayed on the model byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from premap.scenario import MissingStep, Replay, model_backend, read, replay, replay_file
from premap.scenario.reader import Scenario
from premap.symbolic import const

DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.jsonl.gz"))
FOUND = DATA / "found.jsonl"
"""What `premap conform` found the model to do otherwise than a 7.3 kernel."""
EXTENSIONS = DATA / "extensions.jsonl"
"""What the first 140 have no steps for, recorded on a 7.3 kernel: limits, stacks, seals, names …"""

BY_HAND = DATA / "by-hand" / "by-hand.jsonl.gz"
"""Written by a sceptic to catch the model out, and recorded on a 7.3 kernel.

Moves of several mappings, stacks, the compat path, advice and locks on each kind of mapping; for
each point of failure eleven calls that may meet it.
"""


def complaint(result: Replay) -> str:
    """Say where a replay leaves its record."""
    scenario = result.scenario
    if result.missing is not None:
        return f"{scenario.seed}: no {result.missing} yet"
    if result.disagreement is None:
        return ""
    step = result.disagreement.step
    return (
        f"{scenario.seed}, step {step}: {json.dumps(scenario.steps[step])}\n"
        f"kernel: {result.disagreement.expected}\nmodel:  {result.disagreement.got}"
    )


class TestRecords:
    def test_there_are_140(self) -> None:
        assert sum(len(read(path)) for path in FILES) == 140

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_plain_integers_agree(self, path: Path) -> None:
        assert [complaint(result) for result in replay_file(path) if not result.agrees] == []

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_constants_of_the_symbolic_kind_agree(self, path: Path) -> None:
        results = replay_file(path, words=const)
        assert [complaint(result) for result in results if not result.agrees] == []


class TestByHand:
    def test_agrees(self) -> None:
        results = replay_file(BY_HAND)
        assert [complaint(result) for result in results if not result.agrees] == []


class TestFound:
    @pytest.mark.parametrize(
        "scenario", [*read(FOUND), *read(EXTENSIONS)], ids=lambda scenario: str(scenario.seed)
    )
    def test_agrees_now(self, scenario: Scenario) -> None:
        assert complaint(replay(scenario, model_backend())) == ""
        assert complaint(replay(scenario, model_backend(const))) == ""


class TestDisagreement:
    def test_is_found_and_told(self) -> None:
        scenario = read(FILES[0])[0]
        forged = json.loads(json.dumps(scenario.results))
        forged[1]["ret"] = 1
        result = replay(
            Scenario(scenario.header, scenario.steps, scenario.lines, results=tuple(forged)),
            model_backend(),
        )
        assert result.disagreement is not None
        assert (result.disagreement.step, result.agrees) == (1, False)

    def test_missing_steps_end_a_replay(self) -> None:
        class Halting:
            def begin(self, window: tuple[int, int]) -> None:
                self.left = 2

            def step(self, step: dict[str, Any]) -> dict[str, Any]:
                if not self.left:
                    raise MissingStep(step["op"])
                self.left -= 1
                return {}

            def end(self) -> None:
                pass

            def close(self) -> None:
                pass

        scenario = read(FILES[0])[0]
        plain = Scenario(scenario.header, scenario.steps, scenario.lines)
        result = replay(plain, Halting())
        assert (len(result.results), result.missing) == (2, scenario.steps[2]["op"])


class TestScenarios:
    """The format, step by step, with results worked out by hand from its description."""

    HEADER: ClassVar[dict[str, Any]] = {
        "premap": 1,
        "page_size": 4096,
        "window": [0x10000000, 0x10040000],
    }

    def run(self, *steps: dict[str, Any]) -> list[dict[str, Any]]:
        return list(
            replay(Scenario(self.HEADER, steps, (0,) * len(steps)), model_backend()).results
        )

    def test_numbers_may_be_strings(self) -> None:
        mapping = {"op": "mmap", "file": None, "addr": "0x10000000", "len": "0x1000"}
        results = self.run({**mapping, "prot": "rw", "flags": ["SHARED", "FIXED"], "offset": 0})
        assert results[0]["ret"] == 0x10000000
        assert results[0]["vmas"][0]["file"] is None

    def test_a_file_holds_its_text(self) -> None:
        results = self.run(
            {"op": "file", "name": "f0", "size": 8192, "mode": "r"},
            {"op": "mmap", "file": "f0", "addr": 0x10000000, "len": 12288, "prot": "r",
             "flags": ["PRIVATE", "FIXED"], "offset": 4096},
            {"op": "peek", "addr": 0x10000000},
            {"op": "peek", "addr": 0x10001000},
        )  # fmt: skip
        assert [result["ret"] for result in results[2:]] == ["f0:1", "SIGBUS"]

    def test_results_have_their_keys_in_order(self) -> None:
        results = self.run(
            {"op": "device", "name": "d0", "hook": "mmap_prepare", "vm_ops": ["close"]},
            {"op": "mmap", "file": "d0", "addr": 0x10000000, "len": 4096, "prot": "r",
             "flags": ["SHARED", "FIXED"], "offset": 0},
        )  # fmt: skip
        assert list(results[1]) == ["ret", "events", "vmas"]
        assert list(results[1]["events"][0]) == ["call", "file", "start", "end", "pgoff", "flags"]
        assert list(results[1]["vmas"][0]) == ["start", "end", "flags", "pgoff", "file"]

    def test_only_mappings_in_the_window_are_reported(self) -> None:
        results = self.run(
            {"op": "mmap", "file": None, "addr": 0x20000000, "len": 4096, "prot": "r",
             "flags": ["PRIVATE", "FIXED"], "offset": 0},
        )  # fmt: skip
        assert (results[0]["ret"], results[0]["vmas"]) == (0x20000000, [])

    def test_a_page_frame_of_a_device_is_written_as_its_page(self) -> None:
        results = self.run(
            {"op": "device", "name": "d0", "hook": "mmap",
             "action": {"kind": "remap_full", "page": 3}},
            {"op": "mmap", "file": "d0", "addr": 0x10000000, "len": 4096, "prot": "r",
             "flags": ["PRIVATE", "FIXED"], "offset": 0},
        )  # fmt: skip
        assert results[1]["vmas"][0]["pgoff"] == "d0:3"
