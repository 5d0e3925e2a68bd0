# SPDX-License-Identifier: GPL-2.0-only
"""The folder of links that a kernel is built from, and what is taken for a tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from premap.uml import UmlError
from premap.uml.tree import HEADERS, PARTS, link, release

MAKEFILE = "# SPDX-License-Identifier: GPL-2.0\nVERSION = {}\nPATCHLEVEL = {}\nSUBLEVEL = 4\n"
SOURCES = {name: f"/* {name} */\n".encode() for name in (*PARTS, *HEADERS, "premap.h")}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As much of a tree as tells what it is."""
    root = tmp_path / "linux"
    for folder in ("arch/um", "drivers/misc", "drivers/net", "include/linux", "mm"):
        (root / folder).mkdir(parents=True)
    (root / "Makefile").write_text(MAKEFILE.format(7, 3))
    (root / "drivers/misc/Makefile").write_text("obj-y += other.o")
    (root / "drivers/misc/other.c").write_text("int other;\n")
    (root / "mm/vma.c").write_text("int vma;\n")
    (root / "mm/Makefile").write_text("obj-y += vma.o\n")
    (root / "drivers/char").mkdir()
    (root / "drivers/char/Makefile").write_text("")
    (root / ".gitignore").write_text("*.o\n/include/config/\n/include/generated/\n.config\n")
    return root


@pytest.fixture
def built(tree: Path) -> Path:
    """The tree after a build in it."""
    (tree / "include/config").mkdir()
    (tree / "include/config/auto.conf").write_text("CONFIG_SMP=y\n")
    (tree / "mm/vma.o").write_bytes(b"\x7fELF")
    (tree / ".config").write_text("CONFIG_SMP=y\n")
    return tree


def snapshot(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


class TestRelease:
    def test_is_what_the_makefile_says(self, tree: Path) -> None:
        assert release(tree) == "7.3.4"

    def test_before_7_1_there_is_nothing_to_run(self, tree: Path) -> None:
        (tree / "Makefile").write_text(MAKEFILE.format(6, 12))
        with pytest.raises(UmlError, match=r"Linux 6\.12, but scenarios need 7\.1 or newer"):
            release(tree)

    def test_7_1_will_do(self, tree: Path) -> None:
        (tree / "Makefile").write_text(MAKEFILE.format(7, 1))
        assert release(tree) == "7.1.4"

    def test_other_folders_are_no_trees(self, tmp_path: Path) -> None:
        with pytest.raises(UmlError, match="not a kernel's source tree"):
            release(tmp_path)


class TestLink:
    def test_nothing_is_written_in_the_tree(self, tree: Path, tmp_path: Path) -> None:
        before = snapshot(tree)
        link(tree, tmp_path / "links", SOURCES)
        link(tree, tmp_path / "links", SOURCES)
        assert snapshot(tree) == before

    def test_the_driver_is_built_with_the_others(self, tree: Path, tmp_path: Path) -> None:
        link(tree, tmp_path / "links", SOURCES)
        misc = tmp_path / "links/drivers/misc"
        assert (misc / "premap_driver.c").read_bytes() == SOURCES["driver.c"]
        lines = (misc / "Makefile").read_text().split("\n")
        assert lines[0] == "obj-y += other.o"
        assert "obj-y += premap_driver.o" in lines

    def test_everything_else_is_that_of_the_tree(self, tree: Path, tmp_path: Path) -> None:
        link(tree, tmp_path / "links", SOURCES)
        for path in ("mm/vma.c", "drivers/misc/other.c", "Makefile"):
            assert (tmp_path / "links" / path).samefile(tree / path)

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    def test_what_a_build_has_left_is_not_there(self, built: Path, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "-q", str(built)], check=True)
        link(built, tmp_path / "links", SOURCES)
        names = {str(path) for path in snapshot(tmp_path / "links")}
        assert "mm/vma.c" in names
        assert not names & {"mm/vma.o", ".config", "include/config"}

    def test_a_build_that_nobody_can_tell_from_sources_is_refused(
        self, built: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(UmlError, match="make mrproper"):
            link(built, tmp_path / "links", SOURCES)
