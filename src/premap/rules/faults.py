# SPDX-License-Identifier: GPL-2.0-only
"""What fault handlers do with the offset of a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from premap import symbolic
from premap.interp.scalars import is_scalar, word_of
from premap.rules.callbacks import exploration_of
from premap.rules.hooks import Hook
from premap.rules.operations import Operations
from premap.rules.paths import Exploration, Trace
from premap.rules.terms import leaves, variables

WHERE = frozenset({"vmf->pgoff", "vmf->address"})
"""What the offset of a fault, and its address, are called in terms."""
_PLAIN = frozenset({"?+", "?-", "?<<", "?>>"})
"""What is computed where types are not known, and bounds nothing."""
FAR = 1 << 31
"""Pages: what an offset that was masked or divided does not lead to."""
_INSERTS = {"vmf_insert_pfn": 2, "vmf_insert_pfn_prot": 2, "vmf_insert_mixed": 2}
"""Functions that map a page frame, and which argument says which one."""
_SAYS = ((b"->pgoff", b"->address"), (b"->page", *(name.encode() for name in _INSERTS)))
"""What a handler says, one of each, that maps something by the offset: to run one takes time."""


def takes_any_offset(hook: Hook, table: Operations) -> bool:
    """Whether a fault handler maps something by the offset of the fault, which it never looks at.

    Said only of paths that are seen to their end, on which no unknown code is given the offset.
    """
    text = table.text_of("fault")
    if b"array_index_nospec" in text or not all(any(map(text.__contains__, w)) for w in _SAYS):
        return False
    found = exploration_of(hook, table, "fault")
    return found is not None and any(_trusts(found, trace) for trace in found.traces)


def _trusts(found: Exploration, trace: Trace) -> bool:
    calls = (each for each in trace.machine.events if each.name not in _INSERTS)
    given = [each.arguments for each in calls if each.kind == "call"]
    asked = [decision.condition for decision in trace.decisions]
    if trace.stopped is not None or any(WHERE & variables(each) for each in (asked, *given)):
        return False
    return any(_is_open(found, trace, word) for word in _mapped(trace))


def _mapped(trace: Trace) -> Iterator[Any]:
    """Yield the words of what a path maps: pointers to pages, page frame numbers."""
    for step in trace.steps:
        if step.kind == "store" and step.name == "vmf->page":
            values = step.given[1:2]
        elif step.kind == "call" and step.name in _INSERTS:
            values = step.given[_INSERTS[step.name] :][:1]
        else:
            continue
        yield from (word_of(value) for value in values if is_scalar(value))


def _is_open(found: Exploration, trace: Trace, word: Any) -> bool:
    """Whether the offset leads as far as it likes, as an index or in what is mapped itself."""
    led = [leaf for leaf in leaves([word]) if leaf.op == "apply" and WHERE & variables(leaf.args)]
    if any(leaf.data[0].startswith("?") and leaf.data[0] not in _PLAIN for leaf in led):
        return False
    words = [index for leaf in led for index in leaf.args if WHERE & variables([index])]
    if not led and WHERE & variables([word]):
        words = [word]
    return any(
        found.ask(*trace.condition, symbolic.as_word(each) >= FAR) is not None for each in words
    )
