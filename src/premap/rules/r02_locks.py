# SPDX-License-Identifier: GPL-2.0-only
"""R02: a lock is taken and not released on every return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from premap.csource.nodes import callee, find_all
from premap.interp.machine import Event
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.paths import Trace, done, example
from premap.rules.plausible import containers_exist
from premap.rules.rule import Found, Rule
from premap.rules.terms import variables

_VARIANT = re.compile(r"_(?:interruptible|killable|nested|io|irqsave|irqrestore|irq|bh)\b|_nested")
_TRIES = re.compile(r"^(down\w*)_trylock$|try(?=lock$)")
"""What only tries to take a lock: down_read_trylock(), mutex_trylock()."""
_ENDS = {
    "up": "down",
    "up_read": "down_read",
    "up_write": "down_write",
    "drm_dev_exit": "drm_dev_enter",
    "preempt_enable": "preempt_disable",
    "preempt_enable_no_resched": "preempt_disable",
    "local_irq_enable": "local_irq_disable",
    "local_irq_restore": "local_irq_save",
}
"""Functions that release, and what takes, where the names don't tell."""
_SECTIONS = {
    **dict.fromkeys(("rcu_read_lock", "rcu_read_lock_bh"), "lock"),
    **dict.fromkeys(("preempt_disable", "local_irq_disable", "local_irq_save"), "lock"),
    **dict.fromkeys(("rcu_read_unlock", "rcu_read_unlock_bh"), "unlock"),
    **dict.fromkeys(("preempt_enable", "preempt_enable_no_resched"), "unlock"),
    **dict.fromkeys(("local_irq_enable", "local_irq_restore"), "unlock"),
}
"""What begins or ends a section without naming a lock."""
_LOCK = re.compile(r"(?:^|_)lock(?=_|$)|^get(?=_cpu$)")
"""What is in the names of other functions that lock, whose counterparts say unlock or put."""
_RELEASES = re.compile(r"unlock|release|abort|bail|fail|finish|leave|exit|done")
"""What may be in the names of functions that release what was taken before, among other things."""
_MAYBE = re.compile(r"try|interruptible|killable|_or_|_if_")


def check(context: Context) -> Iterator[Found]:
    """Find returns at which a lock of the hook's own is held."""
    if not context.says(b"lock", b"down_", b"down(", b"_disable", b"local_irq_save", b"get_cpu"):
        return
    for hook in context.hooks:
        pairs = dict(_pairs(hook))
        for trace in hook.exploration.traces:
            found = _held(hook, trace, pairs) or _released_again(hook, trace)
            if found is not None:
                yield found
                break


def _pairs(hook: Hook) -> Iterator[tuple[str, str]]:
    """Yield functions of other files that lock and unlock by their names, and which they do.

    Only where the hook calls both, and a statement is all that a call is.
    """
    statements = (
        each.named_children[0]
        for function in hook.functions
        for each in find_all(function.body, "expression_statement")
        if each.named_children
    )
    said = {callee(each) or "" for each in statements if each.type == "call_expression"}
    for name in said:
        found = _LOCK.search(name)
        if found is None or _MAYBE.search(name) or hook.source.functions_of(name):
            continue
        other = _LOCK.sub(lambda m: m[0].replace("lock", "unlock").replace("get", "put"), name, 1)
        other = "release_sock" if name == "lock_sock" else other
        if other in said and not hook.source.functions_of(other):
            yield from ((name, "lock"), (other, "unlock"))


def _held(hook: Hook, trace: Trace, pairs: Mapping[str, str]) -> Found | None:
    if trace.returned is None:
        return None
    taken = next((e for e in _taken(trace, pairs) if done(hook, trace, e)), None)
    if taken is None or _handed_on(trace, taken):
        return None
    containers = containers_exist(trace.condition)
    if containers and hook.exploration.ask(*trace.condition, *containers) is None:
        return None
    file, _, line = taken.where.rpartition(":")
    what = f"{taken.name}() of line {line}" + ("" if file == hook.source.name else f" of {file}")
    returns = trace.last_return(hook.source) or hook.functions[0].name_node
    small = hook.exploration.small(trace.model, trace.condition)
    result = "the hook fails" if trace.failed else "the hook succeeds"
    return Found(
        hook.source,
        returns.start_byte,
        returns.end_byte,
        f"the hook returns with a lock held that it has taken: {what}",
        hook=hook,
        example=example(trace, small, f"{result}, and the lock is never released"),
    )


