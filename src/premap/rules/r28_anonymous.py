# SPDX-License-Identifier: GPL-2.0-only
"""R28: the operations are cleared, which makes the mapping anonymous."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.csource.source import SourceFile
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import plain
from premap.rules.context import Body, Context
from premap.rules.hooks import Hook
from premap.rules.rule import Found, Rule, at

_CLEARS = ("vma_desc_set_anonymous", "vma_set_anonymous")
_SHARED_ZERO = (b"shmem_zero_setup",)
"""What a file of zeroes has for its shared mappings; it may have anonymous private ones."""


def check(context: Context) -> Iterator[Found]:
    """Find hooks that clear `vm_ops`."""
    if not context.says(b"vm_ops", b"set_anonymous"):
        return
    for hook in context.hooks:
        if any(w in hook.source.code for w in _SHARED_ZERO):
            continue
        found = [
            (function.source, node)
            for function, names in hook.bodies
            for node in _clears(Body(function, names), handed_on=not hook.prepares)
        ]
        for source, node in found or _left_cleared(hook):
            yield at(
                source,
                node,
                "without operations the mapping is anonymous: it gets zeroed memory, never "
                "the file's",
                level=None if hook.prepares else "warning",
                hook=hook,
            )


def _left_cleared(hook: Hook) -> Iterator[tuple[SourceFile, Node]]:
    """Yield what is the last to write `vm_ops`, and clears it, on paths that end with a mapping."""
    seen: set[tuple[str, int]] = set()
    for trace in hook.exploration.traces:
        writes = [each for each in trace.steps if each.kind == "write" and each.name == "vm_ops"]
        if not writes or not trace.succeeded:
            continue
        last = writes[-1]
        value, place = last.given[1], (last.function.source.name, last.where.start_byte)
        cleared = is_scalar(value) and plain(word_of(value)) == 0
        if cleared and last.function.source is hook.source and place not in seen:
            seen.add(place)
            yield last.function.source, last.where


def _clears(body: Body, *, handed_on: bool) -> Iterator[Node]:
    """Yield what clears them; if `handed_on`, not before a call that gets the mapping."""
    if not body.says("vm_ops", *_CLEARS):
        return
    calls = [call for call in calls_in(body.function.body) if any(map(body.is_it, arguments(call)))]
    others = [call.start_byte for call in calls if callee(call) not in _CLEARS]
    last = max(others, default=0) if handed_on else 0
    found = [*body.calls(*_CLEARS), *_null_operations(body)]
    yield from (node for node in found if node.start_byte > last and not _fails(node))


def _fails(node: Node) -> bool:
    """Whether a node is in `if (err) { … goto out; }`: what fails leaves no mapping."""
    parent = node.parent
    while parent is not None and parent.type != "if_statement":
        node, parent = parent, parent.parent
    if parent is None or parent.child_by_field_name("consequence") != node:
        return False
    inner = [each for each in node.named_children if each.type != "comment"]
    condition = unwrapped(parent.child_by_field_name("condition") or parent)
    left = condition.child_by_field_name("left")
    asked = condition if left is None else unwrapped(left)
    operator = text_of(condition.child_by_field_name("operator"))
    leaves = bool(inner) and inner[-1].type in ("goto_statement", "return_statement")
    return leaves and asked.type == "identifier" and operator in {"", "<", "!="}


def _null_operations(body: Body) -> Iterator[Node]:
    for node in find_all(body.function.body, "assignment_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and body.member(left) == "vm_ops" and text_of(right) in {"NULL", "0"}:
            yield node


RULE = Rule(
    "R28",
    "the operations are cleared, which makes the mapping anonymous",
    "error",
    """
A mapping without operations is anonymous to mm: faults give it zeroed pages, it is moved and
merged as memory of its own, whatever file it has. Only /dev/zero wants that. A hook that has no
callbacks leaves `vm_ops` alone: a table without callbacks is there already.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = NULL;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static const struct vm_operations_struct ring_vm_ops = {
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.16",
    legacy=True,
    upstream=("bfd40eaff5ab (mm: fix vma_is_anonymous() false-positives)",),
)
