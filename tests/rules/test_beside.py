# SPDX-License-Identifier: GPL-2.0-only
"""What rules say of the files beside a hook's, in a small tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.rules import check_file

HOOK = """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "drivers/ring").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n")
    (tmp_path / "drivers/ring/ring.c").write_text(HOOK)
    return tmp_path


def _mentions(root: Path, before: SourceFile | None = None) -> list[tuple[str, int]]:
    tree = KernelTree(root)
    found = check_file(tree.open("drivers/ring/ring.c"), tree, "7.3", before).findings
    return [(each.file, each.line) for each in found if each.rule == "R27"]


class TestMentions:
    """R27."""

    def test_a_comment_of_a_header_beside(self, tree: Path) -> None:
        text = "/* vm_area_struct */\nint x; /* set by ring_mmap() */\n"
        (tree / "drivers/ring/ring.h").write_text(text)
        assert _mentions(tree) == [("drivers/ring/ring.h", 2)]

    def test_documentation_of_what_a_patch_renames(self, tree: Path) -> None:
        folder = tree / "Documentation/driver-api/ring"
        folder.mkdir(parents=True)
        (folder / "index.rst").write_text(
            "The ring\n========\n\nSee ring_mmap() (not ring_mmaps).\n"
        )
        before = SourceFile("drivers/ring/ring.c", HOOK.replace("_prepare", "").encode())
        assert _mentions(tree) == []
        assert _mentions(tree, before) == [("Documentation/driver-api/ring/index.rst", 4)]

    def test_documentation_of_a_name_that_was_gone_before(self, tree: Path) -> None:
        (tree / "Documentation").mkdir()
        (tree / "Documentation/ring.txt").write_text("ring_mmap()\n")
        before = SourceFile("drivers/ring/ring.c", HOOK.encode())
        assert _mentions(tree, before) == []

    def test_a_longer_name_is_another_one(self, tree: Path) -> None:
        (tree / "drivers/ring/ring.h").write_text("/* vm_area_struct, string_mmap_all() */\n")
        assert _mentions(tree) == []

    def test_a_function_of_that_name_beside(self, tree: Path) -> None:
        text = "/* as ring_mmap() */\nint ring_mmap(struct vm_area_struct *vma) { return 0; }\n"
        (tree / "drivers/ring/other.c").write_text(text)
        assert _mentions(tree) == []
