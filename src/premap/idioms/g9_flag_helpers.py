# SPDX-License-Identifier: GPL-2.0-only
"""G9: helpers on flags."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a call that `twins.TWINS` has for this idiom."""
    return twins.rewrite("G9", node, hook)


IDIOM = Idiom(
    "G9",
    "helpers on flags",
    "A function that takes the whole word of flags gives way to its twin for "
    "`vma_flags_t` or for the descriptor, where the release has one.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return is_nommu_shared_mapping(vma->vm_flags) ? 0 : -ENOSYS;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return is_nommu_shared_vma_flags(&desc->vma_flags) ? 0 : -ENOSYS;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
