# SPDX-License-Identifier: GPL-2.0-only
"""G1: flags are set by bit."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, text_of
from premap.idioms import flags, twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vm_flags_set(vma, VM_A | VM_B), and `vma->vm_flags |= VM_A`."""
    if node.type == "assignment_expression":
        return _assigned(node, hook)
    given = arguments(node)
    if hook.changes_flags(node) != "vm_flags_set":
        return twins.rewrite("G1", node, hook)
    return (flags.call_of(hook.release.set_flags, flags.bits(given[1], hook)),)


def _assigned(node: Node, hook: Hook) -> Pieces | None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = text_of(node.child_by_field_name("operator"))
    if left is None or right is None or hook.member(left) != "vm_flags" or operator != "|=":
        return None
    return (flags.call_of(hook.release.set_flags, flags.bits(right, hook)),)


IDIOM = Idiom(
    "G1",
    "flags are set by bit",
    "`vm_flags_set(vma, VM_A | VM_B)` becomes `vma_desc_set_flags(desc, VMA_A_BIT, VMA_B_BIT)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
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
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
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
