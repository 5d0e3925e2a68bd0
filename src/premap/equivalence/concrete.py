# SPDX-License-Identifier: GPL-2.0-only
"""Both versions on plain numbers, drawn at random: no proof, but where there is none, something."""

from __future__ import annotations

import math
from typing import Any

from premap import symbolic
from premap.equivalence import example as examples
from premap.equivalence.candidate import Candidate
from premap.equivalence.compare import compare
from premap.equivalence.outcome import Outcome, Side, run
from premap.equivalence.setting import RandomCall, Setting
from premap.interp.inputs import CALL, AnsweredInputs, Arguments, Inputs, RecordedInputs
from premap.interp.machine import Machine
from premap.interp.naming import Namer
from premap.model.errors import KernelBug, NotModelled
from premap.model.trace import Log
from premap.records import Difference

RUNS = 200
"""Concrete runs that are tried where there is no proof."""
RUN = 3000
"""Work of such a run (`premap.symbolic.effort`), besides the steps of its C code."""
IN_VAIN = 20
"""Runs of which not one can be made to its end, after which no other is tried."""
VAIN_SHARE = 0.25
"""How much of the work may be done before the first run comes to its end; one may be very long."""
MOST_VALUES = 200
"""How many made-up values of an example are tried to be left out."""


def look_for_difference(
    old: Side, new: Side, effort: symbolic.Effort, deadline: float
) -> tuple[Difference | None, int]:
    """Run both up to RUNS times (until `effort` comes to `deadline`); return what differed first.

    The second value says how many runs could be made.
    """
    tried = 0
    end = effort.spent + (deadline - effort.spent) * VAIN_SHARE
    for seed in range(RUNS):
        effort.spent += RUN
        if effort.spent > end or (seed >= IN_VAIN and tried == 0):
            break
        setting = Setting(shared=seed % 2 == 0)
        answered = AnsweredInputs(RandomCall(seed))
        ran = _run_both(old, new, setting, answered, effort, end)
        if ran is None:
            continue
        tried, end = tried + 1, deadline
        found = _certain(*ran)
        if found is not None:
            model = symbolic.Model(answered.variables, answered.functions)
            return _shown(old, new, setting, model, found.id), tried
    return None, tried


def _run_both(
    old: Side,
    new: Side,
    setting: Setting,
    inputs: Inputs,
    effort: symbolic.Effort | None = None,
    deadline: float = math.inf,
) -> tuple[Outcome, Outcome] | None:
    counted = effort or symbolic.Effort()

    def watch(machine: Machine, _log: Log) -> None:
        machine.effort, machine.deadline = counted, deadline

    namer = Namer()
    try:
        before = run(old, setting, inputs, namer, watch)
        return before, run(new, setting, inputs, namer, watch)
    except (NotModelled, KernelBug):
        return None


def _certain(old: Outcome, new: Outcome, id_: str | None = None) -> Candidate | None:
    """Return a difference that is not accepted, and does not hang on types that were not found."""
    if old.machine.inputs.guessed or new.machine.inputs.guessed:
        return None
    try:
        found = [each for each in compare(old, new) if not each.accepted]
    except NotModelled:
        return None
    return next((each for each in found if id_ in (None, each.id)), None)


def _shown(old: Side, new: Side, setting: Setting, model: symbolic.Model, id_: str) -> Difference:
    """Return the difference with an example; values without which it shows as well are 0."""
    asked = [name for name in model.variables if not name.startswith(CALL)]
    everything: list[str | tuple[str, Arguments]] = [*asked, *model.functions]
    for each in everything[:MOST_VALUES]:
        model = _if_it_shows(old, new, setting, _without(model, each), id_) or model
    inputs = RecordedInputs(model.variables, model.functions)
    before, after = _run_both(old, new, setting, inputs) or _no_longer()
    found = _certain(before, after, id_) or _no_longer()
    example = examples.build(setting, model, before, after, found.what)
    return Difference(found.id, found.what, example, found.judgement)


def _without(model: symbolic.Model, asked: str | tuple[str, Arguments]) -> symbolic.Model:
    variables = {each: value for each, value in model.variables.items() if each != asked}
    functions = {each: value for each, value in model.functions.items() if each != asked}
    return symbolic.Model(variables, functions)


def _if_it_shows(
    old: Side, new: Side, setting: Setting, model: symbolic.Model, id_: str
) -> symbolic.Model | None:
    ran = _run_both(old, new, setting, RecordedInputs(model.variables, model.functions))
    return model if ran is not None and _certain(*ran, id_) is not None else None


def _no_longer() -> Any:
    raise AssertionError("a run on the same values came to something else")
