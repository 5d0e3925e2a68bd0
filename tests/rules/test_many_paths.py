# SPDX-License-Identifier: GPL-2.0-only
"""Hooks with more paths than are followed: what is wrong on few of them is found all the same."""

from __future__ import annotations

from premap.csource.source import SourceFile
from premap.rules import check_file

_MANY = "".join(f"\t\tif (ring->mode & {1 << bit})\n\t\t\tring_note({bit});\n" for bit in range(8))


def _found(kept: str, otherwise: str) -> set[str]:
    """Return the rules that report an error on a hook of 256 paths, and one more."""
    text = f"""\
struct ring {{
	struct mutex lock;
	unsigned int mode;
	bool ready;
	unsigned long size;
}};

static int ring_map(struct file *file, struct vm_area_struct *vma)
{{
	struct ring *ring = file->private_data;

	mutex_lock(&ring->lock);
	if (ring->ready) {{
{_MANY}		{kept}
	}} else {{
		{otherwise}
	}}
	mutex_unlock(&ring->lock);
	return 0;
}}

static const struct file_operations ring_ops = {{
	.mmap = ring_map,
}};
"""
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level == "error"}


class TestManyPaths:
    def test_the_branch_that_is_taken_last_of_all(self) -> None:
        assert _found("", "return -ENODEV;") == {"R02"}

    def test_the_branch_that_has_the_many(self) -> None:
        assert _found("if (!ring->size)\n\t\t\treturn -ENODEV;", "") == {"R02"}

    def test_silent_where_all_is_well(self) -> None:
        assert _found("", "ring_note(9);") == set()
