# SPDX-License-Identifier: GPL-2.0-only
"""Whether a hook hangs on where a member is, in a structure that the versions lay out apart.

container_of() gives the same structure in both: what is in it is told by names. Its address is
that of the member, less an offset, which is not the same: nothing but a pointer may hang on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from premap import symbolic
from premap.equivalence.outcome import Outcome
from premap.interp.bindings import PageArray
from premap.interp.operators import is_scalar, word_of
from premap.interp.values import Index, Path, Pointer, Value
from premap.model.pagetable import Pte


def moved(
    names: set[str], outcomes: Sequence[Outcome], decisions: Sequence[symbolic.Decision]
) -> str | None:
    """Return the offset that decisions of a path, or numbers that are left, hang on."""
    if not names:
        return None
    terms: list[object] = [each.condition for each in decisions if each.split]
    for outcome in outcomes:
        terms += _numbers(outcome)
    return next(iter(sorted(names & symbolic.variables_of(terms))), None)


def _numbers(outcome: Outcome) -> Iterator[object]:
    """Yield all that a call leaves, but for pointers to what has a name."""
    yield outcome.returned
    for vma in outcome.vmas:
        yield from (vma.vm_start, vma.vm_end, vma.vm_flags, vma.vm_pgoff, vma.vm_page_prot)
        yield from _words([vma.vm_private_data])
    if outcome.entry is not None:
        yield from _page(outcome.entry)
    for event in outcome.machine.events:
        yield from _words(event.given)
    memory = outcome.machine.memory
    for name, paths in memory.written.items():
        for path in paths:
            yield from _indexes(path)
        known = memory.objects.get(name)
        yield from _words(known.cells.values() if known is not None else ())


def _page(entry: Pte) -> Iterator[object]:
    yield from (entry.index, entry.pgprot)
    if isinstance(entry.source, PageArray):
        yield from _words([entry.source.pointer])
    elif isinstance(entry.source, tuple):
        yield from entry.source


def _words(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        if not isinstance(value, Value) or not is_scalar(value):
            continue
        place = value.data.place if isinstance(value.data, Pointer) else None
        if place is None:
            yield word_of(value)
        else:
            yield from _indexes(place.path)


def _indexes(path: Path) -> Iterator[object]:
    return (step.word for step in path if isinstance(step, Index))
