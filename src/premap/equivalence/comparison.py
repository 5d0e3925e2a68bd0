# SPDX-License-Identifier: GPL-2.0-only
"""Do two versions of a hook do the same? Both run on one model, with every input at once."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from premap import symbolic
from premap.equivalence.alike import Common
from premap.equivalence.candidate import Candidate
from premap.equivalence.compare import compare, errno_of_filling
from premap.equivalence.concrete import look_for_difference
from premap.equivalence.garbage import seldom_collected
from premap.equivalence.handed import called_elsewhere, handed_out
from premap.equivalence.limits import (
    BETWEEN_LIMIT,
    BOUNDS,
    CLOSED_SHARE,
    FEW_PARTINGS,
    FIRST_SHARE,
    GRACE,
    MAX_PATHS,
    MOST_CLOSED,
    PATIENCE_MS,
    SHARE_PARTINGS,
    SOLVER_LIMIT_MS,
    TIME_LIMIT,
    TRIAL,
    TRIAL_IN_ONE,
    TRYING_SHARE,
)
from premap.equivalence.locking import may_lock
from premap.equivalence.moved import Moved
from premap.equivalence.outcome import Outcome, Side, run
from premap.equivalence.parting import Partings
from premap.equivalence.position import positional
from premap.equivalence.replaying import BROKEN, Replayer, broken
from premap.equivalence.setting import (
    BESIDE,
    LEFT,
    OF_ACTIONS,
    RIGHT,
    Call,
    Setting,
    failure,
    settings,
)
from premap.interp import handover, syntax
from premap.interp.inputs import SymbolicInputs
from premap.interp.machine import Machine
from premap.interp.naming import Namer
from premap.interp.undefined import BeyondBound, Undefined
from premap.model.bits import VM_SPECIAL
from premap.model.errors import KernelBug, NotModelled
from premap.model.trace import Log
from premap.records import Difference, Verdict
from premap.symbolic.effort import SECOND

ENDINGS = (NotModelled, KernelBug, OSError)
"""What may end a path. The layout's own mmap() fails only where a branch that nobody could decide
was followed in vain; such a path is dropped if the solver can tell, and else leaves a doubt."""
LATE = frozenset({"page_table", "shmem", "action", "mapped"})
"""Points that are got to only where the hook asks for something."""


def verify(old: Side, new: Side, *, time_limit: float = TIME_LIMIT) -> Verdict:
    """Compare two versions of a hook through the whole mmap path."""
    comparison = _Comparison(old, new, time_limit)
    with seldom_collected():
        try:
            comparison.explore_all()
            if comparison.shorter is not None:
                return comparison.shorter
            comparison.require_some()
            if comparison.reason and not comparison.differences:
                comparison.try_concretely(time_limit * TRYING_SHARE)
            return comparison.verdict()
        finally:
            syntax.forget()


def changed_errno(old: Side, new: Side, *, time_limit: float = TIME_LIMIT) -> Verdict:
    """Compare what mmap() fails with where the old hook, or the new one's action, can't fill it.

    The verdict is about that alone.
    """
    comparison = _Comparison(old, new, time_limit, errno_of_filling)
    for shared in (True, False):
        if not comparison.settled:
            comparison.explore(Setting(shared=shared, fails="page_table"))
    return comparison.verdict()


class _PathResult(Struct):
    """What one path through both versions came to."""

    candidates: Sequence[Candidate] = ()
    unsure: str | None = None
    """Why a difference on this path would be no proof of one."""
    outcomes: Sequence[Outcome] = ()


Explored = symbolic.Path[_PathResult]
Candidates = Callable[[Outcome, Outcome], Sequence[Candidate]]


class _Comparison:
    """One comparison: both versions, one solver for all settings, and what was found so far."""

    def __init__(
        self, old: Side, new: Side, time_limit: float, candidates: Candidates = compare
    ) -> None:
        self.old = old
        self.new = new
        self.candidates = candidates
        self.namer = Namer()
        self.moved = Moved(self.namer)
        self.closed: frozenset[str] = frozenset()
        self.shorter: Verdict | None = None
        """A proof that does not follow helpers that both versions have."""
        self.tried = candidates is not compare
        """Whether such a proof was tried."""
        self.exhausted = False
        """Whether a limit was met."""
        self.stopped_in: str | None = None
        """The helper that could not be followed."""
        self.parted: Counter[str | None] = Counter()
        """How often paths parted in each helper."""
        self.begun = 0.0
        """The work that was done when the setting that is explored began."""
        self.last: Sequence[symbolic.Decision] = ()
        self.inputs = SymbolicInputs()
        unsigned_offset = old.unsigned_offset or new.unsigned_offset
        self.explorer = symbolic.Explorer(
            Call.of(self.inputs).valid(unsigned_offset=unsigned_offset),
            max_paths=MAX_PATHS,
            solver=symbolic.GuessingSolver(SOLVER_LIMIT_MS),
            patience_ms=PATIENCE_MS,
        )
        self.partings = Partings(self.explorer)
        self.effort = self.explorer.effort
        self.deadline = self.effort.after(time_limit)
        self.differences: dict[str, Difference] = {}
        self.accepted: dict[str, Difference] = {}
        self.reason: str | None = None
        self.assumed: dict[str, None] = {}
        self.compared = False
        """Whether in some call both versions ran to their end."""
        self.reached: set[str] = set()
        """Failures of what comes after the hook that some call gets to."""
        self.mergeable = False
        self.positional = False
        self.disturbed = False
        """Whether a call writes driver state, and other threads run meanwhile."""
        self.leaves = False
        """Whether a call writes driver state for which no VMA can be allocated."""
        self.enough = self.deadline
        """When to stop looking for differences, once there is one or no proof can be had any more:
        at which work, as `deadline`."""

    def watch(self, machine: Machine, log: Log) -> None:
        """Prepare a run."""
        machine.closed = self.closed
        if self.old.member == self.new.member == "mmap":
            handover.allow(machine, log)

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to find out."""
        return bool(self.differences) or self.reason is not None or self.shorter is not None

    def explore_all(self) -> None:
        """Explore all settings, until there is nothing left to find out."""
        for setting in settings():
            if not self.pointless(setting):
                self.explore(setting)
            if self.settled:
                return

    def doubt(self, reason: str) -> None:
        """Remember the first reason why there is no proof."""
        if self.reason is None:
            self.reason = reason
            self._hurry()

    def require_some(self) -> None:
        """Doubt a proof that every call was left out of."""
        if not self.compared:
            left_out = next((text for text in self.assumed if "the old hook" in text), "")
            self.doubt(left_out.replace("calls are left out in which", "in every call", 1))

    def _hurry(self) -> None:
        self.enough = min(self.enough, self.effort.after(GRACE))

    def pointless(self, setting: Setting) -> bool:
        """Return whether the settings before have shown that this one adds nothing."""
        if setting.fails is not None and failure(setting.fails).point in LATE:
            return setting.fails not in self.reached
        if setting.alone and not (self.leaves if setting.retried else self.disturbed):
            return True
        if setting.layout in RIGHT:
            return not (self.mergeable and self.positional)
        return setting.layout in LEFT and not self.mergeable

    def verdict(self) -> Verdict:
        """Return what was found."""
        bounds = (*BOUNDS, *self.assumed)
        if self.differences:
            return Verdict("different", tuple(self.differences.values()), bounds=bounds)
        accepted = tuple(self.accepted.values())
        if self.reason:
            return Verdict("unknown", accepted, self.reason, bounds)
        return Verdict("equivalent-except" if accepted else "equivalent", accepted, bounds=bounds)

    def explore(self, setting: Setting) -> None:
        """Follow all paths of one setting."""
        self.begun, left = self.effort.spent, self.effort.left(self.deadline)
        limited = setting.layout == "between"
        self.explorer.hasty = limited
        if setting.plain:
            left *= FIRST_SHARE
        self.explorer.deadline_seconds = min(left, BETWEEN_LIMIT) if limited else left
        replaces = setting.layout == "replaces"
        paths = self.explorer.explore(
            lambda: self._both(setting),
            stop=ENDINGS,
            beginnings=self.partings.kinds() if replaces else self.partings.beginnings(setting),
            given=replaces,
        )
        try:
            for path in paths:
                if setting.plain:
                    self.partings.keep(setting, path.decisions)
                    self._keep_kind(path)
                if path.exception is not None:
                    self._stop(path.exception)
                elif path.value is not None:
                    self._look_at_offsets(path.value, path.decisions)
                    self._place(setting, path.value, path.decisions)
                    self._judge(setting, path)
                if self.settled and self.effort.spent > self.enough:
                    return
                self._look_for_shorter(path)
                if self.shorter is not None:
                    return
                self.explorer.hasty = limited or (setting.plain and self._without_shorter)
        except symbolic.SymbolicError as error:
            if limited:
                self.assumed.setdefault(f"not all calls were looked at that are {setting}: {error}")
            elif not self.differences:
                self.exhausted = True
                self.doubt(f"{self._place_of(error)}{error} ({setting})")

    def _place_of(self, error: symbolic.SymbolicError) -> str:
        """Return where the old hook is, if the limit was met in what comes before or after it."""
        limited = isinstance(error, symbolic.LimitReached) and not error.where
        first = next(iter(self.old.functions), None) if limited else None
        return "" if first is None else f"{first.source.name}:{first.line}: "

    def _keep_kind(self, path: Explored) -> None:
        """Keep one path for each way in which the model went on before and after the hook."""
        outcomes = path.value.outcomes if path.value else ()
        if outcomes:
            kind = tuple(tuple(event.kind for event in each.log) for each in outcomes)
            self.partings.keep_kind(kind, path.decisions)

    def _stop(self, problem: BaseException) -> None:
        """Doubt a proof, unless there is one without the helper in which the problem lies."""
        self.stopped_in = getattr(problem, "helper", None)
        if self.stopped_in is not None:
            self._do_without({self.stopped_in})
        if self.shorter is None:
            self.doubt(str(problem))

    def _look_for_shorter(self, path: Explored) -> None:
        """Where this takes long: try to do without the helpers in which paths part."""
        common = sum(map(operator.is_, self.last, path.decisions))
        self.last = path.decisions
        self.parted.update(each.label for each in path.decisions[common:] if each.split)
        long = self.effort.spent - self.begun >= TRIAL_IN_ONE * SECOND
        if long and self.effort.spent >= TRIAL * SECOND:
            self._do_without(())

    @property
    def _without_shorter(self) -> bool:
        """Whether no shorter proof will be looked for any more."""
        return self.tried or self.settled or bool(self.accepted)

    def _do_without(self, helpers: Iterable[str]) -> None:
        """Look for a proof that follows neither these helpers nor those in which paths part."""
        if self._without_shorter:
            return
        self.tried = True
        often = {name for name, count in self.parted.items() if name and count > FEW_PARTINGS}
        if sum(self.parted[name] for name in often) < SHARE_PARTINGS * self.parted.total():
            often = set()
        wanted = {*helpers, *often}
        same = Common(self.old, self.new) if wanted else ()
        closed = frozenset(name for name in wanted if name in same)
        for _ in range(MOST_CLOSED):
            if not closed.issuperset(helpers) or not closed:
                return
            short = _Shorter(self, closed)
            short.explore_all()
            short.require_some()
            self.effort.spent += short.effort.spent
            self.explorer.extend(short.effort.spent)
            if not short.settled:
                self.shorter = short.verdict()
                return
            if short.exhausted and short.reason is not None:
                self.doubt(short.reason)
            if short.stopped_in is None or short.stopped_in not in same:
                return
            closed |= {short.stopped_in}

    def _both(self, setting: Setting) -> _PathResult:
        """Run both versions on one path; the old one says which states are worth comparing."""
        self.partings.begin()
        if not Call.of(self.inputs).fits(setting):
            return _PathResult()
        merged = self._merged(setting)
        if merged is None:
            return _PathResult()
        try:
            before = merged[0] or self._run(self.old, setting)
        except (Undefined, BeyondBound, KernelBug) as error:
            self.assumed.setdefault(f"calls are left out in which the old hook meets: {error}")
            return _PathResult()
        try:
            after = merged[1] or self._run(self.new, setting)
        except BROKEN as error:
            if before.hook_ran:
                return _PathResult([broken(error)], _guessed(before.machine.inputs.guessed))
            self.assumed.setdefault(f"calls are left out in which the new hook meets: {error}")
            return _PathResult()
        except BeyondBound as error:
            if before.hook_ran:
                raise
            self.assumed.setdefault(f"calls are left out in which the new hook meets: {error}")
            return _PathResult()
        if before.machine.populations and after.action and self._may_lock(before.machine):
            raise NotModelled("page tables may be filled under a lock that a helper took")
        self.compared = self.compared or before.hook_ran
        for outcome in (before, after):
            self.assumed.update(outcome.machine.assumed)
            self._note(setting, outcome)
        candidates = self._all_candidates(before, after)
        return _PathResult(candidates, _unsure(before, after), (before, after))

    def _may_lock(self, machine: Machine) -> bool:
        """Return whether a helper that is not followed may leave a lock held."""
        scopes = [machine.bindings.scope(each.source) for each in self.old.functions]
        return any(may_lock(scope, name) for scope in scopes for name in self.closed)

    def _all_candidates(self, before: Outcome, after: Outcome) -> list[Candidate]:
        changed = handed_out(self.old, self.new, before, after)
        elsewhere = called_elsewhere(self.old, self.new, before, after)
        return [*self.candidates(before, after), *changed, *elsewhere]

    def _run(self, side: Side, setting: Setting) -> Outcome:
        """Run one version; where nothing fails, note what could."""
        if not setting.plain:
            return run(side, setting, self.inputs, self.namer, self.watch)
        watched = self.partings.watched()
        try:
            return run(side, setting, self.inputs, self.namer, self.watch, watched)
        finally:
            self.partings.end()

    def _merged(self, setting: Setting) -> tuple[Outcome | None, Outcome | None] | None:
        """Return what comes of a call that merges, of one version; None if neither merges.

        A call that merges in neither comes to what it comes to alone, in the state that the mapping
        beside it left: that is one of those that the mapping alone was looked at in. It is made out
        without running an old hook for it, which is called after a VMA of its own was allocated.
        """
        if setting.layout not in BESIDE:
            return None, None
        probe = replace(setting, fails="vma_alloc")
        try:
            before = run(self.old, probe, self.inputs, self.namer, self.watch)
            if before.merged:
                return before, None
            if before.beside == 0:
                return None
            after = run(self.new, probe, self.inputs, self.namer, self.watch)
        except (*BROKEN, BeyondBound):
            return None, None
        return (None, after) if after.merged else None

    def _note(self, setting: Setting, outcome: Outcome) -> None:
        """Note what makes further settings worth exploring."""
        memory, bindings = outcome.machine.memory, outcome.machine.bindings
        wrote = any(paths and bindings.outlasts(key) for key, paths in memory.written.items())
        self.disturbed = self.disturbed or (memory.disturbed and wrote)
        self.leaves = self.leaves or (wrote and setting.fails == "vma_alloc")
        if setting.layout == "alone" and setting.fails is None:
            self.reached |= set(_reached(outcome))
            special = [(vma.vm_flags & VM_SPECIAL) != 0 for vma in outcome.vmas]
            self.mergeable = self.mergeable or any(each is not True for each in special)

    def _look_at_offsets(self, found: _PathResult, decisions: Sequence[symbolic.Decision]) -> None:
        offset = self.moved.found(found.outcomes, decisions)
        if offset is not None:
            self.doubt(f"{offset}, on which something hangs, is another one in the new version")

    def _place(
        self, setting: Setting, found: _PathResult, decisions: Sequence[symbolic.Decision]
    ) -> None:
        """Note whether it may matter on which side of a mapping another one lies."""
        if self.mergeable and not self.positional and setting.layout == "alone":
            self.positional = any(positional(each, decisions) for each in found.outcomes)

    def _judge(self, setting: Setting, path: Explored) -> None:
        """Ask for inputs that show each candidate, and replay them on the concrete model."""
        for candidate in path.value.candidates if path.value else ():
            known = self.accepted if candidate.accepted else self.differences
            if candidate.id in known:
                continue
            model = self._witness(path, candidate)
            if model is not None:
                self._confirm(setting, path, candidate, model)

    def _witness(self, path: Explored, candidate: Candidate) -> symbolic.Model | None:
        if candidate.condition is True and path.model is not None:
            return path.model
        return self.explorer.solver.check([*path.condition, candidate.condition])

    def _confirm(
        self, setting: Setting, path: Explored, candidate: Candidate, model: symbolic.Model
    ) -> None:
        """Replay a difference with the smallest numbers that show it."""
        unsure = path.value.unsure if path.value else None
        if unsure is not None and not candidate.accepted:
            self.doubt(unsure)
            return
        try:
            shown = self._replayer().example(setting, path.condition, candidate, model)
        except (NotModelled, KernelBug) as error:
            self.doubt(f"a difference ({candidate.what}) did not replay: {error}")
            return
        if shown is None:
            self.doubt(f"a difference ({candidate.what}) did not show when it was replayed")
            return
        known = self.accepted if candidate.accepted else self.differences
        known[candidate.id] = Difference(candidate.id, candidate.what, shown, candidate.judgement)
        if not candidate.accepted:
            self._hurry()

    def _replayer(self) -> Replayer:
        explorer, watch, candidates = self.explorer, self.watch, self._all_candidates
        return Replayer(self.old, self.new, self.namer, explorer, watch, candidates)

    def try_concretely(self, seconds: float) -> None:
        """Without a proof, look for a difference in concrete runs; say how many there were."""
        deadline = self.effort.after(seconds)
        found, tried = look_for_difference(self.old, self.new, self.effort, deadline)
        if found is not None:
            self.differences[found.id] = found
        runs = "no concrete run could be made" if tried == 0 else f"{tried} concrete runs agree"
        self.reason = f"{self.reason}; {runs}"


