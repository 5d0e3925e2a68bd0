# SPDX-License-Identifier: GPL-2.0-only
"""Results are used again where headers changed, and only where nothing asked of them did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.survey.test_store import told
from tests.survey.test_survey import surveyed

from premap.csource.scope import Scope
from premap.survey.held import Held, record
from premap.survey.recording import RecordingTree

Change = Callable[[str, str, str], None]

FS, ROOM = "include/linux/fs.h", "include/linux/room.h"


def lines_of(root: Path, name: str) -> list[str]:
    return (root / name).read_text().splitlines(keepends=True)


class TestShared:
    """Edits that no result rests on cost none."""

    @pytest.fixture
    def new_after(self, small_tree: Path, tmp_path: Path) -> Callable[[], int]:
        """Survey; return what tells how many results are new in a survey after changes."""
        store = tmp_path / "store"
        surveyed(small_tree, store, deep=True)

        def again() -> int:
            after = surveyed(small_tree, store, deep=True)
            assert told(after) == told(surveyed(small_tree, None, deep=True))
            new: int = after["results"]["new"]
            return new

        return again

    def test_a_header_that_nothing_includes(
        self, small_tree: Path, new_after: Callable[[], int]
    ) -> None:
        (small_tree / "include/linux/lamp.h").write_text("int lamp(void);\n")
        assert new_after() == 0

    def test_what_nobody_asked_about(
        self, small_tree: Path, change: Change, new_after: Callable[[], int]
    ) -> None:
        change(FS, "struct file;", "#include <linux/lamp.h>\nint lamp(int);\nstruct file;")
        (small_tree / "include/linux/lamp.h").write_text("#define LAMP 7\nstruct lamp { int on; };")
        new_after()
        change("include/linux/lamp.h", "LAMP 7", "LAMP 8")
        assert new_after() == 0

    def test_a_header_that_stands_before_another_counts(
        self, small_tree: Path, new_after: Callable[[], int]
    ) -> None:
        before = small_tree / "arch/x86/include/linux/room.h"
        before.parent.mkdir(parents=True)
        before.write_text((small_tree / ROOM).read_text().replace("room_mmap)", "inner_mmap)"))
        assert new_after() > 0

    def test_a_macro_of_a_drivers_own_header_counts(
        self, small_tree: Path, change: Change, new_after: Callable[[], int]
    ) -> None:
        own = small_tree / "drivers/room/most.h"
        own.write_text("#define ROOM_MOST(size) ((size) > 4)\n")
        door = "drivers/room/door.c"
        change(door, "#include <linux/fs.h>", '#include <linux/fs.h>\n#include "most.h"')
        begin = "struct vm_area_struct *vma)\n{\n"
        change(door, begin, begin + "\tif (ROOM_MOST(vma->vm_pgoff))\n\t\treturn -EINVAL;\n")
        new_after()
        own.write_text("#define ROOM_MOST(size) ((size) > 5)\n")
        assert new_after() > 0

    def test_a_name_that_a_header_says_first_now_counts(
        self, small_tree: Path, change: Change, new_after: Callable[[], int]
    ) -> None:
        """fs.h comes before room.h, whose structure was the one that was meant."""
        other = "struct room_ops {\n\tint (*room_mmap)(int);\n};\nstruct file;"
        change(FS, "struct file;", other)
        assert new_after() > 0


class TestNeverWrong:
    """Whatever is done to a header, the survey says what one without a store says."""

    @pytest.mark.parametrize("name", [FS, ROOM])
    def test_each_line_gone(self, small_tree: Path, tmp_path: Path, name: str) -> None:
        lines = lines_of(small_tree, name)
        surveyed(small_tree, tmp_path / "store", deep=True)
        for at in range(0, len(lines), 2):
            (small_tree / name).write_text("".join(lines[:at] + lines[at + 1 :]))
            deep = at in {2, 8}
            after = surveyed(small_tree, tmp_path / "store", deep=deep)
            assert told(after) == told(surveyed(small_tree, None, deep=deep)), lines[at]

    @pytest.mark.parametrize("name", [FS, ROOM])
    def test_each_line_elsewhere(self, small_tree: Path, tmp_path: Path, name: str) -> None:
        """A structure or a macro moves to a header that was not there."""
        lines = lines_of(small_tree, name)
        surveyed(small_tree, tmp_path / "store")
        for at in range(1, len(lines), 3):
            (small_tree / "include/linux/moved.h").write_text("".join(lines[:at]))
            rest = ["#include <linux/moved.h>\n", *lines[at:]]
            (small_tree / name).write_text("".join(rest))
            after = surveyed(small_tree, tmp_path / "store")
            assert told(after) == told(surveyed(small_tree, None)), at


class TestRecord:
    """What is noted does not depend on what a process was asked before."""

    def noted(self, tree: RecordingTree, name: str) -> dict[str, Any]:
        tree.begin()
        source = tree.open(name)
        Scope(source, tree).struct("struct", "room_ops")
        Scope(source, tree).function("room_common_mmap")
        found = record(tree.noted, name, tree.digest)
        assert found is not None
        return found

    def test_after_others(self, small_tree: Path) -> None:
        first, second = "drivers/room/core.c", "drivers/room/cupboard.c"
        alone = self.noted(RecordingTree(small_tree), second)
        used = RecordingTree(small_tree)
        self.noted(used, first)
        assert self.noted(used, second) == alone
        assert alone["asked"][second]

    def test_what_a_kept_fact_rests_on(self, small_tree: Path) -> None:
        """The second who asks rests on the search and on the file as the first does."""
        tree = RecordingTree(small_tree)

        def fact() -> list[str]:
            return tree.search.mentioning("cupboard_mmap", "drivers")

        for _ in range(2):
            tree.begin()
            tree.once(("some", "fact"), fact)
            assert tree.noted.queries == {
                ("cupboard_mmap", "drivers"): ("drivers/room/cupboard.c",)
            }
            assert tree.noted.touched == {"drivers/room/cupboard.c"}

    def test_what_is_no_name_is_not_told(self, small_tree: Path) -> None:
        tree = RecordingTree(small_tree)
        list(Scope(tree.open("drivers/room/core.c"), tree).files_with("struct file"))
        assert record(tree.noted, "drivers/room/core.c", tree.digest) is None

    def test_as_far_as_was_looked(self, small_tree: Path) -> None:
        tree = RecordingTree(small_tree)
        name = "drivers/room/core.c"
        found = Scope(tree.open(name), tree).files_with("vm_area_struct")
        next(file for file in found if file.name != name)
        rests = record(tree.noted, name, tree.digest)
        assert rests is not None
        assert rests["asked"] == {name: [["vm_area_struct", 1, False]]}
        assert Held(RecordingTree(small_tree), RecordingTree(small_tree).digest).holds(rests)
        (small_tree / ROOM).write_text("struct room;\n")
        assert Held(RecordingTree(small_tree), RecordingTree(small_tree).digest).holds(rests)
        (small_tree / FS).write_text("struct file;\n")
        assert not Held(RecordingTree(small_tree), RecordingTree(small_tree).digest).holds(rests)
