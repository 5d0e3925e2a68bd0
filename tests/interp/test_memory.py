# SPDX-License-Identifier: GPL-2.0-only
"""Going back to a mark: what was written, made up and forgotten since is as it was before."""

from __future__ import annotations

from premap.csource.ctypes import StructType
from premap.interp.inputs import RecordedInputs, SymbolicInputs
from premap.interp.memory import Memory
from premap.interp.naming import Namer
from premap.interp.objects import Object
from premap.interp.values import INT, Place, Value

CARD = StructType("struct", "card")


def memory() -> Memory:
    return Memory(RecordedInputs({}), Namer())


def write(place: Place, number: int) -> None:
    value = Value(INT, number)
    place.store(value)
    place.object.memory.note_write(place, value)


def number(made: Object, member: str) -> int:
    return int(Place(made).field(member).load(INT).data)


class TestGoingBack:
    def test_what_was_written_is_what_it_was(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        write(Place(card).field("size"), 3)
        before = held.history, held.epoch, dict(held.written)
        held.set_mark()
        write(Place(card).field("size"), 4)
        write(Place(card).field("other"), 5)
        held.forget_shared(("unknown",))
        assert number(card, "size") == 0
        held.go_back()
        held.drop_mark()
        assert (number(card, "size"), number(card, "other")) == (3, 0)
        assert (held.history, held.epoch, held.written) == before

    def test_what_was_made_up_since_is_gone(self) -> None:
        held = memory()
        held.set_mark()
        first = held.object("card", CARD)
        held.go_back()
        held.drop_mark()
        assert held.object("card", CARD) is not first

    def test_what_is_kept_stays(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        held.set_mark()
        write(Place(card).field("size"), 4)
        held.drop_mark()
        assert number(card, "size") == 4
        assert held.kept == []

    def test_a_mark_within_another(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        size = Place(card).field("size")
        write(size, 1)
        held.set_mark()
        write(size, 2)
        held.set_mark()
        write(size, 3)
        held.go_back()
        held.drop_mark()
        assert number(card, "size") == 2
        held.set_mark()
        write(size, 4)
        held.drop_mark()
        held.go_back()
        held.drop_mark()
        assert number(card, "size") == 1
        assert held.written == {"card": [("size",)]}

    def test_twice_to_the_same_mark(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        size = Place(card).field("size")
        write(size, 1)
        held.set_mark()
        for given in (2, 3):
            write(size, given)
            held.go_back()
            assert number(card, "size") == 1
        held.drop_mark()

    def test_whether_the_rest_is_zero(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        held.set_mark()
        card.fill(zeroed=True)
        held.go_back()
        held.drop_mark()
        assert not card.is_zeroed(("size",))

    def test_unknown_code_changes_what_is_there_again(self) -> None:
        held = memory()
        card = held.object("card", CARD)
        write(Place(card).field("size"), 3)
        held.set_mark()
        held.forget_shared(("unknown",))
        held.go_back()
        held.drop_mark()
        assert number(card, "size") == 3
        held.forget_shared(("unknown", "again"))
        assert number(card, "size") == 0

    def test_unknown_code_changes_what_was_only_read(self) -> None:
        held = Memory(SymbolicInputs(), Namer())
        card = held.object("card", CARD)
        first = Place(card).field("size").load(INT).data
        assert Place(card).field("size").load(INT).data is first
        held.forget_shared(("unknown",))
        assert Place(card).field("size").load(INT).data is not first
