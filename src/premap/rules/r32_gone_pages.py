# SPDX-License-Identifier: GPL-2.0-only
"""R32: an action maps from an array that is gone when it is performed."""

from __future__ import annotations

from collections.abc import Iterator

from premap.interp.values import Pointer
from premap.rules.balance import weight
from premap.rules.context import Context
from premap.rules.filling import scalars
from premap.rules.hooks import Hook
from premap.rules.names import fillers
from premap.rules.paths import Step, Trace
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import variables


def check(context: Context) -> Iterator[Found]:
    """Find arrays of pages that are variables of the hook, or that it frees."""
    if not context.says(b"mmap_action_map_kernel_pages"):
        return
    for hook in context.prepares:
        seen: set[int] = set()
        for trace in hook.exploration.traces:
            for step, why in _gone(trace):
                if step.function.source is hook.source and step.where.start_byte not in seen:
                    seen.add(step.where.start_byte)
                    yield _found(hook, step, why)


def _found(hook: Hook, step: Step, why: str) -> Found:
    return at(
        hook.source,
        step.where,
        f"{step.name}() keeps where the array is, and {why} when mm maps its pages",
        hook=hook,
    )


def _gone(trace: Trace) -> Iterator[tuple[Step, str]]:
    if trace.failed:
        return
    for step in trace.steps:
        filler = fillers().get(step.name) if step.kind == "call" else None
        if filler is None or not filler.action or filler.unit != "pages":
            continue
        given = step.given[filler.first : filler.first + 1]
        pointers = [value.data for value in given if isinstance(value.data, Pointer)]
        if any(each.place is not None and each.place.object.local for each in pointers):
            yield step, "this variable of the hook is gone"
        elif pointers and trace.returned is not None and _freed(trace, scalars(given)[0]):
            yield step, "it is freed"


def _freed(trace: Trace, array: object) -> bool:
    """Whether what a call gave, and is the array, is freed on the path."""
    given = {name for name in variables([array]) if "(" not in name}
    allocated = [event for event in trace.machine.events if event.kind == "alloc"]
    own = {
        name
        for event in allocated
        if event.result is not None
        for name in variables([event.result]) - variables(event.arguments)
    }
    freed = [event for event in trace.machine.events if weight(event.name) < 0]
    return any(variables(event.arguments) & given & own for event in freed)


RULE = Rule(
    "R32",
    "an action maps from an array that is gone when it is performed",
    "error",
    """
`mmap_action_map_kernel_pages()` keeps a pointer to the array of pages; mm reads it after the hook
has returned, when the mapping is there. `vm_insert_pages()` and `vm_map_pages()` of a legacy hook
read it at once, so that a local array, or one that the hook freed again, was right there.
""",
    bad="""\
struct ring {
	struct page *first;
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	struct page *pages[1] = { ring->first };

	if (desc->pgoff || vma_desc_pages(desc) != 1)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	mmap_action_map_kernel_pages_full(desc, pages);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
struct ring {
	struct page *first;
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) != 1)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	mmap_action_map_kernel_pages_full(desc, &ring->first);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.1",
)
