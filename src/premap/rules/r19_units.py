# SPDX-License-Identifier: GPL-2.0-only
"""R19: bytes, pages, physical addresses and PFNs are mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tree_sitter import Node

from premap import symbolic
from premap.csource.ctypes import IntType, PointerType
from premap.csource.exprtypes import ExpressionTypes, local_types
from premap.csource.nodes import arguments, callee, find_all, text_of, unwrapped
from premap.csource.source import Function
from premap.model import PAGE_SIZE
from premap.model.words import PAGE_SHIFT
from premap.rules.context import Context
from premap.rules.filling import LENGTH, OFFSET, Filling, fillings
from premap.rules.hooks import Hook
from premap.rules.names import fillers
from premap.rules.paths import Trace
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import nodes, variables

_PHYSICAL = frozenset({"phys_addr_t", "resource_size_t", "dma_addr_t"})
_TO_PFN = re.compile(r">>|PFN|pfn|/\s*PAGE_SIZE")
_CONVERTS = re.compile(r">>|<<|PFN|/\s*PAGE_SIZE|\*\s*PAGE_SIZE|PAGE_SIZE\s*\*")
_BYTES = re.compile(r"(?:^|_)(?:size|len|length|bytes)$")
_PAGES = re.compile(r"(?:^|_)(?:n?pages|nr_pages|num_pages|page_count|pgcount)$")
_IN_PAGES = frozenset({"vma_pages", "vma_desc_pages"})
_IN_BYTES = frozenset({"vma_desc_size", "vma_size"})
_COMPARES = frozenset({"<", ">", "<=", ">=", "==", "!="})


def check(context: Context) -> Iterator[Found]:
    """Find arguments and comparisons whose units do not fit."""
    for hook in context.hooks:
        for trace in hook.exploration.traces:
            for filling in fillings(trace):
                yield from _measured(hook, trace, filling)
        for function, _ in hook.bodies:
            yield from _typed(context, function)
            yield from _compared(hook, function)


def _measured(hook: Hook, trace: Trace, filling: Filling) -> Iterator[Found]:
    filler, step = filling.filler, filling.step
    if filler.unit == "pfn" and OFFSET in variables([filling.first]):
        grows = _slope(trace, filling.first, OFFSET)
        if grows == PAGE_SIZE:
            yield at(
                step.function.source,
                step.where,
                f"{step.name}() takes a PFN, but gets one that grows by {grows} a page of offset",
                hook=hook,
            )
        elif grows == 0 and _adds_pages(filling.first):
            yield at(
                step.function.source,
                step.where,
                f"{step.name}() gets a PFN to which the offset, in pages, was added as if it were "
                "bytes",
                hook=hook,
            )
    if filler.size is not None and LENGTH in variables([filling.size]):
        grows = _slope(trace, filling.size, LENGTH)
        if grows == 1:
            yield at(
                step.function.source,
                step.where,
                f"{step.name}() takes a size in bytes, but gets one in pages",
                hook=hook,
            )
    if filler.pages is not None:
        count = step.given[filler.pages].data
        if LENGTH in variables([count]) and _slope(trace, count, LENGTH) == PAGE_SIZE:
            yield at(
                step.function.source,
                step.where,
                f"{step.name}() takes a number of pages, but gets bytes",
                hook=hook,
            )


def _adds_pages(first: Any) -> bool:
    """Whether the offset was added to something else before both were shifted: to an address."""
    for node in nodes([first]):
        if node.op == "lshr" and node.data == PAGE_SHIFT and node.args[0].op == "sum":
            summed = [each for each in node.args[0].args if OFFSET in variables([each])]
            if any(each.op == "var" for each in summed) and len(variables(node.args)) > 1:
                return True
    return False


def _slope(trace: Trace, word: Any, name: str) -> int | None:
    """Return by how much a word grows with a word of the call, where that is the same twice."""
    values = []
    for value in (1, 2, 3):
        model = symbolic.Model(trace.model.variables, trace.model.functions)
        model.variables[name] = value
        values.append(model.eval(word))
    first, second = values[1] - values[0], values[2] - values[1]
    return first if first == second else None


def _typed(context: Context, function: Function) -> Iterator[Found]:
    """Find physical addresses given as PFNs, and PFNs as addresses, by their types."""
    for call in find_all(function.body, "call_expression"):
        filler = fillers().get(callee(call) or "")
        given = arguments(call)
        if filler is None or filler.unit == "pages" or len(given) <= filler.first:
            continue
        argument = unwrapped(given[filler.first])
        converted = bool(_TO_PFN.search(text_of(argument)))
        if filler.unit == "pfn" and not converted and _is_physical(context, function, argument):
            yield at(
                function.source,
                argument,
                f"{callee(call)}() takes a PFN, and this is a physical address",
            )
        elif filler.unit == "pfn" and _is_virtual(context, function, argument):
            yield at(
                function.source,
                argument,
                f"{callee(call)}() takes the PFN of a physical address, and this is a pointer of "
                "the kernel's",
            )
        elif filler.unit == "phys" and re.search(r">>\s*PAGE_SHIFT|PHYS_PFN", text_of(argument)):
            yield at(
                function.source,
                argument,
                f"{callee(call)}() takes a physical address, and this is a PFN",
            )


def _is_physical(context: Context, function: Function, argument: Node) -> bool:
    if function.source is not context.source:
        return False
    names = local_types(context.scope, function.node, argument.start_byte)
    given = ExpressionTypes(context.scope, names).of(argument)
    return isinstance(given, IntType) and given.name in _PHYSICAL


def _is_virtual(context: Context, function: Function, argument: Node) -> bool:
    """Whether a pointer is shifted as if it were a physical address: `(unsigned long)p >> 12`."""
    if argument.type != "binary_expression" or function.source is not context.source:
        return False
    left = argument.child_by_field_name("left")
    cast = None if left is None else unwrapped(left)
    value = cast.child_by_field_name("value") if cast and cast.type == "cast_expression" else None
    if value is None or text_of(argument.child_by_field_name("operator")) not in {">>", "/"}:
        return False
    names = local_types(context.scope, function.node, argument.start_byte)
    return isinstance(ExpressionTypes(context.scope, names).of(unwrapped(value)), PointerType)


def _compared(hook: Hook, function: Function) -> Iterator[Found]:
    for node in find_all(function.body, "binary_expression"):
        if text_of(node.child_by_field_name("operator")) not in _COMPARES:
            continue
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            continue
        for one, other in ((left, right), (right, left)):
            mixed = _mixed(unwrapped(one), unwrapped(other))
            if mixed is not None and not _converted(function, unwrapped(other)):
                yield at(function.source, node, mixed, level="warning", hook=hook)


def _mixed(one: Node, other: Node) -> str | None:
    name = callee(one) if one.type == "call_expression" else None
    if name is None or other.type not in {"identifier", "field_expression"}:
        return None
    word = re.split(r"->|\.", text_of(other))[-1]
    if name in _IN_PAGES and _BYTES.search(word):
        return f"{name}() is a number of pages, and `{text_of(other)}` looks like bytes"
    if name in _IN_BYTES and _PAGES.search(word):
        return f"{name}() is in bytes, and `{text_of(other)}` looks like a number of pages"
    return None


def _converted(function: Function, variable: Node) -> bool:
    """Whether a local variable has its value from a shift or a division: its name does not tell."""
    if variable.type != "identifier":
        return False
    for node in find_all(function.body, "init_declarator", "assignment_expression"):
        name, value = node.named_children[0], node.named_children[-1]
        if text_of(name) == text_of(variable) and _CONVERTS.search(text_of(value)):
            return True
    return False


RULE = Rule(
    "R19",
    "bytes, pages, physical addresses and PFNs are mixed",
    "error",
    """
`remap_pfn_range()` takes a page frame number, an address and a size in bytes;
`vm_iomap_memory()` a physical address; `vm_pgoff` counts pages. All are plain integers, so that
the compiler does not mind. A physical address where a PFN belongs maps memory 4096 times
further up, and a size in bytes that is compared with a number of pages bounds nothing.
""",
    bad="""\
struct ring {
	struct mutex lock;
	struct page **pages;
	phys_addr_t phys;
	unsigned long pfn;
	unsigned long size;
	unsigned long npages;
	int users;
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > ring->size || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring->phys);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
struct ring {
	struct mutex lock;
	struct page **pages;
	phys_addr_t phys;
	unsigned long pfn;
	unsigned long size;
	unsigned long npages;
	int users;
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > ring->size || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.1",
    legacy=True,
)
