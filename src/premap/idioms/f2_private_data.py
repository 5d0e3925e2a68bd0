# SPDX-License-Identifier: GPL-2.0-only
"""F2: the private data."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_private_data."""
    if hook.member(node) != "vm_private_data":
        return None
    if not hook.only_assigned(node):
        raise Declined(
            "write-only-member", "vma->vm_private_data is read or changed in place", node
        )
    return (f"{DESC}->private_data",)


IDIOM = Idiom(
    "F2",
    "the private data",
    "`vma->vm_private_data = x` becomes `desc->private_data = x`, where x existed before:"
    " what the hook allocates or counts belongs in `->mapped`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_private_data = file->private_data;
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
	desc->private_data = desc->file->private_data;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression",),
    rewrite=rewrite,
)
