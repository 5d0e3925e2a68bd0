# SPDX-License-Identifier: GPL-2.0-only
"""Scenario files that are right, and ones that are not: errors name file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from premap.scenario import ScenarioError, read

HEADER = '{"premap": 1, "page_size": 4096, "window": [0, 4096], "seed": 5}'
UNMAP = '{"op": "munmap", "addr": 0, "len": 4096}'


def written(folder: Path, *lines: str, name: str = "s.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def error(path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)[len(str(path)) + 1 :]


class TestGoodFiles:
    def test_steps_know_their_lines(self, tmp_path: Path) -> None:
        (scenario,) = read(written(tmp_path, HEADER, "", UNMAP))
        assert (len(scenario.steps), scenario.lines, scenario.window) == (1, (3,), (0, 4096))

    def test_gzipped(self, tmp_path: Path) -> None:
        path = tmp_path / "s.jsonl.gz"
        path.write_bytes(gzip.compress(f"{HEADER}\n{UNMAP}\n".encode()))
        assert len(read(path)[0].steps) == 1

    def test_several(self, tmp_path: Path) -> None:
        first, second = read(written(tmp_path, HEADER, UNMAP, UNMAP, HEADER, UNMAP))
        assert (len(first.steps), first.line) == (2, 1)
        assert (len(second.steps), second.line, second.lines) == (1, 4, (5,))

    def test_recorded(self, tmp_path: Path) -> None:
        record = {
            "seed": "a:1",
            "scenario": [json.loads(HEADER), json.loads(UNMAP)],
            "results": [{"ret": 0, "events": [], "vmas": []}],
        }
        line = json.dumps(record)
        first, second = read(written(tmp_path, line, line))
        assert (first.seed, len(first.results or ()), second.line) == ("a:1", 1, 2)


class TestBadFiles:
    def test_missing(self, tmp_path: Path) -> None:
        assert "can't be read" in error(tmp_path / "none.jsonl")

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "can't be read" in error(tmp_path)

    def test_empty(self, tmp_path: Path) -> None:
        assert "empty" in error(written(tmp_path))

    def test_not_gzip(self, tmp_path: Path) -> None:
        assert "can't be read" in error(written(tmp_path, HEADER, name="s.jsonl.gz"))

    def test_truncated_gzip(self, tmp_path: Path) -> None:
        path = tmp_path / "s.jsonl.gz"
        path.write_bytes(gzip.compress((HEADER + "\n").encode() * 100)[:-20])
        assert "can't be read" in error(path)

    def test_not_text(self, tmp_path: Path) -> None:
        path = tmp_path / "s.jsonl"
        path.write_bytes(HEADER.encode() + b"\n\xff\xfe\n")
        assert "not UTF-8" in error(path)

    def test_not_json(self, tmp_path: Path) -> None:
        assert error(written(tmp_path, HEADER, "{")) == "2: not a line of JSON"

    def test_deep_nesting(self, tmp_path: Path) -> None:
        assert "not a line of JSON" in error(written(tmp_path, HEADER, "[" * 200_000))

    def test_not_an_object(self, tmp_path: Path) -> None:
        assert error(written(tmp_path, HEADER, "[1]")) == "2: not a JSON object"

    @pytest.mark.parametrize(
        "header",
        ['{"premap": 2}', '{"premap": 1, "page_size": 65536}', UNMAP,
         '{"premap": 1, "page_size": 4096, "window": [1]}'],
    )  # fmt: skip
    def test_header(self, tmp_path: Path, header: str) -> None:
        assert error(written(tmp_path, header)).startswith("1: ")

    @pytest.mark.parametrize(
        ("step", "message"),
        [
            ('{"op": "frob"}', "no such step"),
            ('{"op": "fail", "point": "luck"}', "point is not one of"),
            ('{"op": "fail", "point": "vma_alloc", "errno": "EIO"}', "it fails with ENOMEM only"),
            ('{"op": ["mmap"]}', "no such step"),
            ('{"op": "munmap", "addr": 0}', "len is missing"),
            ('{"op": "munmap", "addr": -1, "len": 1}', "addr is not a number of 64 bits"),
            ('{"op": "munmap", "addr": "zz", "len": 1}', "addr is not a number"),
            ('{"op": "munmap", "addr": true, "len": 1}', "addr is not a number"),
            ('{"op": "touch", "addr": 0, "access": "x"}', "access is not one of r, w"),
            ('{"op": "mprotect", "addr": 0, "len": 1, "prot": "q"}', "prot is not letters"),
            ('{"op": "madvise", "addr": 0, "len": 1, "advice": "NICE"}', "advice is not one of"),
            ('{"op": "device", "name": "d", "hook": "mmap", "ret": "EWHAT"}', "name of an errno"),
            ('{"op": "device", "name": "d", "hook": "mmap", "set": ["NOFLAG"]}', "set is not one"),
            ('{"op": "device", "name": "d", "hook": "mmap", "vm_ops": 3}', "vm_ops is not a list"),
            (
                '{"op": "device", "name": "d", "hook": "mmap", "action": {"kind": "remap"}}',
                "action has no 'start'",
            ),
        ],
    )
    def test_step(self, tmp_path: Path, step: str, message: str) -> None:
        text = error(written(tmp_path, HEADER, UNMAP, step))
        assert text.startswith("3: ")
        assert message in text

    def test_a_file_that_was_not_made(self, tmp_path: Path) -> None:
        step = {"op": "mmap", "file": "d0", "addr": 0, "len": 1, "prot": "", "flags": []}
        text = error(written(tmp_path, HEADER, json.dumps({**step, "offset": 0})))
        assert text == "2: mmap: there is no d0"

    def test_a_device_keeps_its_kind(self, tmp_path: Path) -> None:
        device = '{"op": "device", "name": "d0", "hook": "%s"}'
        path = written(tmp_path, HEADER, device % "mmap", device % "mmap_prepare")
        assert error(path) == "3: device: d0 is of another kind"

    def test_results_of_another_length(self, tmp_path: Path) -> None:
        record = json.dumps({"scenario": [json.loads(HEADER)], "results": [{}]})
        assert error(written(tmp_path, record)) == "1: 0 steps, but 1 results"
