# SPDX-License-Identifier: GPL-2.0-only
"""The paths of small programs, known by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from premap.symbolic import (
    Condition,
    Coverage,
    Explorer,
    Model,
    NotDeterministic,
    OutOfTime,
    SeenEnough,
    Solver,
    SolverGaveUp,
    TooManyDecisions,
    TooManyPaths,
    all_of,
    apply,
    check,
    concretise,
    const,
    var,
)

offset, length, size, flags = (var(name) for name in ("offset", "length", "size", "flags"))


class Declined(Exception):
    pass


def bounds_check() -> str:
    if offset + length > size:
        return "EINVAL"
    if length == 0:
        return "nothing"
    if offset >= size:
        return "beyond the end"
    return "mapped"


class TestPaths:
    def test_the_wrap_of_a_bounds_check_is_found(self) -> None:
        paths = {path.value: path for path in Explorer().explore(bounds_check)}
        assert set(paths) == {"EINVAL", "nothing", "beyond the end", "mapped"}
        model = paths["beyond the end"].model
        assert model.eval(offset) + model.eval(length) >= 1 << 64

    def test_without_the_wrap_there_is_no_such_path(self) -> None:
        narrow = [offset < 1 << 40, length < 1 << 40]
        values = [path.value for path in Explorer(narrow).explore(bounds_check)]
        assert values == ["EINVAL", "nothing", "mapped"]

    def test_true_goes_first(self) -> None:
        def program() -> tuple[bool, bool]:
            return bool(flags & 1), bool(flags & 2)

        values = [path.value for path in Explorer().explore(program)]
        assert values == list(itertools.product([True, False], repeat=2))

    def test_only_those_that_begin_so(self) -> None:
        explorer = Explorer()
        first = [path.decisions[:1] for path in explorer.explore(bounds_check)]
        again = explorer.explore(bounds_check, beginnings=[first[-1]])
        assert [path.value for path in again] == ["nothing", "beyond the end", "mapped"]
        assert not list(explorer.explore(bounds_check, beginnings=[]))

    def test_what_is_given_holds_whatever_is_asked_first(self) -> None:
        explorer = Explorer()
        taken = {path.value: path.decisions for path in explorer.explore(bounds_check)}

        def asks_otherwise() -> tuple[bool, str]:
            return bool(flags & 1), bounds_check()

        given = [taken["mapped"], taken["nothing"]]
        values = [
            path.value for path in explorer.explore(asks_otherwise, beginnings=given, given=True)
        ]
        assert values == [
            (True, "mapped"),
            (False, "mapped"),
            (True, "nothing"),
            (False, "nothing"),
        ]

    def test_a_beginning_of_another_program(self) -> None:
        explorer = Explorer()
        begin = [path.decisions[:1] for path in explorer.explore(bounds_check)][:1]
        with pytest.raises(NotDeterministic):
            list(explorer.explore(lambda: bool(flags & 1), beginnings=begin))

    def test_every_input_takes_exactly_one_path(self) -> None:
        conditions = [all_of(*path.condition) for path in Explorer().explore(bounds_check)]
        for one, other in itertools.combinations(conditions, 2):
            assert check([one, other]) is None
        assert check([~condition for condition in conditions]) is None

    def test_the_model_of_a_path_takes_it(self) -> None:
        for path in Explorer().explore(bounds_check):
            assert path.model.satisfies(path.condition)

    def test_a_question_asked_twice_is_one_decision(self) -> None:
        def program() -> bool:
            return bool(offset < size) and bool(size > offset)

        assert [len(path.decisions) for path in Explorer().explore(program)] == [1, 1]

    def test_what_follows_does_not_split(self) -> None:
        def program() -> None:
            if offset < 5 and offset < 6:
                pass

        decisions = [path.decisions for path in Explorer().explore(program)]
        assert [[each.split for each in path] for path in decisions] == [[True, False], [True]]

    def test_a_program_that_asks_nothing(self) -> None:
        (path,) = Explorer().explore(lambda: 7)
        assert (path.value, path.condition, path.decisions) == (7, (), ())

    @pytest.mark.parametrize("assume", [[False], [offset < 3, offset > 5]])
    def test_assumptions_that_can_not_be_leave_no_path(self, assume: list[bool]) -> None:
        assert list(Explorer(assume).explore(bounds_check)) == []

    def test_flags_tested_with_terms_do_not_split(self) -> None:
        def program() -> int:
            return ((flags & 1) == 1).select(4, 8)

        assert len(list(Explorer().explore(program))) == 1

    def test_an_unknown_function_gives_the_same_for_the_same(self) -> None:
        def program() -> bool:
            first, second = apply("f", offset), apply("f", size)
            return bool(offset == size) and bool(first != second)

        assert not any(path.value for path in Explorer().explore(program))


class TestExceptions:
    @staticmethod
    def program() -> str:
        if flags & 1:
            raise Declined("no")
        return "yes"

    def test_a_named_exception_ends_its_path(self) -> None:
        first, second = Explorer().explore(self.program, stop=Declined)
        assert isinstance(first.exception, Declined)
        assert first.value is None
        assert (second.value, second.exception) == ("yes", None)

    def test_any_other_passes_through(self) -> None:
        with pytest.raises(Declined):
            list(Explorer().explore(self.program, stop=KeyError))

    def test_nothing_decides_after_a_failure(self) -> None:
        with pytest.raises(Declined):
            list(Explorer().explore(self.program))
        assert Explorer.current() is None


class TestLimits:
    @staticmethod
    def endless() -> None:
        for number in itertools.count():
            if offset == number:
                return

    def test_paths(self) -> None:
        with pytest.raises(TooManyPaths, match="more than 3 paths") as caught:
            list(
                Explorer(max_paths=3, max_decisions=100).explore(
                    lambda: flags & 3 and bounds_check()
                )
            )
        assert caught.value.limit == 3

    def test_decisions(self) -> None:
        with pytest.raises(TooManyDecisions, match="more than 50 decisions"):
            list(Explorer([offset > 1000], max_decisions=50).explore(self.endless))

    def test_time(self) -> None:
        with pytest.raises(OutOfTime):
            list(Explorer(deadline_seconds=0.0).explore(bounds_check))

    def test_a_question_too_hard(self) -> None:
        a, b = var("a"), var("b")
        hard = [a * b == 0x7FFFFFFFFFFFFFE7 * 3, a > 3, b > 3, a < b, a * a * b % 1000003 == 77]
        with pytest.raises(SolverGaveUp):
            check(hard, limit_ms=5)

    def test_a_path_that_turns_out_to_be_impossible_is_none(self) -> None:
        explorer = Explorer([offset < 5], patience_ms=1)
        asked = explorer.possible

        def gives_up(condition: Condition) -> bool:
            if explorer._run.decisions:
                return asked(condition)
            raise SolverGaveUp("too hard")

        explorer.possible = gives_up  # type: ignore[method-assign]
        paths = list(explorer.explore(lambda: bool(offset > 7)))
        assert [path.value for path in paths] == [False]

    def test_a_program_that_is_not_deterministic(self) -> None:
        numbers = itertools.count()
        with pytest.raises(NotDeterministic):
            list(Explorer().explore(lambda: bool(offset == next(numbers))))


class TestQueries:
    def test_a_contradiction_is_found_once(self) -> None:
        explorer = Explorer()
        assert explorer.check([offset < 5, offset > 7, size == 1]) is None
        asked = explorer.solver.queries
        assert explorer.check([length == 3, offset > 7, offset < 5]) is None
        assert explorer.solver.queries == asked

    def test_explorers_share_what_a_solver_learnt(self) -> None:
        first = Explorer([offset < 5])
        list(first.explore(lambda: bool(offset > 7)))
        asked = first.solver.queries
        second = Explorer([offset < 5], solver=first.solver)
        assert second.check([offset < 5, offset > 7]) is None
        assert first.solver.queries == asked

    def test_possible_and_implied_do_not_split(self) -> None:
        def program() -> tuple[bool, bool, bool]:
            explorer = Explorer.current()
            assert explorer is not None
            if offset < 5:
                return explorer.implied(offset < 9), explorer.possible(offset == 4), True
            return explorer.implied(offset < 9), explorer.possible(offset == 4), False

        values = [path.value for path in Explorer().explore(program)]
        assert values == [(True, True, True), (False, False, False)]

    def test_concretise(self) -> None:
        def program() -> tuple[int | None, int | None]:
            if offset == 4096:
                return concretise(offset >> 12), concretise(size)
            return concretise(offset), concretise(const(3))

        values = [path.value for path in Explorer().explore(program)]
        assert values == [(1, None), (None, 3)]

    def test_a_witness_takes_the_path(self) -> None:
        def program() -> int | None:
            explorer = Explorer.current()
            assert explorer is not None
            if offset + length < offset:
                model = explorer.witness(length < 3)
                return None if model is None else model.eval(offset)
            return 0

        wrapped, _ = (path.value for path in Explorer().explore(program))
        assert wrapped is not None
        assert wrapped >= (1 << 64) - 2

    def test_explorers_nest(self) -> None:
        def program() -> int:
            inner = Explorer()
            paths = len(list(inner.explore(bounds_check)))
            assert Explorer.current() is outer
            return paths

        outer = Explorer()
        assert [path.value for path in outer.explore(program)] == [4]


class TestLabels:
    def test_a_decision_knows_where_it_was_made(self) -> None:
        explorer = Explorer()

        def program() -> bool:
            with explorer.at("drivers/char/mem.c:3"):
                outside = bool(offset > size)
                with explorer.at("drivers/char/mem.c:4"):
                    return bool(length == 0) or outside

        labels = {each.label for path in explorer.explore(program) for each in path.decisions}
        assert labels == {"drivers/char/mem.c:3", "drivers/char/mem.c:4"}


class Impatient(Solver):
    """Has no answer to what is asked about `size` in less than a second."""

    gave_up = 0

    def check(self, conditions: Iterable[Condition], limit_ms: int | None = None) -> Model | None:
        given = list(conditions)
        if limit_ms is not None and limit_ms < 1000 and any("size" in str(c) for c in given):
            self.gave_up += 1
            raise SolverGaveUp("too hard")
        return super().check(given, limit_ms)

    def extend(
        self,
        model: Model,
        conditions: Iterable[Condition],
        more: Condition,
        limit_ms: int | None = None,
    ) -> Model | None:
        given = [*conditions, more]
        return self.check(given, limit_ms)


class TestPatience:
    def test_what_is_too_hard_is_followed_and_asked_at_the_end(self) -> None:
        def program() -> tuple[bool, bool]:
            large = bool(size > 5)
            return large, bool(size < 3) if large else bool(offset > 1)

        solver = Impatient()
        patient = [path.value for path in Explorer().explore(program)]
        explorer = Explorer(solver=solver, patience_ms=100)
        assert [path.value for path in explorer.explore(program)] == patient
        assert solver.gave_up > 0

    def test_without_patience_it_ends(self) -> None:
        explorer = Explorer(solver=Impatient(limit_ms=500))
        with pytest.raises(SolverGaveUp):
            list(explorer.explore(lambda: bool(size > 5)))


class TestSearch:
    """A program of 1,026 paths: most ask ten questions, two say "rare" or "odd"."""

    def explore(self, in_order: int) -> tuple[list[str], bool]:
        """Return what the paths that were run gave, and whether that was all of them."""
        asking = [0]

        def at(place: int, condition: Condition) -> bool:
            asking[0] = place
            return bool(condition)

        def program() -> str:
            if not at(100, flags & 1024 != 0):
                return "rare" if at(101, size == 7) else "odd"
            return "".join("x" if at(bit, flags & (1 << bit) != 0) else "-" for bit in range(10))

        given: list[str] = []
        try:
            search = Coverage(lambda: asking[0], in_order)
            given.extend(path.value or "" for path in Explorer().explore(program, search=search))
        except SeenEnough:
            return given, False
        return given, True

    def test_each_answer_is_given_on_some_path(self) -> None:
        given, whole = self.explore(in_order=4)
        assert not whole
        assert {"rare", "odd"} <= set(given)
        assert len(given) < 20
        for bit in range(10):
            assert {each[bit] for each in given if len(each) == 10} == {"x", "-"}

    def test_the_first_ones_come_in_order(self) -> None:
        given, _ = self.explore(in_order=4)
        assert given[:4] == ["xxxxxxxxxx", "xxxxxxxxx-", "xxxxxxxx-x", "xxxxxxxx--"]

    def test_none_is_run_twice(self) -> None:
        given, _ = self.explore(in_order=4)
        assert len(given) == len(set(given))

    def test_a_program_of_few_paths_is_seen_wholly(self) -> None:
        given, whole = self.explore(in_order=2000)
        assert whole
        assert len(set(given)) == 1026
