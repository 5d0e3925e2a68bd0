# SPDX-License-Identifier: GPL-2.0-only
"""F9: the address space."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_mm."""
    if hook.member(node) != "vm_mm":
        return None
    return (f"{DESC}->mm",)


IDIOM = Idiom(
    "F9",
    "the address space",
    "`vma->vm_mm` becomes `desc->mm`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_mm == ring_mm ? 0 : -EPERM;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return desc->mm == ring_mm ? 0 : -EPERM;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression",),
    rewrite=rewrite,
)
