# SPDX-License-Identifier: GPL-2.0-only
"""Whether a hook hangs on where a member is, in a structure that the versions lay out apart.

container_of() gives the same structure in both: what is in it is told by names. Its address is
that of the member, less an offset, which is not the same: nothing but a pointer may hang on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from premap import symbolic
from premap.csource.ctypes import PointerType
from premap.equivalence.outcome import Outcome
from premap.interp.operators import is_scalar, word_of
from premap.interp.values import Value


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
    yield outcome.returned
    for event in outcome.machine.events:
        yield from _words(event.given)
    memory = outcome.machine.memory
    for name in memory.written:
        known = memory.objects.get(name)
        yield from _words(known.cells.values() if known is not None else ())


def _words(values: Iterable[Value]) -> Iterator[object]:
    for value in values:
        if is_scalar(value) and not isinstance(value.type, PointerType):
            yield word_of(value)
