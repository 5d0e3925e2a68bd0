# SPDX-License-Identifier: GPL-2.0-only
"""H11: code that tests or calls a file's `.mmap` asks for either hook."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, text_of, unwrapped
from premap.idioms.idiom import Idiom

TEST, CALL = "can_mmap_file", "vfs_mmap"
_TRUTH = frozenset({"if_statement", "while_statement", "conditional_expression"})


def rewritten(use: Node) -> tuple[Node, str] | None:
    """Return what `file->f_op->mmap` is part of, and what that becomes; None if it is neither.

    A call is given the file and a VMA: vfs_mmap() takes the same.
    """
    table = use.child_by_field_name("argument")
    file = None if table is None else table.child_by_field_name("argument")
    if table is None or file is None or text_of(table.child_by_field_name("field")) != "f_op":
        return None
    parent = use.parent
    if use.has_error or (parent is not None and parent.has_error):
        return None
    if parent is not None and parent.type == "call_expression":
        given = arguments(parent)
        if len(given) == 2 and text_of(unwrapped(given[0])) == text_of(file):
            return parent, f"{CALL}({', '.join(text_of(each) for each in given)})"
        return None
    return (use, f"{TEST}({text_of(file)})") if _is_test(use) else None


def _is_test(use: Node) -> bool:
    """Tell whether only the truth of an expression counts."""
    parent = use.parent
    while parent is not None and parent.type == "parenthesized_expression":
        use, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type in _TRUTH:
        return parent.child_by_field_name("condition") == use
    operator = text_of(parent.child_by_field_name("operator"))
    return parent.type in {"unary_expression", "binary_expression"} and operator in {
        "!",
        "&&",
        "||",
    }


IDIOM = Idiom(
    "H11",
    "code that tests or calls a file's `.mmap` asks for either hook",
    "After the conversion the member is NULL. `if (!file->f_op->mmap)` becomes "
    "`if (!can_mmap_file(file))`, `file->f_op->mmap(file, vma)` becomes `vfs_mmap(file, vma)`, "
    "which calls whichever of the two there is. Other uses of the member are declined.",
    before="""\
static int ring_check(struct file *file)
{
	if (!file->f_op->mmap)
		return -ENODEV;

	return 0;
}

static int ring_forward(struct file *file, struct vm_area_struct *vma)
{
	return file->f_op->mmap(file, vma);
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_check(struct file *file)
{
	if (!can_mmap_file(file))
		return -ENODEV;

	return 0;
}

static int ring_forward(struct file *file, struct vm_area_struct *vma)
{
	return vfs_mmap(file, vma);
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
