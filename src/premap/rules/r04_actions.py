# SPDX-License-Identifier: GPL-2.0-only
"""R04: two actions on one path, or a range that reaches out of the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tree_sitter import Node

from premap.interp.inputs import CALL
from premap.model.errors import KernelBug
from premap.model.words import add
from premap.rules.context import Context
from premap.rules.filling import (
    LENGTH,
    Filling,
    bounds,
    checked_elsewhere,
    fillings,
    judged_elsewhere,
)
from premap.rules.hooks import Hook
from premap.rules.paths import Trace, example
from premap.rules.plausible import plausible
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import leaves, variables
from premap.symbolic.node import BoolNode
from premap.symbolic.truth import conjuncts

_LOOPS = frozenset(("for_statement", "while_statement", "do_statement"))


def check(context: Context) -> Iterator[Found]:
    """Find second actions, and ranges that can lie outside the mapping."""
    if not context.says(b"mmap_action_", b"remap_pfn_range"):
        return
    for hook in context.hooks:
        for trace in hook.exploration.traces:
            yield from _check(hook, trace) if hook.prepares else _legacy(hook, trace)


def _legacy(hook: Hook, trace: Trace) -> Iterator[Found]:
    """Find a range that remap_pfn_range() does not look at, and that ends beyond the mapping."""
    if not isinstance(trace.stopped, KernelBug) or judged_elsewhere(trace):
        return
    if hook.frame.checks("range"):
        return
    step = trace.last_call
    for filling in fillings(trace):
        if filling.step is step and not filling.whole:
            yield from _reported(
                hook,
                trace,
                filling,
                "the range can lie outside the mapping: what is mapped there is overwritten",
                f"{step.name}() is for",
            )


def _check(hook: Hook, trace: Trace) -> Iterator[Found]:
    actions = [filling for filling in fillings(trace) if filling.filler.action]
    for first, second in pairwise(actions):
        line = first.step.where.start_point.row + 1
        yield at(
            second.step.function.source,
            second.step.where,
            f"this replaces the action of line {line}: a mapping has one",
            hook=hook,
        )
    if actions and trace.succeeded and not actions[-1].whole:
        yield from _outside(hook, trace, actions[-1])


def _outside(hook: Hook, trace: Trace, action: Filling) -> Iterator[Found]:
    if not checked_elsewhere(trace):
        yield from _reported(
            hook,
            trace,
            action,
            "the action's range can lie outside the mapping: mmap() then warns and fails",
            "the action is for",
        )


def _reported(
    hook: Hook, trace: Trace, action: Filling, message: str, result: str
) -> Iterator[Found]:
    """Ask for a call on which the range lies outside."""
    start, end = bounds(trace)
    outside = (
        (action.start < start)
        | (add(action.start, action.size) > end)
        | (add(action.start, action.size) < action.start)
    )
    conditions = [*trace.condition, outside, *plausible(trace.condition, [outside])]
    model = hook.exploration.ask(*conditions)
    if model is None:
        return
    small = hook.exploration.small(model, conditions)
    yield at(
        action.step.function.source,
        action.step.where,
        message,
        level="note" if _is_settled(trace, action) else trace.doubt,
        hook=hook,
        example=example(
            trace,
            small,
            f"{result} {_shown(small, action.size)} bytes at {_shown(small, action.start)}",
        ),
    )


def _is_settled(trace: Trace, filling: Filling) -> bool:
    """Whether a loop fills mappings of one length only, which the driver's state tells.

    Who asks for a mapping has no say in the ranges then; the pieces may well add up to that length.
    """
    return _is_looped(filling.step.where) and any(
        part.op == "eq" and LENGTH in variables([part]) and _hangs_on_state(part)
        for condition in trace.condition
        if isinstance(condition, BoolNode)
        for part in conjuncts(condition)
    )


def _is_looped(node: Node | None) -> bool:
    while node is not None:
        if node.type in _LOOPS:
            return True
        node = node.parent
    return False


def _hangs_on_state(condition: BoolNode) -> bool:
    return any(not leaf.data[0].startswith(CALL) for leaf in leaves([condition]))


def _shown(model: Any, word: Any) -> str:
    return f"{word if isinstance(word, int) else model.eval(word):#x}"


RULE = Rule(
    "R04",
    "two actions on one path, or a range that can lie outside the mapping",
    "error",
    """
A mapping has one action: a second helper call silently replaces what the first one set. The
range of an action has to lie in the mapping. mmap() does not shrink it: the preparation warns
in the kernel's log and fails with EFAULT, so that user space gets an error (and a machine that
panics on warnings is gone) for asking for less than the driver has. A legacy handler that gives
`remap_pfn_range()` such a range does worse: nothing checks it, and page tables beyond the mapping
are overwritten.
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

	if (desc->pgoff || vma_desc_is_cow_mapping(desc))
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

	if (desc->pgoff || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (vma_desc_size(desc) != ring->size)
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
)
