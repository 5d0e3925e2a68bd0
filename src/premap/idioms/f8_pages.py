# SPDX-License-Identifier: GPL-2.0-only
"""F8: the length in pages."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma_pages(vma)."""
    given = arguments(node)
    if callee(node) != "vma_pages" or len(given) != 1 or not hook.is_vma(given[0]):
        return None
    return (f"vma_desc_pages({DESC})",)


IDIOM = Idiom(
    "F8",
    "the length in pages",
    "`vma_pages(vma)` becomes `vma_desc_pages(desc)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma_pages(vma) > RING_PAGES ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return vma_desc_pages(desc) > RING_PAGES ? -EINVAL : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
