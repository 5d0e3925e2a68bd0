# SPDX-License-Identifier: GPL-2.0-only
"""All paths of a program: it runs again and again, each time with other answers to its questions.

A program is any deterministic function. Where it tests a condition (`if`) of which both answers are
possible, the path splits: the program goes on with True, and is run again later with False.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar, cast

from msgspec import Struct

from premap.symbolic.effort import DECISION, SECOND, guard
from premap.symbolic.errors import (
    NotDeterministic,
    OutOfTime,
    SolverGaveUp,
    TooManyDecisions,
    TooManyPaths,
)
from premap.symbolic.models import Model
from premap.symbolic.node import BoolNode
from premap.symbolic.pace import Pace
from premap.symbolic.search import Coverage
from premap.symbolic.solver import DEFAULT_LIMIT_MS, Solver
from premap.symbolic.terms import Bool, Condition, Operand, Word, as_word, decider, results
from premap.symbolic.truth import conjuncts, not_

T = TypeVar("T")

KEPT_MODELS = 64
"""Models of earlier paths that are tried before the solver is asked."""

KEPT_RESULTS = 1 << 16
"""Results of operators that are kept from one run of a program to the next."""

_current: ContextVar[Explorer | None] = ContextVar("current", default=None)


class Decision(Struct, frozen=True):
    """A question that a program asked, the answer, and whether the other one was possible, too."""

    condition: Bool
    answer: bool
    split: bool
    label: str | None
    sure: bool = True
    """Whether the answer is known to be possible; if not, the solver had no answer in its limit."""


class Path(Struct, Generic[T], frozen=True):
    """One path: what the program returned or raised, and for which inputs.

    `condition` includes the explorer's assumptions. `model` is an input that takes this path; None
    where the solver could not find one in its limit, so that there may be no such input.
    """

    value: T | None
    exception: BaseException | None
    condition: tuple[Bool, ...]
    decisions: tuple[Decision, ...]
    model: Model | None


class _Run:
    """One run of the program: decisions to repeat, then new ones."""

    def __init__(
        self, prefix: tuple[Decision, ...], assumed: Sequence[Bool], models: Iterable[Model]
    ) -> None:
        self.prefix = prefix
        self.witnesses = [(model, len(assumed)) for model in models]
        """Models that may take this path, each with how many of `condition` it is known to meet."""
        self.decisions: list[Decision] = []
        self.condition: list[Bool] = list(assumed)
        self.asked: list[Bool] = list(assumed)
        """Of `condition`, what further questions contain: all but what was too hard to answer."""
        self.known: dict[int, bool] = {}
        self.place = 0
        self.given = 0
        """How many of the decisions held from the start."""
        for each in assumed:
            self.learn(each, answer=True)

    def holding(self) -> Iterator[Model]:
        """Yield the models that take this path, the newest first; forget those that do not."""
        for place in reversed(range(len(self.witnesses))):
            model, met = self.witnesses[place]
            while met < len(self.condition) and model.eval(self.condition[met]):
                met += 1
            if met < len(self.condition):
                del self.witnesses[place]
            else:
                self.witnesses[place] = model, met
                yield model

    def learn(self, condition: BoolNode, *, answer: bool) -> None:
        """Remember the answer of a condition, and of the parts that follow from it."""
        if condition.op == "not":
            condition, answer = condition.args[0], not answer
        self.known[condition.uid] = answer
        if answer and condition.op == "conj":
            for part in conjuncts(condition):
                self.learn(part, answer=True)


class Explorer:
    """Runs programs along all their paths.

    `assume` holds on every path. Limits: paths of one exploration, decisions of one path, seconds
    of one exploration, milliseconds of one question to the solver. What exceeds one raises
    TooManyPaths, TooManyDecisions, OutOfTime or SolverGaveUp, out of the program too. Seconds and
    milliseconds are those that the work done stands for (`premap.symbolic.effort`). Explorers of
    related programs may share a `solver`, what it has learnt and its effort; its limit then counts.

    With `patience_ms`, a decision whose answer takes the solver longer counts as possible, and the
    path goes on: what is explored then includes paths that no input takes, but misses none.

    `hasty`: an exploration that at its pace would take far more than its seconds is out of time
    as soon as that can be told (`premap.symbolic.pace`).
    """

    def __init__(
        self,
        assume: Sequence[Condition] = (),
        *,
        max_paths: int = 4096,
        max_decisions: int = 4096,
        deadline_seconds: float = 60.0,
        solver_limit_ms: int = DEFAULT_LIMIT_MS,
        solver: Solver | None = None,
        patience_ms: int | None = None,
    ) -> None:
        self.patience_ms = patience_ms
        self.impossible = any(each is False for each in assume)
        self.assumed = tuple(each for each in assume if isinstance(each, Bool))
        self.max_paths = max_paths
        self.max_decisions = max_decisions
        self.deadline_seconds = deadline_seconds
        self.solver = solver or Solver(solver_limit_ms)
        self.effort = self.solver.effort
        self._models: deque[Model] = deque(maxlen=KEPT_MODELS)
        self.hasty = False
        self._deadline = float("inf")
        self._guard = float("inf")
        self._hopeless = False
        self._pace = Pace(0, float("inf"))
        self._search: Coverage | None = None
        self._run = _Run((), self.assumed, ())
        self._pending: list[tuple[tuple[Decision, ...], int]] = []
        """How paths begin that are yet to be run, and how much of that holds from the start."""
        self._places: dict[tuple[int, int, bool], int] = {}
        self._answers: dict[tuple[int, int], Model | None] = {}
        self._asked: list[BoolNode] = []
        """The conditions in `_answers`: one that is made again then has the same number."""
        self.label: str | None = None
        """What further decisions are labelled with."""
        self._results: dict[tuple[int, int, int], object] = {}

    @property
    def decided(self) -> int:
        """How many decisions were made on this path."""
        return len(self._run.decisions)

    @staticmethod
    def current() -> Explorer | None:
        """Return the explorer that runs the program from which this is called, if one does."""
        return _current.get()

    def explore(
        self,
        program: Callable[[], T],
        *,
        stop: type[BaseException] | tuple[type[BaseException], ...] = (),
        beginnings: Sequence[tuple[Decision, ...]] = ((),),
        given: bool = False,
        search: Coverage | None = None,
    ) -> Iterator[Path[T]]:
        """Run `program` once for each of its paths, those of earlier True answers first.

        Exceptions of the classes `stop` end a path and are recorded in it; others pass through.
        Only paths that begin with one of the `beginnings` are run: decisions that this explorer
        made before, none of which begins with another one. `given`: they hold from the start,
        whatever the program asks first; no two of them can hold together. With a `search`, that
        says which is next, and may end it all: SeenEnough is raised then.
        """
        self._search = search
        self._deadline = self.effort.after(self.deadline_seconds)
        self._hopeless = False
        self._pace = Pace(self.effort.spent, self._deadline - self.effort.spent)
        self._guard = guard(self.deadline_seconds)
        self._pending = [(each, len(each) if given else 0) for each in reversed(beginnings)]
        paths = 0
        if self.impossible:
            return
        while self._pending:
            paths += 1
            if paths > self.max_paths:
                raise TooManyPaths(f"more than {self.max_paths} paths", self.max_paths)
            pending = (prefix for prefix, _ in self._pending)
            slow = self._pace.hopeless(self.effort.spent, pending)
            if search is not None and paths > 1:
                self._pending.append(self._pending.pop(search.next()))
            self._begin(*self._pending.pop())
            self._hopeless = self.hasty and slow
            if paths == 1 and self._witness() is None:
                return
            path = self._path(program, stop)
            if path is not None:
                yield path

    def _begin(self, prefix: tuple[Decision, ...], given: int) -> None:
        self.check_time()
        self._run = _Run(prefix, self.assumed, self._models)
        self._run.given = given
        for decision in prefix[:given]:
            self._take(decision)

    def extend(self, work: float) -> None:
        """Leave work (units of `effort`) out of account that was done for something else."""
        self._deadline += work
        self._pace.skip(work)

    def _path(
        self, program: Callable[[], T], stop: type[BaseException] | tuple[type[BaseException], ...]
    ) -> Path[T] | None:
        """Run the program along one path; None if that turns out to be impossible."""
        value, exception = None, None
        with self._active():
            try:
                value = program()
            except stop as raised:
                exception = raised
        run = self._run
        if len(run.decisions) < len(run.prefix):
            raise NotDeterministic("a program asked less when it ran again")
        try:
            model = self._taken()
        except SolverGaveUp:
            if self.patience_ms is None:
                raise
            model = None
        else:
            if model is None:
                return None
        return Path(value, exception, tuple(run.condition), tuple(run.decisions), model)

    def _taken(self) -> Model | None:
        """Return an input that takes the path that was just run; None if there is none."""
        run = self._run
        if len(run.asked) < len(run.condition):
            return self.check(run.condition)
        return self._witness()

    @contextmanager
    def _active(self) -> Iterator[None]:
        outer = _current.set(self)
        outer_decider = decider.set(self.decide)
        if len(self._results) > KEPT_RESULTS:
            self._results.clear()
        outer_results = results.set(self._results)
        self.label = None
        try:
            yield
        finally:
            results.reset(outer_results)
            decider.reset(outer_decider)
            _current.reset(outer)

    @contextmanager
    def at(self, label: str) -> Iterator[None]:
        """Give the decisions made inside a label: the place in the source that asks."""
        outer, self.label = self.label, label
        try:
            yield
        finally:
            self.label = outer

    def decide(self, condition: Bool) -> bool:
        """Answer a condition on this path; where both answers are possible, split."""
        self.effort.spent += DECISION
        known = self._known(condition)
        if known is not None:
            return known
        run = self._run
        index = len(run.decisions)
        if index < len(run.prefix):
            return self._repeat(run.prefix[index], condition)
        if index >= self.max_decisions:
            message = f"more than {self.max_decisions} decisions on one path"
            raise TooManyDecisions(message, self.max_decisions)
        if_true, if_false = self._plausible(condition), self._plausible(_negated(condition))
        split = if_true is not False and if_false is not False
        if split:
            sure = if_false is True
            other = Decision(condition, answer=False, split=True, label=self.label, sure=sure)
            self._pending.append(((*run.decisions, other), run.given))
            if self._search is not None:
                self._search.split()
        answer = if_true is not False
        sure = if_true is not None
        self._take(Decision(condition, answer=answer, split=split, label=self.label, sure=sure))
        return answer

    def _plausible(self, condition: Bool) -> bool | None:
        """Return whether the condition is possible on this path; None if that is too hard."""
        if self.patience_ms is None:
            return self.possible(condition)
        try:
            return self.possible(condition)
        except SolverGaveUp:
            return None

    def _repeat(self, decision: Decision, condition: Bool) -> bool:
        if decision.condition is not condition:
            where = f" at {self.label}" if self.label else ""
            raise NotDeterministic(
                f"a program asked {condition} instead of {decision.condition}{where}"
            )
        self._take(decision)
        return decision.answer

    def _take(self, decision: Decision) -> None:
        run = self._run
        run.decisions.append(decision)
        run.learn(decision.condition, answer=decision.answer)
        if decision.split:
            condition = decision.condition
            chosen = condition if decision.answer else _negated(condition)
            run.condition.append(chosen)
            if decision.sure:
                run.asked.append(chosen)
            step = (run.place, condition.uid, decision.answer)
            run.place = self._places.setdefault(step, len(self._places) + 1)

    def _known(self, condition: BoolNode) -> bool | None:
        if condition.op == "not":
            inner = self._run.known.get(condition.args[0].uid)
            return None if inner is None else not inner
        return self._run.known.get(condition.uid)

    def witness(self, condition: Condition) -> Model | None:
        """Return an input that takes this path, and for which the condition is true; or None."""
        if isinstance(condition, bool):
            return self._witness() if condition else None
        known = self._known(condition)
        if known is not None:
            return self._witness() if known else None
        key = (self._run.place, condition.uid)
        if key not in self._answers:
            self._answers[key] = self._find(condition)
            self._asked.append(condition)
        return self._answers[key]

    def _find(self, condition: Bool) -> Model | None:
        run = self._run
        near = None
        for model in run.holding():
            if model.eval(condition):
                return model
            near = near or model
        if near is not None:
            found = self._extend(near, run.asked, condition)
        else:
            found = self.check([*run.asked, condition], self.patience_ms)
        if found is not None:
            run.witnesses.append((found, len(run.condition)))
        return found

    def _witness(self) -> Model | None:
        run = self._run
        known = next(run.holding(), None)
        if known is not None:
            return known
        found = self.check(run.asked)
        if found is not None:
            run.witnesses.append((found, len(run.condition)))
        return found

    def check(self, conditions: Sequence[Condition], limit_ms: int | None = None) -> Model | None:
        """Return a model of these conditions alone, from this explorer's solver; or None."""
        found = self.solver.check(conditions, self._limit(limit_ms))
        if found is not None and found.satisfies(self.assumed):
            self._models.append(found)
        return found

    def _extend(
        self, model: Model, conditions: Sequence[Condition], more: Condition
    ) -> Model | None:
        """Return a model of one more condition than the given one is a model of; or None."""
        found = self.solver.extend(model, conditions, more, self._limit(self.patience_ms))
        if found is not None:
            self._models.append(found)
        return found

    def _limit(self, limit_ms: int | None) -> int:
        """Return how long a question may take (milliseconds)."""
        remaining = self._remaining()
        allowed = min(self.solver.limit_ms, limit_ms or self.solver.limit_ms)
        return min(allowed, max(1, int(min(remaining / SECOND, 1e6) * 1000)))

    def check_time(self) -> None:
        """Raise OutOfTime if the work that is left, or in the end the processor's time, is used."""
        self._remaining()
        if self._hopeless:
            message = f"far more than {self.deadline_seconds:.1f} seconds of work"
            raise OutOfTime(message, self.deadline_seconds)
        if time.process_time() > self._guard:
            raise OutOfTime("more time than the work done accounts for", self.deadline_seconds)

    def _remaining(self) -> float:
        """Return how much work is left; raise OutOfTime if none is."""
        remaining = self._deadline - self.effort.spent
        if remaining <= 0:
            message = f"more than {self.deadline_seconds:.1f} seconds of work"
            raise OutOfTime(message, self.deadline_seconds)
        return remaining

    def possible(self, condition: Condition) -> bool:
        """Whether the condition is true for an input of this path."""
        return self.witness(condition) is not None

    def implied(self, condition: Condition) -> bool:
        """Whether the condition is true for all inputs of this path."""
        return not self.possible(cast("Condition", not_(condition)))

    def concretise(self, value: Operand) -> int | None:
        """Return the only value that a word can have on this path, or None if there are several."""
        word: Word = as_word(value)
        if word.is_const:
            return int(word)
        model = self._witness()
        if model is None:
            return None
        only = model.eval(word)
        return only if self.implied(word == only) else None


def _negated(condition: Bool) -> Bool:
    return cast("Bool", not_(condition))


def concretise(value: Operand) -> int | None:
    """Return the only value that a word can have on the current path; None if there are several.

    Outside an explorer, that is the value of a constant.
    """
    explorer = Explorer.current()
    if explorer is not None:
        return explorer.concretise(value)
    word = as_word(value)
    return int(word) if word.is_const else None
