# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong with terms and with the exploration of paths."""


class SymbolicError(Exception):
    """The base of all errors of `premap.symbolic`."""


class NotConstant(SymbolicError, TypeError):
    """A word was used as a Python integer, and its value is not known."""


class Undecided(SymbolicError):
    """A condition was tested that is not constant, and no Explorer is there to decide it."""


class SolverGaveUp(SymbolicError):
    """The solver did not answer within its limit."""


class NotDeterministic(SymbolicError):
    """A program asked something else when it ran again with the same decisions."""


class LimitReached(SymbolicError):
    """The base of the limits; `limit` is the number that was exceeded.

    `where` says how far the program had come, if someone who knows has noted it.
    """

    def __init__(self, message: str, limit: float) -> None:
        super().__init__(message)
        self.message = message
        self.limit = limit
        self.where = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class TooManyPaths(LimitReached):
    """A program has more paths than allowed."""


class TooManyDecisions(LimitReached):
    """A path of a program asked more questions than allowed."""


class OutOfTime(LimitReached):
    """The exploration took more work than allowed."""


class SeenEnough(SymbolicError):
    """What further paths of a program do was seen on others (`premap.symbolic.search`)."""
