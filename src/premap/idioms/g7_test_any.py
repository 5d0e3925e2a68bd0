# SPDX-License-Identifier: GPL-2.0-only
"""G7: any of several flags."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms import flags, joined, twins
from premap.idioms.idiom import Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a test for any of several flags, or several tests joined by ||."""
    if joined.is_joined(node, "||"):
        return joined.rewrite(node, hook, "||", _single, _any)
    found = flags.rewrite_test(node, hook, lambda test: len(test.any_of) > 1)
    return found or twins.rewrite("G7", node, hook)


def _any(names: tuple[str, ...]) -> flags.Test:
    return flags.Test(any_of=names)


def _single(operand: Node, hook: Hook) -> tuple[str, ...]:
    """Return flags of which one has to be set for this operand to be true; () if it is no test."""
    test = flags.test_of(operand, hook)
    if test is None or test.negated or test.none_of or len(test.all_of) > 1:
        return ()
    return test.any_of or test.all_of


IDIOM = Idiom(
    "G7",
    "any of several flags",
    "`vma->vm_flags & (VM_A | VM_B)` becomes `vma_desc_test_any(desc, VMA_A_BIT, "
    "VMA_B_BIT)`; compared with 0, negated. `(f & A) || (f & B)` becomes the same.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
	if ((vma->vm_flags & VM_EXEC) || (vma->vm_flags & VM_WRITE) ||
	    !(vma->vm_flags & VM_READ))
		return -EACCES;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",  # noqa: E101  as the kernel aligns
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (!vma_desc_test_any(desc, VMA_SHARED_BIT, VMA_MAYSHARE_BIT))
		return -EINVAL;
	if (vma_desc_test_any(desc, VMA_EXEC_BIT, VMA_WRITE_BIT) ||
	    !vma_desc_test(desc, VMA_READ_BIT))
		return -EACCES;
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
