# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what lies where in memory, and in which width.

Each pair here differs, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, RES, differ, unproven
from tests.equivalence.kit import judge

UNION = "union u { unsigned long whole; unsigned int half; long sign; void *link; };\n"
PAIR = """
struct in { long a; long b; };
struct pair { struct in one; struct in two; };
static struct pair *first;
static struct pair *second;
"""


class TestArrays:
    def test_an_index_may_hit_a_local_element(self) -> None:
        body = "unsigned long a[2]; a[0] = 1; a[1] = 2; {} return a[0] == 5 ? -EINVAL : 0;"
        verdict = judge(body.format("a[vma->vm_pgoff & 1] = 5;"), body.format(""))
        assert verdict.status in ("different", "unknown")

    def test_an_index_may_hit_an_element_read_before(self) -> None:
        body = (
            "unsigned long x = d->table[0]; d->table[{0} & 1] = 5;"
            " return d->table[0] == {1} ? -EINVAL : 0;"
        )
        verdict = judge(
            DEV + body.format("vma->vm_pgoff", "x"),
            NEW_DEV + body.format("desc->pgoff", "d->table[0]"),
        )
        assert verdict.status in ("different", "unknown")

    def test_rows_and_columns(self) -> None:
        body = (
            "unsigned long a[3][3]; a[1][2] = 1; a[2][1] = 2; return a[1][2] == %d ? -EINVAL : 0;"
        )
        verdict = judge(body % 1, body % 2)
        assert verdict.status in ("different", "unknown")

    def test_rows_and_columns_of_driver_state(self) -> None:
        unproven(
            "return grid.cells[1][2] ? -EINVAL : 0;",
            "return grid.cells[2][1] ? -EINVAL : 0;",
            "array of arrays",
            "static struct { int cells[3][3]; } grid;\n",
        )


class TestCallsWithVariables:
    def test_zeroes_that_a_call_replaces(self) -> None:
        differ(
            "struct res r = {}; get_res(file, &r); return r.start ? -EINVAL : 0;",
            "struct res r = {}; get_res(desc->file, &r); return 0;",
            RES,
        )

    @pytest.mark.parametrize("initializer", ["{}", "{ .start = 4 }"])
    def test_members_that_are_zero_no_more(self, initializer: str) -> None:
        differ(
            f"struct res a = {initializer}; a.start = 4; put_res(file, &a); return 0;",
            "struct res a; a.start = 4; put_res(desc->file, &a); return 0;",
            RES,
        )

    def test_a_variable_that_points_to_itself(self) -> None:
        body = "struct res a; a.next = &a; put_res({}, &a); return 0;"
        verdict = judge(body.format("file"), body.format("desc->file"), RES)
        assert verdict.status == "equivalent-except"

    def test_content_that_a_reading_function_sees(self) -> None:
        body = "unsigned long m = %d; return test_bit(0, &m) ? -EINVAL : 0;"
        differ(body % 1, body % 2)

    def test_a_variable_that_unknown_code_kept(self) -> None:
        differ(
            "int x = 0; start(&x); wait_for(file); return x ? -EINVAL : 0;",
            "int x = 0; int y; start(&x); y = x; wait_for(desc->file); return y ? -EINVAL : 0;",
        )

    def test_another_variable_with_the_same_type(self) -> None:
        body = "struct res a, b; get_res({0}, &a); get_res({0}, &b); put_res({0}, &{1}); return 0;"
        differ(body.format("file", "a"), body.format("desc->file", "b"), RES)

    def test_memory_that_a_known_function_writes(self) -> None:
        call = "atomic_try_cmpxchg(&d->ro, &d->limit, 3);"
        differ(
            f"{DEV}int r; {call} r = d->limit; return r ? -EINVAL : 0;",
            f"{NEW_DEV}int r; r = d->limit; {call} return r ? -EINVAL : 0;",
        )


class TestBits:
    def test_a_signed_bit_is_minus_one(self) -> None:
        differ(
            "struct b x; x.f = vma->vm_pgoff == 0; return x.f < 0 ? -EINVAL : 0;",
            "return 0;",
            "struct b { int f:1; };\n",
        )


