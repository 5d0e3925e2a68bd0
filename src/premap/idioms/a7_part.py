# SPDX-License-Identifier: GPL-2.0-only
"""A7: a range within the mapping is mapped."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, text_of, unwrapped
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces
from premap.idioms.sizes import is_checked, is_start, is_whole

ACTIONS = {"remap_pfn_range": "mmap_action_remap", "io_remap_pfn_range": "mmap_action_ioremap"}


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a remap of PAGE_SIZE bytes at the start, or of a length that was checked."""
    action = ACTIONS.get(callee(node) or "")
    given = arguments(node)
    if action is None or len(given) != 5 or not hook.is_vma(given[0]):
        return None
    _, start, pfn, size, prot = given
    if not maps_part(node, hook):
        return None
    if not is_start(start, hook) or hook.member(prot) != "vm_page_prot":
        return None
    return (f"{hook.needs(action, node)}({DESC}, {DESC}->start, ", pfn, ", ", size, ")")


def maps_part(call: Node, hook: Hook) -> bool:
    """Tell whether it can't be seen that a call remaps the whole mapping, but that it fits.

    Every mapping has PAGE_SIZE bytes.
    """
    given = arguments(call)
    size = given[3] if callee(call) in ACTIONS and len(given) == 5 else None
    if size is None or is_whole(size, hook):
        return False
    return text_of(unwrapped(size)) == "PAGE_SIZE" or is_checked(size, hook)


IDIOM = Idiom(
    "A7",
    "a range within the mapping is mapped",
    "`io_remap_pfn_range(vma, vma->vm_start, pfn, PAGE_SIZE, prot)` becomes "
    "`mmap_action_ioremap(desc, desc->start, pfn, PAGE_SIZE)`; so does a size that the mapping's "
    "was compared with before, and which may be calculated anew. Other sizes are declined: an "
    "action refuses a range that is not within the mapping, the old function did not.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return io_remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE,
				  vma->vm_page_prot);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",  # noqa: E101  as the kernel aligns
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	mmap_action_ioremap(desc, desc->start, ring_pfn, PAGE_SIZE);
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
