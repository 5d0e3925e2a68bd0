# SPDX-License-Identifier: GPL-2.0-only
"""Input made to hurt: whatever it is, an answer comes within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premap.csource.calls import mentions, receivers
from premap.csource.errors import LargeSource, NotC
from premap.csource.handlers import find_sites
from premap.csource.nodes import parse_expression, walk
from premap.csource.scope import Scope
from premap.csource.source import SourceFile

MEGABYTE = 1 << 20
SECONDS = 20.0
"""CPU time for everything below; an ordinary machine needs a tenth of it."""

HOSTILE = {
    "empty": b"",
    "one byte": b"{",
    "round brackets": b"(" * MEGABYTE,
    "braces": b"{" * MEGABYTE,
    "square brackets": b"int a = " + b"[" * MEGABYTE,
    "closed brackets": b"(" * (MEGABYTE // 2) + b")" * (MEGABYTE // 2),
    "nested blocks": b"void m(void) " + b"{" * 100_000 + b"}" * 100_000,
    "nested initializers": b"struct s t = " + b"{" * 100_000 + b".mmap = m" + b"}" * 100_000,
    "nested structs": b"struct s {" * 50_000 + b"int a;" + b"};" * 50_000,
    "nested conditions": b"#if A\n" * 100_000,
    "many elifs": b"#if A\n" + b"#elif B\n" * 100_000,
    "open comment": b"int a; /* " + b"x" * MEGABYTE,
    "many open comments": b"/*" * (MEGABYTE // 2),
    "open string": b'char *s = "' + b"x" * MEGABYTE,
    "quotes": b"\"'" * (MEGABYTE // 2),
    "backslashes": b"#define A " + b"\\\n" * (MEGABYTE // 2),
    "hashes": b"# " * (MEGABYTE // 2),
    "defines": b"#define A B\n" * 80_000,
    "stars": b"int " + b"*" * MEGABYTE + b"a;",
    "one long line": b"a " * (MEGABYTE // 2),
    "annotations": b"__user " * 100_000,
    "annotations with brackets": b"__aligned(" * 100_000,
    "casts": b"int a = " + b"(int)" * 100_000 + b"1;",
    "operators": b"int a = " + b"1+" * 200_000 + b"1;",
    "fields": b"void f(void) { a" + b".b" * 100_000 + b".mmap = m; }",
    "chained assignments": b"void f(void) { " + b"a.mmap = " * 1_000 + b"m; }",
    "dots": b".mmap=" * 1_000,
    "many sites": b"a.mmap = m;" * 100_000,
    "struct names": b"struct s " * 100_000,
    "structs": b"struct s {" * 100_000,
    "struct names before open comments": b"struct s/*" * 3_000,
    "a struct without a name": b"static struct * t = { .mmap = m };",
    "enums": b"enum {" * 100_000,
    "typedefs": b"typedef struct {" * 60_000,
    "members": b"struct s {" + b"int a;" * 100_000 + b"};",
    "enumerators": b"enum {" + b"".join(b"E%d=E%d+1," % (i, i + 1) for i in range(20_000)) + b"};",
    "type arguments": b"f(struct a," * 80_000,
    "calls of m": b"void m(void) { " + b"m(" * 80_000,
    "definitions of m": b"int m(int vma) { m(vma); }\n" * 3_000,
    "latin-1": bytes(range(128, 256)) * 8_000,
    "form feeds": b"\x0c\x0b\r" * 300_000,
}


def everything(text: bytes) -> None:
    """Ask every question about a file."""
    source = SourceFile("x.c", text)
    scope = Scope(source)
    with suppress(LargeSource):
        find_sites(source, scope)
    for _ in walk(source.root):
        pass
    for function in source.functions.get("m", [])[:1]:
        receivers(function, ["vma"])
    with suppress(LargeSource):
        mentions(source, "m")
    assert source.prototypes is not None
    assert source.macros is not None
    for kind in ("struct", "union"):
        scope.struct(kind, "s")
    for ask in (scope.function, scope.macro, scope.typedef, scope.variable, scope.function_type):
        ask("m")
    scope.enum_constant("E0")
    scope.enum_constant("E19990")


class TestHostile:
    @pytest.fixture(autouse=True)
    def _within_seconds(self) -> Iterator[None]:
        start = time.process_time()
        yield
        assert time.process_time() - start < SECONDS

    @pytest.mark.parametrize("name", HOSTILE)
    def test_an_answer_comes(self, name: str) -> None:
        everything(HOSTILE[name])

    def test_deep_expressions_are_refused_or_read(self) -> None:
        deep = "(" * 50_000 + "1" + ")" * 50_000
        assert Scope(SourceFile("x.c", b"")).constant(parse_expression(deep)) is None

    def test_macros_that_grow_are_given_up(self) -> None:
        text = "".join(f"#define M{i}(x) M{i + 1}(x) + M{i + 1}(x)\n" for i in range(60))
        scope = Scope(SourceFile("x.c", text.encode()))
        assert scope.constant(parse_expression("M0(1)")) is None

    @pytest.mark.parametrize(
        "text", ["", "1 +", "a b", ";", "}{", ")(", "int x", "1); evil(", "\\"]
    )
    def test_what_is_no_expression(self, text: str) -> None:
        with pytest.raises(NotC):
            parse_expression(text)


_TOKENS = """{ } ( ) [ ] ; , . -> * = # " ' / \\ // /* */ struct s enum union typedef int m mmap
    #define #if #else #endif .mmap = vma static __user container_of( m("""
TOKENS = _TOKENS.split()


class TestNoise:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.sampled_from([*TOKENS, "\n"]), max_size=40))
    def test_any_mix_of_tokens_is_answered(self, tokens: list[str]) -> None:
        everything(" ".join(tokens).encode())

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200).filter(lambda text: b"\0" not in text))
    def test_any_bytes_are_answered(self, text: bytes) -> None:
        everything(text)