class TestUnions:
    """A member that is read after another one was written: exact, or `unknown`."""

    def test_the_same_bits_with_another_sign(self) -> None:
        differ(
            "union u x; x.whole = vma->vm_pgoff - 1; return x.sign < 0 ? -EINVAL : 0;",
            "return 0;",
            UNION,
        )

    @pytest.mark.parametrize("start", ["union u x = {}", "union u x = { .half = 7 }"])
    def test_part_of_what_was_written(self, start: str) -> None:
        unproven(
            f"{start}; x.whole = vma->vm_pgoff; return x.half == 7 ? -EINVAL : 0;",
            "return 0;",
            "shares its place",
            UNION,
        )

    def test_driver_state_that_was_read_before(self) -> None:
        extra = UNION + "static union u *state;\n"
        body = "unsigned int h = state->half; state->whole = 5; return {} ? -EINVAL : 0;"
        unproven(
            body.format("state->half == h"),
            body.format("1"),
            "shares its place",
            extra,
        )

    def test_a_copy_of_one_that_was_written(self) -> None:
        body = "union u x = {{}}, y; x.whole = 1; y = x; return {} ? -EINVAL : 0;"
        unproven(body.format("y.half"), body.format("0"), "shares its place", UNION)

    def test_a_part_that_is_written_later(self) -> None:
        extra = UNION + "static union u *state;\n"
        unproven(
            "state->whole = 1; state->half = 2; return 0;",
            "state->half = 2; return 0;",
            "shares its place",
            extra,
        )


class TestWholeObjects:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("*first = *second;", ""),
            ("memset(first, 0, sizeof(*first));", ""),
            ("memset(first, 0, sizeof(*first));", "first->one.a = 0;"),
            ("first->one = second->one;", "first->one = second->two;"),
        ],
    )
    def test_driver_state(self, old: str, new: str) -> None:
        verdict = judge(f"{old} return 0;", f"{new} return 0;", PAIR)
        assert verdict.status in ("different", "unknown"), verdict
        same = judge(f"{old} return 0;", f"{old} return 0;", PAIR)
        assert same.status == "equivalent-except", same

    def test_what_was_set_to_zero(self) -> None:
        differ(
            "struct res r; fill(&r); memset(&r, 0, sizeof(r)); return r.start ? -EINVAL : 0;",
            "struct res r; fill(&r); return r.start ? -EINVAL : 0;",
            RES,
        )

    def test_only_a_part_was_set(self) -> None:
        body = "struct res r = {{ .start = 5 }}; memset(&r, 0, {}); return r.start ? -EINVAL : 0;"
        for size in ("sizeof(r.end)", "sizeof(&r)", "8"):
            verdict = judge(body.format(size), "return 0;", RES)
            assert verdict.status in ("different", "unknown"), size

    def test_not_zero(self) -> None:
        verdict = judge(
            "struct res r; memset(&r, 0xff, sizeof(r)); return r.start ? -EINVAL : 0;",
            "return 0;",
            RES,
        )
        assert verdict.status in ("different", "unknown")

    def test_what_was_written_after_it_was_set(self) -> None:
        differ(
            "struct pair p, q; memset(&p, 0, sizeof(p)); p.one.a = 5; q.one = p.one;"
            " return q.one.a ? -EINVAL : 0;",
            "return 0;",
            PAIR,
        )

    def test_what_was_copied(self) -> None:
        body = "struct in x; memcpy(&x, &{}->one, sizeof(x)); return x.a ? -EINVAL : 0;"
        differ(body.format("first"), body.format("second"), PAIR)

    def test_a_member_that_was_copied_from_elsewhere(self) -> None:
        body = "struct pair t; first->one = second->{}; t = *first; return t.one.a ? -EINVAL : 0;"
        differ(body.format("one"), body.format("two"), PAIR)

    def test_a_call_is_shown_members_that_were_copied(self) -> None:
        body = "struct pair t = {{}}; t.one = second->{}; put_pair({}, &t); return 0;"
        differ(body.format("one", "file"), body.format("two", "desc->file"), PAIR)

    def test_a_call_is_shown_a_structure(self) -> None:
        body = "put_in({}, second->{}); return 0;"
        differ(body.format("file", "one"), body.format("desc->file", "two"), PAIR)

    def test_a_member_of_a_structure_that_is_passed(self) -> None:
        body = "struct in x = second->one; x.a = {}; put_in({}, x); return 0;"
        differ(body.format("1", "file"), body.format("2", "desc->file"), PAIR)

    def test_a_parameter_that_is_a_structure(self) -> None:
        extra = (
            PAIR
            + "static long f(struct in x)\n{\n\tx.a = 5;\n\tx = (struct in)x;\n\treturn x.a;\n}\n"
        )
        differ("return f(second->one) == 5 ? -EINVAL : 0;", "return 0;", extra)

    def test_zeroes_that_were_published(self) -> None:
        body = "struct in *x = kzalloc_obj(*x); publish({}, x); return {} ? -EINVAL : 0;"
        differ(body.format("file", "x->a"), body.format("desc->file", "0"), PAIR)

    def test_a_variable_is_not_what_it_points_to(self) -> None:
        differ(
            "*first = (struct pair){}; return first ? -EINVAL : 0;",
            "*first = (struct pair){}; return 0;",
            PAIR,
        )


