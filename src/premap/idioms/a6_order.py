# SPDX-License-Identifier: GPL-2.0-only
"""A6: what came after the population comes before."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "A6",
    "what came after the population comes before",
    "Statements after the population that set operations, private data or flags go before"
    " it: the action is the last thing that a hook says. Anything else there is declined.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret;

	ret = remap_pfn_range(vma, vma->vm_start, ring_pfn,
				  vma->vm_end - vma->vm_start, vma->vm_page_prot);
	if (ret)
		return ret;

	vma->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",  # noqa: E101  as the kernel aligns
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_vm_ops;
	mmap_action_remap_full(desc, ring_pfn);

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
