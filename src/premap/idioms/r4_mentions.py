# SPDX-License-Identifier: GPL-2.0-only
"""R4: the old name elsewhere in the file follows."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "R4",
    "the old name elsewhere in the file follows",
    "Prototypes and comments that name the hook follow, and so do its parameters in kernel-doc.",
    before="""\
static int ring_mmap(struct file *, struct vm_area_struct *);

/**
 * ring_mmap - refuses everything
 * @file: whatever was opened,
 *        it does not matter
 * @vma: what to refuse
 *
 * Return: -ENODEV
 */
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *);

/**
 * ring_mmap_prepare - refuses everything
 * @desc: what to refuse
 *
 * Return: -ENODEV
 */
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return -ENODEV;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
