# SPDX-License-Identifier: GPL-2.0-only
"""G6: all of several flags."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import flags, joined
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Several tests joined by &&, or one comparison of several flags."""
    if hook.release.test_all is not None and joined.is_joined(node, "&&"):
        return joined.rewrite(node, hook, "&&", _single, _all)
    return flags.rewrite_test(node, hook, lambda test: bool(test.none_of) or len(test.all_of) > 1)


def _all(names: tuple[str, ...]) -> flags.Test:
    return flags.Test(all_of=names)


def _single(operand: Node, hook: Hook) -> tuple[str, ...]:
    """Return flags that all have to be set for this operand to be true; () if it is no test."""
    test = flags.test_of(operand, hook)
    if test is None or test.negated or test.none_of or len(test.any_of) > 1:
        return ()
    return test.all_of or test.any_of


IDIOM = Idiom(
    "G6",
    "all of several flags",
    "`(f & A) && (f & B)` and `(f & (A | B)) == (A | B)` become `vma_desc_test_all(desc, "
    "…)`; a comparison with some of the flags tests the others, too.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	if ((vma->vm_flags & (VM_READ | VM_WRITE)) != VM_READ)
		return -EROFS;
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
	if (vma_desc_test_all(desc, VMA_SHARED_BIT, VMA_MAYWRITE_BIT))
		return -EINVAL;
	if (!vma_desc_test(desc, VMA_READ_BIT) ||
	    vma_desc_test(desc, VMA_WRITE_BIT))
		return -EROFS;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
    types=("unary_expression", "parenthesized_expression", "binary_expression", "call_expression"),
    rewrite=rewrite,
)
