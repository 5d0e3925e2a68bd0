# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert` where a handler and its table lie in different files of a tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Premap

HEADER = "int ring_mmap(struct file *file, struct vm_area_struct *vma);\n"
HANDLER = HEADER.replace(";", "\n{") + "\treturn -ENODEV;\n}\n"
TABLE = "const struct file_operations ring_fops = {\n\t.mmap = ring_mmap,\n};\n"


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """Make a tree whose fs/ring has a handler in one file and its table in another."""
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
    folder = tmp_path / "fs/ring"
    folder.mkdir(parents=True)
    for name, text in (("ring.h", HEADER), ("map.c", HANDLER), ("file.c", TABLE)):
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("given", [["map.c"], ["file.c"], ["file.c", "map.c"], ["."]])
def test_one_result_whatever_is_named(premap: Premap, ring: Path, given: list[str]) -> None:
    ran = premap(
        "convert", "--no-verify", "--target=7.3", "--format=json", *(ring / name for name in given)
    )
    [result] = json.loads(ran.out)["results"]
    assert (result["file"], result["status"]) == ("fs/ring/file.c", "converted")


@pytest.mark.parametrize("given", ["map.c", "file.c"])
def test_every_file_changes_in_place(premap: Premap, ring: Path, given: str) -> None:
    ran = premap("convert", "--no-verify", "--target=7.3", "--in-place", ring / given)
    assert ran.code == 0
    assert (ring / "ring.h").read_text() == "int ring_mmap_prepare(struct vm_area_desc *desc);\n"
    assert "int ring_mmap_prepare(struct vm_area_desc *desc)\n" in (ring / "map.c").read_text()
    assert "\t.mmap_prepare = ring_mmap_prepare,\n" in (ring / "file.c").read_text()
