# SPDX-License-Identifier: GPL-2.0-only
"""R2: the hook takes the descriptor alone."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

PARAMETERS = "(struct vm_area_desc *desc)"
"""Of a hook."""
PARAMETER = "struct vm_area_desc *desc"
"""Of a helper, in place of `struct vm_area_struct *vma`."""
PARAMETER_TYPE = "struct vm_area_desc *"
"""Of a prototype that does not name its parameters."""


IDIOM = Idiom(
    "R2",
    "the hook takes the descriptor alone",
    "The two parameters of a `.mmap` hook become `struct vm_area_desc *desc`; the file is"
    " in the descriptor.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return file->f_mode & FMODE_WRITE ? 0 : -EACCES;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return desc->file->f_mode & FMODE_WRITE ? 0 : -EACCES;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
