# SPDX-License-Identifier: GPL-2.0-only
"""R32: where the array of an action lies."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import check_file

_TEXT = """\
struct ring {
	struct page **pages;
};

static int ring_map(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	%s

	if (%s)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	mmap_action_map_kernel_pages(desc, desc->start, %s, vma_desc_pages(desc));
	%s
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
};
"""
_ONE = "desc->pgoff || vma_desc_pages(desc) != 1"


def _loud(declared: str, array: str, after: str = "", check: str = _ONE) -> set[str]:
    text = _TEXT % (declared, check, array, after)
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level != "note"}


@pytest.mark.parametrize(
    ("declared", "array"),
    [
        ("struct page *own[1] = { ring->pages[0] };", "own"),
        ("struct page *own = ring->pages[0];", "&own"),
    ],
)
def test_in_a_variable_of_the_hook(declared: str, array: str) -> None:
    assert _loud(declared, array) == {"R32"}


def test_in_memory_that_the_hook_frees() -> None:
    own = "struct page **own = kcalloc(1, 8, GFP_KERNEL);"
    checked = f"!own || (({_ONE}) && (kfree(own), true))"
    assert _loud(own, "own", "kfree(own);", checked) == {"R32"}
    cleaned = own.replace("own =", "own __free(kfree) =")
    assert _loud(cleaned, "own", "", f"!own || {_ONE}") == {"R32"}


@pytest.mark.parametrize(
    ("declared", "array", "after"),
    [
        ("", "ring->pages", ""),
        ("struct page **rest = ring->pages + 2;", "rest", ""),
        ("void *other = kmalloc(8, GFP_KERNEL);", "ring->pages", "kfree(other);"),
    ],
)
def test_in_memory_of_the_driver(declared: str, array: str, after: str) -> None:
    assert "R32" not in _loud(declared, array, after)
