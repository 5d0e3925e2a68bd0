# SPDX-License-Identifier: GPL-2.0-only
"""H8: a helper that other files may call is retyped with all that names it."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "H8",
    "a helper that other files may call is retyped with all that names it",
    "A function that is not static is looked for in the whole tree: its prototypes in headers, its "
    "EXPORT_SYMBOL() and every caller follow in the same run. A caller that stays with a VMA is "
    "the reason to decline.",
    before="""\
int ring_do_mmap(struct ring *ring, struct vm_area_struct *vma);

int ring_do_mmap(struct ring *ring, struct vm_area_struct *vma)
{
	return vma_pages(vma) > ring->pages ? -EINVAL : 0;
}
EXPORT_SYMBOL_GPL(ring_do_mmap);

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ring_do_mmap(file->private_data, vma);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
int ring_do_mmap_prepare(struct ring *ring, struct vm_area_desc *desc);

int ring_do_mmap_prepare(struct ring *ring, struct vm_area_desc *desc)
{
	return vma_desc_pages(desc) > ring->pages ? -EINVAL : 0;
}
EXPORT_SYMBOL_GPL(ring_do_mmap_prepare);

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return ring_do_mmap_prepare(desc->file->private_data, desc);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    in_tree=True,
)
