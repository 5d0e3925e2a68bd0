# SPDX-License-Identifier: GPL-2.0-only
"""The pytest fixture `surviving`: what Python hooks leave behind of mappings that are not there."""

from __future__ import annotations

import errno
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premap.model import (
    File,
    FileOperations,
    VmAreaDesc,
    VmAreaStruct,
    VmOperations,
    get_file,
    mmap_action_remap_full,
    remap_pfn_range,
    vma_size,
)
from premap.testing import Survivor

Surviving = Callable[..., list[Survivor]]


class Ring:
    """A driver's state, with hooks that are careful, or not."""

    def __init__(self) -> None:
        self.users = 0
        self.log: list[int] = []
        self.ops = VmOperations(mapped=self.mapped, close=self.close)

    def mapped(self, start: int, end: int, pgoff: int, file: File, private: list[Any]) -> None:
        self.users += 1

    def close(self, vma: VmAreaStruct) -> None:
        self.users -= 1

    def counts_early(self, desc: VmAreaDesc) -> None:
        self.users += 1
        desc.vm_ops = VmOperations(close=self.close)

    def counts_late(self, desc: VmAreaDesc) -> None:
        desc.vm_ops = self.ops

    def remaps(self, desc: VmAreaDesc) -> None:
        self.log.append(7)
        mmap_action_remap_full(desc, 7)

    def takes_a_reference(self, desc: VmAreaDesc) -> None:
        get_file(desc.file)

    def mapped_in_vain(
        self, start: int, end: int, pgoff: int, file: File, private: list[Any]
    ) -> None:
        self.users += 1
        raise OSError(errno.EBUSY, "no more than that")

    def refuses_late(self, desc: VmAreaDesc) -> None:
        desc.vm_ops = VmOperations(mapped=self.mapped_in_vain)

    def does_nothing(self, desc: VmAreaDesc) -> None:
        desc.vm_ops = VmOperations()

    def legacy(self, file: File, vma: VmAreaStruct) -> int:
        self.users += 1
        return remap_pfn_range(vma, vma.vm_start, 7, vma_size(vma), vma.vm_page_prot)


def opened(name: str) -> Callable[[], File]:
    """Return what opens a new ring, whose hook is the method of that name."""

    def make() -> File:
        ring = Ring()
        return File(FileOperations(mmap_prepare=getattr(ring, name)), private_data=ring)

    return make


def line_of(method: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(method)
    return first + next(place for place, line in enumerate(lines) if text in line)


class TestSurviving:
    def test_of_a_hook_that_has_no_state(self, surviving: Surviving) -> None:
        assert surviving(opened("does_nothing")) == []

    def test_a_count_that_no_stage_takes_back(self, surviving: Surviving) -> None:
        found = surviving(opened("counts_early"))
        assert {each.stage for each in found} == {"vma_alloc", "vma_tree", "merge"}
        for each in found:
            assert (each.name, each.after) == (
                "file.private_data.users",
                1 if each.stage != "merge" else 2,
            )
            assert (each.file, each.line) == (__file__, line_of(Ring.counts_early, "+= 1"))

    def test_close_without_mapped_takes_one_too_many(self, surviving: Surviving) -> None:
        (found,) = surviving(opened("counts_late"))
        assert (found.stage, found.before, found.after) == ("mapped", 0, -1)
        assert found.line == line_of(Ring.close, "-= 1")

    def test_a_failed_action(self, surviving: Surviving) -> None:
        stages = {each.stage for each in surviving(opened("remaps"))}
        assert stages == {"vma_alloc", "vma_tree", "action", "page_table"}

    def test_what_mapped_did_before_it_refused(self, surviving: Surviving) -> None:
        found = [each for each in surviving(opened("refuses_late")) if each.stage == "call"]
        assert [(each.name, each.before, each.after) for each in found] == [
            ("file.private_data.users", 0, 1)
        ]
        assert found[0].line == line_of(Ring.mapped_in_vain, "+= 1")

    def test_a_reference(self, surviving: Surviving) -> None:
        found = surviving(opened("takes_a_reference"))
        assert {each.name for each in found} == {"file.f_count"}
        assert str(found[0]).startswith("vma_alloc: file.f_count was 1, is 2 (")

    def test_a_legacy_hook(self, surviving: Surviving) -> None:
        def make() -> File:
            ring = Ring()
            return File(FileOperations(mmap=ring.legacy), private_data=ring)

        assert {each.stage for each in surviving(make)} == {"page_table"}

    def test_more_objects(self, surviving: Surviving) -> None:
        totals = {"mappings": 0}

        def hook(desc: VmAreaDesc) -> None:
            totals["mappings"] += 1

        def make() -> File:
            return File(FileOperations(mmap_prepare=hook))

        found = surviving(make, watch=lambda: {"totals": totals})
        assert {each.name for each in found} == {"totals['mappings']"}


class TestDocument:
    def test_the_example_fails_as_it_says(self, surviving: Surviving) -> None:
        page = (Path(__file__).parents[1] / "docs/testing-hooks.md").read_text(encoding="utf-8")
        (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        told = re.search(r"^vma_alloc: .*, is 1 \(ring.py:9\)$", page, re.MULTILINE)
        names: dict[str, Any] = {}
        exec(compile(example, "ring.py", "exec"), names)
        found = [str(each) for each in surviving(names["make"])]
        assert told is not None
        assert found[0] == told[0]
        with pytest.raises(AssertionError):
            names["test_leaves_nothing"](surviving)


class TestPlugin:
    def test_is_there_without_being_asked_for(self, pytestconfig: pytest.Config) -> None:
        assert pytestconfig.pluginmanager.has_plugin("premap")
