# SPDX-License-Identifier: GPL-2.0-only
"""Drivers of several files that lie in no kernel tree: a folder is one driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Premap

HEADER = """\
#include <linux/fs.h>
#include <linux/mm.h>

int ring_mmap(struct file *file, struct vm_area_struct *vma);
int ring_check(struct ring *ring, struct vm_area_struct *vma);
"""
TABLE = """\
#include "ring.h"

const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
HOOK = """\
#include "ring.h"

int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ring_check(file->private_data, vma);
}
"""
HELPER = """\
#include "ring.h"

int ring_check(struct ring *ring, struct vm_area_struct *vma)
{
	return vma->vm_pgoff ? -EINVAL : 0;
}
"""
FILES = {"ring.h": HEADER, "main.c": TABLE, "file.c": HOOK, "core/check.c": HELPER}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a driver: a table, its hook, a helper and a header, a file each."""
    for name, text in FILES.items():
        path = tmp_path / "driver" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ring.h", "../ring.h") if "/" in name else text)
    return tmp_path / "driver"


def _result(premap: Premap, *arguments: str | Path) -> dict[str, Any]:
    (result,) = json.loads(premap("convert", "--format=json", *arguments).out)["results"]
    return dict(result)


class TestFolder:
    def test_is_converted_as_a_whole(self, premap: Premap, folder: Path) -> None:
        ran = premap("convert", "--in-place", "driver")
        assert ran.code == 0
        assert ran.lines[0].startswith("driver/main.c:4: ring_mmap: converted")
        for name in FILES:
            text = (folder / name).read_text()
            assert "vm_area_struct" not in text
            assert "vm_area_desc" in text or name == "main.c"
        assert premap("convert", "driver").out == b""

    def test_has_its_names_as_it_was_given(self, premap: Premap, folder: Path) -> None:
        for given in ("driver", "driver/../driver", folder):
            diff = premap("convert", "--no-verify", given).out.decode()
            names = [line.split("\t")[0] for line in diff.splitlines() if line.startswith("+++ ")]
            assert names == sorted(f"+++ b/{given}/{name}" for name in FILES)

    def test_keeps_the_old_hook_too(self, premap: Premap, folder: Path) -> None:
        premap("convert", "--no-verify", "--dual-macro=NEW", "--in-place", "driver")
        header = (folder / "ring.h").read_text()
        assert header.count("#ifdef NEW") == 1
        for name, text in FILES.items():
            kept = (folder / name).read_text()
            old = kept.partition("#else\n")[2].partition("#endif\n")[0]
            assert old.strip()
            assert old in text

    def test_with_a_tree_for_what_it_includes(self, premap: Premap, folder: Path) -> None:
        tree = folder.parent / "linux"
        (tree / "include/linux").mkdir(parents=True)
        (tree / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
        (tree / "include/linux/mm.h").write_text("struct vm_area_struct;\n")
        (tree / "fs").mkdir()
        (tree / "fs/user.c").write_text("#include <linux/mm.h>\nint x = ring_check(ring, vma);\n")
        for given in ("driver", folder):
            result = _result(premap, "--target=7.3", "--tree", tree, given)
            assert result["status"] == "converted"

    def test_that_exports_its_hook_has_a_note(self, premap: Premap, folder: Path) -> None:
        (folder / "file.c").write_text(HOOK + "EXPORT_SYMBOL_GPL(ring_mmap);\n")
        notes = [note["id"] for note in _result(premap, "driver")["notes"]]
        assert notes == ["exported-outside"]

    def test_where_something_else_calls_the_hook(self, premap: Premap, folder: Path) -> None:
        other = "int g(struct vm_area_struct *v)\n{\n\treturn ring_mmap(NULL, v);\n}\n"
        (folder / "other.c").write_text(other)
        reason = _result(premap, "driver")["reason"]
        assert reason["id"] == "second-caller"
        assert "driver/other.c:3" in reason["message"]


class TestFile:
    def test_that_is_named_alone_stands_for_itself(self, premap: Premap, folder: Path) -> None:
        both = folder / "both.c"
        both.write_text(HOOK + TABLE.partition("\n")[2])
        assert _result(premap, both)["reason"]["id"] == "exported-handler"
        assert _result(premap, folder / "main.c")["reason"]["id"] == "handler-elsewhere"
