# SPDX-License-Identifier: GPL-2.0-only
"""R01: a hook changes state that outlives a mapping which fails or merges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap import symbolic
from premap.csource.calls import function_at
from premap.csource.keeping import GIVES, links
from premap.csource.nodes import arguments, callee, calls_in, find_all, path_to, text_of
from premap.csource.source import SourceFile
from premap.interp.inputs import CALL
from premap.interp.machine import Event
from premap.interp.scalars import is_scalar, word_of
from premap.records import Level
from premap.rules.balance import takes, weight
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.paths import Step, Trace, done
from premap.rules.rule import Found, Rule, at
from premap.rules.terms import leaves, variables

_CLAIMS = re.compile(r"test_and_set_bit(?:_lock)?|atomic(?:64|_long)?_(?:try_)?(?:cmpxchg|xchg)")
"""What writes, and tells what there was before."""
_UNDONE = "if the mapping fails or merges, nothing undoes it"
_WHERE = frozenset({f"{CALL}start_page"})
"""What the mapping's address is called in terms."""
_COUNTS = frozenset({"+=", "-="})


def check(context: Context) -> Iterator[Found]:
    """Find what a hook that gets a descriptor takes, allocates, links or counts, and keeps."""
    for hook in context.prepares:
        yield from _check(hook)


def _check(hook: Hook) -> Iterator[Found]:
    seen = False
    for trace in hook.exploration.traces:
        for found in _leaked(hook, trace) if trace.failed else _kept(hook, trace):
            seen = True
            yield found
    if not seen and not hook.exploration.complete:
        yield from _written(hook)


def _kept(hook: Hook, trace: Trace) -> Iterator[Found]:
    taken: list[Event] = []
    for event in trace.machine.events:
        if weight(event.name) > 0 or links(event.name):
            taken.append(event)
        elif weight(event.name) < 0 and taken:
            taken.pop()
    for event in taken:
        found = _at_event(hook, event) if done(hook, trace, event) else None
        if found is not None:
            yield found
    if trace.returned is not None:
        yield from _counted(hook, trace)
        yield from _remembered(hook, trace)
        yield from _claimed(hook, trace)
        yield from _claimed_at_once(hook, trace)


def _leaked(hook: Hook, trace: Trace) -> Iterator[Found]:
    """Find what a hook allocates and neither frees nor keeps when it fails."""
    taken: list[Event] = []
    for event in trace.machine.events:
        if event.kind == "alloc" and not event.name.startswith("devm_"):
            taken.append(event)
        elif event.kind != "order" and weight(event.name) < 0:
            taken = [one for one in taken if not _is_given(event, one)]
    for event in taken:
        known = event.result is not None and not _is_stored(trace, event)
        if known and _unfreed(trace, event) and done(hook, trace, event):
            found = _at_event(hook, event, "the hook fails later on, and never frees it")
            if found is not None:
                yield found


def _is_given(event: Event, taken: Event) -> bool:
    """Whether a call that gives something back may give back what another one took."""
    return taken.result is None or bool(variables(event.arguments) & _own(taken))


def _own(taken: Event) -> set[str]:
    """Return the names of what a call gave, and not of what it was given."""
    return variables([taken.result]) - variables(taken.arguments)


def _is_stored(trace: Trace, taken: Event) -> bool:
    """Whether what was taken is kept somewhere, other than in itself."""
    memory, own = trace.machine.memory, _own(taken)
    objects = [memory.objects[key] for key in memory.written if key in memory.objects]
    values = [
        value
        for each in objects
        if not variables([each.address]) & own
        for value in each.cells.values()
    ]
    values += [step.given[1] for step in trace.steps if step.kind in ("store", "write")]
    return any(variables([word_of(value)]) & own for value in values if is_scalar(value))


def _unfreed(trace: Trace, event: Event) -> bool:
    """Whether no code that is not known got what was taken, nor did a list."""
    events = trace.machine.events
    calls = (each for each in events if each.kind == "call" or links(each.name))
    return not any(_is_given(each, event) for each in calls)


def _claimed_at_once(hook: Hook, trace: Trace) -> Iterator[Found]:
    """Find a test and a write in one after which the next mapping is refused."""
    events = trace.machine.events
    for number, event in enumerate(events):
        if not _CLAIMS.fullmatch(event.name):
            continue
        place = set(event.arguments) - {0, 1}
        if any(place & set(each.arguments) for each in events[number + 1 :]):
            continue
        refused = any(
            other.failed and other.machine.events and other.machine.events[-1] == event
            for other in hook.exploration.traces
        )
        found = (
            _at_event(
                hook,
                event,
                "the next mapping is refused: if this one fails or merges, nothing takes it back",
                "warning",
            )
            if refused
            else None
        )
        if found is not None:
            yield found


