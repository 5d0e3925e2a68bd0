# SPDX-License-Identifier: GPL-2.0-only
"""Work that is counted rather than timed, so that limits end a proof at the same place everywhere.

Counted are statements and expressions of C, decisions, questions to the solver, and the resource
units of z3. The weights make a unit about a microsecond of a processor of 2023: they come of 98
handlers of Linux 7.3, whose time they tell within a factor of two. What a processor can do, and
what else it does meanwhile, have no part in it.
"""

from __future__ import annotations

import math
import time

SECOND = 1_000_000
"""Units of work that a second comes to, about."""
STEP = 12
"""Work of a statement or expression of C, with what the model and the terms do for it."""
DECISION = 40
"""Work of a condition that is tested on a path."""
QUESTION = 100
"""Work of a question to the solver, besides guesses, and what z3 counts itself."""
TRY = 20
"""Work of a model that is tried as an answer."""
LOOK = 3
"""Work of a term that is looked into for what to change."""
RESOURCES = 9
"""Resource units of z3 (`rlimit`) that are one unit of work: nine million are about a second."""
GUARD_SECONDS = 60.0
"""What limits of real time are at least; they are for what nothing counts, and are not met else."""
GUARD = 6.0
"""How many times the seconds that a limit stands for may really pass."""


class Effort:
    """What was done so far, for one verdict or one hook."""

    __slots__ = ("spent",)

    def __init__(self) -> None:
        self.spent = 0
        """Units of work."""

    def after(self, seconds: float) -> float:
        """Return what `spent` is once work that stands for so many more seconds is done."""
        return math.inf if seconds == math.inf else self.spent + int(seconds * SECOND)

    def left(self, end: float) -> float:
        """Return how many seconds the work until `spent` is `end` stands for."""
        return (end - self.spent) / SECOND


def guard(seconds: float) -> float:
    """Return the time of the processor (time.process_time) at which such a limit ends at last."""
    return time.process_time() + max(GUARD_SECONDS, GUARD * seconds)