class _Shorter(_Comparison):
    """A comparison in which some helpers are not followed; all but `equivalent` is no answer."""

    def __init__(self, outer: _Comparison, closed: frozenset[str]) -> None:
        left = outer.effort.left(outer.deadline)
        super().__init__(outer.old, outer.new, left * CLOSED_SHARE)
        self.closed = closed
        self.tried = True
        self.positional = True
        self.enough = 0.0

    @property
    def settled(self) -> bool:
        """Whether this has no answer."""
        return super().settled or bool(self.accepted)


def _reached(outcome: Outcome) -> Iterator[str]:
    """Yield the failures of FAILURES that this call gets to, with their points."""
    kinds = [event.kind for event in outcome.log]
    if "populate" in kinds:
        yield from ("page_table", "page_table:EINVAL")
    if kinds.count("populate") > 1:
        yield "page_table:1"
    if any(vma.vm_file not in (None, outcome.file) for vma in outcome.vmas):
        yield "shmem"
    if "mmap_prepare" in kinds:
        yield from (name for name in OF_ACTIONS if failure(name).point in kinds)


def _unsure(*outcomes: Outcome) -> str | None:
    return next(filter(None, (_guessed(each.machine.inputs.guessed) for each in outcomes)), None)


def _guessed(functions: Iterable[str]) -> str | None:
    for function in functions:
        return f"a difference may hang on {function[1:]} of values whose type was not found"
    return None
