# SPDX-License-Identifier: GPL-2.0-only
"""R20: page frames are mapped, and copy-on-write is not excluded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.csource.nodes import find_all, text_of
from premap.model import VM_MAYWRITE, VM_PFNMAP, VM_SHARED
from premap.rules.context import Context
from premap.rules.filling import Filling, bounds, fillings
from premap.rules.hooks import Hook
from premap.rules.operations import left_by
from premap.rules.paths import Trace, example
from premap.rules.plausible import steady
from premap.rules.rule import Found, Rule, at

_SHARING = re.compile(r"\bMAP_(?:TYPE|PRIVATE|SHARED)")


def check(context: Context) -> Iterator[Found]:
    """Ask of hooks that map page frames whether a private writable mapping gets that far."""
    for hook in context.hooks:
        if hook.frame.checks("cow"):
            continue
        for trace in hook.exploration.traces:
            found = None if trace.failed else _check(hook, trace)
            if found is not None:
                yield found
                break


def _check(hook: Hook, trace: Trace) -> Found | None:
    mapped = [each for each in fillings(trace) if each.filler.unit == "pfn"]
    if mapped and not mapped[-1].whole:
        return _partly(hook, trace, mapped[-1])
    if mapped:
        return _whole(hook, trace, mapped[-1]) if hook.prepares else None
    return _by_fault(hook, trace) if trace.succeeded and trace.flags_known else None


def _partly(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    start, end = bounds(trace)
    part = (filling.start != start) | (filling.size != end - start)
    copied = (filling.step.flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE
    conditions = [*trace.condition, part, copied]
    conditions += steady(conditions)
    model = hook.exploration.ask(*conditions)
    if model is None:
        return _whole(hook, trace, filling) if hook.prepares else None
    small = hook.exploration.small(model, conditions)
    return at(
        filling.step.function.source,
        filling.step.where,
        "a private mapping gets here, and page frames of a part of one can't be copied on write: "
        "mmap() fails",
        hook=hook,
        example=example(trace, small, f"{filling.step.name}() fails with EINVAL"),
    )


def _whole(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    copied = (filling.step.flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE
    if hook.exploration.ask(*trace.condition, copied) is None:
        return None
    return at(
        filling.step.function.source,
        filling.step.where,
        "a private mapping gets here: what it writes goes to copies, never to the device",
        level="note",
        hook=hook,
    )


def _by_fault(hook: Hook, trace: Trace) -> Found | None:
    """Find page frames that a fault handler is to insert into a private mapping."""
    copied = ((trace.flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE) & (
        (trace.flags & VM_PFNMAP) != 0
    )
    inserts = any(
        b"vmf_insert_pfn" in each.text_of("fault") or b"vmf_insert_mixed" in each.text_of("fault")
        for each in left_by(hook, trace)
    )
    told = inserts and not _refused_before(hook)
    model = hook.exploration.ask(*trace.condition, copied) if told else None
    if model is None:
        return None
    small = hook.exploration.small(model, [*trace.condition, copied])
    return at(
        hook.source,
        hook.functions[0].name_node,
        "a private PFN mapping gets to vmf_insert_pfn(), which is a BUG() in the kernel",
        hook=hook,
        example=example(trace, small, "the first access hits the BUG() in vmf_insert_pfn()"),
    )


def _refused_before(hook: Hook) -> bool:
    """Whether the table has a ->get_unmapped_area of its own that asks how a mapping is shared.

    mmap() calls it first, whatever the address, and what it refuses never gets to the hook.
    """
    for site in hook.sites:
        table = None if site.table is None else hook.scope.own_variable(site.table)
        if table is None or table.initializer is None:
            continue
        for pair in find_all(table.initializer, "initializer_pair"):
            member, value = (pair.child_by_field_name(name) for name in ("designator", "value"))
            if text_of(member).lstrip(".") == "get_unmapped_area":
                named = hook.source.functions_of(text_of(value).lstrip("&"))
                if any(_SHARING.search(text_of(function.body)) for function in named):
                    return True
    return False


RULE = Rule(
    "R20",
    "page frames are mapped, and copy-on-write is not excluded",
    "warning",
    """
A private mapping that may be written copies pages when they are written to. Page frames without
a `struct page` can't be copied later unless the mapping was remapped as a whole: a part fails
with EINVAL, and `vmf_insert_pfn()` in a fault handler hits a BUG(). Reject it
(`vma_desc_is_cow_mapping()`), or clear MAYWRITE of private mappings.
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

	if (desc->pgoff || vma_desc_size(desc) < ring->size)
		return -EINVAL;
	mmap_action_remap(desc, desc->start, ring->pfn, ring->size);
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

	if (desc->pgoff || vma_desc_size(desc) < ring->size)
		return -EINVAL;
	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap(desc, desc->start, ring->pfn, ring->size);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.1",
    legacy=True,
    upstream=(
        "CVE-2024-39497",
        "39bc27bd6880 (drm/shmem-helper: Fix BUG_ON() on mmap(PROT_WRITE, MAP_PRIVATE))",
    ),
)
