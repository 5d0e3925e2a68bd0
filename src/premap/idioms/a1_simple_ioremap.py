# SPDX-License-Identifier: GPL-2.0-only
"""A1: vm_iomap_memory()."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Return the action for the call; its result is the business of the statement."""
    given = arguments(node)
    if callee(node) != "vm_iomap_memory" or len(given) != 3 or not hook.is_vma(given[0]):
        return None
    name = hook.needs("mmap_action_simple_ioremap", node)
    return (f"{name}({DESC}, ", given[1], ", ", given[2], ")")


IDIOM = Idiom(
    "A1",
    "vm_iomap_memory()",
    "`return vm_iomap_memory(vma, phys, len);` becomes `mmap_action_simple_ioremap(desc, "
    "phys, len); return 0;`. Both add the offset themselves and check the range.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return vm_iomap_memory(vma, ring_base, ring_bytes);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->page_prot = pgprot_writecombine(desc->page_prot);
	mmap_action_simple_ioremap(desc, ring_base, ring_bytes);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
