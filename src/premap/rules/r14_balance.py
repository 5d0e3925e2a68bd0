# SPDX-License-Identifier: GPL-2.0-only
"""R14: mapped, open and close do not undo each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from premap.csource.keeping import refers
from premap.interp.machine import Event
from premap.rules.balance import weight
from premap.rules.callbacks import Effect, effect, net
from premap.rules.context import Context
from premap.rules.filling import fillings
from premap.rules.hooks import Hook
from premap.rules.operations import Operations, left_by, operations_of, told
from premap.rules.paths import Step
from premap.rules.rule import Found, Rule

_IDLE = frozenset({"lock", "unlock", "order", "barrier", "log"})
"""Kinds of events that change nothing for good."""


def check(context: Context) -> Iterator[Found]:
    """Compare what the callbacks of the operations that a hook installs take and give back."""
    for hook in context.hooks:
        for table in operations_of(hook):
            yield from _check(hook, table)


def _check(hook: Hook, table: Operations) -> Iterator[Found]:
    close = effect(hook, table, "close")
    if close is not None and close.gives:
        yield from _shared(hook, table, close)
    if close is not None and close.always < 0:
        yield from _dropped(hook, table, close)
    if close is not None and close.seen and close.always == 0 and not close.sometimes:
        for member in ("mapped", "open"):
            taken = effect(hook, table, member)
            if taken is not None and taken.always > 0:
                yield _at(
                    hook,
                    taken,
                    f"what ->{member} takes is never given back: ->close does not",
                )


def _shared(hook: Hook, table: Operations, close: Effect) -> Iterator[Found]:
    """Look for what ->close gives back for each copy of a mapping, and ->open does not take."""
    opened = effect(hook, table, "open")
    once = any("!defined(CONFIG_MMU)" in arm for arm in close.function.arms)
    single = once or "may_split" in table.members
    if (opened is None or (opened.seen and not opened.takes)) and not single:
        yield _at(
            hook,
            close,
            "->close gives back what ->open does not take: a fork or a split makes two closes of "
            "one mapping",
            "warning",
        )


def _dropped(hook: Hook, table: Operations, close: Effect) -> Iterator[Found]:
    """Look for who took what ->close gives back, whatever happened before."""
    if not hook.prepares:
        if close.seen and close.least == -1:
            yield from _doubled(hook, table)
        opened = effect(hook, table, "open")
        if opened is not None and opened.seen and opened.always > 0 and _leaves_it(hook, table):
            yield _at(
                hook,
                close,
                "->close gives back what ->open takes, and the hook does not: mm calls no ->open "
                "for the first mapping",
            )
        return
    mapped = effect(hook, table, "mapped")
    if mapped is None:
        if not _takes(hook):
            yield _at(
                hook, close, "->close gives back what nothing has taken: there is no ->mapped"
            )
    elif mapped.seen and mapped.on_success == 0:
        yield _at(hook, close, "->close gives back what ->mapped does not take")
    elif mapped.on_failure == 0:
        yield _at(
            hook,
            close,
            "->close gives back what ->mapped has not taken where it fails: it is called then, too",
        )
    elif any(f.filler.action for t in hook.exploration.traces if t.succeeded for f in fillings(t)):
        yield _at(
            hook,
            close,
            "if the action fails, ->close is called and ->mapped never was: it gives back what "
            "nothing has taken",
        )


def _doubled(hook: Hook, table: Operations) -> Iterator[Found]:
    """Find what a hook takes twice for a mapping, of which ->close gives back one thing once."""
    for trace in hook.exploration.traces:
        if not trace.succeeded or table not in left_by(hook, trace):
            continue
        counts: Counter[tuple[Any, ...]] = Counter()
        for event in trace.machine.events:
            counts[event.arguments[:1]] += weight(event.name)
        for event in reversed(trace.machine.events):
            if not refers(event.name) or counts[event.arguments[:1]] < 2:
                continue
            call = next((each for each in trace.calls(event.name) if _is(each, event)), None)
            if call is not None:
                message = f"{event.name}() a second time: ->close gives back one for each mapping"
                yield told(hook, call.function, call.where, message, level="warning")
                return


def _is(step: Step, event: Event) -> bool:
    """Whether a step is the call of which an event came."""
    line = step.where.start_point.row + 1
    return event.where == f"{step.function.source.name}:{line}"


def _leaves_it(hook: Hook, table: Operations) -> bool:
    """Whether a hook may end with these operations, and have changed nothing else.

    Code that is not known may take it, or call what does; a count may be set, too.
    """
    if not hook.exploration.complete:
        return False
    for trace in hook.exploration.traces:
        idle = all(event.kind in _IDLE for event in trace.machine.events)
        stored = any(step.kind == "store" for step in trace.steps)
        if trace.succeeded and idle and not stored and table in left_by(hook, trace):
            return True
    return False


def _takes(hook: Hook) -> bool:
    """Whether the hook takes something itself, or may: that is R01."""
    traces = hook.exploration.traces
    return not hook.exploration.complete or any(net(t) > 0 for t in traces if not t.failed)


def _at(hook: Hook, where: Effect, message: str, level: Any = None) -> Found:
    return told(hook, where.function, where.function.name_node, message, level=level)


RULE = Rule(
    "R14",
    "mapped, open and close do not undo each other",
    "error",
    """
`->mapped` runs once, for a mapping of its own; `->open` for each copy that a fork or a split
makes; `->close` for each that goes, and also if the action or `->mapped` itself has failed.
What `->close` gives back must have been taken in each of these cases: else a count ends up
below what is mapped, and what is mapped is freed. A `->close` that may run without `->mapped`
has to see that from the private data. For the first mapping of a legacy hook nothing calls
`->open`: the hook takes it, and once.
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

static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	return 0;
}

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--;
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped = ring_mapped,
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->private_data = desc->file->private_data;
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

static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	ring->users++;
	return 0;
}

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--;
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped = ring_mapped,
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->private_data = desc->file->private_data;
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
)
