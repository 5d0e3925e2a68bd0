# SPDX-License-Identifier: GPL-2.0-only
"""Dataclasses that are made late, against the standard library's own."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from premap._dataclasses import dataclass

T = TypeVar("T")
LATE, EARLY = dataclass, dataclasses.dataclass
Decorator = Callable[..., Any]
SETTINGS = (
    {},
    {"frozen": True},
    {"slots": True},
    {"frozen": True, "slots": True},
    {"eq": False},
    {"frozen": True, "slots": True, "eq": False},
)


def _classes(decorator: Decorator, **settings: Any) -> dict[str, Any]:
    """Classes of all kinds that premap has."""

    @decorator(**settings)
    class Plain:
        """With a default, and one that is made anew."""

        name: str
        other: int = 5
        many: list[int] = field(default_factory=list)
        known: ClassVar[int] = 3

    @decorator(**settings)
    class Unlike:
        """With fields that are not compared, nor shown."""

        key: int
        about: str = field(default="", compare=False)
        long: str = field(default="x", repr=False)

        def __str__(self) -> str:
            return f"{self.key}!"

    @decorator(**settings)
    class Empty:
        """Without any."""

    @decorator(**settings)
    class Box(Generic[T]):
        """Of any kind."""

        inside: T

        @property
        def twice(self) -> tuple[T, T]:
            """As one of premap's has it."""
            return self.inside, self.inside

    @decorator(**settings)
    class Shown:
        """With a representation of its own."""

        number: int

        def __repr__(self) -> str:
            return "mine"

    return {each.__name__: each for each in (Plain, Unlike, Empty, Box, Shown)}


GIVEN: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("Plain", ("a",), {}),
    ("Plain", ("a", 6, [1]), {}),
    ("Plain", (), {"other": 7, "name": "b"}),
    ("Unlike", (1,), {}),
    ("Unlike", (1, "else"), {}),
    ("Unlike", (2,), {"long": "y"}),
    ("Empty", (), {}),
    ("Box", (1,), {}),
    ("Shown", (1,), {}),
    ("Shown", (2,), {}),
)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestAsTheStandardLibrary:
    def test_objects_hold_and_show_the_same(self, settings: dict[str, Any]) -> None:
        late, early = _classes(LATE, **settings), _classes(EARLY, **settings)
        for name, given, named in GIVEN:
            one, two = late[name](*given, **named), early[name](*given, **named)
            assert dataclasses.asdict(one) == dataclasses.asdict(two)
            if type(two).__repr__ is not object.__repr__:
                assert repr(one) == repr(two)

    def test_equality_is_the_same(self, settings: dict[str, Any]) -> None:
        late, early = _classes(LATE, **settings), _classes(EARLY, **settings)
        ones = [late[name](*given, **named) for name, given, named in GIVEN]
        twos = [early[name](*given, **named) for name, given, named in GIVEN]
        alike = [[a == b for a in ones] for b in ones]
        assert alike == [[a == b for a in twos] for b in twos]
        again = [late[name](*given, **named) for name, given, named in GIVEN]
        assert (again == ones) is settings.get("eq", True)

    def test_the_same_can_be_hashed(self, settings: dict[str, Any]) -> None:
        late, early = _classes(LATE, **settings), _classes(EARLY, **settings)
        for name, given, named in GIVEN:
            hashes = []
            for cls in (late[name], early[name]):
                try:
                    hash(cls(*given, **named))
                    hashes.append(hash(cls(*given, **named)) == hash(cls(*given, **named)))
                except TypeError as problem:
                    hashes.append(str(problem))
            assert hashes[0] == hashes[1] or not settings.get("eq", True)

    def test_wrong_arguments_are_refused_alike(self, settings: dict[str, Any]) -> None:
        for given, named in (((), {}), (("a", 1, [], 4), {}), (("a",), {"unknown": 1})):
            said = []
            for decorator in (LATE, EARLY):
                with pytest.raises(TypeError) as caught:
                    _classes(decorator, **settings)["Plain"](*given, **named)
                said.append(str(caught.value))
            assert said[0] == said[1]

    def test_setting_is_refused_alike(self, settings: dict[str, Any]) -> None:
        for name in ("name", "unheard"):
            said = []
            for decorator in (LATE, EARLY):
                made = _classes(decorator, **settings)["Plain"]("a")
                try:
                    setattr(made, name, 1)
                    said.append(getattr(made, name))
                except (FrozenInstanceError, AttributeError, TypeError) as problem:
                    said.append(isinstance(problem, FrozenInstanceError) and name == "name")
            assert said[0] == said[1] or (name, said[1]) == ("unheard", False)

    def test_fields_are_known_before_there_is_an_object(self, settings: dict[str, Any]) -> None:
        late, early = _classes(LATE, **settings), _classes(EARLY, **settings)
        for name in late:
            assert dataclasses.is_dataclass(late[name])
            shown = [(each.name, each.compare) for each in dataclasses.fields(late[name])]
            assert shown == [(each.name, each.compare) for each in dataclasses.fields(early[name])]
            assert late[name].__match_args__ == early[name].__match_args__

    def test_replacing_copies(self, settings: dict[str, Any]) -> None:
        made = _classes(LATE, **settings)["Plain"]("a", 2, [3])
        other = dataclasses.replace(made, name="b")
        assert (other.name, other.other, other.many) == ("b", 2, [3])
        assert copy.copy(made).many is made.many

    def test_a_class_that_adds_to_another_has_both(self, settings: dict[str, Any]) -> None:
        shown = []
        for decorator in (LATE, EARLY):

            @decorator(**settings)
            class Base:
                first: int = 1

            @decorator(**settings)
            class More(Base):
                second: int = 2

            shown.append((dataclasses.asdict(More(5, 6)), dataclasses.asdict(More(second=4))))
        assert shown[0] == shown[1]


