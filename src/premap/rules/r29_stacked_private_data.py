# SPDX-License-Identifier: GPL-2.0-only
"""R29: private data is set that a lower file's hook will overwrite."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all
from premap.rules.context import Body, Context
from premap.rules.names import lower_hooks
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Find private data that is written before a lower file's hook is called, and not after."""
    if not context.at_least("6.16") or not context.says(b"vm_private_data"):
        return
    setters = {body.function.name for body in context.mapped if any(True for _ in _writes(body))}
    for body in context.mapped:
        calls = [call for call in calls_in(body.function.body) if _lower(body, call)]
        if not calls:
            continue
        helped = (call for call in calls_in(body.function.body) if callee(call) in setters)
        writes = [*_writes(body), *(call for call in helped if _is_given(body, call))]
        before = [node for node in writes if node.start_byte < calls[0].start_byte]
        if before and not any(node.start_byte > calls[0].start_byte for node in writes):
            yield at(
                context.source,
                max(before, key=lambda node: node.start_byte),
                f"{callee(calls[0])}() overwrites this where the lower file has ->mmap_prepare",
            )


def _lower(body: Body, call: Node) -> bool:
    return callee(call) in lower_hooks() and _is_given(body, call)


def _is_given(body: Body, call: Node) -> bool:
    return any(body.is_it(argument) for argument in arguments(call))


def _writes(body: Body) -> Iterator[Node]:
    for node in find_all(body.function.body, "assignment_expression"):
        left = node.child_by_field_name("left")
        if left is not None and body.member(left) == "vm_private_data":
            yield node


RULE = Rule(
    "R29",
    "private data is set that a lower file's hook overwrites",
    "warning",
    """
A stacked file's `->mmap` that calls its lower file's hook loses the private data it has set
before: if the lower one has `->mmap_prepare`, mm fills a descriptor in which there is none, and
copies what the hook leaves there, or NULL, back into the VMA. Set it afterwards.
""",
    bad="""\
static int stack_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_private_data = file->private_data;
	return vfs_mmap(file->private_data, vma);
}

static const struct file_operations stack_fops = {
	.mmap = stack_mmap,
};
""",
    good="""\
static int stack_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = vfs_mmap(file->private_data, vma);

	if (!err)
		vma->vm_private_data = file->private_data;
	return err;
}

static const struct file_operations stack_fops = {
	.mmap = stack_mmap,
};
""",
    check=check,
    since="6.16",
    legacy=True,
)
