# SPDX-License-Identifier: GPL-2.0-only
"""R05: the action is written directly."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.rules.context import Body, Context, bodies_with
from premap.rules.rule import Found, Rule, at

_FILLS = frozenset({"memset", "memcpy", "memzero_explicit", "swap"})
_FREE = frozenset({"error_override", "hide_from_rmap_until_complete"})
"""Members of `struct mmap_action` that have no helper."""


def check(context: Context) -> Iterator[Found]:
    """Find assignments to the action of a descriptor, or to members of it."""
    if context.is_core or not context.says(b"action"):
        return
    for body in context.described:
        for call in calls_in(body.function.body):
            target = _target(call)
            if target is not None and _member(target, body) not in (None, *_FREE):
                yield at(
                    context.source,
                    call,
                    f"`{text_of(target)}` is overwritten by {callee(call)}(): use a "
                    "mmap_action_...() helper",
                )
    for body in (*context.described, *bodies_with(context.source, "mmap_action")):
        pointers = frozenset(_pointers(body)) | _given(body)
        for node in find_all(body.function.body, "assignment_expression"):
            left = node.child_by_field_name("left")
            written = None if left is None else _member(left, body)
            if left is not None and written is None:
                written = _pointed(left, pointers)
            if left is not None and written is not None and written not in _FREE:
                yield at(
                    context.source,
                    left,
                    f"`{text_of(left)}` is set directly: use a mmap_action_...() helper",
                )


def _target(call: Node) -> Node | None:
    """Return what a call fills, as memset() does, if it is named there."""
    given = arguments(call)
    if callee(call) not in _FILLS or not given:
        return None
    pointer = unwrapped(given[0])
    return pointer.child_by_field_name("argument") if pointer.type == "pointer_expression" else None


def _given(body: Body) -> frozenset[str]:
    """Return the names of an action that a function is given a pointer to."""
    parameters = body.function.parameters
    own = any("mmap_action" in each.type_text and each.name in body.names for each in parameters)
    return body.names if own else frozenset()


def _pointers(body: Body) -> Iterator[str]:
    """Yield the variables that are given the address of the action."""
    for node in find_all(body.function.body, "init_declarator", "assignment_expression"):
        name, value = node.named_children[0], unwrapped(node.named_children[-1])
        target = value.child_by_field_name("argument")
        if value.type != "pointer_expression" or target is None or _member(target, body) != "":
            continue
        yield text_of(name).lstrip("* ")


def _pointed(node: Node, pointers: frozenset[str]) -> str | None:
    """Return which member is written by way of one of these variables; None if none is."""
    path: list[str] = []
    while node.type in ("field_expression", "parenthesized_expression", "pointer_expression"):
        if node.type == "field_expression":
            path.append(text_of(node.child_by_field_name("field")))
        inner = node.child_by_field_name("argument") or unwrapped(node)
        if inner == node:
            return None
        node = inner
        if node.type == "identifier" and text_of(node) in pointers:
            return path[-1] if path else ""
    return None


def _member(node: Node, body: Body) -> str | None:
    """Return which member of desc->action is written ("": all of it); None if none is."""
    path: list[str] = []
    node = unwrapped(node)
    while node.type == "field_expression":
        if body.member(node) == "action":
            return path[-1] if path else ""
        path.append(text_of(node.child_by_field_name("field")))
        inner = node.child_by_field_name("argument")
        if inner is None:
            return None
        node = unwrapped(inner)
    return None


RULE = Rule(
    "R05",
    "the action of a descriptor is written directly",
    "error",
    """
What an action needs differs by its kind: a remap keeps a copy of `page_prot`, kernel pages keep
the offset. The helpers fill all of it in and check the range; a hook that fills the structure
itself breaks silently when a release adds a member. `error_override` and
`hide_from_rmap_until_complete` have no helper and are for hooks to set.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->action.type = MMAP_REMAP_PFN;
	desc->action.remap.start = desc->start;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static unsigned long ring_pfn;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_size(desc) > PAGE_SIZE || desc->pgoff || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring_pfn);
	desc->action.error_override = -EAGAIN;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.19",
)
