# SPDX-License-Identifier: GPL-2.0-only
"""R06: what takes a VMA is called with a descriptor, or a `vma` was left over."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.records import Edit
from premap.rules.context import Body, Context
from premap.rules.names import vma_only
from premap.rules.rule import Found, Repair, Rule, at

_MEMBERS = {
    "vm_start": "start",
    "vm_end": "end",
    "vm_pgoff": "pgoff",
    "vm_page_prot": "page_prot",
    "vm_private_data": "private_data",
    "vm_mm": "mm",
    "vm_flags": "",
}
"""Members of a VMA that a descriptor has under other names; "": none that does the same."""


def check(context: Context) -> Iterator[Found]:
    """Find calls and members that only a VMA has, in functions that have a descriptor."""
    for body in context.described:
        yield from _calls(context, body)
        yield from _members(context, body)
        yield from _leftovers(context, body)


def _calls(context: Context, body: Body) -> Iterator[Found]:
    for call in calls_in(body.function.body):
        name = callee(call) or ""
        given = [_bare(argument) for argument in arguments(call)]
        if name in vma_only() and any(map(body.is_it, given)):
            twin = vma_only()[name]
            hint = f": with a descriptor it is {twin}" if twin else ""
            yield at(context.source, call, f"{name}() takes a VMA, not a descriptor{hint}")


def _bare(argument: Node) -> Node:
    """Return an argument without its casts: they hide from the compiler what it is."""
    node = unwrapped(argument)
    while node.type == "cast_expression" and (value := node.child_by_field_name("value")):
        node = unwrapped(value)
    return node


def _members(context: Context, body: Body) -> Iterator[Found]:
    old = context.release is None
    for node in find_all(body.function.body, "field_expression"):
        name = body.member(node)
        if name not in _MEMBERS or (old and name == "vm_flags"):
            continue
        field = node.child_by_field_name("field")
        new = _MEMBERS[name]
        repair = None
        if new and field is not None:
            edit = Edit(context.source.name, field.start_byte, field.end_byte, new.encode())
            repair = Repair(f"Use {new}", (edit,), "automatic")
        hint = f"; it is called {new}" if new else "; test and set flags with vma_desc_...()"
        yield at(context.source, node, f"a descriptor has no member {name}{hint}", repair=repair)


def _leftovers(context: Context, body: Body) -> Iterator[Found]:
    """Find a `vma` that the function neither has as a parameter nor declares."""
    declared = {parameter.name for parameter in body.function.parameters}
    for node in find_all(body.function.body, "declaration"):
        declared |= {text_of(name) for name in find_all(node, "identifier")}
    if "vma" in declared or context.source.macros_of("vma"):
        return
    for node in find_all(body.function.body, "identifier"):
        if text_of(node) == "vma":
            yield at(context.source, node, "there is no `vma` in a function that gets a descriptor")
            return


RULE = Rule(
    "R06",
    "something for VMAs is used with a descriptor",
    "error",
    """
A descriptor is no VMA: it has other members, and functions for VMAs read beyond it or write
into what is not there. Where a macro or a cast hides the types the compiler says nothing. A
`vma` that a conversion left behind breaks the build only in the configurations that compile it.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_pages(desc) > 16)
		return -EINVAL;
	desc->vm_private_data = desc->file->private_data;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_pages(desc) > 16)
		return -EINVAL;
	desc->private_data = desc->file->private_data;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.16",
)
