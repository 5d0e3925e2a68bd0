# SPDX-License-Identifier: GPL-2.0-only
"""R5: every arm is converted."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "R5",
    "every arm is converted",
    "A hook that is defined once under `#if` and again under `#else`, perhaps as a "
    "`#define` of NULL, is converted in every arm, or in none. Arms within a hook that say the "
    "same once they are converted, as where an older kernel sets flags otherwise, become one.",
    before="""\
#ifdef CONFIG_RING
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
#else
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENOSYS;
}
#endif

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
#ifdef CONFIG_RING
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_vm_ops;
	return 0;
}
#else
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return -ENOSYS;
}
#endif

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
