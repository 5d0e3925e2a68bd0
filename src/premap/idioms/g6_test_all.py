# SPDX-License-Identifier: GPL-2.0-only
"""G6: all of several flags."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import text_of
from premap.idioms import flags
from premap.idioms.idiom import Hook, Idiom, Piece, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Several tests joined by &&, or one comparison of several flags."""
    if hook.release.test_all is not None and _is_and(node):
        parent = hook.parent(node)
        return None if parent is not None and _is_and(parent) else _joined(node, hook)
    return flags.rewrite_test(node, hook, lambda test: bool(test.none_of) or len(test.all_of) > 1)


def _is_and(node: Node) -> bool:
    return text_of(node.child_by_field_name("operator")) == "&&"


def _joined(node: Node, hook: Hook) -> Pieces | None:
    """Each run of tests without comments between them becomes one."""
    pieces: list[Piece] = []
    found = False
    at = node.start_byte
    for run in _runs(list(_operands(node)), hook):
        pieces.append(hook.between(at, run[0].start_byte))
        at = run[-1].end_byte
        names = [name for operand in run for name in _single(operand, hook)]
        if len(run) > 1:
            found = True
            pieces.append(flags.call(flags.Test(tuple(dict.fromkeys(names))), hook, node))
        else:
            pieces.append(run[0])
    return tuple(pieces) if found else None


def _operands(node: Node) -> Iterator[Node]:
    for side in ("left", "right"):
        operand = node.child_by_field_name(side)
        if operand is not None and _is_and(operand):
            yield from _operands(operand)
        elif operand is not None:
            yield operand


def _runs(operands: list[Node], hook: Hook) -> Iterator[list[Node]]:
    run: list[Node] = []
    for operand in operands:
        joins = (
            bool(run)
            and bool(_single(run[-1], hook))
            and bool(_single(operand, hook))
            and "/" not in hook.between(run[-1].end_byte, operand.start_byte)
        )
        if run and not joins:
            yield run
            run = []
        run.append(operand)
    yield run


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
