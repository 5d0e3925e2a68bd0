# SPDX-License-Identifier: GPL-2.0-only
"""Which files define a function, for one that calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.definitions import defining
from premap.csource.tree import KernelTree

BODY = "(struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"drivers/a/b.c": "int map", "mm/map.c": "int map"}, ["drivers/a/b.c"]),
        ({"drivers/b/b.c": "int map", "mm/map.c": "int map"}, ["mm/map.c"]),
        ({"drivers/b/b.c": "int map", "net/map.c": "int map"}, ["drivers/b/b.c"]),
        ({"arch/x/map.c": "int map", "mm/map.c": "static int map"}, ["arch/x/map.c"]),
        ({"arch/x/map.c": "int map", "mm/map.c": "int __weak map"}, ["arch/x/map.c", "mm/map.c"]),
        ({"arch/x/map.c": "int map", "mm/map.c": "__weak int map"}, ["arch/x/map.c", "mm/map.c"]),
        ({"mm/map.c": "static int map"}, []),
    ],
    ids=["beside", "mm", "around", "static", "weak", "weak first", "nowhere"],
)
def test_defining(tmp_path: Path, files: dict[str, str], found: list[str]) -> None:
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n")
    for name, head in {"drivers/a/a.c": "int caller", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + BODY)
    tree = KernelTree(tmp_path)
    assert [file.name for file in defining("map", tree.open("drivers/a/a.c"), tree)] == found
