# SPDX-License-Identifier: GPL-2.0-only
"""R03: page_prot is changed after a remap helper has copied it."""

from __future__ import annotations

from collections.abc import Iterator

from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.names import fillers
from premap.rules.paths import Step, Trace
from premap.rules.rule import Found, Rule, at

_PROTECTIONS = frozenset({"page_prot", "vm_page_prot"})


def check(context: Context) -> Iterator[Found]:
    """Find paths on which the protection is set after page frames were mapped with it."""
    if not context.says(b"page_prot"):
        return
    for hook in context.hooks:
        for trace in hook.exploration.traces:
            yield from _late(hook, trace)


def _late(hook: Hook, trace: Trace) -> Iterator[Found]:
    if trace.failed:
        return
    copied: Step | None = None
    for step in trace.steps:
        filler = fillers().get(step.name) if step.kind == "call" else None
        if filler is not None and (filler.unit == "pfn" or not filler.action):
            copied = step
        elif step.kind == "write" and step.name in _PROTECTIONS and copied is not None:
            line = copied.where.start_point.row + 1
            yield at(
                step.function.source,
                step.where,
                f"{step.name} is set after {copied.name}() in line {line} has copied it: "
                "the entries keep the old protection",
                hook=hook,
            )


RULE = Rule(
    "R03",
    "page_prot is changed after a remap helper has copied it",
    "error",
    """
`mmap_action_remap()` and `mmap_action_ioremap()` copy `desc->page_prot` when they are called,
and what a legacy hook calls, such as `remap_pfn_range()`, uses it at once. What is set afterwards
never reaches the page table: device registers end up cached. `mmap_action_simple_ioremap()`
reads it later.
""",
    bad="""\
static unsigned long ring_pfn;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_ioremap_full(desc, ring_pfn);
	desc->page_prot = pgprot_noncached(desc->page_prot);
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
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_ioremap_full(desc, ring_pfn);
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
