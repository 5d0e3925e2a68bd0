# SPDX-License-Identifier: GPL-2.0-only
"""G2: flags are cleared by bit."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, text_of
from premap.idioms import flags, twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vm_flags_clear(vma, VM_A | VM_B), and `vma->vm_flags &= ~VM_A`."""
    if node.type == "assignment_expression":
        return _assigned(node, hook)
    given = arguments(node)
    if hook.changes_flags(node) != "vm_flags_clear":
        return twins.rewrite("G2", node, hook)
    return (flags.call_of(hook.release.clear_flags, flags.bits(given[1], hook)),)


def _assigned(node: Node, hook: Hook) -> Pieces | None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = text_of(node.child_by_field_name("operator"))
    if left is None or right is None or hook.member(left) != "vm_flags" or operator != "&=":
        return None
    if text_of(right.child_by_field_name("operator")) != "~":
        return None
    mask = right.child_by_field_name("argument") or right
    return (flags.call_of(hook.release.clear_flags, flags.bits(mask, hook)),)


IDIOM = Idiom(
    "G2",
    "flags are cleared by bit",
    "`vm_flags_clear(vma, VM_A | VM_B)` becomes `vma_desc_clear_flags(desc, VMA_A_BIT, "
    "VMA_B_BIT)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_clear(vma, VM_MAYWRITE);
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
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression", "assignment_expression"),
    rewrite=rewrite,
)
