# SPDX-License-Identifier: GPL-2.0-only
"""H9: a kernel helper that took the word of flags now takes the truth of one of them."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, text_of, unwrapped
from premap.idioms.flags import bits, call_of
from premap.idioms.idiom import Hook, Idiom, Piece, Pieces

PARAMETERS = {"mlock_future_ok": (1, "VMA_LOCKED_BIT")}
"""Functions by name: which of their arguments was the word, and what it was looked at for.

`bool` since 7.0 (mm/internal.h).
"""


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite a call whose argument is `vma->vm_flags`, or that with flags added."""
    known = PARAMETERS.get(callee(node) or "")
    given = arguments(node)
    listed = node.child_by_field_name("arguments")
    if known is None or listed is None or len(given) <= known[0]:
        return None
    truth = _truth(given[known[0]], known[1], hook)
    if truth is None:
        return None
    pieces: list[Piece] = [callee(node) or ""]
    at = listed.start_byte
    for index, argument in enumerate(given):
        pieces += [hook.between(at, argument.start_byte), truth if index == known[0] else argument]
        at = argument.end_byte
    return (*pieces, hook.between(at, listed.end_byte))


def _truth(word: Node, bit: str, hook: Hook) -> str | None:
    """Return C for whether the flag is in the word; None for another kind of expression."""
    inner = unwrapped(word)
    if hook.member(inner) == "vm_flags":
        return call_of(hook.release.test_one, [bit])
    if inner.type != "binary_expression" or text_of(inner.child_by_field_name("operator")) != "|":
        return None
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if left is None or right is None or hook.member(left) != "vm_flags":
        return None
    return "true" if bit in bits(right, hook) else call_of(hook.release.test_one, [bit])


IDIOM = Idiom(
    "H9",
    "a kernel helper that took the word of flags",
    "Some of the kernel's helpers lost their parameter for the word of flags, and are told about"
    " the one flag that they look at: it is tested, or known where the old call added it.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long len = vma->vm_end - vma->vm_start;

	if (!mlock_future_ok(vma->vm_mm, vma->vm_flags | VM_LOCKED, len))
		return -EAGAIN;

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
	unsigned long len = vma_desc_size(desc);

	if (!mlock_future_ok(desc->mm, true, len))
		return -EAGAIN;

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
