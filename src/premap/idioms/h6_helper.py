# SPDX-License-Identifier: GPL-2.0-only
"""H6: helpers of the same file take the descriptor."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, Hook, Idiom, Piece, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """helper(a, vma) becomes helper_prepare(a, desc)."""
    name = hook.helpers.get(callee(node) or "")
    given = arguments(node)
    if name is None or sum(hook.is_vma(argument) for argument in given) != 1:
        return None
    pieces: list[Piece] = [name]
    listed = node.child_by_field_name("arguments")
    if listed is None:
        return None
    at = listed.start_byte
    for argument in given:
        pieces += [hook.between(at, argument.start_byte)]
        pieces += [DESC if hook.is_vma(argument) else argument]
        at = argument.end_byte
    return (*pieces, hook.between(at, listed.end_byte))


IDIOM = Idiom(
    "H6",
    "helpers of the same file take the descriptor",
    "A function of the same file that only `.mmap` hooks call is retyped, and renamed "
    "where its name ends in mmap, or is the hook's with more words; each of its uses of the VMA "
    "needs an idiom, too.",
    before="""\
static int ring_map(struct vm_area_struct *vma, int pages)
{
	return vma_pages(vma) > pages ? -EINVAL : 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ring_map(vma, 4);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_map(struct vm_area_desc *desc, int pages)
{
	return vma_desc_pages(desc) > pages ? -EINVAL : 0;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return ring_map(desc, 4);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression",),
    rewrite=rewrite,
)