def _handed_on(trace: Trace, taken: Event) -> bool:
    """Whether code that is not known may have released a lock, by its name."""
    later = trace.machine.events[trace.machine.events.index(taken) + 1 :]
    return any(each.kind == "call" and _RELEASES.search(each.name) for each in later)


def _released_again(hook: Hook, trace: Trace) -> Found | None:
    """Find a release of a lock that the hook has taken and released before."""
    if trace.returned is None:
        return None
    held: list[Event] = []
    released: list[Event] = []
    for event in trace.machine.events:
        if event.kind == "lock":
            held.append(event)
            released = [one for one in released if not _same(one, event)]
        elif event.kind == "unlock" and any(_same(one, event) for one in held):
            _release(held, event)
            released.append(event)
        elif event.kind == "unlock" and any(_same(one, event) for one in released):
            return _told_again(hook, trace, event)
    return None


def _told_again(hook: Hook, trace: Trace, event: Event) -> Found | None:
    if not done(hook, trace, event):
        return None
    returns = trace.last_return(hook.source) or hook.functions[0].name_node
    line = event.where.rpartition(":")[2]
    small = hook.exploration.small(trace.model, trace.condition)
    return Found(
        hook.source,
        returns.start_byte,
        returns.end_byte,
        f"the hook releases a lock twice: {event.name}() of line {line}, before it returns",
        hook=hook,
        example=example(trace, small, "a lock is released that the hook does not hold"),
    )


def _same(one: Event, other: Event) -> bool:
    """Whether two calls take or release the same lock, as far as that shows."""
    return _kind(one.name) == _kind(other.name) and bool(
        set(one.arguments[:1]) & set(other.arguments)
    )


def _taken(trace: Trace, pairs: Mapping[str, str]) -> list[Event]:
    """Return the calls that took the locks which are still held."""
    held: list[Event] = []
    for event in trace.machine.events:
        kind = _SECTIONS.get(event.name, event.kind)
        kind = pairs.get(event.name, kind) if event.kind == "call" else kind
        if kind == "lock":
            held.append(event)
        elif kind == "unlock":
            _release(held, event)
    return held


def _release(held: list[Event], event: Event) -> None:
    """Take off the lock that a call releases: of the same kind, the same one if that shows."""
    kind = _kind(event.name)
    same = [one for one in held if _kind(one.name) == kind and not _differ(one, event)]
    lock = next((one for one in same if set(one.arguments[:1]) & {*event.arguments}), None)
    if same:
        released = lock or same[-1]
        held[:] = [one for one in held if one is not released]


def _differ(one: Event, other: Event) -> bool:
    """Whether two locks are members of other names, or variables: no pointer makes them one."""
    names = [_member(each) for each in (one, other)]
    return None not in names and names[0] != names[1]


def _member(event: Event) -> str | None:
    """Return the name of the member or variable whose address a call is given."""
    named = [name for name in variables(event.arguments[:1]) if name.startswith("&")]
    return re.split(r"->|\.|&", named[0])[-1] if len(named) == 1 else None


def _kind(name: str) -> str:
    """Return what a lock and its release have in common: "mutex_lock", "down_read"."""
    name = _VARIANT.sub("", name).replace("put_cpu", "get_cpu").replace("release_sock", "lock_sock")
    return _TRIES.sub(r"\1", _ENDS.get(name, name)).replace("unlock", "lock")


RULE = Rule(
    "R02",
    "a lock is taken and not released on every return",
    "error",
    """
The hook has no counterpart that could release a lock later: what it takes it has to release
before it returns, on error paths as well. The next mmap() of the device deadlocks otherwise.
Released twice, it opens for two at once what another path holds it for.
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

	mutex_lock(&ring->lock);
	if (vma_desc_size(desc) > ring->size)
		return -EINVAL;
	desc->private_data = ring;
	mutex_unlock(&ring->lock);
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
	int ret = 0;

	mutex_lock(&ring->lock);
	if (vma_desc_size(desc) > ring->size) {
		ret = -EINVAL;
		goto out;
	}
	desc->private_data = ring;
out:
	mutex_unlock(&ring->lock);
	return ret;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.1",
    legacy=True,
)
