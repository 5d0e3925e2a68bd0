# SPDX-License-Identifier: GPL-2.0-only
"""S1: a hook that calls its own ->open() leaves that to ->mapped()."""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, find_all, identifiers_in, text_of, walk
from premap.csource.source import Function
from premap.idioms.idiom import Declined, Hook, Idiom
from premap.idioms.lists import wrapped

MEMBERS = {
    "vm_private_data": "*vm_private_data",
    "vm_file": "file",
    "vm_start": "start",
    "vm_end": "end",
    "vm_pgoff": "pgoff",
}
"""What ->mapped() is given in place of the VMA."""
PARAMETERS = (
    "unsigned long start",
    "unsigned long end",
    "pgoff_t pgoff",
    "const struct file *file",
    "void **vm_private_data",
)
OWN_NAMES = frozenset({"start", "end", "pgoff", "file", "vm_private_data"})
"""Names that ->mapped() has for its parameters."""


def opens(node: Node, hook: Hook) -> bool:
    """Tell whether a statement is the call of the operations' open() that goes."""
    if node.type != "expression_statement" or not node.named_children:
        return False
    call = node.named_children[0]
    given = arguments(call) if call.type == "call_expression" else []
    return callee(call) in hook.opened and len(given) == 1 and hook.is_vma(given[0])


def check_place(hook: Hook) -> None:
    """Raise Declined unless the operations' open() is the last thing that the hook does."""
    body = hook.function.body
    statements = [child for child in body.named_children if child.type != "comment"]
    places = [index for index, node in enumerate(statements) if opens(node, hook)]
    calls = [n for n in find_all(body, "call_expression") if callee(n) in hook.opened]
    rest = [text_of(node) for node in statements[places[0] + 1 :]] if places else []
    if len(calls) != 1 or rest != ["return 0;"]:
        raise Declined("keeps-state", f"{callee(calls[0])}() is not the last step", calls[0])
    before = statements[: places[0]]
    if sum(_installs(node, hook) for node in before) != 1:
        raise Declined("keeps-state", "its operations are not the only ones", calls[0])


def _installs(node: Node, hook: Hook) -> bool:
    """Tell whether a statement of the body itself sets the operations."""
    if node.type != "expression_statement" or not node.named_children:
        return False
    inner = node.named_children[0]
    left = inner.child_by_field_name("left")
    return (
        inner.type == "assignment_expression"
        and left is not None
        and (hook.member(left) == "vm_ops")
    )


def mapped_name(name: str, member: str = "open") -> str:
    """Return the name of the new function: x_vma_open gives x_vma_mapped."""
    words = name.split("_")
    if member in words:
        words[len(words) - 1 - words[::-1].index(member)] = "mapped"
        return "_".join(words)
    return f"{name}_mapped"


def mapped(function: Function, vma: str) -> str:
    """Return the definition of ->mapped() that does what ->open() does. Raises Declined."""
    return f"{headed(mapped_name(function.name))}{_body(function, vma)}"


def headed(name: str) -> str:
    """Return the first lines of a ->mapped() of that name, up to its body."""
    return wrapped(f"static int {name}", list(PARAMETERS)) + "\n"


def _body(function: Function, vma: str) -> str:
    body = function.body
    source = function.source
    if identifiers_in(body) & OWN_NAMES or any(find_all(body, "goto_statement", "preproc_if")):
        raise Declined("keeps-state", f"{function.name}() is no simple function", body)
    text, at = "", body.start_byte
    for node in walk(body):
        if node.type == "field_expression" and _is_vma(node, vma):
            text += source.seen[at : node.start_byte].decode("latin-1") + on_vma(node)
            at = node.end_byte
        elif node.type == "return_statement" and not node.named_children:
            text += source.seen[at : node.start_byte].decode("latin-1") + "return 0;"
            at = node.end_byte
    text += source.seen[at : body.end_byte].decode("latin-1")
    if re.search(rf"(?<![.>\w]){re.escape(vma)}\b", text):
        raise Declined("keeps-state", f"{function.name}() needs the VMA itself", body)
    blank = "" if re.search(r"\n\n\Z", text[:-1]) else "\n"
    return f"{text[:-1]}{blank}\treturn 0;\n}}"


def _is_vma(node: Node, vma: str) -> bool:
    return text_of(node.child_by_field_name("argument")) == vma


def on_vma(node: Node) -> str:
    """Return what ->mapped() has in place of `vma->member`. Raises Declined."""
    member = text_of(node.child_by_field_name("field"))
    if member not in MEMBERS:
        raise Declined("keeps-state", f"->mapped() is not given vma->{member}", node)
    return MEMBERS[member]


IDIOM = Idiom(
    "S1",
    "a hook that calls its own ->open() leaves that to ->mapped()",
    "What `->open` counts for each mapping must not be counted before there is one: the hook runs"
    " earlier than the old handler did, and the mapping may still fail or merge. `->mapped` runs"
    " for new mappings only, as the old handler did, and sees what the hook left as private data."
    " A person should look: at `->close`, and at what `->mapped` may do.",
    before="""\
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_inc(&ring->users);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_dec(&ring->users);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open		= ring_vma_open,
	.close		= ring_vma_close,
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	vma->vm_private_data = file->private_data;
	ring_vma_open(vma);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_vma_mapped(unsigned long start, unsigned long end,
			   pgoff_t pgoff, const struct file *file,
			   void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	atomic_inc(&ring->users);

	return 0;
}

static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_inc(&ring->users);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_dec(&ring->users);
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped		= ring_vma_mapped,
	.open		= ring_vma_open,
	.close		= ring_vma_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_vm_ops;
	desc->private_data = desc->file->private_data;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
)
