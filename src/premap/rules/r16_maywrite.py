# SPDX-License-Identifier: GPL-2.0-only
"""R16: access is rejected that mprotect() can give afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tree_sitter import Node

from premap import symbolic
from premap.interp.inputs import CALL, SymbolicInputs
from premap.interp.values import to_signed
from premap.model import (
    VM_EXEC,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYWRITE,
    VM_READ,
    VM_WRITE,
)
from premap.model.errors import errno_name
from premap.rules.clearing import repair
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.names import takers
from premap.rules.paths import Exploration, Fixed, Trace, example, narrowed
from premap.rules.rule import Found, Repair, Rule
from premap.rules.terms import bits_of


class _Access(NamedTuple):
    """A kind of access: its flag, the flag that permits it later, its bit in PROT_."""

    name: str
    flag: int
    may: int
    prot: int
    others: int
    """What else is asked for, with it and without it."""


_PROT = f"{CALL}prot"
_OPEN: Fixed = {f"{CALL}shared": 1, f"{CALL}f_mode_write": 1}
"""MAP_SHARED of a file that was opened for writing."""
_ACCESSES = (
    _Access("WRITE", VM_WRITE, VM_MAYWRITE, 2, 1),
    _Access("EXEC", VM_EXEC, VM_MAYEXEC, 4, 1),
    _Access("READ", VM_READ, VM_MAYREAD, 1, 2),
)


def check(context: Context) -> Iterator[Found]:
    """Ask of each hook whether it rejects an access and leaves the flag that permits it later."""
    if not context.says(b"WRITE", b"READ", b"EXEC"):
        return
    for hook in context.hooks:  # of mm's own, do_mmap() may have cleared what they leave
        if hook.frame.checks("permissions"):
            continue
        for access in _ACCESSES:
            yield from _check(context, hook, access)


def _check(context: Context, hook: Hook, access: _Access) -> Iterator[Found]:
    asked = {**_OPEN, _PROT: access.others | access.prot}
    whole = hook.exploration
    if not any(_rejects(whole, trace, access, asked) for trace in whole.traces):
        return
    granted = narrowed(hook, {**_OPEN, _PROT: access.others}, _maps)
    refused = narrowed(hook, asked, lambda trace: trace.failed)
    for trace in granted.traces:
        if not _maps(trace):
            continue
        left = (trace.flags & access.may) != 0
        for other in refused.traces:
            if not other.failed:
                continue
            model = granted.ask(*trace.condition, *other.condition, left)
            if model is not None:
                found = _found(hook, access, granted, trace, other, model, left)
                repaired = _repair(context, hook, access, other)
                level = "note" if context.is_core else found.level
                yield found._replace(repair=repaired, level=level)
                return


def _rejects(whole: Exploration, trace: Trace, access: _Access, asked: Fixed) -> bool:
    """Whether a path fails, a decision on it hangs on an access, and to ask for that leads there.

    What fails where an access is missing does not reject it.
    """
    if not trace.failed:
        return False
    decided = (decision.condition for decision in trace.decisions)
    if not any(access.prot & bits_of(condition, _PROT) for condition in decided):
        return False
    words = SymbolicInputs()
    given = (symbolic.as_word(words.word(name)) == value for name, value in asked.items())
    return whole.ask(*trace.condition, *given) is not None


def _maps(trace: Trace) -> bool:
    """Whether a path ends with a mapping, as far as it was seen."""
    if not trace.flags_known:
        return False
    if trace.stopped is None:
        return trace.succeeded
    last = trace.last_call
    taker = takers().get(last.name) if last is not None else None
    return taker is not None and "maywrite" in taker.keeps


def _found(
    hook: Hook,
    access: _Access,
    granted: Exploration,
    trace: Trace,
    other: Trace,
    model: Any,
    left: Any,
) -> Found:
    conditions = [*trace.condition, *other.condition, left]
    small = granted.small(model, conditions)
    error = errno_name(to_signed(small.eval(0 if other.returned is None else other.returned)))
    result = (
        f"this succeeds, with PROT_{access.name} it would fail ({error}); "
        f"mprotect(PROT_{access.name}) of the mapping then succeeds"
    )
    start, end = _place(hook, access, other)
    return Found(
        hook.source,
        start,
        end,
        f"{access.name} is rejected, but MAY{access.name} stays set: "
        "mprotect() can add it afterwards",
        level=trace.doubt or other.doubt,
        hook=hook,
        example=example(trace, small, result),
    )


def _repair(context: Context, hook: Hook, access: _Access, rejecting: Trace) -> Repair | None:
    where = _decision(hook, access, rejecting)
    if where is None:
        return None
    return repair(hook.source, where, functions=context.at_least("6.3"))


def _place(hook: Hook, access: _Access, rejecting: Trace) -> tuple[int, int]:
    """Return where the access is rejected, as far as that stands in the hook's file."""
    where = _decision(hook, access, rejecting)
    node = hook.functions[0].name_node if where is None else where
    return node.start_byte, node.end_byte


def _decision(hook: Hook, access: _Access, rejecting: Trace) -> Node | None:
    """Return the last decision of a path that hangs on an access, else the last one of all."""
    steps = [each for each in rejecting.steps if each.kind == "decision"]
    own = [each for each in steps if each.function.source is hook.source]
    asks = [each for each in own if access.prot & bits_of(each.given[1], _PROT)]
    return (asks or own)[-1].where if own else None


RULE = Rule(
    "R16",
    "access is rejected, and mprotect() can add it afterwards",
    "error",
    """
A hook that fails when WRITE is asked for has to clear MAYWRITE as well. Else a process maps
without write access and calls mprotect(PROT_WRITE): mm only looks at MAYWRITE. The same goes
for EXEC and MAYEXEC, READ and MAYREAD. It is no mistake where the file can't be opened for
writing, where a private copy is meant to be written, or where a framework decides (the table of
frames knows).
""",
    bad="""\
static unsigned long ring_pfn;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
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
	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	if (desc->pgoff || vma_desc_size(desc) > PAGE_SIZE || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, ring_pfn);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    legacy=True,
    upstream=(
        "a659daf63d16 (usb: mon: make mmapped memory read only)",
        "CVE-2026-89793, 6e2b571b0a54 (ublk: clear VM_MAYWRITE on read-only ublk char device mmap)",
        "9b66c9af7172 (RDMA/bnxt_re: Clear VM_MAYWRITE on DBR/toggle page mmap)",
    ),
)
