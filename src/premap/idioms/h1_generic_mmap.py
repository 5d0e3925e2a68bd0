# SPDX-License-Identifier: GPL-2.0-only
"""H1: generic_file_mmap() and its read-only sister."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a call that `twins.TWINS` has for this idiom."""
    return twins.rewrite("H1", node, hook)


IDIOM = Idiom(
    "H1",
    "generic_file_mmap() and its read-only sister",
    "`generic_file_mmap(file, vma)` becomes `generic_file_mmap_prepare(desc)`; a table "
    "that names it directly names the twin.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return generic_file_mmap(file, vma);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return generic_file_mmap_prepare(desc);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
