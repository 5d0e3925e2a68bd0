# SPDX-License-Identifier: GPL-2.0-only
"""What a survey lists, against a tree whose every site is known."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from premap.cache.store import Store
from premap.survey import Plan, survey, work
from premap.survey.engine import Result
from premap.survey.work import Job
from premap.workers import Failure, attempt


class Silent:
    """Takes progress, and keeps the records."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def begin(self, what: str, total: int) -> None:
        pass

    def step(self) -> None:
        pass

    def sites(self, found: list[dict[str, Any]]) -> None:
        self.found += found


class Here:
    """Does jobs in this process, as one that is begun for them would: starting those takes time."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
        work._TREES.clear()
        for job in jobs:
            yield pickle.loads(attempt(work.do, job))


def surveyed(root: Path, store: Path | None = None, *, deep: bool = False) -> dict[str, Any]:
    return survey(Plan(root, deep=deep, store=Store(store), engine=Here()), Silent()).document


def by_handler(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(site["file"], site["handler"]): site for site in document["handlers"]}


class TestSites:
    def test_every_way_to_set_a_member_is_listed(self, small_tree: Path) -> None:
        found = {
            (site["file"].split("/")[-1], site["handler"], f"{site['ops']}.{site['member']}")
            for site in surveyed(small_tree)["handlers"]
        }
        fops = "struct file_operations.mmap"
        assert found == {
            ("room.h", "room_common_mmap", fops),
            ("core.c", "room_common_mmap", fops),
            ("cupboard.c", "cupboard_mmap", "struct room_ops.room_mmap"),
            ("cupboard.c", "room_common_mmap", fops),
            ("door.c", "door_mmap", fops),
            ("door.c", "old_mmap", fops),
            ("door.c", "NULL", fops),
            ("window.c", "window_mmap_prepare", "struct file_operations.mmap_prepare"),
        }

    def test_a_site_in_a_macro_names_it(self, small_tree: Path) -> None:
        site = by_handler(surveyed(small_tree))["include/linux/room.h", "room_common_mmap"]
        assert site["in_macro"] == "ROOM_FOPS"

    def test_arms_are_told(self, small_tree: Path) -> None:
        site = by_handler(surveyed(small_tree))["drivers/room/door.c", "door_mmap"]
        assert "CONFIG_DOOR" in site["arms"][0]

    def test_what_grep_sees_beyond_is_explained(self, small_tree: Path) -> None:
        document = surveyed(small_tree)
        told = {(each["file"], each["rule"]) for each in document["explained"]}
        assert told == {
            ("drivers/room/core.c", "comment"),
            ("drivers/room/cupboard.c", "other-member"),
            ("tools/lib/other.c", "user-space"),
        }

    def test_the_report_states_the_rules(self, small_tree: Path) -> None:
        document = surveyed(small_tree)
        assert {rule["id"]: rule["sites"] for rule in document["rules"]} == {
            "comment": 1, "other-member": 1, "user-space": 1,
        }  # fmt: skip
        assert document["totals"]["grep"] == 8 + 3

    def test_members_are_found_by_their_type(self, small_tree: Path) -> None:
        members = {(m["ops"], m["member"]) for m in surveyed(small_tree)["members"]}
        assert ("struct room_ops", "room_mmap") in members
        assert ("struct room_ops", "mmap_count") not in members

    def test_consumers(self, small_tree: Path) -> None:
        found = {
            (use["function"], f"{use['ops']}.{use['member']}", use["kind"])
            for use in surveyed(small_tree)["consumers"]
        }
        assert found == {
            ("window_can", "struct file_operations.mmap", "test"),
            ("room_common_mmap", "struct room_ops.room_mmap", "call"),
        }


class TestClasses:
    @pytest.mark.parametrize(
        ("handler", "pattern"),
        [
            ("cupboard_mmap", "page-frames"),
            ("door_mmap", "faults"),
            ("old_mmap", "refuses"),
            ("room_common_mmap", "member"),
            ("NULL", "unset"),
        ],
    )
    def test_class(self, small_tree: Path, handler: str, pattern: str) -> None:
        classes = {s["class"] for s in surveyed(small_tree)["handlers"] if s["handler"] == handler}
        assert classes == {pattern}


class TestWaits:
    def test_a_member_without_a_twin(self, small_tree: Path) -> None:
        site = by_handler(surveyed(small_tree))["drivers/room/cupboard.c", "cupboard_mmap"]
        assert site["waits_for"] == ["struct room_ops.room_mmap"]

    def test_a_handler_that_lies_elsewhere(self, small_tree: Path) -> None:
        site = by_handler(surveyed(small_tree))["drivers/room/cupboard.c", "room_common_mmap"]
        assert site["waits_for"] == ["room_common_mmap()"]

    def test_what_would_unlock_most(self, small_tree: Path) -> None:
        first = surveyed(small_tree)["unlocks"][0]
        assert first == {
            "name": "struct room_ops.room_mmap", "sites": 4, "alone": 2, "after": []
        }  # fmt: skip


class TestMaintainers:
    def test_subsystem(self, small_tree: Path) -> None:
        site = by_handler(surveyed(small_tree))["drivers/room/door.c", "door_mmap"]
        assert (site["subsystem"], site["maintainers"]) == (
            "ROOM DRIVERS", ["Ada Room <ada@example.org>"]
        )  # fmt: skip


class TestDeep:
    def test_status_and_verdict(self, small_tree: Path) -> None:
        found = by_handler(surveyed(small_tree, deep=True))
        assert found["drivers/room/window.c", "window_mmap_prepare"]["status"] == "prepared"
        assert found["drivers/room/door.c", "NULL"]["status"] == "unset"
        waiting = found["drivers/room/cupboard.c", "cupboard_mmap"]
        assert (waiting["status"], waiting["blockers"][0]["id"]) == (
            "declined", "not-file-operations"
        )  # fmt: skip

    def test_clusters_that_differ_say_in_what(self, small_tree: Path) -> None:
        clusters = surveyed(small_tree, deep=True)["clusters"]
        titles = [each["title"] for each in clusters]
        assert len(set(titles)) == len(titles) > 3
        assert any("(automatic)" in title or "(review)" in title for title in titles)

    def test_records_come_as_they_are_complete(self, small_tree: Path) -> None:
        told = Silent()
        done = survey(Plan(small_tree, deep=True, jobs=1), told).document
        keyed = [(site["file"], site["line"]) for site in told.found]
        assert sorted(keyed) == [(site["file"], site["line"]) for site in done["handlers"]]


class TestDrivers:
    """A folder of drivers, without the headers of the kernel."""

    def test_members_are_found_by_what_is_put_into_them(self, tmp_path: Path) -> None:
        (tmp_path / "mine.c").write_text(
            "static int mine_mmap(struct file *file, struct vm_area_struct *vma) { return 0; }\n"
            "static const struct file_operations fops = { .mmap = mine_mmap };\n"
            "static const struct v4l2_file_operations vops = { .mmap = vb2_fop_mmap };\n"
            "static const struct proc_ops pops = { .proc_mmap = mine_mmap, .nr_mmap = 3 };\n"
            "struct sizes { int mmap; } sizes = { .mmap = 4096 };\n"
        )
        found = [(s["ops"], s["member"]) for s in surveyed(tmp_path)["handlers"]]
        assert found == [
            ("struct file_operations", "mmap"),
            ("struct v4l2_file_operations", "mmap"),
            ("struct proc_ops", "proc_mmap"),
        ]


class TestNames:
    """Members that are not simply set to a function."""

    @pytest.fixture
    def tree(self, small_tree: Path) -> Path:
        for path in small_tree.glob("drivers/room/*"):
            path.unlink()
        return small_tree

    def sites(self, tree: Path, **files: str) -> list[tuple[str, str, str, str]]:
        for name, text in files.items():
            path = tree / "drivers/room" / name.replace("_", ".")
            path.write_text("#include <linux/fs.h>\n" + text)
        found = surveyed(tree)["handlers"]
        return [
            (site["handler"], site["table"], site["ops"].split()[-1], site["class"])
            for site in found
            if "room.h" not in site["file"]
        ]

    FRAMES = (
        "static int frames_mmap(struct file *file, struct vm_area_struct *vma)\n"
        "{\n\treturn remap_pfn_range(vma, vma->vm_start, 7, 4096, vma->vm_page_prot);\n}\n"
    )
    NOTHING = (
        "static int nothing_mmap(struct file *file, struct vm_area_struct *vma)\n"
        "{\n\treturn -ENODEV;\n}\n"
    )

    def test_a_table_filled_by_position(self, tree: Path) -> None:
        tables = (
            "static const struct file_operations fops = { NULL, &frames_mmap };\n"
            "static const struct file_operations all[] = { { 0 }, { NULL, nothing_mmap, 0 } };\n"
            "static void *other[] = { frames_mmap, nothing_mmap };\n"
        )
        assert self.sites(tree, a_c=self.FRAMES + self.NOTHING + tables) == [
            ("frames_mmap", "fops", "file_operations", "page-frames"),
            ("nothing_mmap", "all", "file_operations", "refuses"),
        ]

    def test_a_table_filled_by_position_is_declined_for_that(self, tree: Path) -> None:
        text = "static const struct file_operations fops = { NULL, frames_mmap };\n"
        self.sites(tree, a_c=self.FRAMES + text)
        site = by_handler(surveyed(tree, deep=True))["drivers/room/a.c", "frames_mmap"]
        assert (site["status"], site["reason"]["id"]) == ("declined", "positional-table")

    def test_one_of_two(self, tree: Path) -> None:
        text = (
            "void f(struct file_operations *o, int c)\n"
            "{\n\to->mmap = c ? nothing_mmap : frames_mmap;\n}\n"
        )
        assert self.sites(tree, a_c=self.FRAMES + self.NOTHING + text) == [
            ("c ? nothing_mmap : frames_mmap", None, "file_operations", "page-frames")
        ]

    def test_the_argument_of_a_macro(self, tree: Path) -> None:
        macro = "#define FOPS(n, f) static const struct file_operations n = { .mmap = (f), }\n"
        found = self.sites(tree, a_c=self.FRAMES + macro + "FOPS(first, frames_mmap);\n")
        assert [(found[0][0], found[0][3])] == [("f", "page-frames")]

    def test_what_a_caller_elsewhere_passes(self, tree: Path) -> None:
        setter = (
            "void set(struct file_operations *o,\n"
            "\t int (*hook)(struct file *, struct vm_area_struct *))\n"
            "{\n\to->mmap = hook;\n}\n"
        )
        caller = self.FRAMES + "void g(struct file_operations *o) { set(o, frames_mmap); }\n"
        assert self.sites(tree, a_c=setter, b_c=caller) == [
            ("hook", None, "file_operations", "page-frames")
        ]

    def test_a_pasted_name(self, tree: Path) -> None:
        macro = "#define FOPS(p) static struct file_operations p##_ops = { .mmap = p ## _mmap }\n"
        header = {"ops_h": macro}
        found = self.sites(tree, **header, a_c=self.FRAMES + '#include "ops.h"\nFOPS(frames);\n')
        assert [(found[0][0], found[0][3])] == [("p ## _mmap", "page-frames")]

    def test_a_function_that_is_nowhere(self, tree: Path) -> None:
        text = "static struct file_operations fops = { .mmap = lost_mmap };\n"
        assert self.sites(tree, a_c=text) == [("lost_mmap", "fops", "file_operations", "undefined")]
