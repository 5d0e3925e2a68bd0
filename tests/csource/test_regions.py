# SPDX-License-Identifier: GPL-2.0-only
"""What is found in a file's text before it is parsed."""

from __future__ import annotations

import pytest

from premap.csource.regions import may_define_function
from premap.csource.source import SourceFile


class TestMayDefine:
    """Whether a file may have a static function of a name, before it is parsed."""

    @pytest.mark.parametrize(
        "text",
        [
            "static int f(void) { return 0; }",
            "static struct a *f(int x)\n{\n}",
            "static int\nf (void) { }",
            "static int (f(int x)) { return x; }",
            "static int (f)(int x) { return x; }",
            "static int (*f(int x))(void) { return 0; }",
            "static struct { int a; } f(void) { }",
            "static __attribute__((cold)) f(void) { }",
            "static int f /* what it is */ (void) { }",
            "int g(void) { return f(1); }\nstatic inline int f(int x) { return x; }",
            "static return_t f(void) { }",
        ],
    )
    def test_what_may_be_a_definition_counts(self, text: str) -> None:
        source = SourceFile("x.h", text.encode())
        assert may_define_function(source, "f")

    @pytest.mark.parametrize(
        "text",
        [
            "int g(int x) { if (f(x)) return f(x); else f(x); x = !f(x) + -f(x); }",
            "int g(int x) { while (f(x)) x++; return x && f(x) ? f(x) : f(x); }",
            "#define g(x) do { \\\n\tf(x); \\\n} while (0)",
            "int g(void) { return -f; }",
            "static int (*a[])(void) = { f, &f };",
            "/* static int f(void) { } */ static int ff(int of) { return of; }",
        ],
    )
    def test_what_only_calls_or_names_it_does_not(self, text: str) -> None:
        source = SourceFile("x.h", text.encode())
        assert not may_define_function(source, "f")

    def test_nor_a_file_without_the_word(self) -> None:
        assert not may_define_function(SourceFile("x.h", b"static int g(void) { }"), "f")
