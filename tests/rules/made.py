# SPDX-License-Identifier: GPL-2.0-only
"""Hooks of a ring with a body to fill in, and what the rules say of them aloud."""

from __future__ import annotations

from premap.csource.source import SourceFile
from premap.rules import check_file

LEGACY = """\
static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int ret;

%s
}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
PREPARE = """\
static int ring_map(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

%s
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
};
"""


def loud(text: str) -> set[str]:
    """Return the rules that report an error or a warning."""
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level != "note"}
