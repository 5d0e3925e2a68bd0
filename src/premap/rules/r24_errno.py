# SPDX-License-Identifier: GPL-2.0-only
"""R24: an errno that the old handler translated is lost."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.handlers import find_handlers
from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of
from premap.csource.source import Function
from premap.rules.context import Context
from premap.rules.filling import fillings
from premap.rules.hooks import Hook
from premap.rules.names import fillers
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Compare hooks with the handlers that they replace, where the file as it was is at hand."""
    if context.before is None:
        return
    for hook in context.prepares:
        if hook.source is not context.source:
            continue
        for function in _replaced(context, hook):
            error = next(_translated(function), None)
            if error is not None:
                yield from _lost(hook, error)


def _replaced(context: Context, hook: Hook) -> Iterator[Function]:
    """Yield the handlers that the tables named before."""
    if context.before is None:
        return
    tables = {site.table for site in hook.sites}
    for handler in find_handlers(context.before):
        if handler.member == "mmap" and handler.table in tables:
            yield from context.before.functions.get(handler.name, ())


def _translated(function: Function) -> Iterator[str]:
    """Yield errnos that a handler returns in place of what filling the mapping gave."""
    results = {
        text_of(node.child_by_field_name("left") or node.child_by_field_name("declarator"))
        for node in find_all(function.body, "assignment_expression", "init_declarator")
        if any(_fills(call) for call in calls_in(node))
    }
    for branch in find_all(function.body, "if_statement"):
        condition = branch.child_by_field_name("condition")
        then = branch.child_by_field_name("consequence")
        if condition is None or then is None:
            continue
        asked = any(_fills(call) for call in calls_in(condition))
        if asked or (identifiers_in(condition) & results and function.body is not None):
            yield from _constants(then)


def _fills(call: Node) -> bool:
    filler = fillers().get(callee(call) or "")
    return filler is not None and not filler.action


def _constants(then: Node) -> Iterator[str]:
    for node in find_all(then, "return_statement"):
        value = text_of(node.named_children[0]) if node.named_children else ""
        if value.startswith("-E"):
            yield value


def _lost(hook: Hook, error: str) -> Iterator[Found]:
    for trace in hook.exploration.traces:
        actions = [filling for filling in fillings(trace) if filling.filler.action]
        writes = (step.name for step in trace.steps if step.kind == "write")
        if trace.failed or not actions or "action.error_override" in writes:
            continue
        yield at(
            actions[-1].step.function.source,
            actions[-1].step.node,
            f"the old handler returned {error} where this fails: set action.error_override",
            hook=hook,
        )
        return


RULE = Rule(
    "R24",
    "an errno that the old handler translated is lost",
    "warning",
    """
`if (remap_pfn_range(...)) return -EAGAIN;` gave user space EAGAIN whatever went wrong. As an
action the remap's own error comes back, unless `desc->action.error_override` has the old one.
Needs both versions: `premap check --patch` and `premap verify` have them.
""",
    bad="""\
static unsigned long ring_pfn;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring_pfn);
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
	mmap_action_remap_full(desc, ring_pfn);
	desc->action.error_override = -EAGAIN;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.2",
    before="""\
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start > PAGE_SIZE)
		return -EINVAL;
	if (remap_pfn_range(vma, vma->vm_start, ring_pfn, PAGE_SIZE, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
""",
)