class TestAddresses:
    def test_two_members(self) -> None:
        differ("return &first->one == &first->two ? -EINVAL : 0;", "return -EINVAL;", PAIR)

    def test_the_first_member(self) -> None:
        differ("return (void *)&first->one == (void *)first ? -EINVAL : 0;", "return 0;", PAIR)

    def test_two_objects(self) -> None:
        differ("return &first->one == &second->one ? -EINVAL : 0;", "return -EINVAL;", PAIR)

    def test_what_may_be_empty(self) -> None:
        extra = "struct none { };\nstruct x { struct none n; int after; };\nstatic struct x *it;\n"
        verdict = judge(
            "return (void *)&it->after == (void *)it ? -EINVAL : 0;", "return 0;", extra
        )
        assert verdict.status in ("different", "unknown")

    @pytest.mark.parametrize("end", ["&it->a[2]", "it->a + 2", "&it->a[it->b]"])
    def test_one_past_the_end(self, end: str) -> None:
        extra = "struct x { int a[2]; int b; };\nstatic struct x *it;\n"
        verdict = judge(f"return {end} == &it->b ? -EINVAL : 0;", "return 0;", extra)
        assert verdict.status in ("different", "unknown")

    def test_within_an_array(self) -> None:
        extra = "struct x { int a[2]; int b; };\nstatic struct x *it;\n"
        verdict = judge("return &it->a[1] == &it->b ? -EINVAL : 0;", "return 0;", extra)
        assert verdict.status == "equivalent"


class TestUnknownIndexes:
    """An example has the names of a run on plain numbers, where element 0 has its array's own."""

    IMAGE = "struct image { struct dev *dev; unsigned long n; };\nstatic struct image image[8];\n"
    LOCKED = "mutex_lock(&d->lock); mutex_unlock(&d->lock); "

    @pytest.mark.parametrize(
        "element",
        ["image[{} & 7].dev->ro", "image[{} & 7].n", "d->table[{} & 7]", "image[d->limit].dev->ro"],
    )
    def test_what_lies_behind_one_is_shown(self, element: str) -> None:
        differ(
            f"{DEV}{self.LOCKED}return {element.format('vma->vm_pgoff')} > 5 ? -EINVAL : 0;",
            f"{NEW_DEV}{self.LOCKED}return {element.format('desc->pgoff')} > 6 ? -EINVAL : 0;",
            self.IMAGE,
        )

    def test_only_the_name_that_was_asked_for_is_shown(self) -> None:
        verdict = judge(
            f"{DEV}{self.LOCKED}return image[d->limit].dev->ro > 5 ? -EINVAL : 0;",
            f"{NEW_DEV}{self.LOCKED}return image[d->limit].dev->ro > 6 ? -EINVAL : 0;",
            self.IMAGE,
        )
        example = verdict.differences[0].example
        assert example is not None
        assert len([name for name in example["state"] if "image" in name]) == 1
