# SPDX-License-Identifier: GPL-2.0-only
"""R07: a reference of the file that the descriptor holds is taken or dropped."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all
from premap.rules.context import Body, Context
from premap.rules.rule import Found, Rule, at

_COUNTS = frozenset({"get_file", "fput", "get_file_rcu", "fput_close", "__fput_sync"})


def check(context: Context) -> Iterator[Found]:
    """Find gets and puts of the file that a descriptor came with."""
    if not context.says(b"get_file", b"fput"):
        return
    for body in context.described:
        owned = _given(body)
        for call in calls_in(body.function.body):
            given = arguments(call)
            if callee(call) not in _COUNTS or len(given) != 1:
                continue
            member = body.member(given[0])
            if member == "file" or (member == "vm_file" and call.start_byte < owned):
                yield at(
                    context.source,
                    call,
                    f"{callee(call)}() of the descriptor's {member}: "
                    "mm takes and drops that reference itself",
                )


def _given(body: Body) -> int:
    """Return where the function first puts a file of its own into the descriptor."""
    nodes: list[Node] = list(find_all(body.function.body, "assignment_expression"))
    for node in nodes:
        left = node.child_by_field_name("left")
        if left is not None and body.member(left) == "vm_file":
            return node.end_byte
    return body.function.node.end_byte


RULE = Rule(
    "R07",
    "a reference of the descriptor's file is taken or dropped",
    "error",
    """
The caller of the hook holds a reference of `desc->file`, and mm takes the one that the mapping
keeps. A hook that takes another leaks it; one that drops it, as a `->mmap` hook had to when it
replaced `vma->vm_file`, frees a file in use. Handing over a reference of one's own is right:
`desc->vm_file = get_file(other)`.
""",
    bad="""\
static struct file *ring_file;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	fput(desc->vm_file);
	desc->vm_file = get_file(ring_file);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static struct file *ring_file;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_file = get_file(ring_file);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.17",
    upstream=(
        "9da29c7f77cd (coda: fix reference counting in coda_file_mmap error path)",
        "2896900e22f8 (ovl: fix reference counting in ovl_mmap error path)",
    ),
)
