# SPDX-License-Identifier: GPL-2.0-only
"""G7: any of several flags."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import flags, twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a test for any of several flags."""
    found = flags.rewrite_test(node, hook, lambda test: len(test.any_of) > 1)
    return found or twins.rewrite("G7", node, hook)


IDIOM = Idiom(
    "G7",
    "any of several flags",
    "`vma->vm_flags & (VM_A | VM_B)` becomes `vma_desc_test_any(desc, VMA_A_BIT, "
    "VMA_B_BIT)`; compared with 0, negated.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
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
	if (!vma_desc_test_any(desc, VMA_SHARED_BIT, VMA_MAYSHARE_BIT))
		return -EINVAL;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("unary_expression", "parenthesized_expression", "binary_expression", "call_expression"),
    rewrite=rewrite,
)
