# SPDX-License-Identifier: GPL-2.0-only
"""R30: something that the release after 7.3 rejects."""

from __future__ import annotations

from collections.abc import Iterator

from premap.model import VM_IO, VM_MAYWRITE, VM_MIXEDMAP, VM_SPECIAL
from premap.rules.context import Context
from premap.rules.filling import fillings
from premap.rules.hooks import Hook
from premap.rules.paths import Trace
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Look at how a hook leaves the descriptor, as mm will after 7.3."""
    for hook in context.prepares:
        for trace in hook.exploration.traces:
            message = _rejected(hook, trace) if trace.succeeded and trace.flags_known else None
            if message is not None:
                where = trace.last_return(hook.source) or hook.functions[0].name_node
                yield at(hook.source, where, f"after 7.3 mm rejects this: {message}", hook=hook)
                break


def _rejected(hook: Hook, trace: Trace) -> str | None:
    actions = [filling for filling in fillings(trace) if filling.filler.action]
    if any(filling.filler.unit == "pages" for filling in actions):
        if _can(hook, trace, (trace.flags & VM_MIXEDMAP) == 0):
            return "kernel pages are mapped without VMA_MIXEDMAP_BIT"
        return None
    if actions:
        return None
    managed = (trace.flags & VM_SPECIAL & ~VM_IO) == 0
    if _can(hook, trace, managed & ((trace.flags & VM_IO) != 0)):
        return "VMA_IO_BIT is set on a mapping whose pages mm manages"
    given = trace.given_flags & VM_MAYWRITE
    if _can(hook, trace, managed & (given != 0) & ((trace.flags & VM_MAYWRITE) == 0)):
        return "VMA_MAYWRITE_BIT is cleared on a mapping whose pages mm manages"
    return None


def _can(hook: Hook, trace: Trace, condition: bool) -> bool:  # noqa: FBT001  a term
    return hook.exploration.ask(*trace.condition, condition) is not None


RULE = Rule(
    "R30",
    "the release after 7.3 rejects how the hook leaves the mapping",
    "note",
    """
Queued for the release after 7.3: mm validates the descriptor after every hook. IO on a mapping
that mm manages, MAYWRITE cleared on one, an action on a mapping that can merge, and kernel
pages without `VMA_MIXEDMAP_BIT` will fail.
""",
    bad="""\
static struct page **ring_pages;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) != PAGE_SIZE)
		return -EINVAL;
	mmap_action_map_kernel_pages_full(desc, ring_pages);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static struct page **ring_pages;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) != PAGE_SIZE)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	mmap_action_map_kernel_pages_full(desc, ring_pages);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.3",
)
