# SPDX-License-Identifier: GPL-2.0-only
"""F6: the length in bytes."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import text_of, unwrapped
from premap.idioms.idiom import DESC, Hook, Idiom, Pieces
from premap.idioms.sizes import is_length

SIZE = f"vma_desc_size({DESC})"


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite the difference, and the parentheses that only it needed; x + end - start, too."""
    if node.type == "parenthesized_expression":
        if not is_length(node, hook) or hook.needs_parentheses(node):
            return None
        return (SIZE,)
    if is_length(node, hook):
        return (SIZE,)
    other = _added_to(node, hook)
    return None if other is None else (other, f" + {SIZE}")


def _added_to(node: Node, hook: Hook) -> Node | None:
    """Return x of `x + vma->vm_end - vma->vm_start`."""
    total, start = node.child_by_field_name("left"), node.child_by_field_name("right")
    if total is None or start is None or total.type != "binary_expression":
        return None
    end = total.child_by_field_name("right")
    operators = (
        text_of(node.child_by_field_name("operator")),
        text_of(total.child_by_field_name("operator")),
    )
    fits = operators == ("-", "+") and hook.member(unwrapped(start)) == "vm_start"
    if not fits or end is None or hook.member(unwrapped(end)) != "vm_end":
        return None
    return total.child_by_field_name("left")


IDIOM = Idiom(
    "F6",
    "the length in bytes",
    "`vma->vm_end - vma->vm_start` becomes `vma_desc_size(desc)`.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_end - vma->vm_start) > RING_BYTES)
		return -EINVAL;
	return ring_check(ring_at + vma->vm_end - vma->vm_start);
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
	return ring_check(ring_at + vma_desc_size(desc));
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("parenthesized_expression", "binary_expression"),
    rewrite=rewrite,
)
