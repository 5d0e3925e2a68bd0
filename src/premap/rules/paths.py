# SPDX-License-Identifier: GPL-2.0-only
"""The paths through one hook, for every mmap() call and all driver state at once.

Only the hook itself runs, on a descriptor or VMA as mmap() would make it. A path that leads to
code which is not known ends there: what was seen before still happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace
from tree_sitter import Node

from premap import symbolic
from premap.csource.definitions import defining_near
from premap.csource.nodes import text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.equivalence.setting import Call, Setting
from premap.interp.bindings import Bindings
from premap.interp.calls import call_function, configured
from premap.interp.hooks import callback
from premap.interp.inputs import CALL, Inputs, SymbolicInputs
from premap.interp.machine import Event, Frame, Machine
from premap.interp.naming import LoneNamer, Namer
from premap.interp.scalars import word_of
from premap.interp.types import parameter_types
from premap.interp.values import Value, plain
from premap.model import (
    FMODE_READ,
    FMODE_WRITE,
    AddressSpace,
    File,
    FileOperations,
    ListTree,
    VmAreaDesc,
    VmAreaStruct,
)
from premap.model.errors import KernelBug, NotModelled
from premap.model.pgprot import vm_get_page_prot
from premap.model.words import PAGE_SHIFT, add, select, shl
from premap.records import Level
from premap.rules.terms import variables

if TYPE_CHECKING:
    from premap.rules.hooks import Hook

TIME_LIMIT = 2.0
"""Seconds that the work of all that is asked of one hook may stand for (`symbolic.effort`)."""
MAX_PATHS = 96
IN_ORDER = 32
"""Paths that are followed in order; of further ones, those that answer what none has so far."""
SOLVER_LIMIT_MS = 500


class Step(Struct, frozen=True):
    """One call, write or decision on a path, in order."""

    kind: str
    """\"call\", \"write\" (of the mapping), \"store\" (elsewhere), \"decision\" or \"return\"."""
    name: str
    """Of the function; of the member that is written, where it is one of the mapping."""
    function: Function
    node: Node
    where: Node
    """What stands for it in the function's own text: of what a macro does, the use of the macro."""
    given: tuple[Any, ...] = ()
    """Arguments of a call; place and value of a write; answer and condition of a decision."""
    flags: int = 0
    """The flags of the mapping at that moment, as a word."""


