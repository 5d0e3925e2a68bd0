# SPDX-License-Identifier: GPL-2.0-only
"""G8: a function is given the word of flags."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import text_of
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces

TO_WORD = "vma_flags_to_legacy"


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite `vma->vm_flags` where it is an argument, or what a variable is given, of its own.

    `vma->flags`, a vma_flags_t, is copied as it is.
    """
    member = hook.member(node)
    if member not in {"vm_flags", "flags"} or hook.written(node):
        return None
    parent = hook.parent(hook.outer(node))
    if parent is None or not (parent.type == "argument_list" or _gives(parent)):
        return None
    if member == "flags":
        return (f"{DESC}->vma_flags",)
    return (f"{hook.needs(TO_WORD, node)}({DESC}->vma_flags)",)


def _gives(parent: Node) -> bool:
    """Tell whether this gives a variable of the function its value: no member of anything."""
    if parent.type == "init_declarator":
        return True
    left = parent.child_by_field_name("left")
    plain = text_of(parent.child_by_field_name("operator")) == "="
    named = left is not None and left.type == "identifier"
    return parent.type == "assignment_expression" and plain and named


IDIOM = Idiom(
    "G8",
    "a function is given the word of flags",
    "Where a driver's own function, a message or a variable takes the flags as a number, the "
    "descriptor's bits are turned into that word: `vma_flags_to_legacy(desc->vma_flags)`. Flags "
    "above the word are not in it, as they were not before. The bits themselves, `vma->flags`, are "
    "copied as `desc->vma_flags`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!ring_may_map(vma->vm_start, vma->vm_flags))
		return -EACCES;

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
	if (!ring_may_map(desc->start, vma_flags_to_legacy(desc->vma_flags)))
		return -EACCES;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression",),
    rewrite=rewrite,
)
