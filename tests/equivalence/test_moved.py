# SPDX-License-Identifier: GPL-2.0-only
"""A helper that moved from the driver into a header is the same helper."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.tree import KernelTree
from premap.equivalence import verify_functions
from premap.records import Verdict

HELPER = """
static inline int all_free(unsigned long page, unsigned long pages)
{
	unsigned long last = page + pages;

	while (page < last) {
		if (!pfn_valid(page))
			return 0;
		page++;
	}
	return 1;
}
"""
OLD = """
#include <linux/free.h>
%s
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!all_free(vma->vm_pgoff, (vma->vm_end - vma->vm_start) >> PAGE_SHIFT))
		return -EPERM;
	vm_flags_set(vma, VM_IO);
	return 0;
}
"""
NEW = """
#include <linux/free.h>

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (!all_free(desc->pgoff, vma_desc_pages(desc)))
		return -EPERM;
	vma_desc_set_flags(desc, VMA_IO_BIT);
	return 0;
}
"""


def verdict(folder: Path, header: str) -> Verdict:
    """Compare a driver that has HELPER itself with one that finds it in a header."""
    sides = []
    for name, code, contents in (("old", OLD % HELPER, ""), ("new", NEW, header)):
        for file, text in (("drivers/ring.c", code), ("include/linux/free.h", contents)):
            path = folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        tree = KernelTree(folder / name)
        sides.append((tree.open("drivers/ring.c"), tree))
    (old, old_tree), (new, new_tree) = sides
    return verify_functions((old, "ring_mmap"), (new, "ring_mmap_prepare"), old_tree, new_tree)


def test_what_loops_is_not_taken_for_unknown_code(tmp_path: Path) -> None:
    found = verdict(tmp_path, HELPER)
    assert found.status.startswith("equivalent"), found
    assert any("iterations" in bound for bound in found.bounds)


@pytest.mark.parametrize(
    ("before", "after"),
    [("return 1;", "return 0;"), ("page < last", "page <= last"), ("!pfn_valid", "pfn_valid")],
)
def test_a_change_on_the_way_is_a_difference(tmp_path: Path, before: str, after: str) -> None:
    assert verdict(tmp_path, HELPER.replace(before, after)).status == "different"
