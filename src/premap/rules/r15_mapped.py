# SPDX-License-Identifier: GPL-2.0-only
"""R15: mapped ignores an error, returns a positive number, or needs what it does not get."""

from __future__ import annotations

from collections.abc import Iterator

from premap import symbolic
from premap.csource.nodes import callee, find_all, text_of
from premap.csource.source import Function
from premap.interp.unknown import table as known_functions
from premap.rules.callbacks import exploration_of
from premap.rules.context import Body, Context
from premap.rules.hooks import Hook
from premap.rules.operations import Operations, operations_of, told
from premap.rules.rule import Found, Rule

_HIGHEST_ERRNO = 4095


def check(context: Context) -> Iterator[Found]:
    """Look at each ->mapped that a hook installs."""
    for hook in context.prepares:
        for table in operations_of(hook):
            for function in table.functions("mapped"):
                yield from _positive(hook, table, function)
                yield from _ignored(hook, function)
                yield from _missing(hook, function)


def _positive(hook: Hook, table: Operations, function: Function) -> Iterator[Found]:
    found = exploration_of(hook, table, "mapped")
    for trace in found.traces if found is not None else ():
        if trace.returned is None or found is None:
            continue
        returned = symbolic.as_word(trace.returned)
        wrong = (returned != 0) & (returned < (1 << 64) - _HIGHEST_ERRNO)
        if found.ask(*trace.condition, wrong) is not None:
            where = trace.last_return(function.source)
            if where is not None:
                yield told(
                    hook,
                    function,
                    where,
                    "->mapped can return what is neither 0 nor a negative errno: mm unmaps, and "
                    "mmap() returns that number",
                )
                return


def _ignored(hook: Hook, function: Function) -> Iterator[Found]:
    for node in find_all(function.body, "expression_statement"):
        call = node.named_children[0] if node.named_children else None
        name = callee(call) if call is not None and call.type == "call_expression" else None
        if call is not None and name is not None and _can_fail(function, name):
            yield told(
                hook,
                function,
                call,
                f"->mapped ignores the error of {name}(): the mapping stays without it",
                level="warning",
            )


def _can_fail(function: Function, name: str) -> bool:
    entry = known_functions().get(name)
    if entry is not None:
        return entry.result == "0-or-negative-errno" and entry.kind != "log"
    own = function.source.functions_of(name)
    returns = [node for each in own for node in find_all(each.body, "return_statement")]
    return any("-E" in text_of(node) for node in returns)


def _missing(hook: Hook, function: Function) -> Iterator[Found]:
    """Find private data that is followed although the hook never sets any."""
    if len(function.parameters) < 5 or _sets_private_data(hook):
        return
    name = function.parameters[4].name
    for node in find_all(function.body, "pointer_expression"):
        if text_of(node).replace(" ", "") != f"*{name}":
            continue
        if not _assigned(function, text_of(node)):
            yield told(
                hook,
                function,
                node,
                "the hook sets no private data, so ->mapped finds NULL here",
            )
            return


def _assigned(function: Function, text: str) -> bool:
    return any(
        text_of(node.child_by_field_name("left")) == text
        for node in find_all(function.body, "assignment_expression")
    )


def _sets_private_data(hook: Hook) -> bool:
    """Whether the hook sets private data, or may where its paths were not seen to their end."""
    for function, names in hook.bodies:
        body = Body(function, names)
        for node in find_all(function.body, "assignment_expression"):
            left = node.child_by_field_name("left")
            if left is not None and body.member(left) == "private_data":
                return True
    seen = hook.exploration
    writes = (step for trace in seen.traces for step in trace.steps if step.kind == "write")
    return not seen.complete or any(step.name == "private_data" for step in writes)


RULE = Rule(
    "R15",
    "mapped ignores an error, or returns what is none",
    "error",
    """
`->mapped(start, end, pgoff, file, &private_data)` gets no VMA and no flags, and private data
only if the hook set some. mm takes whatever is not 0 for an error: it unmaps and gives a
positive number to user space, which takes it for an address. What `->mapped` fails to do and
does not report is missing for as long as the mapping lives.
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

static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	return ++ring->users;
}

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--;
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped = ring_mapped,
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &ring_vm_ops;
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

static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	ring->users++;
	return 0;
}

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--;
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped = ring_mapped,
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.1",
)
