# SPDX-License-Identifier: GPL-2.0-only
"""A2: a result that nobody looked at."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "A2",
    "a result that nobody looked at",
    "A population whose failure the old hook ignored becomes the same action. Its failure"
    " now fails the mmap(): a note says so.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_iomap_memory(vma, ring_base, ring_bytes);
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
	mmap_action_simple_ioremap(desc, ring_base, ring_bytes);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
