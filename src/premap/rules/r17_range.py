# SPDX-License-Identifier: GPL-2.0-only
"""R17: an offset or a length that nothing bounds, or a check that wraps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from premap import symbolic
from premap.interp.inputs import CALL
from premap.model.words import PAGE_SHIFT, lnot
from premap.rules.context import Context
from premap.rules.faults import FAR, takes_any_offset
from premap.rules.filling import (
    LENGTH,
    OFFSET,
    Filling,
    checked_elsewhere,
    fillings,
    judged_elsewhere,
)
from premap.rules.hooks import Hook
from premap.rules.operations import left_by, told
from premap.rules.paths import Exploration, Trace, example, explore_again
from premap.rules.plausible import plausible
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import leaves, variables, wraps
from premap.symbolic.node import Node

HUGE_OFFSET = 1 << 44
"""Pages: far beyond whatever driver state that is at most a megabyte can stand for."""
HUGE_LENGTH = 1 << 34
"""Pages, of the 2**35 that a process may have."""


def check(context: Context) -> Iterator[Found]:
    """Ask of each hook whether what it maps is bounded by what the driver has."""
    for hook in context.hooks:
        if hook.frame.checks("range"):
            continue
        for trace in hook.exploration.traces:
            if trace.failed:
                continue
            found = _check(hook, trace)
            if found is None and not context.is_core:
                found = _by_fault(hook, trace)
            if found is not None:
                yield found
                break


def _by_fault(hook: Hook, trace: Trace) -> Found | None:
    """Find a mapping of any length whose faults are answered without a look at the offset."""
    asked = variables([each.condition for each in trace.decisions if each.split])
    if not trace.succeeded or LENGTH in asked or judged_elsewhere(trace):
        return None
    if hook.frame.fake_offset or any(True for _ in fillings(trace)):
        return None
    for table in left_by(hook, trace):
        if takes_any_offset(hook, table):
            return told(
                hook,
                table.functions("fault")[0],
                table.functions("fault")[0].name_node,
                "nothing bounds the offset of a fault: neither this looks at it, nor the hook at "
                "the length",
            )
    return None


def _check(hook: Hook, trace: Trace) -> Found | None:
    for filling in fillings(trace):
        depends = variables([filling.first])
        if filling.filler.limit is not None:
            found = _twice(hook, filling, depends) or _own_size(hook, trace, filling)
        elif (
            trace.stopped is not None
            or checked_elsewhere(trace)
            or _asked(trace, filling)
            or hook.frame.fake_offset
            or filling.first is None
        ):
            found = None
        elif OFFSET in depends:
            found = (
                _unbounded_offset(hook, trace, filling)
                or _beyond(hook, trace, filling)
                or _unbounded_length(hook, trace, filling)
            )
        else:
            found = _unbounded_length(hook, trace, filling)
        if found is not None:
            return found
    return None


def _asked(trace: Trace, filling: Filling) -> bool:
    """Whether an unknown function was asked about the offset or the length, or computed of them.

    An element of an array that the driver has is none.
    """
    return _asks_others([*trace.condition, filling.first, filling.size])


def _asks_others(terms: Iterable[Any]) -> bool:
    for leaf in leaves(terms):
        element = "[]" in leaf.data[0]
        if leaf.op == "apply" and not element and {OFFSET, LENGTH} & variables(leaf.args):
            return True
    return False


def _twice(hook: Hook, filling: Filling, depends: set[str]) -> Found | None:
    if not filling.filler.adds or OFFSET not in depends:
        return None
    return at(
        filling.step.function.source,
        filling.step.where,
        f"the offset is applied twice: {filling.step.name}() adds it itself",
        hook=hook,
    )


def _own_size(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    """Find a limit that is the size of the mapping itself, so that everything fits."""
    index = filling.filler.limit
    given = filling.step.given
    limit = given[index].data if index is not None and index < len(given) else None
    if variables([limit]) != {LENGTH} or _judged_before(trace, filling) or _asked(trace, filling):
        return None
    if (
        hook.exploration.ask(*_huge(trace, symbolic.as_word(trace.call.pages) << PAGE_SHIFT))
        is None
    ):
        return None
    return at(
        filling.step.function.source,
        filling.step.where,
        f"{filling.step.name}() is told that there is as much memory as is asked for: "
        "so nothing bounds the length",
        hook=hook,
    )


def _judged_before(trace: Trace, filling: Filling) -> bool:
    """Whether code that was not seen got offset or length before the call that maps."""
    mapping = trace.steps.index(filling.step)
    before = {step.name for step in trace.steps[:mapping] if step.kind == "call"}
    return any(
        event.name in before and {OFFSET, LENGTH} & variables(event.arguments)
        for event in trace.machine.events
        if event.kind == "call"
    )


def _unbounded_offset(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    for word in _led(filling):
        conditions = [
            *trace.condition,
            *plausible(trace.condition, [filling.first]),
            symbolic.as_word(trace.call.pgoff) >= HUGE_OFFSET,
            symbolic.as_word(word) >= FAR,
        ]
        model = hook.exploration.ask(*conditions)
        if model is not None:
            break
    else:
        return None
    small = hook.exploration.small(model, conditions)
    asked = [each.condition for each in trace.decisions if each.split]
    asked = [each for each in asked if OFFSET in variables([each])]
    if not asked:
        message = "nothing bounds the offset: any page frame can be mapped"
    elif wraps(asked, small):
        message = "an offset that wraps around passes the check, and is mapped"
    else:
        message = "no check bounds the offset from above: any page frame can be mapped"
    return _found(hook, trace, filling, small, message)


def _led(filling: Filling) -> Iterator[Any]:
    """Yield what of a mapping's source the offset leads to: a page frame, indexes of arrays."""
    if _is_added(filling):
        yield filling.first
    for leaf in leaves([filling.first]):
        if leaf.op == "apply":
            yield from (index for index in leaf.args if OFFSET in variables([index]))


