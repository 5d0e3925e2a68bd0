# SPDX-License-Identifier: GPL-2.0-only
"""R6: a test whether there is a mapping."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import text_of
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """!vma becomes !desc: neither is ever NULL."""
    argument = node.child_by_field_name("argument")
    if text_of(node.child_by_field_name("operator")) != "!" or argument is None:
        return None
    if not hook.is_vma(argument):
        return None
    inner = hook.between(argument.start_byte, argument.end_byte)
    return ("!" + inner.replace(hook.vma, DESC),)


IDIOM = Idiom(
    "R6",
    "a test whether there is a mapping",
    "`!vma` becomes `!desc`. Neither is ever NULL, so the test can go, but that is another change.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!file || !vma)
		return -ENXIO;

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
	if (!desc->file || !desc)
		return -ENXIO;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("unary_expression",),
    rewrite=rewrite,
)
