# SPDX-License-Identifier: GPL-2.0-only
"""`premap run`: one mmap() call, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Premap

DEVICE = b"""\
#include <linux/mm.h>

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_pgoff)
		return -EINVAL;
	ring->users++;
	return remap_pfn_range(vma, vma->vm_start, ring->pfn, size, vma->vm_page_prot);
}
"""


MERGES = """\
#include <linux/mm.h>
struct ring { int users; };
static const struct vm_operations_struct ring_ops = { };

static int ring_mmap(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	ring->users++;
	desc->vm_ops = &ring_ops;
	return 0;
}
"""


CAREFUL = """\
#include <linux/mm.h>
struct ring { int users; struct kref ref; unsigned long pfn; };
void ring_free(struct kref *ref);

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	ring->users--;
	kref_put(&ring->ref, ring_free);
}

static const struct vm_operations_struct ring_ops = {
	.close = ring_close,
};

static int ring_mmap(struct vm_area_desc *desc)
{
	struct ring *ring;

	ring = desc->file->private_data;
	ring->users++;
	kref_get(&ring->ref);
	desc->vm_ops = &ring_ops;
	mmap_action_remap_full(desc, ring->pfn);
	return 0;
}
"""
"""->close takes back what the hook did, where it is called."""


REFUSES = """\
#include <linux/mm.h>
struct ring { int users; };

static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
			const struct file *file, void **vm_private_data)
{
	struct ring *ring = file->private_data;

	ring->users++;
	return -EBUSY;
}

static const struct vm_operations_struct ring_ops = {
	.mapped = ring_mapped,
};

static int ring_mmap(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_ops;
	return 0;
}
"""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Write a handler that remaps, and counts before it does."""
    path = tmp_path / "ring.c"
    path.write_bytes(b"struct ring { unsigned long pfn; int users; };\n" + DEVICE)
    return path


def _run(premap: Premap, *arguments: str) -> Any:
    ran = premap("run", "--format=json", "ring.c:ring_mmap", *arguments)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


class TestJson:
    def test_has_all_keys(self, premap: Premap, device: Path) -> None:
        assert {"result", "steps", "vmas", "ptes"} <= set(_run(premap))

    def test_a_remap_fills_page_tables(self, premap: Premap, device: Path) -> None:
        document = _run(premap, "--pages", "3", "--set", "file->private_data->pfn=0x1234")
        (vma,), (pte,) = document["vmas"], document["ptes"]
        assert vma["end"] - vma["start"] == 3 * 4096
        assert (pte["start"], pte["end"], pte["first"]) == (vma["start"], vma["end"], 0x1234)

    def test_an_error_is_a_result_like_others(self, premap: Premap, device: Path) -> None:
        document = _run(premap, "--pgoff", "1")
        assert (document["result"], document["vmas"]) == ("-EINVAL", [])

    def test_steps_name_their_lines(self, premap: Premap, device: Path) -> None:
        steps = _run(premap)["steps"]
        assert ("decision", 9) in {(step["kind"], step["line"]) for step in steps}

    def test_what_is_read_is_read_on_a_line(self, premap: Premap, device: Path) -> None:
        """A picture shows the C of it."""
        lines = device.read_text().splitlines()
        reads = [step for step in _run(premap)["steps"] if step["kind"] == "read"]
        assert len(reads) >= 2
        for step in reads:
            member = step["text"].split(" is ")[0].rpartition("->")[2]
            assert member in lines[step["line"] - 1]
            assert step["file"].endswith(device.name)


