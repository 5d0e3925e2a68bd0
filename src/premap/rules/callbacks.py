# SPDX-License-Identifier: GPL-2.0-only
"""What the callbacks of VMA operations take and give back, on all of their paths."""

from __future__ import annotations

from msgspec import Struct

from premap.csource.ctypes import PointerType, VoidType
from premap.csource.nodes import text_of
from premap.csource.source import Function
from premap.interp.calls import call_function
from premap.interp.hooks import callback
from premap.interp.inputs import Inputs
from premap.interp.machine import Machine
from premap.interp.scalars import word_of
from premap.interp.statements import VOID
from premap.interp.values import ULONG, Place, Pointer, Value
from premap.model.errors import NotModelled
from premap.rules.balance import by_word
from premap.rules.hooks import Hook
from premap.rules.operations import Operations
from premap.rules.paths import (
    Exploration,
    NearBindings,
    Trace,
    argument,
    explore_program,
    new_trace,
    recording,
    watch,
)

_COUNTS = frozenset({"+=", "-="})
_ANYTHING = PointerType(VoidType())
_PRIVATE = "vma->vm_private_data"


class Effect(Struct, frozen=True):
    """What a callback does to counts; the sign says whether it takes or gives back."""

    function: Function
    seen: bool
    """Whether all of its paths were seen to their end, and what all that they call is for."""
    nets: frozenset[int]
    """Signs of what its paths come to."""
    successes: frozenset[int]
    failures: frozenset[int]
    gives: bool
    """Whether all paths give back that have private data to give."""
    least: int
    """What the path comes to that gives back the most: -1 for one thing."""

    @property
    def always(self) -> int:
        """The sign that all paths have; 0 where they differ."""
        return next(iter(self.nets)) if len(self.nets) == 1 else 0

    @property
    def takes(self) -> bool:
        """Whether some path takes."""
        return any(sign > 0 for sign in self.nets)

    @property
    def sometimes(self) -> bool:
        """Whether paths differ."""
        return len(self.nets) > 1

    @property
    def on_success(self) -> int | None:
        """The sign of all paths that return 0; None where they differ, or there are none."""
        return next(iter(self.successes)) if len(self.successes) == 1 else None

    @property
    def on_failure(self) -> int | None:
        """0 if some path that fails takes nothing; None if there is none."""
        return 0 if 0 in self.failures else None


def effect(hook: Hook, table: Operations, member: str) -> Effect | None:
    """Return what a callback does; None where the table has none, or its file has not."""
    found = exploration_of(hook, table, member)
    if found is None:
        return None
    function = table.functions(member)[0]
    whole = [trace for trace in found.traces if trace.stopped is None]
    return Effect(
        function,
        found.complete and not any(_calls_unknown(trace) for trace in whole),
        frozenset(_sign(net(trace)) for trace in whole),
        frozenset(_sign(net(trace)) for trace in whole if not trace.failed),
        frozenset(_sign(net(trace)) for trace in whole if trace.failed),
        any(net(trace) < 0 for trace in whole)
        and all(net(trace) < 0 or _has_nothing(found, trace) for trace in whole),
        min(map(net, whole), default=0),
    )


def _has_nothing(found: Exploration, trace: Trace) -> bool:
    """Whether a path is for mappings without private data only."""
    held = word_of(trace.machine.memory.named(_PRIVATE, _ANYTHING))
    return found.shared.budget.left > 0 and found.ask(*trace.condition, held != 0) is None


def _calls_unknown(trace: Trace) -> bool:
    """Whether a path calls what nobody knows: that may take or give back anything."""
    return any(
        not event.name.isidentifier() or (event.kind == "call" and by_word(event.name) == 0)
        for event in trace.machine.events
    )


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def net(trace: Trace) -> int:
    """Return what a path takes less what it gives back, in calls and in counts."""
    total = sum(by_word(event.name) for event in trace.machine.events)
    for step in trace.steps:
        if step.kind != "store":
            continue
        text = text_of(step.node.child_by_field_name("operator"))
        if step.node.type == "update_expression" or text in _COUNTS:
            total += 1 if "+" in text else -1
    return total


def exploration_of(hook: Hook, table: Operations, member: str) -> Exploration | None:
    """Follow the paths of a callback; None where its definition is not in the file."""
    functions = table.functions(member)
    if len(functions) != 1:
        return None
    key = (table.name, member)
    if key not in hook.callbacks:
        hook.callbacks[key] = _explore(hook, functions[0], member)
    return hook.callbacks[key]


def _explore(hook: Hook, function: Function, member: str) -> Exploration:
    scopes = {id(hook.source): hook.scope}
    shared = hook.exploration.shared

    def begin(inputs: Inputs) -> Trace:
        machine = Machine(inputs, NearBindings(hook.tree, scopes, callback), shared.namer)
        return new_trace(machine, inputs, prepares=False)

    def run(trace: Trace) -> None:
        watch(trace)
        with recording(trace):
            given = _mapped(trace, function) if member == "mapped" else _with_vma(trace, function)
            result = call_function(trace.machine, None, function, given)
            if result is not VOID and member == "mapped":
                trace.returned = word_of(result)
                trace.failed = bool(trace.returned != 0)

    return explore_program(shared, begin, run)


def _with_vma(trace: Trace, function: Function) -> list[Value]:
    """Return the arguments of ->open or ->close: the VMA, whose private data is made up."""
    trace.bound.vm_private_data = trace.machine.memory.named(_PRIVATE, _ANYTHING)
    return [argument(trace, function, index) for index in range(len(function.parameters))]


def _mapped(trace: Trace, function: Function) -> list[Value]:
    """Return the arguments of `->mapped(start, end, pgoff, file, &private_data)`."""
    machine, vma = trace.machine, trace.bound
    if len(function.parameters) != 5:
        raise NotModelled("->mapped with other parameters")
    held = machine.new_local("vm_private_data", _ANYTHING)
    held.object.store((), machine.memory.named(_PRIVATE, _ANYTHING))
    return [
        Value(ULONG, vma.vm_start),
        Value(ULONG, vma.vm_end),
        Value(ULONG, vma.vm_pgoff),
        machine.bindings.file_pointer(machine, machine.bindings.file),
        Value(PointerType(_ANYTHING), Pointer(Place(held.object), held.object.address)),
    ]
