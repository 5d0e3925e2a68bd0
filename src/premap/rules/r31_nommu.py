# SPDX-License-Identifier: GPL-2.0-only
"""R31: an action in a hook that kernels without an MMU build."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.nodes import callee, calls_in
from premap.rules.context import Context
from premap.rules.guards import is_left_out_without
from premap.rules.names import fillers
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Find actions outside of `#ifdef CONFIG_MMU`, in a file that provides for having none."""
    if not context.says(b"mmap_action_") or not _serves_nommu(context):
        return
    if context.only_with("MMU"):
        return
    for body in context.described:
        for call in calls_in(body.function.body):
            filler = fillers().get(callee(call) or "")
            if filler is None or not filler.action or is_left_out_without("CONFIG_MMU", call):
                continue
            arms = context.source.arms_at(call.start_byte)
            if not any("CONFIG_MMU" in arm for arm in arms):
                yield at(
                    context.source,
                    call,
                    f"without an MMU {callee(call)}() warns, and mmap() fails; this file provides "
                    "for such kernels",
                )


def _serves_nommu(context: Context) -> bool:
    """Whether the file has something for kernels without an MMU."""
    return context.says(b".mmap_capabilities", b"NOMMU_MAP_")


RULE = Rule(
    "R31",
    "an action in a hook that kernels without an MMU build",
    "warning",
    """
Without an MMU there are no page tables to fill: every action warns in the kernel's log and the
mapping fails. A driver that serves such kernels (it has `->mmap_capabilities`) keeps the action
under `#ifdef CONFIG_MMU`.
""",
    bad="""\
static unsigned long ring_pfn;

static unsigned int ring_capabilities(struct file *file)
{
	return NOMMU_MAP_DIRECT;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring_pfn);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
	.mmap_capabilities = ring_capabilities,
};
""",
    good="""\
static unsigned long ring_pfn;

static unsigned int ring_capabilities(struct file *file)
{
	return NOMMU_MAP_DIRECT;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
#ifdef CONFIG_MMU
	mmap_action_remap_full(desc, ring_pfn);
#endif
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
	.mmap_capabilities = ring_capabilities,
};
""",
    check=check,
    since="6.19",
)
