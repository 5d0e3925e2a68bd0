# SPDX-License-Identifier: GPL-2.0-only
"""Functions that hooks hand to others: they run later, and are compared by their text alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from premap.csource.meanings import reached
from premap.csource.source import SourceFile
from premap.equivalence.candidate import Candidate
from premap.equivalence.outcome import Outcome, Side
from premap.interp.values import FunctionName


def handed_out(old: Side, new: Side, before: Outcome, after: Outcome) -> Iterator[Candidate]:
    """Tell of a function that calls or memory were given, and that has changed."""
    names = tuple(sorted({*_given(before), *_given(after)}))
    for one in old.functions if names else ():
        for other in new.functions:
            if one.source is other.source:
                continue
            changed = changed_text(one.source, other.source, names)
            if changed is not None:
                text = (
                    f"{changed}(), which is handed out, has changed; what it does was not compared"
                )
                yield Candidate("callbacks-differ", text, condition=True, accepted=True)
                return


def _given(outcome: Outcome) -> Iterator[str]:
    machine = outcome.machine
    values = [value for event in machine.events for value in event.given]
    written = (machine.memory.objects.get(name) for name in machine.memory.written)
    values += [value for known in written if known is not None for value in known.cells.values()]
    return (value.data.name for value in values if isinstance(value.data, FunctionName))


@lru_cache(maxsize=8)
def changed_text(before: SourceFile, after: SourceFile, names: Sequence[str]) -> str | None:
    """Return the first that these functions reach and that is not the same in both files."""
    old_text, new_text = reached(before, names), reached(after, names)
    differing = (
        name for name in (*old_text, *new_text) if old_text.get(name) != new_text.get(name)
    )
    return next(differing, None)
