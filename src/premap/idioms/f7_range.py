# SPDX-License-Identifier: GPL-2.0-only
"""F7: start and end."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Pieces

_MEMBERS = {"vm_start": "start", "vm_end": "end"}


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_start and vma->vm_end."""
    member = _MEMBERS.get(hook.member(node) or "")
    if member is None:
        return None
    if hook.written(node) or hook.addressed(node):
        raise Declined("range-changed", "the hook changes where the mapping starts or ends", node)
    return (f"{DESC}->{member}",)


IDIOM = Idiom(
    "F7",
    "start and end",
    "`vma->vm_start` and `vma->vm_end` become `desc->start` and `desc->end`, which nobody"
    " may change.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_start & RING_MASK ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return desc->start & RING_MASK ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression",),
    rewrite=rewrite,
)
