# SPDX-License-Identifier: GPL-2.0-only
"""Members that share their bytes: what was written as one is exact or refused as another."""

from __future__ import annotations

import pytest
from tests.interp.test_execution import refused, returns, run

from premap.interp.inputs import SymbolicInputs
from premap.model.words import U64_MAX

EXTRA = """
union plain {
	unsigned long whole;
	long signed_too;
	int half;
	void *pointer;
	unsigned char all[8];
};
struct mixed {
	int kind;
	union {
		unsigned long number;
		struct { unsigned int low; unsigned int high; };
		struct { unsigned int x; unsigned int y; } point;
		unsigned int first;
		unsigned int bits:8;
	};
	int after;
};
struct holder { union plain inner; struct mixed mixed; };
static struct mixed *shared;
"""


def gives(body: str, given: int = 0, **state: int) -> int:
    """Return what the body gives."""
    return returns(body, given, EXTRA, **state)


SHARES = "shares its place"


class TestReading:
    def test_the_member_that_was_written(self) -> None:
        assert gives("union plain u; u.half = n; return u.half;", 7) == 7

    def test_a_member_of_the_same_width(self) -> None:
        assert gives("union plain u; u.signed_too = -1; return u.whole == ~0ul;") == 1
        assert gives("union plain u; u.whole = n; return (long)u.pointer;", 40) == 40
        assert gives("union plain u; u.whole = n; return u.signed_too < 0;", U64_MAX) == 1

    def test_a_pointer_stays_one(self) -> None:
        body = "union plain u; u.pointer = the_card; return ((struct card *)u.pointer)->size;"
        assert gives(body, the_card__size=9) == 9

    @pytest.mark.parametrize(
        "body",
        [
            "union plain u; u.whole = n; return u.half;",
            "union plain u; u.whole = n; return u.all[0];",
            "union plain u; u.half = n; return u.whole;",
            "union plain u = { .half = 1 }; return u.whole;",
            "struct mixed m; m.number = n; return m.low;",
            "struct mixed m; m.low = 1; m.number = n; return m.low;",
            "struct mixed m; m.first = n; return m.high;",
            "struct mixed m; m.first = n; return m.low;",
            "struct mixed m; m.first = n; return m.point.x;",
            "struct mixed m; m.point.x = n; return m.first;",
            "struct mixed m = { .first = 3 }; return m.number;",
            "shared->number = n; return shared->first;",
            "long x = shared->number; shared->first = n; return x + shared->number;",
            "unsigned int *p = &shared->first; *p = n; return shared->number;",
            "struct mixed m = {}, k; m.number = n; k = m; return k.first;",
            "struct mixed m = {}; m.number = n; return ((struct mixed)m).low;",
            "struct holder h = {}; h.inner.whole = n; return h.inner.half;",
            "struct holder h = {}, g; h.mixed.number = n; g = h; return g.mixed.first;",
        ],
    )
    def test_another_one(self, body: str) -> None:
        refused(body, SHARES, EXTRA)

    def test_members_beside_it(self) -> None:
        body = "shared->number = n; return shared->kind * 10 + shared->after;"
        assert gives(body, 5, shared__kind=3, shared__after=4) == 34

    def test_neighbours_in_the_same_structure_share_nothing(self) -> None:
        body = "struct mixed m; m.low = 1; m.high = 2; m.low = 3; return m.low * 10 + m.high;"
        assert gives(body) == 32

    def test_what_is_written_again(self) -> None:
        assert gives("struct mixed m; m.number = 1; m.first = n; return m.first;", 8) == 8

    def test_a_part_of_what_others_see_is_not_written_over_it(self) -> None:
        refused("shared->number = 1; shared->first = n; return 0;", SHARES, EXTRA)

    def test_the_whole_structure_written_again(self) -> None:
        body = "struct mixed m; m.number = n; m = (struct mixed){ .kind = 2 }; return m.first;"
        assert gives(body, 8) == 0

    def test_a_copy_of_what_is_known(self) -> None:
        body = "struct mixed m = {}, k; m.number = n; k = m; return k.number + k.after;"
        assert gives(body, 8) == 8

    def test_unknown_code_may_have_written_anything(self) -> None:
        assert gives("shared->number = 1; poke(); return shared->first == shared->first;") == 1


class TestStructuresOfZeroes:
    """What was written after a structure was set to zero is part of it."""

    def test_a_member_of_a_member(self) -> None:
        body = (
            "struct holder h = {}, g; g = h; g.mixed.kind = n;"
            " struct mixed m = g.mixed; return m.kind + m.after;"
        )
        assert gives(body, 6) == 6

    def test_a_structure_that_is_copied_into_one(self) -> None:
        body = "struct holder h, z = {}; h = z; h.mixed = *shared; return h.mixed.kind;"
        assert gives(body, 0, shared__kind=4) == 4

    def test_what_was_allocated_as_zeroes_and_then_published(self) -> None:
        body = "struct mixed *m = kzalloc_obj(*m); int x = m->kind; poke(m); return x | m->kind;"
        assert not isinstance(run(body, 0, SymbolicInputs(), EXTRA)[0], int)
