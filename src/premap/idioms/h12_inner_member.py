# SPDX-License-Identifier: GPL-2.0-only
"""H12: a member that the hook passes its VMA on through takes the descriptor."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments
from premap.idioms.idiom import DESC, Hook, Idiom, Piece, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """`ops->mmap(a, vma)` becomes `ops->mmap_prepare(a, desc)`; a test of it asks for that."""
    if node.type == "field_expression":
        return _named(node, hook)
    if hook.member_called(node) is None:
        return None
    named, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if named is None or listed is None:
        return None
    pieces: list[Piece] = [named, hook.between(named.end_byte, listed.start_byte)]
    at = listed.start_byte
    for argument in arguments(node):
        pieces.append(hook.between(at, argument.start_byte))
        pieces.append(DESC if hook.is_vma(argument) else argument)
        at = argument.end_byte
    return (*pieces, hook.between(at, node.end_byte))


def _named(node: Node, hook: Hook) -> Pieces | None:
    member = node.child_by_field_name("field")
    base = node.child_by_field_name("argument")
    if member is None or base is None:
        return None
    new = hook.retyped.get((member.start_byte, member.end_byte))
    return None if new is None else (base, hook.between(base.end_byte, member.start_byte), new)


IDIOM = Idiom(
    "H12",
    "a member that the hook passes its VMA on through takes the descriptor",
    "A hook that returns what `ops->mmap(x, vma)` does becomes a hook where the member can: all "
    "of the tree that sets it are functions that convert along, and all else that uses it asks "
    "whether it is set. The member is renamed and retyped in its structure's header, in the same "
    "patch; there is no twin beside it. Where one can't follow, the hook stays as it is.",
    before="""\
#include <linux/mm.h>

struct tx_ops {
	int (*mmap)(struct tx *tx, struct vm_area_struct *vma);
};

struct tx {
	const struct tx_ops *ops;
	unsigned long pages;
};

static int tx_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct tx *tx = file->private_data;

	if (!tx->ops->mmap)
		return -ENODEV;
	return tx->ops->mmap(tx, vma);
}

static const struct file_operations tx_fops = {
	.mmap = tx_file_mmap,
};

static int slow_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	return vma_pages(vma) > tx->pages ? -EINVAL : 0;
}

static const struct tx_ops slow_ops = {
	.mmap = slow_mmap,
};
""",
    after="""\
#include <linux/mm.h>

struct vm_area_desc;

struct tx_ops {
	int (*mmap_prepare)(struct tx *tx, struct vm_area_desc *desc);
};

struct tx {
	const struct tx_ops *ops;
	unsigned long pages;
};

static int tx_file_mmap_prepare(struct vm_area_desc *desc)
{
	struct tx *tx = desc->file->private_data;

	if (!tx->ops->mmap_prepare)
		return -ENODEV;
	return tx->ops->mmap_prepare(tx, desc);
}

static const struct file_operations tx_fops = {
	.mmap_prepare = tx_file_mmap_prepare,
};

static int slow_mmap_prepare(struct tx *tx, struct vm_area_desc *desc)
{
	return vma_desc_pages(desc) > tx->pages ? -EINVAL : 0;
}

static const struct tx_ops slow_ops = {
	.mmap_prepare = slow_mmap_prepare,
};
""",
    types=("call_expression", "field_expression"),
    rewrite=rewrite,
    in_tree=True,
)
