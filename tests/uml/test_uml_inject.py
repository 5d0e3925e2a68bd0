# SPDX-License-Identifier: GPL-2.0-only
"""Failures injected into a real kernel, and the same ones into the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from premap.model.inject import POINTS
from premap.scenario import Scenario, model_backend, replay
from premap.uml import UmlBackend

LOW = 0x10000000
PAGE = 0x1000
HEADER = {"premap": 1, "page_size": PAGE, "window": [LOW, LOW + 0x40000]}
Json = dict[str, Any]


def scenario(*steps: Json) -> Scenario:
    return Scenario(HEADER, steps, (0,) * len(steps))


def fail(point: str, **given: Any) -> Json:
    return {"op": "fail", "point": point, **given}


def mmap(file: str | None, first: int, pages: int, **given: Any) -> Json:
    flags = [given.get("sharing", "PRIVATE"), "FIXED"]
    return {"op": "mmap", "file": file, "addr": LOW + first * PAGE, "len": pages * PAGE,
            "prot": given.get("prot", "rw"), "flags": flags,
            "offset": given.get("offset", 0)}  # fmt: skip


def on_range(op: str, first: int, pages: int, **given: Any) -> Json:
    return {"op": op, "addr": LOW + first * PAGE, "len": pages * PAGE, **given}


def device(hook: str = "mmap_prepare", **programme: Any) -> Json:
    return {"op": "device", "name": "d0", "hook": hook, **programme}


def move(first: int, pages: int, to: int) -> Json:
    place = {"new_addr": LOW + to * PAGE, "new_len": pages * PAGE}
    return on_range("mremap", first, pages, flags=["MAYMOVE", "FIXED"], **place)


WRITE = {"op": "touch", "addr": LOW + PAGE, "access": "w"}
FORK = {"op": "fork"}
CASES: dict[str, list[Json]] = {
    "accounting": [fail("accounting"), mmap(None, 0, 4)],
    "munmap_gather": [mmap(None, 0, 4), fail("munmap_gather"), on_range("munmap", 0, 4)],
    "munmap_tree": [mmap(None, 0, 4), fail("munmap_tree"), on_range("munmap", 0, 4)],
    "vma_merge": [mmap(None, 0, 4), fail("vma_merge"), mmap(None, 4, 4), mmap(None, 8, 4)],
    "vma_alloc": [mmap(None, 0, 4), fail("vma_alloc"), mmap(None, 2, 2, prot="r")],
    "vma_dup": [mmap(None, 0, 4), fail("vma_dup"), on_range("mprotect", 1, 1, prot="r")],
    "vma_tree": [fail("vma_tree"), mmap(None, 0, 4), mmap(None, 0, 4)],
    "anon_vma": [mmap(None, 0, 4), fail("anon_vma"), on_range("mlock", 0, 4)],
    "anon_vma_clone": [mmap(None, 0, 4), WRITE, fail("anon_vma_clone"), move(0, 4, 8)],
    "shmem": [fail("shmem"), mmap(None, 0, 4, sharing="SHARED")],
    "mmap_hook": [device("mmap"), fail("mmap_hook", errno="EIO"), mmap("d0", 0, 4)],
    "action": [
        device(action={"kind": "remap_full", "page": 0}, vm_ops=["close"]),
        fail("action", errno="EIO"),
        mmap("d0", 0, 4, sharing="SHARED"),
    ],
    "mapped": [
        device(vm_ops=["mapped", "close"]),
        fail("mapped", errno="EIO"),
        mmap("d0", 0, 4),
    ],
    "action of kernel pages": [
        device(action={"kind": "map_kernel_pages_full", "page": 0}, vm_ops=["open", "close"]),
        fail("action", errno="EIO"),
        mmap("d0", 0, 4, sharing="SHARED"),
    ],
    "page_table": [
        device(action={"kind": "remap_full", "page": 0}, vm_ops=["mapped", "close"]),
        fail("page_table"),
        mmap("d0", 0, 4, sharing="SHARED"),
    ],
    "page": [mmap(None, 0, 4), fail("page"), on_range("mlock", 0, 4)],
    "page after others": [mmap(None, 0, 4), fail("page", after=2), on_range("mlock", 0, 4)],
    "vma_tree of a split": [mmap(None, 0, 4), fail("vma_tree"), on_range("munmap", 1, 2)],
    "vma_alloc over what was there": [
        device(vm_ops=["close"]),
        mmap("d0", 0, 4, sharing="SHARED"),
        fail("vma_alloc"),
        mmap("d0", 1, 2, offset=0x8000),
    ],
    "vma_merge of a replaced file": [
        {"op": "device", "name": "d1", "hook": "mmap_prepare"},
        device(vm_file="d1"),
        mmap("d0", 0, 4, sharing="SHARED"),
        fail("vma_merge"),
        mmap("d0", 4, 4, sharing="SHARED", offset=0x4000),
    ],
    "vma_dup in fork": [
        mmap(None, 0, 1, prot="r"),
        mmap(None, 2, 1, prot="r"),
        fail("vma_dup", after=1),
        {"op": "fork"},
    ],
    "accounting in fork": [mmap(None, 0, 1), mmap(None, 2, 1), fail("accounting", after=1), FORK],
    "accounting in the next fork": [mmap(None, 0, 1), fail("accounting", after=1), FORK, FORK],
    "page_table of guards": [
        mmap(None, 0, 4),
        WRITE,
        fail("page_table"),
        on_range("madvise", 0, 4, advice="GUARD_INSTALL"),
    ],
}
LOOKS: list[Json] = [{"op": "entries"}, {"op": "anon"}, {"op": "counts"}]
"""What is left: page tables, anonymous pages, counts, accounting, references."""
EXPECTED = {
    "action of kernel pages": "EIO",
    "page_table": "ENOMEM",
    "page": "EAGAIN",
    "vma_tree of a split": "ENOMEM",
    "vma_alloc over what was there": "ENOMEM",
    "accounting": "ENOMEM",
    "munmap_gather": "ENOMEM",
    "munmap_tree": "ENOMEM",
    "vma_alloc": "ENOMEM",
    "vma_dup": "ENOMEM",
    "anon_vma": "EAGAIN",
    "anon_vma_clone": "ENOMEM",
    "shmem": "ENOMEM",
    "mmap_hook": "EIO",
    "action": "EIO",
    "mapped": "EIO",
    "vma_dup in fork": "ENOMEM",
    "accounting in fork": "ENOMEM",
    "accounting in the next fork": "ENOMEM",
    "page_table of guards": "ENOMEM",
}
"""What the last step returns, where it is the one that fails."""


class TestPoints:
    @pytest.mark.parametrize("name", CASES)
    def test_kernel_and_model_agree(self, uml: UmlBackend, name: str) -> None:
        steps = scenario(*CASES[name], *LOOKS)
        kernel, model = replay(steps, uml), replay(steps, model_backend())
        assert json.dumps(kernel.results) == json.dumps(model.results)

    @pytest.mark.parametrize("name", EXPECTED)
    def test_the_call_fails(self, uml: UmlBackend, name: str) -> None:
        assert replay(scenario(*CASES[name]), uml).results[-1]["ret"] == EXPECTED[name]

    def test_a_merge_without_memory_is_a_mapping_of_its_own(self, uml: UmlBackend) -> None:
        results = replay(scenario(*CASES["vma_merge"]), uml).results
        assert [len(result["vmas"]) for result in results] == [1, 1, 2, 2]

    def test_what_a_failed_mapping_replaced_is_gone(self, uml: UmlBackend) -> None:
        results = replay(scenario(*CASES["vma_alloc"]), uml).results
        assert [vma["end"] for vma in results[-1]["vmas"]] == [LOW + 2 * PAGE]

    def test_each_happens_once(self, uml: UmlBackend) -> None:
        results = replay(scenario(*CASES["vma_tree"]), uml).results
        assert [result["ret"] for result in results] == [0, "ENOMEM", LOW]

    def test_none_is_left_for_the_next_scenario(self, uml: UmlBackend) -> None:
        results = list(uml.run_all([scenario(fail("vma_alloc")), scenario(mmap(None, 0, 1))]))
        assert results[1][0]["ret"] == LOW

    def test_every_point_of_the_model_is_there(self, uml: UmlBackend) -> None:
        for point in POINTS:
            assert replay(scenario(fail(point)), uml).missing is None, point