def _at_event(
    hook: Hook, event: Event, what: str = _UNDONE, level: Level | None = None
) -> Found | None:
    """Return what was found at a call; None where it lies in another file."""
    file, _, line = event.where.rpartition(":")
    source = hook.source
    if file != source.name or not line.isdigit():
        return None
    calls = [call for call in calls_in(source.root) if call.start_point.row + 1 == int(line)]
    named = [call for call in calls if callee(call) == event.name]
    macros = [call for call in calls if source.macros_of(callee(call) or "")]
    for call in named or macros:
        if not _is_file(source, call):
            return at(
                source,
                call,
                f"{event.name}() in a hook: {what}",
                level=level,
                hook=hook,
            )
    return None


def _counted(hook: Hook, trace: Trace) -> Iterator[Found]:
    for step in trace.steps:
        if step.kind != "store":
            continue
        source = step.function.source
        if _is_count(step) and _last_count(trace, step):
            yield at(
                source,
                step.where,
                f"`{text_of(step.node)}` in a hook counts a mapping that may fail or merge",
                hook=hook,
            )


def _remembered(hook: Hook, trace: Trace) -> Iterator[Found]:
    """Find a write of where the mapping is, or will be, to what outlives it."""
    last = {step.name: step for step in trace.steps if step.kind == "store"}
    for step in last.values():
        value = step.given[1]
        if is_scalar(value) and variables([word_of(value)]) & _WHERE:
            yield at(
                step.function.source,
                step.where,
                f"`{text_of(step.node)}` in a hook keeps where a mapping is that may fail, merge "
                "or move",
                level="warning",
                hook=hook,
            )


def _claimed(hook: Hook, trace: Trace) -> Iterator[Found]:
    """Find a write after which the hook refuses the next mapping: "it is in use now"."""
    last = {step.name: step for step in trace.steps if step.kind == "store"}
    for place, step in last.items():
        if _is_count(step) or not is_scalar(step.given[1]):
            continue
        written = symbolic.as_word(word_of(step.given[1]))
        if any(_refuses(hook, each, place, written) for each in hook.exploration.traces):
            yield at(
                step.function.source,
                step.where,
                f"`{text_of(step.node)}` in a hook has the next mapping refused: if this one "
                "fails or merges, nothing takes it back",
                level="warning",
                hook=hook,
            )


def _refuses(hook: Hook, trace: Trace, place: str, written: symbolic.Word) -> bool:
    """Whether a path fails for what was written to a place, and that was its last question."""
    if not trace.failed or not trace.decisions:
        return False
    refusal = trace.decisions[-1].condition
    asked = [leaf for leaf in leaves([refusal]) if leaf.data[0] == place]
    same = [symbolic.as_word(leaf) == written for leaf in asked]
    return bool(same) and hook.exploration.ask(*trace.condition, *same) is not None


def _is_count(step: Step) -> bool:
    operator = text_of(step.node.child_by_field_name("operator"))
    return step.node.type == "update_expression" or operator in _COUNTS


def _last_count(trace: Trace, step: Step) -> bool:
    """Whether nothing on the path takes a count back."""
    place = step.name
    changes = [each for each in trace.steps if each.kind == "store" and each.name == place]
    return sum(_direction(each) for each in changes) != 0


def _direction(step: Step) -> int:
    text = text_of(step.node)
    return 1 if "++" in text or "+=" in text else -1


def _written(hook: Hook) -> Iterator[Found]:
    """Find takings by their text, where the paths were not seen; of these, only a note."""
    for function, _ in hook.bodies:
        names = [callee(call) or "" for call in calls_in(function.body)]
        if any(GIVES.search(name) for name in names):
            continue
        for call in calls_in(function.body):
            name = callee(call) or ""
            if takes(name) and not _is_file(function.source, call):
                yield at(
                    function.source,
                    call,
                    f"{name}() in a hook: see that it is undone if the mapping fails or merges",
                    level="note",
                    hook=hook,
                )


def _is_file(source: SourceFile, call: Node) -> bool:
    """Whether a call's file is what the mapping is given, at once, or by a name that it has."""
    taken = {text_of(each) for each in arguments(call)[:1] if "file" in (callee(call) or "")}
    names = set[str]()
    for node in path_to(source.root, call.start_byte):
        if node.type in ("assignment_expression", "init_declarator"):
            names.add(text_of(node.named_children[0]).lstrip("* "))
    function = function_at(source, call.start_byte)
    assigned = () if function is None else find_all(function.body, "assignment_expression")
    given = [each.named_children for each in assigned]
    files = {text_of(each[-1]) for each in given if text_of(each[0]).endswith("vm_file")}
    return bool((names | taken) & files) or any(name.endswith("vm_file") for name in names)


RULE = Rule(
    "R01",
    "a hook keeps state of a mapping that may fail or merge",
    "error",
    """
`->mmap_prepare` runs before mm knows whether there will be a mapping: it may merge with its
neighbour, or an allocation may fail, and nothing tells the driver. What the hook allocated,
took, linked, counted, or kept of the mapping's address stays behind. That belongs into
`vm_ops->mapped`, which runs once a mapping of its own is there. A hook that fails has to free
what it allocated before.
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

	ring->users++;
	desc->private_data = ring;
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
    since="6.16",
)
