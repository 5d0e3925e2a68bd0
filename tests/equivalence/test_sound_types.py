# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what types are, how large, and what two versions mean by a name.

Each pair here differs, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ, proven, unproven
from tests.equivalence.kit import judge, old_side

from premap.equivalence.comparison import verify

NEGATIVE = "enum e { A = -1, B };\n"
HOLDER = NEGATIVE + "struct h { enum e e; };\n"
FUNCTION = NEGATIVE + "static enum e f(struct dev *d) { return d->ro; }\n"
PACKED = "enum e { A, B } __packed;\n"
FAILS = "? -EINVAL : 0;"


class TestEnums:
    @pytest.mark.parametrize(
        ("body", "extra"),
        [
            (f"enum e x = d->ro; return x < 0 {FAILS}", NEGATIVE),
            (f"return (enum e)d->ro < 0 {FAILS}", NEGATIVE),
            (
                f"struct h *h = d->cookie; return h->e < 0 {FAILS}",
                NEGATIVE + "struct h { enum e e; };\n",
            ),
            (f"et x = d->ro; return x < 0 {FAILS}", "typedef enum { A = -1, B } et;\n"),
            (
                f"return f(d) < 0 {FAILS}",
                NEGATIVE + "static enum e f(struct dev *d) { return d->ro; }\n",
            ),
        ],
    )
    def test_with_a_negative_constant_may_be_negative(self, body: str, extra: str) -> None:
        differ(DEV + body, NEW_DEV + "return 0;", extra)

    def test_without_one_are_not(self) -> None:
        body = f"enum e x = d->ro; return x < 0 {FAILS}"
        verdict = judge(DEV + body, NEW_DEV + "return 0;", "enum e { A, B };\n")
        assert verdict.status == "equivalent"

    @pytest.mark.parametrize(
        "extra", ["", "enum e { A, B } __packed;\n", "enum e { A = OTHER };\n"]
    )
    def test_that_are_not_told(self, extra: str) -> None:
        body = f"enum e x = d->ro; return x == d->ro {FAILS}"
        verdict = judge(DEV + body, NEW_DEV + "return -EINVAL;", extra)
        assert verdict.status in ("unknown", "different")

    def test_in_bit_fields(self) -> None:
        extra = "enum e { A, B };\nstruct bits { enum e e:1; };\n"
        body = f"struct bits b = {{ 0 }}; b.e = d->ro; return b.e == d->ro {FAILS}"
        differ(DEV + body, NEW_DEV + "return -EINVAL;", extra)


class TestSizes:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('sizeof("abc") == 4', 'sizeof("ab") == 4'),
            ('sizeof("abc") == 8', 'sizeof("abcdefg") == 8'),
        ],
    )
    def test_of_strings(self, old: str, new: str) -> None:
        differ(f"return {old} {FAILS}", f"return {new} {FAILS}")

    @pytest.mark.parametrize("size", ["sizeof(a) == 8", "ARRAY_SIZE(a) == 2"])
    def test_of_arrays_that_their_initializers_make(self, size: str) -> None:
        body = "int a[] = {{ 1, 2{} }}; return {} {}"
        differ(body.format("", size, FAILS), body.format(", 3", size, FAILS))

    @pytest.mark.parametrize(
        ("table", "status"),
        [
            ("static const int tab[] = { 1, 2 };", "equivalent"),
            ("static const int tab[] = { 1, 2, 3 };", "different"),
            ("static const int tab[] = { [1] = 2 };", "equivalent"),
            ("static const struct pair tab[] = { { .a = 1 }, { .b = 2 }, };", "equivalent"),
            ("static const struct pair tab[] = { 1, 2 };", "unknown"),
            ("static const int tab[] = { LIST };", "unknown"),
        ],
    )
    def test_of_tables(self, table: str, status: str) -> None:
        extra = f"struct pair {{ int a, b; }};\n#define LIST 1, 2\n{table}\n"
        old = f"return d->count >= ARRAY_SIZE(tab) {FAILS}"
        verdict = judge(DEV + old, NEW_DEV + f"return d->count >= 2 {FAILS}", extra)
        assert proven(verdict) if status == "equivalent" else verdict.status == status


