# SPDX-License-Identifier: GPL-2.0-only
"""R23: SHARED is tested where MAP_SHARED is meant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tree_sitter import Node

from premap.csource.nodes import find_all, text_of
from premap.interp.inputs import CALL
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.paths import Trace, example, narrowed
from premap.rules.rule import Found, Repair, Rule, at

_MEANT = {"VM_SHARED": "VM_MAYSHARE", "VMA_SHARED_BIT": "VMA_MAYSHARE_BIT"}


def check(context: Context) -> Iterator[Found]:
    """Ask whether a hook takes MAP_SHARED of a file that is open for reading for private."""
    if not context.says(b"VM_SHARED", b"VMA_SHARED_BIT"):
        return
    for hook in context.hooks:
        if not hook.frame.checks("sharing"):
            yield from _check(hook)


def _check(hook: Hook) -> Iterator[Found]:
    if not any(_asks(hook, trace) for trace in hook.exploration.traces):
        return
    fixed = {f"{CALL}shared": 1, f"{CALL}prot": 1}
    readable = narrowed(hook, {**fixed, f"{CALL}f_mode_write": 0}, partial(_asks, hook))
    writable = narrowed(hook, {**fixed, f"{CALL}f_mode_write": 1}, lambda each: not each.failed)
    for refused in readable.traces:
        decision = refused.last_decided(hook.source)
        if decision is None or not _asks(hook, refused):
            continue
        for trace in writable.traces:
            if trace.failed:
                continue
            conditions = [*refused.condition, *trace.condition]
            model = readable.ask(*conditions)
            if model is None:
                continue
            small = readable.small(model, conditions)
            yield at(
                hook.source,
                decision.where,
                "mm clears SHARED of a file that is open for reading only: MAP_SHARED was asked "
                "for if MAYSHARE is set",
                hook=hook,
                example=example(
                    refused, small, "the hook takes it for a private mapping, and fails"
                ),
                repair=_repair(hook, decision.node) if decision.node == decision.where else None,
            )
            return


def _repair(hook: Hook, decision: Node) -> Repair | None:
    """Return the fix that asks for MAYSHARE, where a decision names the flag itself."""
    named = [each for each in find_all(decision, "identifier") if text_of(each) in _MEANT]
    if not named:
        return None
    edits = tuple(
        Edit(hook.source.name, each.start_byte, each.end_byte, _MEANT[text_of(each)].encode())
        for each in named
    )
    return Repair(f"Use {_MEANT[text_of(named[0])]}", edits)


def _asks(hook: Hook, trace: Trace) -> bool:
    """Whether a path fails after it has asked for SHARED, and not for MAYSHARE as well."""
    decision = trace.last_decided(hook.source) if trace.failed else None
    asked = b"" if decision is None else decision.node.text or b""
    return b"SHARED" in asked and b"MAYSHARE" not in asked


RULE = Rule(
    "R23",
    "SHARED is tested where MAP_SHARED is meant",
    "note",
    """
MAP_SHARED of a file that was opened for reading only gets neither SHARED nor MAYWRITE, only
MAYSHARE. A hook that insists on SHARED because it does not want private copies turns readers
away; one that takes a mapping without SHARED for a private one is wrong about it.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (!vma_desc_test(desc, VMA_SHARED_BIT))
		return -EINVAL;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT))
		return -EINVAL;
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
