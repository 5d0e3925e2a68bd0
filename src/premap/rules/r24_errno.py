# SPDX-License-Identifier: GPL-2.0-only
"""R24: an errno that the old handler translated is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tree_sitter import Node

from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of
from premap.csource.source import Function
from premap.records import Level
from premap.rules.context import Context
from premap.rules.filling import fillings
from premap.rules.hooks import Hook
from premap.rules.names import fillers
from premap.rules.rule import Found, Rule, at
from premap.rules.versions import replaced

TIME_LIMIT = 5.0
"""Seconds that the work for one hook may stand for (`symbolic.effort`)."""


def check(context: Context) -> Iterator[Found]:
    """Compare hooks with the handlers that they replace, where the file as it was is at hand."""
    if context.before is None:
        return
    for hook in context.prepares:
        for name, functions in replaced(context, hook).items():
            yield from _compared(context, hook, name, functions)


def _compared(
    context: Context, hook: Hook, name: str, functions: list[Function]
) -> Iterator[Found]:
    """Run both versions where page tables can't be allocated; ask for an errno that differs."""
    from premap.equivalence.comparison import changed_errno  # noqa: PLC0415  for patches alone
    from premap.equivalence.outcome import Side  # noqa: PLC0415

    old = Side(name, functions, "mmap", context.tree)
    new = Side(hook.name, hook.functions, "mmap_prepare", context.tree)
    verdict = changed_errno(old, new, time_limit=TIME_LIMIT)
    for difference in verdict.differences:
        shown = difference.example or {}
        before, after = (shown[side]["returns"] for side in ("old", "new"))
        result = f"mmap() failed with {before}, and fails with {after} now"
        yield _lost(hook, before, None, {**shown, "result": result})
    if verdict.status == "unknown":
        error = next((e for function in functions for e in _translated(function)), None)
        if error is not None and not _overrides(hook):
            yield _lost(hook, error, "note", None)


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


def _overrides(hook: Hook) -> bool:
    """Whether a path of the hook sets error_override."""
    steps = (step for trace in hook.exploration.traces for step in trace.steps)
    return any(step.kind == "write" and step.name == "action.error_override" for step in steps)


def _lost(hook: Hook, error: str, level: Level | None, example: dict[str, Any] | None) -> Found:
    actions = [
        filling.step
        for trace in hook.exploration.traces
        for filling in fillings(trace)
        if filling.filler.action
    ]
    message = f"the old handler returned {error} where this fails: set action.error_override"
    source, node = hook.source, hook.functions[0].name_node
    if actions:
        source, node = actions[-1].function.source, actions[-1].where
    return at(source, node, message, level=level, hook=hook, example=example)


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
