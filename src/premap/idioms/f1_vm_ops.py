# SPDX-License-Identifier: GPL-2.0-only
"""F1: the operations."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_ops."""
    if hook.member(node) != "vm_ops":
        return None
    if not hook.only_assigned(node):
        raise Declined("write-only-member", "vma->vm_ops is read or changed in place", node)
    return (f"{DESC}->vm_ops",)


IDIOM = Idiom(
    "F1",
    "the operations",
    "`vma->vm_ops = &x` becomes `desc->vm_ops = &x`. The member is write-only: who reads "
    "it wants a VMA.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
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
	desc->vm_ops = &ring_vm_ops;
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
