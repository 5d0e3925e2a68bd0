# SPDX-License-Identifier: GPL-2.0-only
"""F11: the mapping gets another file."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all
from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite vma_set_file(vma, f), and `vma->vm_file = get_file(f)`."""
    if node.type == "call_expression":
        given = arguments(node)
        if callee(node) != "vma_set_file" or len(given) != 2 or not hook.is_vma(given[0]):
            return None
        _check_uses(hook)
        _note(node, hook)
        return (f"{DESC}->vm_file = get_file(", given[1], ")")
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or not _swaps(node, hook):
        return None
    _check_uses(hook)
    _note(node, hook)
    return (f"{DESC}->vm_file = ", right)


def _note(node: Node, hook: Hook) -> None:
    message = "the reference leaks if the mapping then merges, or its action is refused"
    hook.note("file-reference", message, node)


def puts(node: Node, hook: Hook) -> bool:
    """Tell whether a statement puts the mapping's old file, which a descriptor does not own."""
    if node.type != "expression_statement" or not node.named_children:
        return False
    call = node.named_children[0]
    given = arguments(call) if call.type == "call_expression" else []
    if callee(call) != "fput" or len(given) != 1 or hook.member(given[0]) != "vm_file":
        return False
    swaps = find_all(hook.function.body, "assignment_expression")
    return any(_swaps(each, hook) for each in swaps)


def takes(call: Node, hook: Hook) -> bool:
    """Tell whether a call of get_file() is for the mapping, which puts what it is given."""
    parent = hook.parent(hook.outer(call))
    return parent is not None and parent.type == "assignment_expression" and _swaps(parent, hook)


def _swaps(assignment: Node, hook: Hook) -> bool:
    left = assignment.child_by_field_name("left")
    right = assignment.child_by_field_name("right")
    return (
        left is not None
        and right is not None
        and hook.only_assigned(left)
        and hook.member(left) == "vm_file"
        and right.type == "call_expression"
        and callee(right) == "get_file"
    )


def _check_uses(hook: Hook) -> None:
    """Raise Declined if the function swaps more than once, or looks at the mapping's file."""
    swaps = sum(callee(call) == "vma_set_file" for call in calls_in(hook.function.body))
    for field in find_all(hook.function.body, "field_expression"):
        if hook.member(field) != "vm_file":
            continue
        if hook.written(field):
            swaps += 1
        elif not _is_put(field, hook):
            raise Declined("file-swapped", "which of the two files this is is not clear", field)
    if swaps != 1:
        raise Declined(
            "file-swapped", "the hook swaps the mapping's file twice", hook.function.node
        )


def _is_put(field: Node, hook: Hook) -> bool:
    listed = hook.parent(hook.outer(field))
    call = None if listed is None else hook.parent(listed)
    statement = None if call is None else hook.parent(call)
    return statement is not None and puts(statement, hook)


IDIOM = Idiom(
    "F11",
    "the mapping gets another file",
    "The mapping puts the file in `desc->vm_file` when it ends, and the old file is not the hook's "
    "to put: so `vma_set_file(vma, f)`, which took a reference of its own, becomes "
    "`desc->vm_file = get_file(f)`, and an fput() of the old file goes. `desc->file` stays "
    "what was opened. A plain `vma->vm_file = f` is declined: whose reference that is is not said.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	vma_set_file(vma, ring->backing);
	vma->vm_ops = &ring_vm_ops;

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
	struct ring *ring = desc->file->private_data;

	desc->vm_file = get_file(ring->backing);
	desc->vm_ops = &ring_vm_ops;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("call_expression", "assignment_expression"),
    rewrite=rewrite,
)
