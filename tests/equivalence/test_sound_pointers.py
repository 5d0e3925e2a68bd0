# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: where pointers lead to, and what calls reach through them.

Each pair here differs, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ, proven, unproven
from tests.equivalence.kit import judge, old_side

from premap.equivalence.comparison import verify

HOLDERS = """
struct arr { unsigned long n[4]; int k; };
struct sub { int flag; };
struct w { struct vm_area_struct *v; struct vm_area_desc *d; unsigned long *q; struct sub sub; };
"""
FAILS = "? -EINVAL : 0;"


def undecided(old: str, new: str) -> None:
    """Assert that a difference is seen, and that it may hang on what is not known."""
    verdict = judge(old, new)
    assert verdict.status == "unknown"
    assert verdict.reason is not None
    assert "may hang on" in verdict.reason


class TestUnits:
    """What a pointer counts in is what it points to, not what the memory was declared as."""

    def test_a_distance_in_bytes(self) -> None:
        differ(
            DEV + f"return (char *)&d->shared[d->count] - (char *)d->shared > 5 {FAILS}",
            NEW_DEV + f"return &d->shared[d->count] - d->shared > 5 {FAILS}",
        )

    @pytest.mark.parametrize("kind", ["char", "void"])
    def test_bytes_are_not_elements(self, kind: str) -> None:
        differ(
            DEV + f"return *(unsigned long *)(({kind} *)d->shared + 8) {FAILS}",
            NEW_DEV + f"return d->shared[8] {FAILS}",
        )

    def test_bytes_that_make_an_element(self) -> None:
        verdict = judge(
            DEV + f"void *at = d->shared; at += 16; return *(unsigned long *)at {FAILS}",
            NEW_DEV + f"return d->shared[2] {FAILS}",
        )
        assert proven(verdict)

    def test_smaller_elements_of_larger_ones(self) -> None:
        verdict = judge(
            DEV + f"return *(unsigned long *)((char *)&d->shared[1] + 8 * 2) {FAILS}",
            NEW_DEV + f"return d->shared[3] {FAILS}",
        )
        assert proven(verdict)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("*(unsigned long *)((char *)d->shared + 1)", "d->shared[1]"),
            ("((struct dev *)((void *)d + 1))->ro", "d[1].ro"),
        ],
    )
    def test_bytes_that_make_no_element(self, old: str, new: str) -> None:
        undecided(DEV + f"return {old} {FAILS}", NEW_DEV + f"return {new} {FAILS}")

    @pytest.mark.parametrize(
        ("name", "status"), [("at", "equivalent-except"), ("further", "different")]
    )
    def test_bytes_that_are_made_up(self, name: str, status: str) -> None:
        head = "unsigned long at = $PGOFF, further = at + 4; "
        read = f"return *(unsigned int *)(d->cookie + {{}}) {FAILS}"
        verdict = judge(
            DEV + head.replace("$PGOFF", "vma->vm_pgoff") + read.format("at"),
            NEW_DEV + head.replace("$PGOFF", "desc->pgoff") + read.format(name),
        )
        assert verdict.status == status

    def test_a_write_to_bytes_that_make_no_element(self) -> None:
        unproven(
            DEV + f"*(unsigned long *)((char *)d->shared + 4) = 1; return d->shared[1] {FAILS}",
            NEW_DEV + "unsigned long s = d->shared[1];"
            f" *(unsigned long *)((char *)d->shared + 4) = 1; return s {FAILS}",
            "which was written",
        )

    def test_an_element_through_a_pointer_to_nothing_certain(self) -> None:
        verdict = judge(
            DEV + f"void *at = d->shared + 1; return ((unsigned long *)at)[1] {FAILS}",
            NEW_DEV + f"return d->shared[2] {FAILS}",
        )
        assert proven(verdict)

    def test_a_byte_of_an_element_that_was_written(self) -> None:
        unproven(
            DEV + f"d->shared[0] = 0; return ((unsigned char *)d->shared)[1] {FAILS}",
            NEW_DEV + "unsigned char c = ((unsigned char *)d->shared)[1]; d->shared[0] = 0;"
            f" return c {FAILS}",
            "different types",
        )

    def test_a_larger_element_of_a_variable(self) -> None:
        unproven(
            "unsigned int x[4] = {0}; *(unsigned long *)x = vma->vm_pgoff; return x[1] == 5 "
            + FAILS,
            "return 0;",
            "different types, of 4 and 8 bytes",
        )

    def test_an_element_beyond_the_first_of_a_variable(self) -> None:
        unproven(
            f"unsigned char x[8] = {{0}}; ((unsigned int *)x)[1] = 5; return x[4] == 5 {FAILS}",
            "return 0;",
            "different types, of 1 and 4 bytes",
        )

    def test_a_number_at_the_begin_of_a_structure(self) -> None:
        unproven(
            f"struct arr x = {{0}}; *(unsigned long *)&x = vma->vm_pgoff; return x.n[0] {FAILS}",
            "return 0;",
            "different types",
            HOLDERS,
        )

    def test_what_follows_a_member_is_another_one(self) -> None:
        unproven(
            DEV + f"unsigned long *p = &d->phys; p[1] = 5; return d->size == 5 {FAILS}",
            NEW_DEV + f"unsigned long *p = &d->phys; p[1] = 5; return d->size == 6 {FAILS}",
            "which is beyond",
        )

    def test_two_ways_to_the_address_of_an_element(self) -> None:
        verdict = judge(
            DEV + "foo(&d->shared[vma->vm_pgoff]); return 0;",
            NEW_DEV + "foo(d->shared + desc->pgoff); return 0;",
        )
        assert verdict.status == "equivalent-except"
        ids = {each.id for each in verdict.differences}
        assert ids == {"hook-runs-before-failure", "hook-runs-on-merge"}


