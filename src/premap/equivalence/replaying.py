# SPDX-License-Identifier: GPL-2.0-only
"""Replays a difference on the concrete model, with the smallest numbers that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from premap import symbolic
from premap.equivalence import example as examples
from premap.equivalence.candidate import Candidate
from premap.equivalence.limits import REPLAY
from premap.equivalence.outcome import Outcome, Side, run
from premap.equivalence.setting import Setting
from premap.equivalence.spelling import spelled
from premap.interp.inputs import AnsweredInputs, RecordedInputs
from premap.interp.machine import Machine
from premap.interp.naming import Namer
from premap.interp.undefined import NullPointer, Undefined, Uninitialised
from premap.model.errors import KernelBug
from premap.model.trace import Log

BROKEN = (Undefined, Uninitialised, NullPointer, KernelBug)
"""After these nothing can be told of a run."""


class Replayer:
    """Runs both versions again, on the numbers of a counter-example."""

    def __init__(
        self,
        old: Side,
        new: Side,
        namer: Namer,
        explorer: symbolic.Explorer,
        watch: Callable[[Machine, Log], None],
        candidates: Callable[[Outcome, Outcome], Sequence[Candidate]],
    ) -> None:
        self.old = old
        self.new = new
        self.namer = namer
        self.solver = explorer.solver
        self.effort = explorer.effort
        self.watch = watch
        self.candidates = candidates

    def example(
        self,
        setting: Setting,
        conditions: Sequence[symbolic.Condition],
        candidate: Candidate,
        model: symbolic.Model,
    ) -> dict[str, Any] | None:
        """Return the smallest call that shows a candidate, with what both versions do.

        `model` fits the conditions of the path on which it shows. None is returned where it does
        not show when it is replayed.
        """
        conditions = [*conditions]
        if candidate.condition is not True:
            conditions.append(candidate.condition)
        model, conditions = self._as_meant(model, conditions)
        found = model.shrink(conditions, examples.preferences(model), self.solver)
        small = spelled(found, self.namer)
        inputs = AnsweredInputs(RecordedInputs(small.variables, small.functions))
        namer = self.namer.concrete(found.eval)
        self.effort.spent += REPLAY
        before = run(self.old, setting, inputs, namer, self.watch)
        try:
            after = run(self.new, setting, inputs, namer, self.watch)
        except BROKEN as error:
            if broken(error).id != candidate.id:
                raise
            return examples.broken(setting, _asked(small, inputs), before, str(error))
        again = [each for each in self.candidates(before, after) if each.id == candidate.id]
        small = _asked(small, inputs)  # of what the comparison looked at, too
        return examples.build(setting, small, before, after, again[0].what) if again else None

    def _as_meant(
        self, model: symbolic.Model, conditions: list[symbolic.Condition]
    ) -> tuple[symbolic.Model, list[symbolic.Condition]]:
        """Have computations of unknown type mean what they do with numbers, if they may."""
        meant = examples.meant(conditions)
        try:
            found = self.solver.check([*conditions, *meant]) if meant else None
        except symbolic.SolverGaveUp:
            found = None
        return (model, conditions) if found is None else (found, [*conditions, *meant])


def broken(error: Exception) -> Candidate:
    """Return the difference that only the new version goes where nothing can be told any more."""
    id_ = "kernel-bug" if isinstance(error, KernelBug) else "undefined"
    return Candidate(id_, f"only the new hook meets: {error}", condition=True)


def _asked(model: symbolic.Model, inputs: AnsweredInputs) -> symbolic.Model:
    """Leave out what a run did not ask for."""
    return symbolic.Model(
        {name: value for name, value in model.variables.items() if name in inputs.variables},
        {key: value for key, value in model.functions.items() if key in inputs.functions},
    )
