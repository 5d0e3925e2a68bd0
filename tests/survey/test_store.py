# SPDX-License-Identifier: GPL-2.0-only
"""What is kept between surveys: never wrong, whatever happens to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.files import write_files
from tests.survey.test_survey import Here, Silent, surveyed

from premap.cache.store import Store
from premap.survey import Plan, survey
from premap.survey.engine import Result
from premap.survey.index import known_index, look, remember
from premap.survey.work import Job
from premap.workers import Failure

Change = Callable[[str, str, str], None]


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what differs from run to run."""
    totals = {k: v for k, v in document["totals"].items() if k != "files_read"}
    return {**document, "seconds": 0, "totals": totals, "results": None, "problem": None}


BELL = """\
#include <linux/fs.h>
static int bell_mmap(struct file *file, struct vm_area_struct *vma)
{
	BELL_SET(vma);
	return 0;
}
static const struct file_operations bell_fops = { .mmap = bell_mmap };
"""


class TestStore:
    def test_what_is_put_is_got(self, tmp_path: Path) -> None:
        Store(tmp_path).put("abcd", b"text")
        assert Store(tmp_path).get("abcd") == b"text"

    def test_a_torn_entry_is_missing(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        store.put("abcd", b"text" * 100)
        path = tmp_path / "ab" / "cd"
        path.write_bytes(path.read_bytes()[:-1])
        assert store.get("abcd") is None

    def test_the_oldest_goes(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        for number in range(4):
            store.put(f"aa{number}", bytes(1000))
            os.utime(tmp_path / "aa" / str(number), (number, number))
        store.trim(2100)
        assert [store.get(f"aa{n}") is not None for n in range(4)] == [False, False, True, True]

    def test_the_oldest_beside_goes(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        for number in range(8):
            for folder in ("aa", "bb"):
                store.put(f"{folder}{number}", b"text")
                os.utime(tmp_path / folder / str(number), (number, number))
        store.trim_beside("aa0", 3)
        left = {folder: {p.name for p in (tmp_path / folder).iterdir()} for folder in ("aa", "bb")}
        assert left == {"aa": set("567"), "bb": set("01234567")}

    def test_what_was_never_finished_goes(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        store.put("aa0", b"text")
        for name, age in (("old.new", 7200), ("young.new", 0)):
            (tmp_path / "aa" / name).write_bytes(b"te")
            then = time.time() - age
            os.utime(tmp_path / "aa" / name, (then, then))
        store.trim_beside("aa0", 3)
        assert {path.name for path in (tmp_path / "aa").iterdir()} == {"0", "young.new"}

    def test_a_full_disk_is_noted(self, tmp_path: Path) -> None:
        (tmp_path / "ab").symlink_to("/dev/full")  # no folder can be made there
        store = Store(tmp_path)
        store.put("abcd", b"text")
        assert store.problem is not None
        assert store.get("abcd") is None


def settled(root: Path) -> None:
    """Let the files be older than the moment in which a change might not show."""
    for path in root.rglob("*"):
        os.utime(path, (1, 1))


class TestKept:
    def test_a_second_survey_says_the_same(self, small_tree: Path, tmp_path: Path) -> None:
        first = surveyed(small_tree, tmp_path / "store", deep=True)
        second = surveyed(small_tree, tmp_path / "store", deep=True)
        assert told(second) == told(first)
        assert (first["results"]["kept"], second["results"]["new"]) == (0, 0)
        assert first["results"]["new"] == second["results"]["kept"] > 8

    def test_unchanged_files_are_not_read_again(self, small_tree: Path, tmp_path: Path) -> None:
        surveyed(small_tree, tmp_path / "store")
        time.sleep(2.1)  # times of files tell only so well
        surveyed(small_tree, tmp_path / "store")
        assert surveyed(small_tree, tmp_path / "store")["totals"]["files_read"] == 0

    @pytest.mark.parametrize(
        ("name", "old", "new"),
        [
            ("drivers/room/door.c", "return -ENODEV;", "return -EPERM; /* .mmap = x */"),
            ("drivers/room/door.c", ".mmap = door_mmap", ".mmap = old_mmap"),
            ("include/linux/room.h", "room_mmap)", "inner_mmap)"),
            ("include/linux/fs.h", "mmap_prepare)(struct vm_area_desc *)", "mmap_prepare)(int)"),
            ("drivers/room/core.c", "return room->ops->room_mmap(room, vma);", "return 0;"),
            ("MAINTAINERS", "ROOM DRIVERS", "HALL DRIVERS"),
        ],
    )
    def test_an_edit_counts(
        self, small_tree: Path, tmp_path: Path, change: Change, name: str, old: str, new: str
    ) -> None:
        before = surveyed(small_tree, tmp_path / "store", deep=True)
        change(name, old, new)
        after = surveyed(small_tree, tmp_path / "store", deep=True)
        assert told(after) == told(surveyed(small_tree, None, deep=True))
        assert told(after) != told(before)

    def test_an_edit_that_keeps_size_and_times_counts(
        self, small_tree: Path, tmp_path: Path, change: Change
    ) -> None:
        settled(small_tree)
        surveyed(small_tree, tmp_path / "store")
        change("drivers/room/door.c", ".mmap = door_mmap", ".mmap = load_mmap")
        settled(small_tree)
        handlers = {s["handler"] for s in surveyed(small_tree, tmp_path / "store")["handlers"]}
        assert "load_mmap" in handlers

    @pytest.mark.parametrize("name", ["drivers/room/bell.inc", "outside.h"])
    def test_an_edit_of_what_is_included_counts(
        self, small_tree: Path, tmp_path: Path, name: str
    ) -> None:
        """By whatever name: it may be no header's, or that of a link out of the tree."""
        (small_tree / "drivers/room/bell.h").symlink_to("../../outside.h")
        include = "bell.h" if name == "outside.h" else "bell.inc"
        sets, maps = "vm_flags_set(vma, VM_IO)", "remap_pfn_range(vma, 1, 2, 3, vma->vm_page_prot)"
        bell = {"drivers/room/bell.c": f'#include "{include}"\n{BELL}'}
        write_files(small_tree, {**bell, name: f"#define BELL_SET(vma) {sets}\n"})
        time.sleep(2.1)  # times of files tell only so well
        before = [surveyed(small_tree, tmp_path / "store", deep=True) for _ in range(2)]
        assert before[1]["results"]["new"] == 0
        write_files(small_tree, {name: f"#define BELL_SET(vma) {maps}\n"})
        after = surveyed(small_tree, tmp_path / "store", deep=True)
        assert told(after) == told(surveyed(small_tree, None, deep=True))
        assert told(after) != told(before[1])

    @pytest.mark.parametrize("include", ["bell.inc", "bell_sets.c", "bell.h"])
    @pytest.mark.parametrize("shadows", [False, True])
    @pytest.mark.parametrize("links", [False, True])
    def test_what_is_included_only_now_counts(
        self, small_tree: Path, tmp_path: Path, include: str, *, shadows: bool, links: bool
    ) -> None:
        """The file was not there, or another one was found before; it may be a link."""
        sets, maps = "vm_flags_set(vma, VM_IO)", "remap_pfn_range(vma, 1, 2, 3, vma->vm_page_prot)"
        files = {"drivers/room/bell.c": f'#include "{include}"\n{BELL}'}
        if shadows:
            files[f"include/{include}"] = f"#define BELL_SET(vma) {sets}\n"
        write_files(small_tree, {**files, "outside": f"#define BELL_SET(vma) {maps}\n"})
        time.sleep(2.1)  # times of files tell only so well
        before = [surveyed(small_tree, tmp_path / "store", deep=True) for _ in range(2)]
        assert before[1]["results"]["new"] == 0
        if links:
            (small_tree / "drivers/room" / include).symlink_to("../../outside")
        else:
            write_files(
                small_tree, {f"drivers/room/{include}": (small_tree / "outside").read_text()}
            )
        after = surveyed(small_tree, tmp_path / "store", deep=True)
        assert told(after) == told(surveyed(small_tree, None, deep=True))
        assert told(after) != told(before[1])

    def test_an_edit_meanwhile_is_not_kept_as_what_was_there_before(
        self, small_tree: Path, tmp_path: Path
    ) -> None:
        door = small_tree / "drivers/room/door.c"
        text = door.read_text()

        class Editing(Here):
            def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
                door.write_text(text.replace("vma->vm_ops = &door_vm_ops;", "vma->vm_pgoff = 7;"))
                yield from super().run(jobs)

        plan = Plan(small_tree, store=Store(tmp_path / "store"), engine=Editing())
        edited = survey(plan, Silent()).document
        door.write_text(text)
        after = surveyed(small_tree, tmp_path / "store", deep=True)
        assert told(after) == told(surveyed(small_tree, None, deep=True))
        assert told(after) != told(edited)

    def test_what_is_known_of_files_that_changed_is_forgotten(
        self, small_tree: Path, tmp_path: Path
    ) -> None:
        """Of makefiles and of headers that say nothing of mappings; of what is included, but is
        no C file by its name, or is a link.
        """
        store = Store(tmp_path / "store")
        others = {"a/list.inc": "X(a)", "../outside.h": "int x;"}
        makefile = {"drivers/room/Makefile": "obj-y += door.o\n"}
        write_files(small_tree, {"a/b.h": "int b;", **makefile, **others})
        (small_tree / "a/link.h").symlink_to("../../outside.h")
        time.sleep(2.1)  # times of files tell only so well
        index = known_index(small_tree, store, "now")
        look(index, 1)
        before = {name: index.digest(name) for name in (*index.files, "a/list.inc", "a/link.h")}
        remember(index, store, "now")
        changed = {*makefile, "Makefile", "a/b.h", "drivers/room/door.c", "a/list.inc", "a/link.h"}
        for name in changed:
            (small_tree / name).write_text("/* changed */")
        (small_tree / "include/linux/room.h").unlink()
        again = known_index(small_tree, store, "now")
        look(again, 1)
        after = {name: again.digest(name) for name in before}
        assert {name for name in before if before[name] != after[name]} == {
            *changed,
            "include/linux/room.h",
        }

    def test_a_copy_of_the_tree_uses_what_is_kept(self, small_tree: Path, tmp_path: Path) -> None:
        first = surveyed(small_tree, tmp_path / "store", deep=True)
        copy = tmp_path / "copy" / "linux"
        shutil.copytree(small_tree, copy)
        second = surveyed(copy, tmp_path / "store", deep=True)
        assert {**told(second), "tree": first["tree"]} == told(first)

    def test_a_folder_that_cannot_be_written(self, small_tree: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        document = surveyed(small_tree, tmp_path / "file" / "store")
        assert document["problem"]
        assert told(document) == told(surveyed(small_tree))

    def test_two_at_once(self, small_tree: Path, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from tests.survey.test_survey import surveyed;"
            "print(len(surveyed(Path(sys.argv[1]), Path(sys.argv[2]), deep=True)['handlers']))"
        )
        arguments = [sys.executable, "-c", code, str(small_tree), str(tmp_path / "store")]
        runs = [
            subprocess.Popen(
                arguments, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
            )
            for _ in range(3)
        ]
        assert {run.communicate()[0].strip() for run in runs} == {"8"}
        assert told(surveyed(small_tree, tmp_path / "store", deep=True)) == told(
            surveyed(small_tree, deep=True)
        )