ZERO = "unsigned long x[4] = {0}; "
BYTES = "char x[8] = {0}; "
ARR = "struct arr x = {0}; "


class TestReach:
    """What code that is not at hand may change, by way of what it is given."""

    @pytest.mark.parametrize(
        ("start", "read"),
        [
            (ZERO + "fill(x); ", "x[1]"),
            (ZERO + "fill(&x[1]); ", "x[2]"),
            (ZERO + "fill(x + 1); ", "x[0]"),
            (ZERO + "fill((void *)&x[1]); ", "x[0]"),
            (BYTES + 'strscpy(x, "text", 8); ', "x[3]"),
            (BYTES + 'snprintf(x, 8, "%d", 4); ', "x[3]"),
            (BYTES + "memset(x + 1, 1, 7); ", "x[3]"),
            (ARR + "fill(x.n); ", "x.n[2]"),
            (ARR + "fill(&x.n); ", "x.n[1]"),
            (ARR + "fill((char *)&x); ", "x.k"),
            (ARR + "fill((unsigned long)&x); ", "x.k"),
            (ARR + "unsigned long at = (unsigned long)&x + 4; fill(at); ", "x.k"),
            ("struct w w = {0}; fill(&w.sub); ", "w.q"),
            ("int x = 0, *p = &x; fill(&p); ", "x"),
            ("int x = 0; int *p[2] = {0}; p[1] = &x; fill(p); ", "x"),
            ("unsigned long x = 0; struct w w = {0}; w.q = &x; fill(w); ", "x"),
            ("unsigned long x = 0; struct w w = {0}; w.q = &x; fill(&w); ", "x"),
            ("unsigned long x = 0; keep(&x); other(); ", "x"),
        ],
    )
    def test_it_may_change(self, start: str, read: str) -> None:
        differ(f"{start}return {read} {FAILS}", f"{start}return 0;", HOLDERS)

    def test_a_number_that_is_a_member_is_all_that_it_reaches(self) -> None:
        body = f"struct arr x = {{0}}; fill(&x.k); return x.n[0] {FAILS}"
        assert judge(body, "struct arr x = {0}; fill(&x.k); return 0;", HOLDERS).status in (
            "equivalent",
            "equivalent-except",
        )

    def test_one_that_is_too_long_is_refused(self) -> None:
        unproven(
            f"char x[1000] = {{0}}; fill(x); return x[4] {FAILS}",
            "char x[1000] = {0}; fill(x); return 0;",
            "an array that long",
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (ZERO + "x[2] = 1; foo(&x[1]);", ZERO + "x[2] = 2; foo(&x[1]);"),
            (ZERO + "foo(&x[1]);", ZERO + "foo(&x[2]);"),
            (ARR + "keep(&x); x.k = 5; fire();", ARR + "keep(&x); x.k = 6; fire();"),
            (
                ARR + "unsigned long at = (unsigned long)&x; x.k = 5; fire(at);",
                ARR + "unsigned long at = (unsigned long)&x; x.k = 6; fire(at);",
            ),
        ],
    )
    def test_what_it_finds_there(self, one: str, other: str) -> None:
        differ(one + " return 0;", other + " return 0;", HOLDERS)

    def test_which_member_of_the_mapping(self) -> None:
        differ("foo(&vma->vm_pgoff); return 0;", "foo(&desc->page_prot); return 0;")

    def test_a_member_of_the_mapping_that_it_may_change(self) -> None:
        differ(
            f"foo(&vma->vm_pgoff); return vma->vm_pgoff > 4 {FAILS}",
            f"unsigned long p = desc->pgoff; foo(&desc->pgoff); return p > 4 {FAILS}",
        )

    @pytest.mark.parametrize(
        "lead", ["fill((unsigned long)$);", "struct w w = { .* = $ }; fill(&w);"]
    )
    def test_the_mapping_by_a_detour(self, lead: str) -> None:
        unproven(
            lead.replace("$", "vma").replace("*", "v")
            + f" return vma->vm_flags & VM_DONTCOPY {FAILS}",
            lead.replace("$", "desc").replace("*", "d") + " return 0;",
            "mapping",
            HOLDERS,
        )


