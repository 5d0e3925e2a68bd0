# SPDX-License-Identifier: GPL-2.0-only
"""S5: what may stay behind stays in the hook."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "S5",
    "what may stay behind stays in the hook",
    "The hook also runs for a mapping that then merges or fails. An access time, a check that is "
    "made again, a flag or an owner that is set once and for all may stay then. A note says what "
    "stays, and the verdict whether making the call once more comes to the same. A count, a "
    "reference or memory may not: S1, or a person.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	mutex_lock(&ring->lock);
	ring->was_mapped = true;
	mutex_unlock(&ring->lock);

	vma->vm_ops = &ring_vm_ops;
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
	struct ring *ring = desc->file->private_data;

	mutex_lock(&ring->lock);
	ring->was_mapped = true;
	mutex_unlock(&ring->lock);

	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
