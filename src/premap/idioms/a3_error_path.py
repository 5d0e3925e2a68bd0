# SPDX-License-Identifier: GPL-2.0-only
"""A3: the path of a failed population goes."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "A3",
    "the path of a failed population goes",
    "The hook only says what is to be mapped, and has returned when that fails: mmap() then fails "
    "with the error. What tested the result (`return failed ? -EAGAIN : 0`, too) goes, with the "
    "messages about it; a note says so. A path that undoes something is declined: what is undone "
    "has to move into `->mapped`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int err;

	err = remap_pfn_range(vma, vma->vm_start, ring->pfn,
			      vma->vm_end - vma->vm_start, vma->vm_page_prot);
	if (err) {
		dev_err(ring->dev, "can't map: %d\\n", err);
		return err;
	}

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
	struct ring *ring = desc->file->private_data;

	mmap_action_remap_full(desc, ring->pfn);

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
