# SPDX-License-Identifier: GPL-2.0-only
"""What driver state may be in the example of a finding, where it may be anything."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from premap import symbolic
from premap.interp.inputs import CALL
from premap.interp.naming import MOMENT
from premap.model.constants import MAX_ERRNO
from premap.model.words import U64_MAX
from premap.rules.terms import leaves, nodes, variables

COMPUTED_LIMIT = 1 << 45
"""What is computed of such state, too: the product of three of them is no everyday number."""
WRAPPED = 1 << 62
"""Words from here on are no numbers, but have the sign bit turned over."""
ORDER_LIMIT = 20
"""By how much driver state shifts at most, as the order of an allocation does."""
STATE_LIMIT = 1 << 20
"""What driver state is taken to be at most where a rule asks whether something is bounded."""


def plausible(*terms: Iterable[Any]) -> list[Any]:
    """Return conditions that keep the driver state in some terms to everyday numbers.

    With sizes below a megabyte, an offset or length far beyond that has passed no check. What is
    computed of such state does not wrap, nor is it huge: a resource does not end before it begins.
    What is read twice is the same both times (`steady`).
    """
    given = list(chain(*terms))
    state = [leaf for leaf in leaves(given) if not leaf.data[0].startswith((CALL, "&"))]
    small = [symbolic.as_word(leaf) <= STATE_LIMIT for leaf in state]
    computed = [each < COMPUTED_LIMIT for each in _computed(given)]
    return small + computed + _orders(given) + steady(given)


def _orders(terms: Iterable[Any]) -> list[Any]:
    """Return conditions under which what is shifted by driver state is no huge number of pages."""
    shifted = (each for each in nodes(terms) if isinstance(each, symbolic.Word))
    return [each.args[1] <= ORDER_LIMIT for each in shifted if each.op == "shl"]


def _computed(terms: Iterable[Any]) -> list[symbolic.Word]:
    """Return the words within terms that are computed of driver state alone.

    A word whose sign bit is turned over, as signed comparisons have it, is no such number.
    """
    return [
        each
        for each in nodes(terms)
        if isinstance(each, symbolic.Word)
        and each.op not in {"var", "apply", "const"}
        and not (each.op == "bits" and each.data[1] >= WRAPPED)
        and not any(name.startswith((CALL, "&")) for name in variables([each]))
    ]


def containers_exist(terms: Iterable[Any]) -> list[Any]:
    """Return conditions under which no structure that holds another has an address like an errno.

    container_of() subtracts an offset that is not known; of a pointer that was followed before,
    what is left is none for which IS_ERR() is true.
    """
    found = [
        each
        for each in nodes(terms)
        if isinstance(each, symbolic.Word)
        and each.op == "sum"
        and any(name.startswith("offsetof(") for name in variables([each]))
    ]
    return [each < U64_MAX + 1 - MAX_ERRNO for each in found]


def steady(terms: Iterable[Any]) -> list[Any]:
    """Return conditions under which driver state that is read twice is the same both times.

    After a call of unknown code all state is made up anew, and what a path compared before may be
    another number then: so nothing would bound what a driver checks, calls, and reads again.
    """
    first: dict[tuple[Any, ...], Any] = {}
    same = []
    for leaf in sorted(leaves(terms), key=lambda each: each.uid):
        key = MOMENT.sub("", leaf.data[0]), leaf.data[1], *(each.uid for each in leaf.args)
        known = first.setdefault(key, leaf)
        if known is not leaf:
            same.append(symbolic.as_word(known) == symbolic.as_word(leaf))
    return [each for each in same if each is not True]
