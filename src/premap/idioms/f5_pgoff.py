# SPDX-License-Identifier: GPL-2.0-only
"""F5: the offset in pages."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_pgoff and vma_start_pgoff(vma)."""
    if node.type == "call_expression":
        given = arguments(node)
        if callee(node) != "vma_start_pgoff" or len(given) != 1 or not hook.is_vma(given[0]):
            return None
    elif hook.member(node) != "vm_pgoff":
        return None
    elif hook.written(node):
        hook.note("pgoff-rewritten", "the hook changes the mapping's offset", node)
    return (f"{DESC}->pgoff",)


IDIOM = Idiom(
    "F5",
    "the offset in pages",
    "`vma->vm_pgoff`, which 7.3 reads as `vma_start_pgoff(vma)`, becomes `desc->pgoff`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_pgoff ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return desc->pgoff ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression", "call_expression"),
    rewrite=rewrite,
)
