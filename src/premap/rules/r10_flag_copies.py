# SPDX-License-Identifier: GPL-2.0-only
"""R10: flags are changed in a copy that is never stored back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.declarators import declarators_of, declared_name
from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.csource.source import Function
from premap.rules.context import Context
from premap.rules.rule import Found, Rule, at

_CHANGES = re.compile(r"vma_flags_(?:set|clear|mod|reset|init)\w*")


def check(context: Context) -> Iterator[Found]:
    """Find local vma_flags_t variables that are changed and then not used."""
    if not context.says(b"vma_flags_t"):
        return
    for function in context.source.functions_saying(b"vma_flags_t"):
        for name, node in _copies(function):
            yield from _check(context, function, name, node)


def _copies(function: Function) -> Iterator[tuple[str, Node]]:
    for node in find_all(function.body, "declaration"):
        if text_of(node.child_by_field_name("type")) != "vma_flags_t":
            continue
        for declarator, _ in declarators_of(node):
            name = declared_name(declarator)
            if name is not None and declarator.type != "pointer_declarator":
                yield text_of(name), name


def _check(context: Context, function: Function, name: str, declared: Node) -> Iterator[Found]:
    changes = [call for call in calls_in(function.body) if _changes(call, name)]
    inside = {node.start_byte for call in changes for node in find_all(call, "identifier")}
    uses = [
        node
        for node in find_all(function.body, "identifier")
        if text_of(node) == name and node != declared
    ]
    stored = (
        any(
            node.start_byte not in inside and node.start_byte > changes[0].start_byte
            for node in uses
        )
        if changes
        else True
    )
    if not stored:
        yield at(
            context.source,
            changes[-1],
            f"`{name}` is a copy that nothing uses afterwards: the mapping keeps its flags",
        )


def _changes(call: Node, name: str) -> bool:
    given = arguments(call)
    if not given or not _CHANGES.fullmatch(callee(call) or ""):
        return False
    first = unwrapped(given[0])
    return text_of(first).replace(" ", "") == f"&{name}"


RULE = Rule(
    "R10",
    "flags are changed in a copy that is never stored back",
    "error",
    """
`vma_flags_t` is a structure: `vma_flags_t flags = desc->vma_flags` copies it. Changing the copy
changes nothing of the mapping until it is stored back, and the compiler does not warn, as the
copy's address was taken.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_flags_t flags = desc->vma_flags;

	vma_flags_set(&flags, VMA_DONTEXPAND_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_flags_t flags = desc->vma_flags;

	vma_flags_set(&flags, VMA_DONTEXPAND_BIT);
	desc->vma_flags = flags;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.0",
    legacy=True,
)
