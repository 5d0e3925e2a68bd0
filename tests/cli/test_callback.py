# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --callback`, in a small tree with a subsystem."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import Premap

CALLBACK = "struct ring_ops.mmap"
FILES = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
    "include/linux/mm_types.h": "struct vm_area_struct;\nstruct vm_area_desc {\n\tint mm;\n};\n",
    "include/linux/fs.h": (
        "void compat_set_desc_from_vma(void);\nint __compat_vma_mmap(void);\n"
        "void vma_desc_pages(void);\n"
    ),
    "include/linux/ring.h": (
        "#include <linux/mm_types.h>\n\nstruct ring;\n\nstruct ring_ops {\n"
        "\tint (*mmap)(struct ring *ring, struct vm_area_struct *vma);\n};\n\n"
        "struct ring {\n\tconst struct ring_ops *ops;\n\tunsigned long pages;\n};\n"
    ),
    "drivers/ring/core.c": (
        "#include <linux/fs.h>\n#include <linux/ring.h>\n\n"
        "int ring_core_mmap(struct ring *ring, struct vm_area_struct *vma)\n{\n"
        "\treturn ring->ops->mmap(ring, vma);\n}\n"
    ),
    "drivers/ring/fast.c": (
        "#include <linux/ring.h>\n\n"
        "static int fast_mmap(struct ring *ring, struct vm_area_struct *vma)\n{\n"
        "\treturn vma_pages(vma) > ring->pages ? -EINVAL : 0;\n}\n\n"
        "static const struct ring_ops fast_ops = {\n\t.mmap = fast_mmap,\n};\n"
    ),
    "drivers/ring/slow.c": (
        "#include <linux/ring.h>\n\n"
        "static int slow_mmap(struct ring *ring, struct vm_area_struct *vma)\n{\n"
        "\treturn slow_map(ring, vma);\n}\n\n"
        "static const struct ring_ops slow_ops = {\n\t.mmap = slow_mmap,\n};\n"
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_patch_has_the_member_its_dispatcher_and_its_drivers(premap: Premap, tree: Path) -> None:
    ran = premap("convert", "--callback", CALLBACK, "drivers")
    assert ran.code == 1  # slow.c is declined
    subprocess.run(["git", "apply", "-"], cwd=tree, input=ran.out, check=True, timeout=60)
    texts = {name: (tree / name).read_text() for name in FILES}
    assert "struct vm_area_desc *desc" in texts["include/linux/ring.h"]
    assert "return ring_call_mmap(ring->ops, ring, vma);" in texts["drivers/ring/core.c"]
    assert ".mmap_prepare = fast_mmap_prepare," in texts["drivers/ring/fast.c"]
    assert texts["drivers/ring/slow.c"] == FILES["drivers/ring/slow.c"]


def test_json_has_a_record_for_each_driver(premap: Premap, tree: Path) -> None:
    ran = premap("convert", "--format", "json", "--callback", CALLBACK, "drivers")
    records = json.loads(ran.out)["results"]
    assert [(each["handler"], each["ops"], each["member"]) for each in records] == [
        ("fast_mmap", "struct ring_ops", "mmap"),
        ("slow_mmap", "struct ring_ops", "mmap"),
    ]
    assert [each["status"] for each in records] == ["converted", "declined"]
    assert records[0]["verdict"]["status"] == "equivalent"
    assert records[1]["reason"]["id"] == "unknown-helper"


def test_one_driver_alone_verifies(premap: Premap, tree: Path) -> None:
    assert premap("convert", "--callback", CALLBACK, "drivers/ring/fast.c").code == 0


def test_twin_may_have_another_name(premap: Premap, tree: Path) -> None:
    ran = premap("convert", "--callback", CALLBACK, "--as", "map_desc", "drivers")
    assert b"+\t.map_desc = fast_mmap_prepare,\n" in ran.out
    assert b"+\terr = ops->map_desc(ring, &desc);\n" in ran.out


def test_second_run_changes_nothing(premap: Premap, tree: Path) -> None:
    premap("convert", "--callback", CALLBACK, "--in-place", "drivers")
    texts = {name: (tree / name).read_text() for name in FILES}
    assert ".mmap_prepare" in texts["drivers/ring/fast.c"]
    premap("convert", "--callback", CALLBACK, "--in-place", "drivers")
    assert {name: (tree / name).read_text() for name in FILES} == texts


def test_nothing_changes_where_no_driver_converts(premap: Premap, tree: Path) -> None:
    assert premap("convert", "--callback", CALLBACK, "drivers/ring/slow.c").out == b""


def test_series_has_the_groundwork_first(premap: Premap, tree: Path) -> None:
    premap("convert", "--callback", CALLBACK, "--mbox", "series", "drivers")
    ground, driver = (path.read_text() for path in sorted((tree / "series").glob("*.patch")))
    assert "+++ b/include/linux/ring.h" in ground
    assert "+++ b/drivers/ring/core.c" in ground
    assert "+++ b/drivers/ring/fast.c" not in ground
    assert "+++ b/drivers/ring/fast.c" in driver
    assert "b/include/linux/ring.h" not in driver


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--callback", "ring_ops.mmap"], "names no member"),
        (["--callback", "struct ring_ops.map"], "has no member"),
        (["--callback", "struct no_ops.mmap"], "is not defined"),
        (["--as", "x"], "--as names the twin"),
        (["--callback", CALLBACK, "--dual"], "do not go together"),
    ],
)
def test_wrong_use(premap: Premap, tree: Path, options: list[str], said: str) -> None:
    ran = premap("convert", *options, "drivers")
    assert ran.code == 2
    assert said in ran.err


def test_needs_a_tree(premap: Premap, driver: Path) -> None:
    ran = premap("convert", "--callback", CALLBACK, "ring.c")
    assert ran.code == 2
    assert "needs the kernel tree" in ran.err
