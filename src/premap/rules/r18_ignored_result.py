# SPDX-License-Identifier: GPL-2.0-only
"""R18: the result of what fills a legacy mapping is ignored."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.nodes import callee, find_all
from premap.rules.context import Context
from premap.rules.names import fillers, takers
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Find statements that fill a mapping and drop the error."""
    for body in context.mapped:
        for node in find_all(body.function.body, "expression_statement"):
            call = node.named_children[0] if node.named_children else None
            if call is not None and call.type == "cast_expression":
                call = call.child_by_field_name("value")
            if call is None or call.type != "call_expression":
                continue
            name = callee(call) or ""
            filler = fillers().get(name)
            if (filler is not None and not filler.action) or name in takers():
                yield at(
                    context.source,
                    call,
                    f"the error of {name}() is ignored: mmap() succeeds with nothing mapped",
                )


RULE = Rule(
    "R18",
    "the result of what fills a mapping is ignored",
    "warning",
    """
`remap_pfn_range()` and its kin fail when a page table can't be allocated or the range is wrong.
A handler that ignores this returns success; user space gets SIGBUS, or faults that never end,
on first use. (As an action the error can't be lost.)
""",
    bad="""\
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE, vma->vm_page_prot);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
""",
    good="""\
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE, vma->vm_page_prot);
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
""",
    check=check,
    since="6.1",
    legacy=True,
)
