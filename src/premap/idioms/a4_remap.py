# SPDX-License-Identifier: GPL-2.0-only
"""A4: remap_pfn_range() of the whole mapping."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import remaps
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Return the action for the call; its result is the business of the statement."""
    return remaps.rewrite("remap_pfn_range", "mmap_action_remap_full", node, hook)


IDIOM = Idiom(
    "A4",
    "remap_pfn_range() of the whole mapping",
    "`remap_pfn_range(vma, vma->vm_start, pfn, whole size, prot)` becomes "
    "`mmap_action_remap_full(desc, pfn)`; an error that the old hook made of every "
    "failure becomes `error_override`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	size_t size = vma->vm_end - vma->vm_start;

	if (size > RING_BYTES)
		return -EINVAL;

	if (remap_pfn_range(vma, vma->vm_start, ring_pfn, size,
				vma->vm_page_prot))
		return -EAGAIN;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	size_t size = vma_desc_size(desc);

	if (size > RING_BYTES)
		return -EINVAL;

	mmap_action_remap_full(desc, ring_pfn);
	desc->action.error_override = -EAGAIN;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
