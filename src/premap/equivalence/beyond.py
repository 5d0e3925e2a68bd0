# SPDX-License-Identifier: GPL-2.0-only
"""Whether the new hook accesses an element that an array does not have, where the old one does not.

Which element it is may hang on state, or on the call. What is behind an array is no one's to read.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from premap.equivalence.candidate import Candidate
from premap.equivalence.outcome import Outcome
from premap.interp.values import Element
from premap.model.words import lnot


def beyond(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Yield, for each array, that only the new hook goes beyond its end."""
    if not (old.hook_ran and new.hook_ran):
        return
    before = old.machine.memory.elements
    known = {_identity(each) for each in before}
    added = [each for each in new.machine.memory.elements if _identity(each) not in known]
    for array in dict.fromkeys(each.array for each in added):
        goes = _any(_goes_beyond(each) for each in added if each.array == array)
        went = _any(_goes_beyond(each) for each in before if each.array == array)
        text = f"only the new hook meets: an element of {array} is accessed that it does not have"
        yield Candidate("undefined", text, goes & lnot(went))


def _identity(each: Element) -> tuple[Any, ...]:
    """Return what an access is: words and conditions by their number, not by what they equal."""
    parts: tuple[Any, ...] = each.index, each.guard
    return each.array, each.length, *(getattr(part, "uid", part) for part in parts)


def _goes_beyond(each: Element) -> bool:
    return (each.index >= each.length) & each.guard


def _any(conditions: Iterable[bool]) -> bool:
    return functools.reduce(operator.or_, conditions, False)  # noqa: FBT003
