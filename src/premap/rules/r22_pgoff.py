# SPDX-License-Identifier: GPL-2.0-only
"""R22: the offset of the mapping is rewritten."""

from __future__ import annotations

from collections.abc import Iterator

from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.paths import Step, Trace
from premap.rules.rule import Found, Rule, at

_OFFSETS = frozenset({"pgoff", "vm_pgoff"})
_FAKE = (b"drm_vma_node_start", b"drm_gem")
"""What takes a fake offset off names."""


def check(context: Context) -> Iterator[Found]:
    """Find hooks that leave another offset than they were called with."""
    if not context.says(b"pgoff"):
        return
    for hook in context.hooks:
        fake = hook.frame.fake_offset or any(word in hook.source.code for word in _FAKE)
        if fake or not hook.frame.known:
            continue
        for trace in hook.exploration.traces:
            written = None if trace.failed else _rewritten(hook, trace)
            if written is not None:
                yield at(
                    written.function.source,
                    written.where,
                    f"{written.name} is rewritten: merging, /proc/PID/maps, and unmapping by "
                    "offset use it",
                    level="warning" if hook.prepares else "note",
                    hook=hook,
                )
                break


def _rewritten(hook: Hook, trace: Trace) -> Step | None:
    writes = [step for step in trace.steps if step.kind == "write" and step.name in _OFFSETS]
    if not writes:
        return None
    now = trace.bound.pgoff if hook.prepares else trace.bound.vm_pgoff
    changed = now != trace.call.pgoff
    if hook.exploration.ask(*trace.condition, changed) is None:
        return None
    return writes[-1]


RULE = Rule(
    "R22",
    "the offset of the mapping is rewritten",
    "warning",
    """
mm uses the offset after the hook: to merge neighbours, to find mappings of a page, to unmap a
range of the file, for /proc/PID/maps. Two mappings of different things with rewritten offsets
that happen to continue each other merge. (DRM takes off its fake offsets by convention.)
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
	desc->pgoff = 0;
	desc->private_data = desc->file->private_data;
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
	if (desc->pgoff)
		return -EINVAL;
	desc->private_data = desc->file->private_data;
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