@dataclass(frozen=True, slots=True)
class Sent:
    """At the file's level, as pickles need it."""

    name: str
    more: tuple[int, ...] = ()


@dataclass(eq=False)
class Lazy:
    """Not frozen, with a field that is computed."""

    number: int
    later: int = field(init=False)

    def __post_init__(self) -> None:
        self.later = self.number + 1

    @cached_property
    def double(self) -> int:
        """Kept beside the fields."""
        return self.number * 2


class TestPickles:
    def test_are_read_in_a_process_that_has_made_no_object_yet(self) -> None:
        program = (
            "import pickle, sys, dataclasses; found = pickle.load(sys.stdin.buffer);"
            "print(dataclasses.replace(found, name='b'), found == found)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps(Sent("a", (1,))),
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.stdout == b"Sent(name='b', more=(1,)) True\n", done.stderr

    def test_keep_what_is_frozen_frozen(self) -> None:
        found = pickle.loads(pickle.dumps(Sent("a")))
        with pytest.raises(FrozenInstanceError):
            found.name = "b"
        with pytest.raises(FrozenInstanceError):
            del found.name


class TestLate:
    def test_computed_fields(self) -> None:
        made = Lazy(3)
        assert (made.later, made.double, made == Lazy(3), made == made) == (4, 6, False, True)

    def test_a_match_sees_the_fields(self) -> None:
        match Sent("a", (2,)):
            case Sent(name, (number,)):
                assert (name, number) == ("a", 2)
            case _:
                pytest.fail("no match")

    def test_nothing_is_compiled_with_the_class(self) -> None:
        program = (
            "import builtins; from premap._dataclasses import dataclass\n"
            "def refuse(*_): raise AssertionError\n"
            "real, builtins.exec = builtins.exec, refuse\n"
            "@dataclass(frozen=True, slots=True)\n"
            "class A:\n x: 'int'\n"
            "builtins.exec = real; print(A(1))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
        assert (done.stdout, done.stderr) == (b"A(x=1)\n", b"")
