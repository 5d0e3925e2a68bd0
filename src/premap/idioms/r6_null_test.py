# SPDX-License-Identifier: GPL-2.0-only
"""R6: a test whether there is a mapping."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import text_of, unwrapped
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """!vma becomes !desc, or goes from among others: neither is ever NULL."""
    if node.type == "binary_expression":
        return _kept(node, hook)
    return _negated(node, hook)


def _kept(node: Node, hook: Hook) -> Pieces | None:
    """Return the side of a || that is no test of the mapping, if the other is one."""
    sides = [node.child_by_field_name(side) for side in ("left", "right")]
    if text_of(node.child_by_field_name("operator")) != "||" or None in sides:
        return None
    others = [each for each in sides if each is not None and not _negated(unwrapped(each), hook)]
    return (others[0],) if len(others) == 1 else None


def _negated(node: Node, hook: Hook) -> Pieces | None:
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
    "`!vma` becomes `!desc`. Neither is ever NULL, so it goes where it is one of several tests: "
    "the descriptor has been followed to the file by then.",
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
	if (!desc->file)
		return -ENXIO;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("unary_expression", "binary_expression"),
    rewrite=rewrite,
)
