# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: names that `#if` arms, or the two versions, define differently.

Each pair here differs in some configuration, or between the versions, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, proven, unproven
from tests.equivalence.kit import judge

FAILS = "? -EINVAL : 0;"


def arms(first: str, second: str) -> str:
    """Return C with two definitions, of which the configuration takes one."""
    return f"#ifdef CONFIG_RING\n{first}\n#else\n{second}\n#endif\n"


class TestArms:
    @pytest.mark.parametrize(
        ("extra", "old", "new"),
        [
            (
                arms("typedef unsigned long tt;", "typedef unsigned int tt;"),
                f"tt x = d->count; return x == d->count {FAILS}",
                "return -EINVAL;",
            ),
            (
                arms("struct s { unsigned int a; };", "struct s { int a; };"),
                f"struct s *s = d->cookie; return s->a < 0 {FAILS}",
                "return 0;",
            ),
            (
                f"struct s {{\n{arms('unsigned int a;', 'int a;')}}};\n",
                f"struct s *s = d->cookie; return s->a < 0 {FAILS}",
                "return 0;",
            ),
            (
                f"struct s {{\n{arms('unsigned int a:3;', 'unsigned int a:4;')}}};\n",
                f"struct s s = {{ 0 }}; s.a = 8; return s.a == 0 {FAILS}",
                "return -EINVAL;",
            ),
            (
                arms("enum e { A, B };", "enum e { B = -1, A };"),
                f"enum e x = d->ro; return x < 0 {FAILS}",
                "return 0;",
            ),
            (
                arms("enum { A, B };", "enum { B, A };"),
                f"return d->ro == B {FAILS}",
                f"return d->ro == 1 {FAILS}",
            ),
            (
                "enum {\n\tA,\n#ifdef CONFIG_RING\n\tX,\n#endif\n\tB };\n",
                f"return d->ro == B {FAILS}",
                f"return d->ro == 2 {FAILS}",
            ),
            (
                arms("static unsigned int lim;", "static int lim;"),
                f"return lim < 0 {FAILS}",
                "return 0;",
            ),
            (
                arms("unsigned int ext(struct dev *d);", "int ext(struct dev *d);"),
                f"return ext(d) < 0 {FAILS}",
                "ext(d); return 0;",
            ),
            (
                arms("static int tab[4];", "static int tab[8];"),
                f"return d->count >= ARRAY_SIZE(tab) {FAILS}",
                f"return d->count >= 4 {FAILS}",
            ),
        ],
    )
    def test_that_say_something_else(self, extra: str, old: str, new: str) -> None:
        assert judge(DEV + old, NEW_DEV + new, extra).status in ("unknown", "different")

    @pytest.mark.parametrize(
        ("extra", "old", "new"),
        [
            (
                arms("typedef unsigned int tt;", "typedef unsigned int tt;"),
                f"tt x = d->count; return x < 0 {FAILS}",
                "return 0;",
            ),
            (
                arms("struct s { unsigned int a; };", "struct s { unsigned int a, b; };"),
                f"struct s *s = d->cookie; return s->a < 0 {FAILS}",
                "return 0;",
            ),
            (
                "enum {\n\tA,\n#ifdef CONFIG_RING\n\tX,\n#endif\n\tB = 7, C };\n",
                f"return d->ro == C {FAILS}",
                f"return d->ro == 8 {FAILS}",
            ),
            (
                "#if 0\ntypedef unsigned long tt;\n#endif\ntypedef unsigned int tt;\n",
                f"tt x = d->count; return x == d->limit {FAILS}",
                f"return (unsigned int)d->count == d->limit {FAILS}",
            ),
            (
                "extern int tab[];\nstatic int tab[4];\n",
                f"return d->count >= ARRAY_SIZE(tab) {FAILS}",
                f"return d->count >= 4 {FAILS}",
            ),
        ],
    )
    def test_that_say_the_same(self, extra: str, old: str, new: str) -> None:
        assert proven(judge(DEV + old, NEW_DEV + new, extra))


class TestVersions:
    @pytest.mark.parametrize(
        ("head", "begin"),
        [
            ("#define LIM {}\n", "static const unsigned long lim = LIM;\n"),
            ("#define LIM {}\n", "static unsigned long lim = LIM;\n"),
            ("#define LIM {}\n#define MORE (LIM + 1)\n", "static unsigned long lim = MORE;\n"),
            ("enum {{ LIM = {} }};\n", "static const unsigned long lim = LIM;\n"),
            ("struct q {{ char c[{}]; }};\n", "static unsigned long lim = sizeof(struct q);\n"),
        ],
    )
    def test_begin_with_what_a_name_stands_for(self, head: str, begin: str) -> None:
        body = f"return d->count > lim {FAILS}"
        old, new = (head.format(number) + begin for number in (4, 5))
        unproven(DEV + body, NEW_DEV + body, "different values", old, new)
        assert proven(judge(DEV + body, NEW_DEV + body, old))

    def test_begin_with_a_value_or_none(self) -> None:
        body = f"return lim {FAILS}"
        texts = ("static unsigned long lim;\n", "static unsigned long lim = 1;\n")
        unproven(body, body, "different values", *texts)

    def test_constants_whose_values_are_not_told(self) -> None:
        body = f"return d->ro == B {FAILS}"
        texts = ("enum { A = OTHER, B };\n", "enum { A = OTHER, X, B };\n")
        unproven(DEV + body, NEW_DEV + body, "defined differently", *texts)
        assert proven(judge(DEV + body, NEW_DEV + body, texts[0]))


RELEASES = "\n#if LINUX_VERSION_CODE {} KERNEL_VERSION({}, 0)\n{}\n#else\n{}\n#endif\n"


class TestReleases:
    """Only what kernels before 7.0 alone compile may differ."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (RELEASES.format("<", "6, 3", "return 0;", "return -EINVAL;"), "return 0;"),
            (RELEASES.format(">=", "6, 3", "return 0;", "return -EINVAL;"), "return -EINVAL;"),
            (RELEASES.format("<", "7, 2", "return -EINVAL;", "return 0;"), "return 0;"),
            (RELEASES.format("<", "7, 2", "return -EINVAL;", "return 0;"), "return -EINVAL;"),
            (
                RELEASES.format("<", "6, 3 - 1", "return -EINVAL;", "return 0;"),
                "return 0;",
            ),
        ],
    )
    def test_what_newer_ones_compile_may_not(self, old: str, new: str) -> None:
        assert judge(old, new).status in ("unknown", "different")

    @pytest.mark.parametrize(("sign", "kept"), [("<", "0"), (">=", "-EINVAL")])
    def test_what_older_ones_alone_compile_may(self, sign: str, kept: str) -> None:
        old = RELEASES.format(sign, "6, 3", "return -EINVAL;", "return 0;")
        assert judge(old, f"return {kept};").status == "equivalent"