TAKEN = "struct sub *s = kzalloc(sizeof(*s), GFP_KERNEL); if (!s) return -ENOMEM; "


class TestElements:
    """Elements of arrays."""

    @pytest.mark.parametrize(
        ("head", "old", "new"),
        [
            ("int x[3] = { 0 }; ", "x[2]", "x[3]"),
            ("int x[3] = { 0 }; ", "x[0]", "x[-1]"),
            ("int x[3] = { 0 }, *end = x + 3; ", "end[-1]", "end[0]"),
            ("struct arr x = { 0 }; ", "x.n[3]", "x.n[4]"),
        ],
    )
    def test_beyond_the_last(self, head: str, old: str, new: str) -> None:
        verdict = judge(f"{head}return {old} {FAILS}", f"{head}return {new} {FAILS}", HOLDERS)
        assert verdict.status == "different"
        assert "is accessed, which has" in verdict.differences[0].message

    def test_the_last_member_may_go_on(self) -> None:
        extra = "struct tail { int k; int n[1]; };\n"
        verdict = judge(
            f"struct tail *t = file->private_data; return t->n[4] == 5 {FAILS}",
            f"struct tail *t = desc->file->private_data; return t->n[4] == 5 {FAILS}",
            extra,
        )
        assert proven(verdict)

    def test_the_first_of_an_array_that_begins_as_zeroes(self) -> None:
        head = "struct sub a[3] = { 0 }, b; a[0].flag = 4; b = a[0]; "
        differ(head + f"return b.flag == 4 {FAILS}", head + "return 0;", HOLDERS)

    def test_they_are_different_ones(self) -> None:
        head = "struct sub a[3] = { 0 }, *b = &a[1]; "
        differ(head + f"return b == &a[1] {FAILS}", head + f"return b == &a[0] {FAILS}", HOLDERS)

    def test_they_are_one_after_the_other(self) -> None:
        head = "struct sub *a = $->private_data, *b; int n = 0; for (b = a; b < a + 3; b++) n++; "
        verdict = judge(
            head.replace("$", "file") + f"return n == 3 {FAILS}",
            head.replace("$", "desc->file") + "return -EINVAL;",
            HOLDERS,
        )
        assert verdict.status == "equivalent"

    def test_variables_are_different_ones(self) -> None:
        head = "struct sub a = { 0 }, b = { 0 }, *p = &a; "
        differ(head + f"return p == &a {FAILS}", head + f"return p == &b {FAILS}", HOLDERS)


class TestFreed:
    """Memory that was freed is not there any more."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (f"int r = s->flag; kfree(s); return r {FAILS}", f"kfree(s); return s->flag {FAILS}"),
            ("s->flag = 1; kfree(s); return 0;", "kfree(s); s->flag = 1; return 0;"),
            ("kfree(s); return 0;", "kfree(s); kfree(s); return 0;"),
            (
                "if (vma->vm_pgoff) kfree(s); return 0;",
                "if (desc->pgoff) { kfree(s); s->flag = 0; } return 0;",
            ),
        ],
    )
    def test_only_the_new_one_uses_it(self, old: str, new: str) -> None:
        verdict = judge(TAKEN + old, TAKEN + new, HOLDERS)
        assert verdict.status == "different"
        assert "is used after it was freed" in verdict.differences[0].message

    def test_another_in_its_place(self) -> None:
        body = "d->cookie = kmalloc(4, GFP_KERNEL); if (!d->cookie) return -ENOMEM; kfree($);"
        again = f"kfree(d->cookie); {body.replace('$', 'd->cookie')} return 0;"
        verdict = verify(old_side(DEV + again), old_side(DEV + again))
        assert verdict.status == "equivalent"
        assert not any("freed" in bound for bound in verdict.bounds)

    def test_what_was_in_it_is_nobodys(self) -> None:
        body = "s->flag = 1; kfree(s); return -EINVAL;"
        freed, kept = (
            old_side(TAKEN + each, HOLDERS) for each in (body, body.replace("kfree(s); ", ""))
        )
        assert verify(freed, freed).status == "equivalent"
        assert verify(freed, kept).status == "different"
        assert verify(kept, freed).status == "different"

    def test_calls_in_which_the_old_one_uses_it_are_named(self) -> None:
        verdict = judge(TAKEN + "kfree(s); return s->flag;", TAKEN + "kfree(s); return 0;", HOLDERS)
        assert any("is used after it was freed" in bound for bound in verdict.bounds)

    def test_a_proof_of_no_call_is_none(self) -> None:
        unproven(
            f"return (1 << 77) {FAILS}",
            "return 0;",
            "in every call the old hook meets",
        )