class TestDefinitions:
    """Structures of one name that the two versions define in different ways."""

    OLD = "struct h { struct dev dev; int x; };\n"
    NEW = "struct h { int x; struct dev dev; };\n"

    def test_layouts(self) -> None:
        body = f"return sizeof(struct h) == 4 {FAILS}"
        unproven(DEV + body, NEW_DEV + body, "another layout", self.OLD, self.NEW)

    HELD = "struct h *h = container_of(d, struct h, dev); "

    @pytest.mark.parametrize(
        "body",
        [
            f"return (void *)h == (void *)d {FAILS}",
            f"return (void *)h == d->cookie {FAILS}",
            "d->count = (unsigned long)d - (unsigned long)h; return 0;",
            "poke((unsigned long)d - (unsigned long)h); return 0;",
            "return d->cookie == h ? -EINVAL : 0;",
        ],
    )
    def test_where_a_member_is(self, body: str) -> None:
        held = self.HELD + body
        verdict = judge(DEV + held, NEW_DEV + held, self.OLD, self.NEW)
        assert verdict.status == "unknown", verdict
        assert "offsetof(struct h, dev)" in str(verdict.reason)

    @pytest.mark.parametrize(
        "body",
        [
            "return vm_iomap_memory(vma, virt_to_phys(h), d->size);",
            "return remap_pfn_range(vma, vma->vm_start, (long)h, PAGE_SIZE, vma->vm_page_prot);",
            "return vm_insert_page(vma, vma->vm_start, virt_to_page(h));",
            "vma->vm_page_prot = __pgprot((unsigned long)h); return 0;",
            "vma->vm_private_data = (void *)((unsigned long)h + 8); return 0;",
            "vma->vm_pgoff = (unsigned long)h; return 0;",
            "vm_flags_set(vma, (unsigned long)h & VM_DONTDUMP); return 0;",
            "d->table[(unsigned long)h & 7] = 1; return 0;",
            "poke(&d->table[(unsigned long)h & 7]); return 0;",
            "poke((void *)((unsigned long)h + 8)); return 0;",
        ],
    )
    def test_what_its_address_leaves_in_the_mapping(self, body: str) -> None:
        held = DEV + self.HELD + body
        same = verify(old_side(held, self.OLD), old_side(held, self.OLD))
        apart = verify(old_side(held, self.OLD), old_side(held, self.NEW))
        assert (same.status, apart.status) == ("equivalent", "unknown"), apart
        assert "offsetof(struct h, dev)" in str(apart.reason)

    def test_a_pointer_to_what_is_around_a_member(self) -> None:
        held = f"{DEV}{self.HELD}vma->vm_private_data = h; return 0;"
        verdict = verify(old_side(held, self.OLD), old_side(held, self.NEW))
        assert verdict.status == "equivalent", verdict

    @pytest.mark.parametrize(
        "body", [f"return h->x == 3 {FAILS}", "h->x = 3; return 0;", "poke(h); return 0;"]
    )
    def test_what_is_around_a_member(self, body: str) -> None:
        """It is told by the names of members, wherever they are; the verdict says so."""
        held = self.HELD + body
        verdict = judge(DEV + held, NEW_DEV + held, self.OLD, self.NEW)
        assert verdict.status in ("equivalent", "equivalent-except"), verdict
        assert any("struct h, which differs" in each for each in verdict.bounds)

    def test_another_member(self) -> None:
        old, new = (f"return h->{member} == 3 {FAILS}" for member in ("x", "dev.ro"))
        differ(DEV + self.HELD + old, NEW_DEV + self.HELD + new, self.OLD, self.NEW)

    def test_layouts_of_what_they_hold(self) -> None:
        outer = "struct outer { struct h h; };\n"
        body = f"return sizeof(struct outer) == 4 {FAILS}"
        unproven(DEV + body, NEW_DEV + body, "layout", self.OLD + outer, self.NEW + outer)

    def test_lengths(self) -> None:
        old, new = (f"#define MANY {number}\nstatic int tab[MANY * f(1)];\n" for number in (2, 3))
        body = f"return d->count >= ARRAY_SIZE(tab) {FAILS}"
        unproven(DEV + body, NEW_DEV + body, "an array's length", old, new)

    def test_comments_are_no_difference(self) -> None:
        new = self.OLD.replace("int x;", "int x; /* of them */")
        body = f"return sizeof(struct h) == 4 {FAILS}"
        assert judge(DEV + body, NEW_DEV + body, self.OLD, new).status == "equivalent"

    @pytest.mark.parametrize(
        "body",
        [
            f"struct own {{ int a; }} s; return sizeof(s) == 8 {FAILS}",
            f"enum own {{ A, B }} x = d->ro; return x == B {FAILS}",
        ],
    )
    def test_within_a_function_are_not_read(self, body: str) -> None:
        unproven(DEV + body, NEW_DEV + body, "of a function's own")


class TestStrings:
    def test_that_fill_arrays(self) -> None:
        body = "char s[] = \"ab\"; return s[0] == '{}' ? -EINVAL : 0;"
        differ(body.format("a"), body.format("b"))
        assert judge(body.format("a"), "return -EINVAL;").status == "equivalent"


class TestFunctions:
    """Functions that a hook hands to others are run later, and are not compared."""

    @pytest.mark.parametrize(
        "body", ["d->cookie = f; return 0;", "INIT_WORK(&d->lock, f); return 0;"]
    )
    def test_that_have_changed(self, body: str) -> None:
        texts = [f"static int f(int a) {{ return {value}; }}\n" for value in ("a", "-a")]
        verdict = judge(DEV + body, NEW_DEV + body, *texts)
        assert verdict.status == "equivalent-except"
        assert "callbacks-differ" in {each.id for each in verdict.differences}
        same = judge(DEV + body, NEW_DEV + body, texts[0])
        assert "callbacks-differ" not in {each.id for each in same.differences}


class TestPositions:
    """Values without names go to the members in their order."""

    BODY = "return t[d->ro & 1].r;"
    PAIR = "struct e {{ int {}, {}; }};\nstatic const struct e t[2] = {};\n"

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            ("{ { 1, 0 }, { 2, -5 } }", "unknown"),
            ("{ 1, 0, 2, -5 }", "unknown"),
            ("{ { .q = 1, .r = 0 }, { .q = 2, .r = -5 } }", "equivalent"),
        ],
    )
    def test_members_that_changed_places(self, values: str, status: str) -> None:
        one, other = self.PAIR.format("q", "r", values), self.PAIR.format("r", "q", values)
        body = DEV + self.BODY
        verdict = judge(body, NEW_DEV + self.BODY, one, other)
        assert proven(verdict) if status == "equivalent" else verdict.status == status
        assert proven(judge(body, NEW_DEV + self.BODY, one))

    @pytest.mark.parametrize("index", [0, 1])
    def test_a_pointer_that_became_an_array(self, index: int) -> None:
        use = f"struct e *e = d->cookie; return e->a[{index}] ? -EINVAL : 0;"
        pointer, array = "struct e { int *a; };\n", "struct e { int a[4]; };\n"
        assert judge(DEV + use, NEW_DEV + use, pointer, array).status == "unknown"
        for each in (pointer, array, "struct e { struct page *a[4]; };\n"):
            assert proven(judge(DEV + use, NEW_DEV + use, each))