class TestInjection:
    def test_says_what_survives(self, premap: Premap, device: Path) -> None:
        (injected,) = _run(premap, "--inject", "page_table")["injected"]
        assert injected["result"] == "-ENOMEM"
        assert any("users" in survivor for survivor in injected["survives"])

    def test_names_the_line_that_made_it(self, premap: Premap, device: Path) -> None:
        (injected,) = _run(premap, "--inject", "page_table")["injected"]
        assert any(each.endswith("ring.c:11)") for each in injected["survives"])

    def test_of_a_mapping_that_merges(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "ring.c").write_text(MERGES)
        document = _run(premap, "--inject", "all")
        (merge,) = [each for each in document["injected"] if each["point"] == "merge"]
        (survivor,) = merge["survives"]
        assert survivor.startswith("file->private_data->users was written (")

    def test_of_all_lists_what_is_reached(self, premap: Premap, device: Path) -> None:
        points = {each["point"] for each in _run(premap, "--inject", "all")["injected"]}
        assert {"vma_alloc", "page_table"} <= points
        assert "mapped" not in points

    def test_of_page_frames_that_are_refused(self, premap: Premap, device: Path) -> None:
        (injected,) = _run(premap, "--inject", "page_table:EINVAL")["injected"]
        assert injected["result"] == "-EINVAL"

    def test_of_an_unknown_point(self, premap: Premap, device: Path) -> None:
        ran = premap("run", "ring.c:ring_mmap", "--inject", "moon")
        assert (ran.code, len(ran.lines)) == (2, 1)


ALLOCATES = """\
#include <linux/mm.h>
struct view { unsigned long size; };
struct ring { void __iomem *regs; };

static void view_close(struct vm_area_struct *vma)
{
	kfree(vma->vm_private_data);
}

static const struct vm_operations_struct view_ops = {
	.close = view_close,
};

static int ring_mmap(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	struct view *view = kzalloc(sizeof(*view), GFP_KERNEL);

	if (!view)
		return -ENOMEM;
	writel(1, ring->regs + 8);
	view->size = vma_desc_size(desc);
	desc->private_data = view;
	desc->vm_ops = &view_ops;
	return 0;
}
"""
"""Memory that only ->close frees, and a register that nobody writes again."""


COUNTS = """\
#include <linux/mm.h>
struct ring { atomic_t users; atomic_t pages; struct list_head views; };
struct view { struct ring *ring; struct list_head node; };

static void view_close(struct vm_area_struct *vma)
{
	struct view *view = vma->vm_private_data;

	list_del(&view->node);
	atomic_dec(&view->ring->users);
	atomic_sub(4, &view->ring->pages);
	kfree(view);
}

static const struct vm_operations_struct view_ops = {
	.close = view_close,
};

static int ring_mmap(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	struct view *view = kzalloc(sizeof(*view), GFP_KERNEL);

	if (!view)
		return -ENOMEM;
	view->ring = ring;
	atomic_inc(&ring->users);
	atomic_add(4, &ring->pages);
	list_add(&view->node, &ring->views);
	desc->private_data = view;
	desc->vm_ops = &view_ops;
	mmap_action_remap_full(desc, 7);
	return 0;
}
"""
"""->close counts down what the hook has counted up, and takes it off the list."""


class TestCounts:
    @pytest.mark.parametrize(
        ("old", "new", "left"),
        [
            ("", "", []),
            ("atomic_dec(", "atomic_inc(", ["atomic_inc", "atomic_inc"]),
            ("atomic_sub(4", "atomic_sub(3", ["atomic_add", "atomic_sub"]),
            (
                "atomic_dec(&view->ring->users)",
                "atomic_dec(&view->ring->pages)",
                ["atomic_inc", "atomic_dec"],
            ),
            ("\tlist_del(&view->node);\n", "", ["list_add"]),
        ],
    )
    def test_what_close_takes_back(
        self, premap: Premap, tmp_path: Path, old: str, new: str, left: list[str]
    ) -> None:
        (tmp_path / "ring.c").write_text(COUNTS.replace(old, new) if old else COUNTS)
        injected = _run(premap, "--inject", "all")["injected"]
        survives = {each["point"]: each["survives"] for each in injected}
        assert [each.partition("(")[0] for each in survives["action"]] == left
        assert [each.partition("(")[0] for each in survives["vma_alloc"]] == [
            "kzalloc",
            "atomic_inc",
            "atomic_add",
            "list_add",
        ]