class Trace(Struct):
    """One path through a hook."""

    call: Call
    shared: Any
    """Whether it is MAP_SHARED."""
    given_flags: Any
    """The flags that the hook found, as a word."""
    machine: Machine
    bound: Any
    """The descriptor, or the VMA, as the path left it."""
    log: list[Any]
    steps: list[Step] = field(default_factory=list)
    returned: int | None = None
    """The hook's result, a word; None where the path was not followed to its end."""
    failed: bool = False
    stopped: Exception | None = None
    """Why it was not."""
    condition: tuple[Any, ...] = ()
    model: Any = None
    decisions: tuple[Any, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the hook returned 0."""
        return self.returned is not None and not self.failed

    @property
    def flags(self) -> int:
        """The flags at the end."""
        word: int
        word = self.bound.k_flags if isinstance(self.bound, VmAreaDesc) else self.bound.vm_flags
        return word

    @property
    def doubt(self) -> Level | None:
        """Return "note" where the path hangs on values whose types were not found, else None."""
        return "note" if self.machine.inputs.guessed else None

    @property
    def flags_known(self) -> bool:
        """Whether the flags at the end depend on the call alone: no unknown code changed them."""
        return all(name.startswith(CALL) for name in variables([self.flags]))

    def calls(self, *names: str) -> Iterator[Step]:
        """Yield the calls of these functions."""
        return (step for step in self.steps if step.kind == "call" and step.name in names)

    def last_decision(self, source: SourceFile) -> Node | None:
        """Return where the last condition in a file was decided."""
        last = self.last_decided(source)
        return None if last is None else last.where

    def last_decided(self, source: SourceFile) -> Step | None:
        """Return the last decision in a file."""
        seen = (step for step in reversed(self.steps) if step.kind == "decision")
        return next((step for step in seen if step.function.source is source), None)

    def last_return(self, source: SourceFile) -> Node | None:
        """Return the last return statement of the hook's own file that was reached."""
        seen = (step for step in reversed(self.steps) if step.kind == "return")
        return next((step.where for step in seen if step.function.source is source), None)

    @property
    def last_call(self) -> Step | None:
        """The call that the path ended in, if it did."""
        if self.stopped is None:
            return None
        return next((step for step in reversed(self.steps) if step.kind == "call"), None)


class Budget:
    """Work that may be spent on one hook; what its solver and explorers do is counted."""

    def __init__(self, seconds: float, effort: symbolic.Effort) -> None:
        self._effort = effort
        self._end = effort.after(seconds)

    @property
    def left(self) -> float:
        """Seconds that what is left stands for."""
        return self._effort.left(self._end)


class Shared(Struct, frozen=True):
    """What the explorations of one hook have in common."""

    solver: symbolic.Solver
    namer: Namer
    budget: Budget


class Exploration(Struct):
    """The paths of one hook."""

    traces: list[Trace]
    shared: Shared
    complete: bool
    """Whether these are all of them, each followed to its end."""
    cut: bool = False
    """Whether there may be paths that were not begun."""

    def ask(self, *conditions: Any) -> symbolic.Model | None:
        """Return a model of the conditions; None if there is none, or none was found in time."""
        if self.shared.budget.left <= 0:
            return None
        try:
            return self.shared.solver.check(conditions, SOLVER_LIMIT_MS)
        except symbolic.SymbolicError:
            return None

    def small(self, model: symbolic.Model, conditions: Sequence[Any]) -> symbolic.Model:
        """Return a model with the smallest numbers that still show it."""
        if self.shared.budget.left <= 0:
            return model
        try:
            return model.shrink(list(conditions), _preferences(model), self.shared.solver)
        except symbolic.SymbolicError:
            return model


Fixed = dict[str, Any]
"""Words of the call that are not symbolic, by their names."""
_PLAIN: Fixed = {
    f"{CALL}extra": 0,
    f"{CALL}left_pages": 1,
    f"{CALL}right_pages": 1,
    f"{CALL}page": 0,
}
"""What no rule asks about."""


def explore(hook: Hook) -> Exploration:
    """Follow the paths of a hook."""
    solver = symbolic.GuessingSolver(SOLVER_LIMIT_MS)
    namer = Namer() if hook.compared else LoneNamer()
    return _explore(hook, Shared(solver, namer, Budget(TIME_LIMIT, solver.effort)), {})


def explore_again(hook: Hook, fixed: Fixed) -> Exploration:
    """Follow the paths of a hook with words of the call fixed; its paths can be compared.

    Driver state of the same name is the same in both. What several rules ask is explored once.
    """
    key = frozenset((name, str(word)) for name, word in fixed.items())
    if key not in hook.explored:
        hook.explored[key] = _explore(hook, hook.exploration.shared, fixed)
    return hook.explored[key]


def explore_beside(hook: Hook, other: Exploration) -> Exploration:
    """Follow the paths of a hook so that they can be compared with those of another one."""
    return _explore(hook, other.shared, {})


def narrowed(
    hook: Hook, fixed: Mapping[str, int], enough: Callable[[Trace], bool] | None = None
) -> Exploration:
    """Return the paths of a hook that are left once words of the call are fixed.

    Condition, flags and result of each are those for such calls; to follow the paths anew would
    find the same, at many times the cost. What steps gave to functions stays as it was. Of a hook
    with too many paths only some are known: they do where one of those left is `enough`.
    """
    key = frozenset((name, str(word)) for name, word in fixed.items())
    if key not in hook.explored:
        known = _narrowed_to(hook.exploration, fixed)
        if known.cut and not (enough and any(map(enough, known.traces))):
            return explore_again(hook, dict(fixed))
        hook.explored[key] = known
    return hook.explored[key]


def _narrowed_to(whole: Exploration, fixed: Mapping[str, int]) -> Exploration:
    fixing = symbolic.Fixing(fixed)
    call = Call.of(_Inputs({**_PLAIN, **fixed}))
    left = [_narrowed(trace, fixing, call) for trace in whole.traces]
    traces = [trace for trace in left if all(each is not False for each in trace.condition)]
    return Exploration(traces, whole.shared, whole.complete, whole.cut)


def _narrowed(trace: Trace, fixing: symbolic.Fixing, call: Call) -> Trace:
    bound = copy(trace.bound)
    flags = fixing(trace.flags)
    if isinstance(bound, VmAreaDesc):
        bound.k_flags = flags
    else:
        bound.vm_flags = flags
    return replace(
        trace,
        call=call,
        shared=fixing(trace.shared),
        given_flags=fixing(trace.given_flags),
        bound=bound,
        returned=fixing(trace.returned),
        condition=tuple(fixing(each) for each in trace.condition),
    )


def _explore(hook: Hook, shared: Shared, fixed: Fixed) -> Exploration:
    scopes = {id(hook.source): hook.scope}

    def begin(inputs: Inputs) -> Trace:
        machine = Machine(inputs, NearBindings(hook.tree, scopes, callback), shared.namer)
        return new_trace(machine, inputs, prepares=hook.prepares)

    return explore_program(
        shared,
        begin,
        lambda trace: run_hook(hook, trace),
        fixed,
        unsigned_offset=b"_UNSIGNED_OFFSET" in hook.source.text,
    )


def explore_program(
    shared: Shared,
    begin: Callable[[Inputs], Trace],
    run: Callable[[Trace], None],
    fixed: Fixed | None = None,
    *,
    unsigned_offset: bool = False,
) -> Exploration:
    """Follow the paths of what `run` does with the trace that `begin` makes."""
    inputs = _Inputs({**_PLAIN, **(fixed or {})})
    explorer = symbolic.Explorer(
        Call.of(inputs).valid(unsigned_offset=unsigned_offset),
        max_paths=MAX_PATHS,
        deadline_seconds=max(0.0, shared.budget.left),
        solver=shared.solver,
    )

    def program() -> None:
        trace = begin(inputs)
        running[:] = [trace]
        run(trace)

    traces: list[Trace] = []
    running: list[Trace] = []
    search = symbolic.Coverage(lambda: running[0].machine.asking, IN_ORDER)
    complete, cut = True, False
    try:
        for path in explorer.explore(program, stop=(NotModelled, KernelBug), search=search):
            trace = running[0]
            trace.condition, trace.model = path.condition, path.model
            trace.decisions = path.decisions
            if isinstance(path.exception, Exception):
                trace.stopped = path.exception
                complete = False
            traces.append(trace)
    except (symbolic.SymbolicError, RecursionError):
        complete, cut = False, True
    return Exploration(traces, shared, complete, cut)


class _Inputs(SymbolicInputs):
    """Symbolic words, but for those that are fixed."""

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def word(self, name: str) -> int:
        """Return the word of that name."""
        found = self._fixed.get(name)
        return super().word(name) if found is None else found


class NearBindings(Bindings):
    """What C code shares with the model, where an answer has to come soon."""

    def defining(self, name: str, seen_from: SourceFile) -> list[SourceFile]:
        """Return the files around that define a function which gets the mapping."""
        return [] if self.tree is None else defining_near(name, seen_from, self.tree)


def run_hook(hook: Hook, trace: Trace) -> None:
    """Run a hook once, along one path."""
    watch(trace)
    with recording(trace):
        function = configured(trace.machine, hook.functions)
        given = [argument(trace, function, index) for index in range(len(function.parameters))]
        result = word_of(call_function(trace.machine, None, function, given))
        trace.failed = bool(result != 0)
        trace.returned = result


def new_trace(machine: Machine, inputs: Inputs, *, prepares: bool) -> Trace:
    """Return a trace before its first step: with a descriptor, or with a VMA."""
    call = Call.of(inputs)
    shared = (inputs.word(f"{CALL}shared") & 1) != 0
    settings = Setting(shared=True), Setting(shared=False)
    writable, flags = (
        select(shared, *(ask(each) for each in settings)) for ask in (call.writable, call.vm_flags)
    )
    file = File(FileOperations(), f_mode=FMODE_READ | shl(writable, FMODE_WRITE.bit_length() - 1))
    machine.bindings.file = file
    mm = AddressSpace(tree=ListTree)
    end = add(call.start, call.length)
    prot = vm_get_page_prot(flags)
    bound: Any
    if prepares:
        bound = VmAreaDesc(mm, file, call.start, end, call.pgoff, flags, prot)
    else:
        anon_pgoff = call.start >> PAGE_SHIFT
        bound = VmAreaStruct(mm, call.start, end, call.pgoff, anon_pgoff, flags, prot)
        bound.vm_file = file
    return Trace(call, shared, flags, machine, bound, [])


@contextmanager
def recording(trace: Trace) -> Iterator[None]:
    """Keep what the model logs meanwhile."""
    mm = trace.bound.k_mm if isinstance(trace.bound, VmAreaDesc) else trace.bound.vm_mm
    with mm.trace() as log:
        trace.log = log
        yield


def watch(trace: Trace) -> None:
    """Write down calls, and writes to the mapping."""
    machine = trace.machine

    def add(kind: str, name: str, frame: Frame, node: Node, given: tuple[Any, ...]) -> None:
        where = frame.written_at(node)
        trace.steps.append(Step(kind, name, frame.function, node, where, given, trace.flags))

    def observe(kind: str, frame: Frame, node: Node, what: Any) -> None:
        if kind == "call":
            name, given = what
            add(kind, name, frame, node, tuple(given))
        elif kind == "return":
            add(kind, "", frame, node, (what,))
        elif kind == "decision" and text_of(unwrapped(node)) != "0":
            add(kind, "", frame, node, tuple(what))
        elif kind == "write":
            place, _value = what
            if machine.bindings.is_mapping(place.object):
                add("write", ".".join(map(str, place.path)), frame, node, tuple(what))
            elif not place.object.local:
                add("store", str(place), frame, node, tuple(what))

    machine.observer = observe


def argument(trace: Trace, function: Function, index: int) -> Value:
    """Return what a parameter of a hook gets: the mapping, the file, or something made up."""
    machine = trace.machine
    parameter = function.parameters[index]
    if "vm_area_desc" in parameter.type_text or "vm_area_struct" in parameter.type_text:
        pointer = machine.bindings.mapping(machine, trace.bound)
        pointer.data.place.object.source = function.source
        return pointer
    if parameter.type_text.replace(" ", "") in {"structfile*", "conststructfile*"}:
        return machine.bindings.file_pointer(machine, machine.bindings.file)
    scope = machine.bindings.scope(function.source)
    return machine.memory.named(parameter.name, parameter_types(scope, function)[index])


_CALL_WORDS = ("extra", "pages", "pgoff", "prot", "f_mode_write", "shared", "page", "start_page")
_MANY = 12
"""State variables of an example beyond which they are left as the solver found them."""


def _preferences(model: symbolic.Model) -> list[symbolic.Word]:
    inputs = SymbolicInputs()
    state = [name for name in sorted(model.variables) if not name.startswith(CALL)]
    names = [f"{CALL}{name}" for name in _CALL_WORDS]
    names += state if len(state) <= _MANY else []
    return [symbolic.as_word(inputs.word(name)) for name in names]


def example(trace: Trace, model: symbolic.Model, result: str) -> dict[str, Any]:
    """Return the call that a model stands for, the driver state it needs, and what happens."""
    call = trace.call

    def number(word: Any) -> int:
        known = plain(word)
        return model.eval(symbolic.as_word(word)) if known is None else known

    shared = trace.shared if isinstance(trace.shared, bool) else bool(_truth(model, trace.shared))
    prot = number(call.prot)
    return {
        "call": {
            "addr": number(call.start),
            "length": number(call.length),
            "prot": "".join(letter for bit, letter in ((1, "r"), (2, "w"), (4, "x")) if prot & bit),
            "flags": ["SHARED" if shared else "PRIVATE"],
            "offset": number(call.pgoff) << PAGE_SHIFT,
            "opened_for_writing": bool(number(call.writable(Setting(shared=shared)))),
            "noexec": False,
        },
        "state": state_of(model),
        "result": result,
    }


def _truth(model: symbolic.Model, condition: Any) -> int:
    return model.eval(symbolic.as_word(select(condition, 1, 0)))


def state_of(model: symbolic.Model) -> dict[str, int]:
    """Return the made-up values that are not 0, by name."""
    state = {
        name: value
        for name, value in sorted(model.variables.items())
        if not name.startswith((CALL, "&")) and value
    }
    for (name, arguments), value in sorted(model.functions.items()):
        if value and not name.startswith("&"):
            state[f"{name}({', '.join(map(hex, arguments))})"] = value
    return state


def done(hook: Hook, trace: Trace, event: Event) -> bool:
    """Whether a call on a path may have done what it is for, by what it returned and came of it.

    A lock that was only tried may not be held, and what could not be allocated is not there.
    """
    if event.succeeded is True:
        return True
    return hook.exploration.ask(*trace.condition, event.succeeded) is not None


def asked(traces: Iterable[Trace]) -> set[str]:
    """Return the names of the made-up words, besides those of the call, that paths hang on."""
    names = variables(chain.from_iterable(trace.condition for trace in traces))
    return {name for name in names if not name.startswith(CALL)}
