# SPDX-License-Identifier: GPL-2.0-only
"""`premap replay`: results a line, and comparison with what was recorded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Premap

HEADER = {"premap": 1, "page_size": 4096, "window": [0x10000000, 0x10040000]}
STEPS: list[dict[str, Any]] = [
    {"op": "file", "name": "f0", "size": 8192, "mode": "rw"},
    {"op": "munmap", "addr": 0x10000001, "len": 4096},
    {"op": "mmap", "file": "f0", "addr": 0x10000000, "len": 0, "prot": "r", "flags": ["PRIVATE"]},
]
for _step in STEPS[2:]:
    _step["offset"] = 0
RESULTS = [{"ret": ret, "events": [], "vmas": []} for ret in (0, "EINVAL", "EINVAL")]
"""What POSIX says: an unaligned munmap() and an empty mmap() are EINVAL."""


def _write(path: Path, *documents: object) -> None:
    text = "".join(json.dumps(document) + "\n" for document in documents)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


class TestPlain:
    @pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz"])
    def test_writes_one_result_a_step(self, premap: Premap, tmp_path: Path, name: str) -> None:
        _write(tmp_path / name, HEADER, *STEPS)
        ran = premap("replay", name)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.decode() == "".join(json.dumps(result) + "\n" for result in RESULTS)


class TestRecorded:
    def test_agreement(self, premap: Premap, tmp_path: Path) -> None:
        recorded = {"seed": 1, "scenario": [HEADER, *STEPS], "results": RESULTS}
        _write(tmp_path / "s.jsonl", recorded, recorded)
        ran = premap("replay", "s.jsonl")
        assert (ran.code, ran.out) == (0, b"")
        assert "2 agree" in ran.err

    def test_disagreement_names_the_step(self, premap: Premap, tmp_path: Path) -> None:
        results = [*RESULTS[:2], RESULTS[2] | {"ret": "ENOMEM"}]
        _write(tmp_path / "s.jsonl", {"scenario": [HEADER, *STEPS], "results": results})
        ran = premap("replay", "s.jsonl")
        assert ran.code == 1
        assert b"s.jsonl:1: step 3" in ran.out


class TestHostile:
    @pytest.mark.parametrize(
        "text",
        [b"", b"\n", b"{", b"[]", b"\0\xff", b"{}", b'{"premap": 2}', b"[" * 1_000_000],
        ids=["empty", "blank", "cut off", "list", "binary", "no header", "version", "brackets"],
    )
    def test_is_one_line(self, premap: Premap, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "s.jsonl").write_bytes(text)
        ran = premap("replay", "s.jsonl")
        assert (ran.code, len(ran.lines)) == (2, 1), ran.err
        assert ran.err.startswith("premap: s.jsonl")

    @pytest.mark.parametrize(
        "step",
        [
            {"op": "frobnicate"},
            {"op": "munmap"},
            {"op": "munmap", "addr": "x", "len": 1},
            {"op": "munmap", "addr": None, "len": []},
            {"op": "mmap", "file": "nothing", "addr": 0, "len": 1, "prot": "q", "flags": []},
        ],
        ids=str,
    )
    def test_a_step_is_one_line(self, premap: Premap, tmp_path: Path, step: object) -> None:
        _write(tmp_path / "s.jsonl", HEADER, step)
        ran = premap("replay", "s.jsonl")
        assert (ran.code, len(ran.lines)) == (2, 1), ran.err
        assert "s.jsonl:2" in ran.err

    def test_not_really_gzipped(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "s.jsonl.gz").write_bytes(b"no")
        ran = premap("replay", "s.jsonl.gz")
        assert (ran.code, len(ran.lines)) == (2, 1)