def _is_added(filling: Filling) -> bool:
    """Whether the offset is part of what is mapped itself, and not only an index."""
    todo = [filling.first]
    while todo:
        node = todo.pop()
        if isinstance(node, Node) and node.op != "apply":
            if node.op == "var" and node.data[0] == OFFSET:
                return True
            todo += node.args
    return False


def _unbounded_length(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    if LENGTH not in variables([filling.size]):
        return None
    conditions = [*_huge(trace, filling.size), *plausible([filling.first])]
    model = hook.exploration.ask(*conditions)
    if model is None:
        return None
    message = "nothing bounds the length: page frames after the driver's own are mapped, too"
    return _found(hook, trace, filling, hook.exploration.small(model, conditions), message)


def _huge(trace: Trace, size: Any) -> list[Any]:
    """Return the conditions of a path on which more is mapped than any driver has."""
    enough = symbolic.as_word(size) >= HUGE_LENGTH << PAGE_SHIFT
    return [*trace.condition, *plausible(trace.condition, [size]), enough]


def _beyond(hook: Hook, trace: Trace, filling: Filling) -> Found | None:
    """Find an offset and a length that are each within bounds, and together are not.

    What is mapped ends where a mapping from offset 0 on would be too long.
    """
    whole = symbolic.var(f"{CALL}whole", 52)
    plain = _is_added(filling) and not _selects(trace, filling)
    other = _from_start(hook, whole) if plain else None
    if other is None:
        return None
    call = trace.call
    for refused in other.traces:
        for reason in _by_size(refused) if refused.failed else ():
            conditions = [
                *trace.condition,
                *refused.condition,
                reason,
                *plausible(trace.condition, refused.condition, [filling.first]),
                symbolic.as_word(call.pgoff) >= 1,
                symbolic.as_word(call.pgoff) + call.pages == whole,
            ]
            model = hook.exploration.ask(*conditions)
            if model is not None:
                message = "offset and length are bounded, but not their sum: it maps beyond the end"
                small = hook.exploration.small(model, conditions)
                return _found(hook, trace, filling, small, message)
    return None


def _selects(trace: Trace, filling: Filling) -> bool:
    """Whether the offset is an index: what it selects has a size of its own."""
    chosen = (leaf for leaf in leaves([*trace.condition, filling.first]) if leaf.op == "apply")
    return any(OFFSET in variables(leaf.args) for leaf in chosen)


def _from_start(hook: Hook, whole: Any) -> Exploration | None:
    fixed = {OFFSET: 0, LENGTH: whole}
    return explore_again(hook, fixed) if hook.exploration.complete else None


def _by_size(trace: Trace) -> Iterator[Any]:
    """Yield why the last decision refuses, as far as it compares the length with something."""
    if not trace.decisions:
        return
    for reason in _reasons(trace.decisions[-1].condition):
        inner = reason.args[0] if reason.op == "not" else reason
        if inner.op == "lt" and f"{CALL}whole" in variables([inner]):
            yield reason


def _reasons(condition: Any) -> Iterator[Any]:
    """Yield the parts of a condition each of which alone makes it true."""
    if condition.op == "disj":
        for part in condition.args:
            yield from _reasons(part)
    elif condition.op == "not" and condition.args[0].op == "conj":
        for part in condition.args[0].args:
            yield from _reasons(lnot(part))
    else:
        yield condition


def _found(hook: Hook, trace: Trace, filling: Filling, small: Any, message: str) -> Found:
    first = filling.first if isinstance(filling.first, int) else small.eval(filling.first)
    result = f"the hook accepts it, and maps page frames from {first:#x} on"
    return at(
        filling.step.function.source,
        filling.step.where,
        message,
        level="note" if _elsewhere_bounded(hook, trace) else trace.doubt,
        hook=hook,
        example=example(trace, small, result),
    )


def _elsewhere_bounded(hook: Hook, trace: Trace) -> bool:
    """Whether only other paths ask about offset and length: it hangs on the driver's state.

    A resource that is empty may pass any check, and have no file that could be mapped. An option of
    the kernel may have left out what is asked.
    """
    others = [each for each in hook.exploration.traces if not each.failed]
    asks = not _asks_of_call(trace) and any(map(_asks_of_call, others))
    return asks or any(_asks_others(each.condition) for each in others)


def _asks_of_call(trace: Trace) -> bool:
    asked = (variables([each.condition]) for each in trace.decisions if each.split)
    return any({OFFSET, LENGTH} & names for names in asked)


RULE = Rule(
    "R17",
    "an offset or a length that nothing bounds",
    "error",
    """
Offset and length come from user space. Where page frames are mapped without a check against
what the device has, or with one that an addition or a shift makes wrap around, a process maps
memory of the kernel or of others. `vm_iomap_memory()`, `mmap_action_simple_ioremap()` and
`vm_map_pages()` check and add the offset themselves: to give them the offset again, or the
mapping's own size as the size of the memory, defeats that. A fault handler that takes any offset
needs a hook that checks the length.
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
	unsigned long offset = desc->pgoff << PAGE_SHIFT;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (vma_desc_size(desc) > ring->size)
		return -EINVAL;
	mmap_action_remap_full(desc, ring->pfn + (offset >> PAGE_SHIFT));
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
	unsigned long offset = desc->pgoff << PAGE_SHIFT;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (offset > ring->size || vma_desc_size(desc) > ring->size - offset)
		return -EINVAL;
	mmap_action_remap_full(desc, ring->pfn + (offset >> PAGE_SHIFT));
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
        "CVE-2013-2596, fc9bbca8f650 (vm: convert fb_mmap to vm_iomap_memory() helper)",
        "CVE-2013-6763, 7314e613d5ff (which has uio check the size of what it maps)",
    ),
)
