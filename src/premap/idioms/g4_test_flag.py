# SPDX-License-Identifier: GPL-2.0-only
"""G4: one flag is tested by bit."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import flags
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a test of one flag, with the parentheses that only it needed."""
    return flags.rewrite_test(node, hook, lambda test: not test.none_of and test.count == 1)


IDIOM = Idiom(
    "G4",
    "one flag is tested by bit",
    "`vma->vm_flags & VM_A` becomes `vma_desc_test(desc, VMA_A_BIT)` where only its truth matters.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
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
	if (!vma_desc_test(desc, VMA_SHARED_BIT))
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
