# SPDX-License-Identifier: GPL-2.0-only
"""H3: other kernel helpers with a twin."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a call that `twins.TWINS` has for this idiom."""
    return twins.rewrite("H3", node, hook)


IDIOM = Idiom(
    "H3",
    "other kernel helpers with a twin",
    "A kernel function that takes a VMA gives way to the one that takes a descriptor.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return shmem_zero_setup(vma);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return shmem_zero_setup_desc(desc);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
