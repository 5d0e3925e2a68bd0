# SPDX-License-Identifier: GPL-2.0-only
"""H5: kernel helpers whose twin is given something else."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a call that `twins.TWINS` has for this idiom."""
    return twins.rewrite("H5", node, hook)


IDIOM = Idiom(
    "H5",
    "kernel helpers whose twin is given something else",
    "`daxdev_mapping_supported(vma, dax)` becomes `daxdev_mapping_supported(desc, inode, dax)`, "
    "`vma_is_dax(vma)` becomes `file_is_dax(file)`, `vma_get_page_prot(vma)` becomes "
    "`vma_flags_to_page_prot(desc->vma_flags)`: a descriptor does not lead to all that a VMA "
    "leads to.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	if (!daxdev_mapping_supported(vma, ring->dax))
		return -EOPNOTSUPP;

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
	struct file *file = desc->file;
	struct ring *ring = file->private_data;

	if (!daxdev_mapping_supported(desc, file_inode(file), ring->dax))
		return -EOPNOTSUPP;

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
