# SPDX-License-Identifier: GPL-2.0-only
"""How long a comparison looks, and what its verdict is bounded by."""

from __future__ import annotations

from premap.interp.machine import LOOP_LIMIT

TIME_LIMIT = 10.0
"""Seconds that the work for one verdict may stand for (`premap.symbolic.effort`), all seconds and
milliseconds here are such; after that it is `unknown`."""
GRACE = 1.5
"""Seconds after the first difference, or doubt, in which (other) differences are looked for."""
BETWEEN_LIMIT = 0.6
"""Seconds for mappings between two others. They show little that one on either side does not, and a
hook runs three times, with as many times the paths: what is not looked at is stated as a bound."""
TRIAL = 0.6
"""Seconds after which helpers that both versions have, and in which paths part, are not followed
any more, if a proof can be had without that."""
TRIAL_IN_ONE = 0.2
"""Seconds that the setting it is in has to have taken by then: else all are soon done."""
CLOSED_SHARE = 0.85
"""How much of the time that is left that proof may take."""
FIRST_SHARE = 0.3
"""How much of the time the first setting may take. There are about ten, each much like it: a proof
that takes longer would not come to an end."""
TRYING_SHARE = 0.1
"""How much of the time there is, besides, for concrete runs where no proof can be had."""
MOST_CLOSED = 4
"""How often it is tried again without what it could not follow."""
SHARE_PARTINGS = 0.05
"""How many of all partings have to be in such helpers: else a proof takes much the same without."""
FEW_PARTINGS = 4
"""In how many places paths may part in a helper that is followed all the same."""
SOLVER_LIMIT_MS = 3000
PATIENCE_MS = 200
"""Milliseconds after which a branch that the solver has no answer for is followed all the same."""
REPLAY = 10_000
"""Work of running both versions again on the numbers of an example."""
MAX_PATHS = 2000
BOUNDS = (
    "pages of 4 KiB and words of 64 bits (LP64), with an MMU",
    (
        "one mapping of the file alone, right after or before others of its own kind, or over "
        "another mapping; failing allocations of the VMA and of page tables, and page frames that "
        "are refused"
    ),
    (
        "other threads change driver state only between calls of mmap(), and at locks, their "
        "release, memory barriers, and unknown calls"
    ),
    (
        "mmap() of the file itself, not of one stacked on it, by a process without "
        "PR_SET_MEMORY_MERGE"
    ),
    (
        "flags above bit 31 are those that a hook sets: no protection keys (of mappings that are "
        "only executed), no shadow stacks"
    ),
    f"loops of at most {LOOP_LIMIT} iterations",
    "functions that neither version's file or headers define do the same in both",
    (
        "driver state behind different pointers is taken not to overlap, and pointers that are "
        "followed to be valid"
    ),
)
