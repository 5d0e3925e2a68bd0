# SPDX-License-Identifier: GPL-2.0-only
"""What moved between two surveys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.survey.test_survey import surveyed

from premap.survey import compare


class TestCompare:
    def test_nothing_moved(self, small_tree: Path) -> None:
        handlers = surveyed(small_tree)["handlers"]
        assert compare(handlers, surveyed(small_tree)["handlers"]) == []

    def test_a_conversion(self, small_tree: Path, change: Callable[[str, str, str], None]) -> None:
        before = surveyed(small_tree)["handlers"]
        change("drivers/room/core.c", ".mmap = room_common_mmap", ".mmap_prepare = room_prepare")
        moved = compare(before, surveyed(small_tree)["handlers"])
        assert [(m.how, m.old and m.old["handler"], m.new and m.new["handler"]) for m in moved] == [
            ("converted", "room_common_mmap", "room_prepare")
        ]

    def test_assignments_through_pointers_are_told_by_their_handlers(
        self, small_tree: Path
    ) -> None:
        file = small_tree / "drivers/room/attic.c"
        text = "#include <linux/fs.h>\nvoid f(struct file_operations *o)\n{\n%s}\n"
        file.write_text(text % "\to->mmap = first_mmap;\n\to->mmap = second_mmap;\n")
        before = surveyed(small_tree)["handlers"]
        file.write_text(text % "\to->mmap = second_mmap;\n\to->mmap = third_mmap;\n")
        moved = compare(before, surveyed(small_tree)["handlers"])
        found = {(m.how, m.old and m.old["handler"], m.new and m.new["handler"]) for m in moved}
        assert found == {("gone", "first_mmap", None), ("new", None, "third_mmap")}

    def test_what_came_and_went(self, small_tree: Path) -> None:
        before = surveyed(small_tree)["handlers"]
        (small_tree / "drivers/room/window.c").unlink()
        (small_tree / "drivers/room/roof.c").write_text(
            "static const struct file_operations roof_fops = { .mmap = roof_mmap };\n"
        )
        moved = compare(before, surveyed(small_tree)["handlers"])
        assert [m.how for m in moved] == ["new", "gone"]
