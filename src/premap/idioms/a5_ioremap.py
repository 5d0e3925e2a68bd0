# SPDX-License-Identifier: GPL-2.0-only
"""A5: io_remap_pfn_range() of the whole mapping."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import remaps
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Return the action for the call; its result is the business of the statement."""
    return remaps.rewrite("io_remap_pfn_range", "mmap_action_ioremap_full", node, hook)


IDIOM = Idiom(
    "A5",
    "io_remap_pfn_range() of the whole mapping",
    "As A4, for I/O memory: `mmap_action_ioremap_full(desc, pfn)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff,
				  vma->vm_end - vma->vm_start,
				  vma->vm_page_prot);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",  # noqa: E101  as the kernel aligns
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_ioremap_full(desc, desc->pgoff);
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
