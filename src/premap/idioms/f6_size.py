# SPDX-License-Identifier: GPL-2.0-only
"""F6: the length in bytes."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Hook, Idiom, Pieces
from premap.idioms.sizes import is_length


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """The difference, with the parentheses that only it needed."""
    if not is_length(node, hook):
        return None
    if node.type == "parenthesized_expression" and not hook.needs_parentheses(node):
        return (f"{DESC_SIZE}",)
    return None if node.type == "parenthesized_expression" else (DESC_SIZE,)


DESC_SIZE = f"vma_desc_size({DESC})"


IDIOM = Idiom(
    "F6",
    "the length in bytes",
    "`vma->vm_end - vma->vm_start` becomes `vma_desc_size(desc)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_end - vma->vm_start) > RING_BYTES)
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
	if (vma_desc_size(desc) > RING_BYTES)
		return -EINVAL;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("parenthesized_expression", "binary_expression"),
    rewrite=rewrite,
)
