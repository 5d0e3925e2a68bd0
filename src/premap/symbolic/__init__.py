# SPDX-License-Identifier: GPL-2.0-only
"""Integers that the solver knows, and the exploration of a program's paths."""

from premap.symbolic.effort import Effort
from premap.symbolic.errors import (
    LimitReached,
    NotConstant,
    NotDeterministic,
    OutOfTime,
    SeenEnough,
    SolverGaveUp,
    SymbolicError,
    TooManyDecisions,
    TooManyPaths,
    Undecided,
)
from premap.symbolic.explorer import Decision, Explorer, Path, concretise
from premap.symbolic.fixing import Fixing
from premap.symbolic.guessing import GuessingSolver
from premap.symbolic.leaves import variables_of
from premap.symbolic.models import Model
from premap.symbolic.search import Coverage
from premap.symbolic.solver import Solver, check
from premap.symbolic.terms import (
    Bool,
    Condition,
    Operand,
    Word,
    all_of,
    any_of,
    apply,
    as_word,
    const,
    var,
)

__all__ = [
    "Bool",
    "Condition",
    "Coverage",
    "Decision",
    "Effort",
    "Explorer",
    "Fixing",
    "GuessingSolver",
    "LimitReached",
    "Model",
    "NotConstant",
    "NotDeterministic",
    "Operand",
    "OutOfTime",
    "Path",
    "SeenEnough",
    "Solver",
    "SolverGaveUp",
    "SymbolicError",
    "TooManyDecisions",
    "TooManyPaths",
    "Undecided",
    "Word",
    "all_of",
    "any_of",
    "apply",
    "as_word",
    "check",
    "concretise",
    "const",
    "var",
    "variables_of",
]
