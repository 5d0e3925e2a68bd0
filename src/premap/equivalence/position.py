# SPDX-License-Identifier: GPL-2.0-only
"""Does what a hook does hang on where its mapping lies? If not, one neighbour is like another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from premap import symbolic
from premap.equivalence.outcome import Outcome
from premap.interp.inputs import CALL
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import Value

_POSITION = {f"{CALL}{name}" for name in ("start_page", "pages", "pgoff")}


def positional(outcome: Outcome, decisions: Sequence[symbolic.Decision]) -> bool:
    """Return whether something of a run of a mapping alone hangs on its address, size or offset.

    Looked at are the decisions of the path, what a later mapping is compared with (flags,
    protection, operations are named, private data), and what was written. If none does, what is
    mapped first and what is mapped after it may change places: a mapping before the call's then
    shows all that one after it would.
    """
    terms = [*(each.condition for each in decisions if each.split), *_left(outcome)]
    return not _POSITION.isdisjoint(symbolic.variables_of(terms))


def _left(outcome: Outcome) -> Iterator[object]:
    for vma in outcome.vmas:
        yield vma.vm_flags
        yield vma.vm_page_prot
        yield from _words(vma.vm_private_data)
    memory = outcome.machine.memory
    for name, paths in memory.written.items():
        known = memory.objects.get(name)
        cells = known.cells if known is not None else {}
        for path in paths:
            for place, value in cells.items():
                if place[: len(path)] == path:  # a structure written as a whole has members
                    yield from _words(value)


def _words(value: object) -> Iterator[object]:
    if isinstance(value, Value) and is_scalar(value):
        yield word_of(value)