class TestPlanted:
    """Leaks of a hook that gets memory, and sets a device up, before there is a mapping."""

    @pytest.fixture
    def survivors(self, premap: Premap, tmp_path: Path) -> dict[str, list[str]]:
        (tmp_path / "ring.c").write_text(ALLOCATES)
        injected = _run(premap, "--inject", "all")["injected"]
        return {each["point"]: each["survives"] for each in injected}

    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree", "merge"])
    def test_memory_that_nobody_frees(self, survivors: dict[str, list[str]], point: str) -> None:
        line = next(i for i, text in enumerate(ALLOCATES.splitlines(), 1) if "kzalloc" in text)
        assert f"kzalloc() was called (ring.c:{line})" in survivors[point]

    def test_a_register(self, survivors: dict[str, list[str]]) -> None:
        line = next(i for i, text in enumerate(ALLOCATES.splitlines(), 1) if "writel" in text)
        assert f"writel() was called (ring.c:{line})" in survivors["vma_alloc"]

    def test_a_register_that_close_writes_again(self, premap: Premap, tmp_path: Path) -> None:
        undone = ALLOCATES.replace(
            "kfree(vma->vm_private_data);",
            "struct ring *ring = vma->vm_file->private_data;\n\n\twritel(0, ring->regs + 8);\n"
            "\tkfree(vma->vm_private_data);",
        ).replace(
            "desc->vm_ops = &view_ops;",
            "desc->vm_ops = &view_ops;\n\tmmap_action_remap_full(desc, 7);",
        )
        (tmp_path / "ring.c").write_text(undone)
        injected = _run(premap, "--inject", "all")["injected"]
        survives = {each["point"]: each["survives"] for each in injected}
        assert survives["action"] == []
        assert len(survives["vma_alloc"]) == 2

    def test_memory_that_is_not_had(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "ring.c").write_text(ALLOCATES)
        document = _run(premap, "--set", "kzalloc@1(0x0, 0x0)=0")
        assert (document["result"], document["survives"]) == ("-ENOMEM", [])


class TestSurvivors:
    @pytest.fixture
    def survivors(self, premap: Premap, tmp_path: Path) -> dict[str, list[str]]:
        (tmp_path / "ring.c").write_text(CAREFUL)
        injected = _run(premap, "--inject", "all")["injected"]
        return {each["point"]: each["survives"] for each in injected}

    def test_what_close_takes_back_is_none(self, survivors: dict[str, list[str]]) -> None:
        assert (survivors["action"], survivors["page_table"]) == ([], [])

    def test_without_a_mapping_close_is_not_called(self, survivors: dict[str, list[str]]) -> None:
        assert survivors["vma_alloc"] == [
            "file->private_data->users was written (ring.c:22)",
            "kref_get() was called (ring.c:23)",
        ]

    def test_of_a_call_that_fails_by_itself(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "ring.c").write_text(REFUSES)
        document = _run(premap)
        assert document["result"] == "-EBUSY"
        assert document["survives"] == ["file->private_data->users was written (ring.c:9)"]

    def test_of_an_unmapping_that_fails(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "ring.c").write_text(REFUSES)
        (injected,) = _run(premap, "--inject", "munmap_tree")["injected"]
        assert "a mapping at 0x1000000" in injected["survives"]

    def test_a_mapping_has_none(self, premap: Premap, device: Path) -> None:
        assert _run(premap)["survives"] == []


class TestText:
    def test_is_for_people(self, premap: Premap, device: Path) -> None:
        ran = premap("run", "ring.c:ring_mmap")
        assert ran.code == 0
        assert b"result: 0x" in ran.out


class TestWrongUse:
    def test_of_a_neighbour_for_which_there_is_no_room(self, premap: Premap, device: Path) -> None:
        ran = premap("run", "ring.c:ring_mmap", "--layout", "between", "--left-pages", "2")
        assert "give --pgoff 2 or more" in ran.err
        more = premap("run", "ring.c:ring_mmap", "--layout", "between", "--pgoff", "2")
        assert more.err == ""

    @pytest.mark.parametrize(
        "option",
        ["--pages=0", "--pages=x", "--prot=wr", "--set=x", "--set==1", "--set=a=-1", "--pgoff=-1"],
    )
    def test_of_an_option(self, premap: Premap, device: Path, option: str) -> None:
        ran = premap("run", "ring.c:ring_mmap", option)
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_what_is_no_hook(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "f.c").write_bytes(b"int f(void)\n{\n\treturn 0;\n}\n")
        ran = premap("run", "f.c:f")
        assert (ran.code, len(ran.lines)) == (2, 1)
