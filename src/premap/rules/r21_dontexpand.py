# SPDX-License-Identifier: GPL-2.0-only
"""R21: a device mapping that faults can be made larger."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.nodes import find_all, text_of
from premap.csource.source import Function
from premap.model import VM_DONTEXPAND
from premap.rules.context import Context
from premap.rules.filling import LENGTH, fillings
from premap.rules.hooks import Hook
from premap.rules.operations import Operations, operations_of
from premap.rules.paths import Trace
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import variables

_COMPARES = frozenset({"<", ">", "<=", ">=", "==", "!="})


def check(context: Context) -> Iterator[Found]:
    """Find hooks that check the length and leave a mapping that mremap() can extend."""
    for hook in context.hooks:
        if hook.frame.checks("expand"):
            continue
        tables = [each for each in operations_of(hook) if _trusts(each)]
        if not tables:
            continue
        trace = next((each for each in hook.exploration.traces if _expands(hook, each)), None)
        if trace is not None:
            yield at(
                hook.source,
                trace.last_return(hook.source) or hook.functions[0].name_node,
                "DONTEXPAND is not set: mremap() can make the mapping larger than what the hook "
                f"checked, and {tables[0].members['fault']}() does not look at the offset",
                hook=hook,
            )


def _expands(hook: Hook, trace: Trace) -> bool:
    if not trace.succeeded or not trace.flags_known or any(True for _ in fillings(trace)):
        return False
    bounded = LENGTH in variables(decision.condition for decision in trace.decisions)
    open_ = (trace.flags & VM_DONTEXPAND) == 0
    return bounded and hook.exploration.ask(*trace.condition, open_) is not None


def _trusts(table: Operations) -> bool:
    """Whether the fault handler, as far as it is seen, takes any offset for a good one."""
    functions = table.functions("fault")
    return bool(functions) and not any(_looks(function) for function in functions)


def _looks(function: Function) -> bool:
    """Whether a fault handler compares something, or leaves it to others to look."""
    for node in find_all(function.body, "binary_expression"):
        if text_of(node.child_by_field_name("operator")) in _COMPARES:
            return True
    text = text_of(function.body)
    if "VM_FAULT_SIGBUS" in text:
        return True  # it refuses some
    return "pgoff" not in text and "address" not in text


RULE = Rule(
    "R21",
    "a mapping whose length was checked can be made larger",
    "warning",
    """
mremap() extends a mapping without asking the driver, unless DONTEXPAND is set. Faults then come
for offsets beyond what the hook has checked; a fault handler that trusts the hook reads beyond
its array. Remap actions set the flag themselves, mappings that fault have to.
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

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	struct ring *ring = vmf->vma->vm_private_data;

	vmf->page = ring->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) > ring->npages)
		return -EINVAL;
	desc->private_data = ring;
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

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	struct ring *ring = vmf->vma->vm_private_data;

	vmf->page = ring->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) > ring->npages)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	desc->private_data = ring;
	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.1",
    legacy=True,
    upstream=("59f39bfa6553 (drm/cma-helper: Set VM_DONTEXPAND for mmap)",),
)
