# SPDX-License-Identifier: GPL-2.0-only
"""The arithmetic of `unsigned long`: 64 bits, unsigned, and it wraps.

The model computes with *words*. A word is a Python integer in [0, 2**64), or any object that
behaves like one (`premap.symbolic.Word`), with these rules:

- every addition, subtraction, multiplication, negation or left shift that C could wrap goes
  through a function of this module. `&`, `|`, `^`, `>>` and comparisons need none: they can't
  wrap, words are never negative, and a symbolic word compares and shifts as unsigned;
- a comparison gives a `bool`, or a symbolic truth value, which the model may test with `if`
  (that is where a proof splits). Where no split is wanted, combine with `&`, `|` and `lnot`
  (never `and`, `or`, `not`) and choose with `select`;
- errnos, and other numbers that C code does not compute with, are plain integers;
- a word is never the key of a dictionary, nor in a set.

No function here looks at the type of what it gets. Plain integers pay for nothing else than
the mask.
"""

from __future__ import annotations

from typing import TypeVar

PAGE_SHIFT = 12
"""log2 of the page size (bytes)."""
PAGE_SIZE = 1 << PAGE_SHIFT
"""Bytes in a page."""
U64_MAX = (1 << 64) - 1
"""ULONG_MAX of a 64-bit kernel."""
PAGE_MASK = U64_MAX & ~(PAGE_SIZE - 1)
"""Clears the offset within a page, as the kernel's PAGE_MASK does."""
SIGN_BIT = 1 << 63
_IN_PAGE = PAGE_SIZE - 1

T = TypeVar("T")


def add(a: int, b: int) -> int:
    """Return `a + b` as `unsigned long` does it."""
    return (a + b) & U64_MAX


def sub(a: int, b: int) -> int:
    """Return `a - b` as `unsigned long` does it."""
    return (a - b) & U64_MAX


def mul(a: int, b: int) -> int:
    """Return `a * b` as `unsigned long` does it."""
    return (a * b) & U64_MAX


def shl(a: int, count: int) -> int:
    """Return `a << count`, bits above 63 lost."""
    return (a << count) & U64_MAX


def invert(a: int) -> int:
    """Return `~a`."""
    return a ^ U64_MAX


def signed_lt(a: int, b: int) -> bool:
    """`(long)a < (long)b`."""
    return (a ^ SIGN_BIT) < (b ^ SIGN_BIT)


def lnot(condition: bool) -> bool:  # noqa: FBT001 - an operand
    """`!condition`, without asking for its value."""
    return condition ^ True


def select(condition: bool, then: T, otherwise: T) -> T:  # noqa: FBT001 - an operand
    """`condition ? then : otherwise`, as a term where the condition is symbolic.

    A symbolic condition chooses between words (or between conditions) only.
    """
    if condition is True:
        return then
    if condition is False:
        return otherwise
    chosen: T = condition.select(then, otherwise)
    return chosen


def umin(a: int, b: int) -> int:
    """Return the smaller of two words."""
    return select(a < b, a, b)


def umax(a: int, b: int) -> int:
    """Return the larger of two words."""
    return select(a < b, b, a)


def page_align(length: int) -> int:
    """PAGE_ALIGN(): `length` (bytes) rounded up to whole pages; wraps to 0 as the kernel's does."""
    return (length + _IN_PAGE) & PAGE_MASK


def offset_in_page(address: int) -> int:
    """offset_in_page: the bytes of `address` within its page."""
    return address & _IN_PAGE
