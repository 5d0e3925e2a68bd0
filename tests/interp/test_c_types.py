# SPDX-License-Identifier: GPL-2.0-only
"""Which integer types enums are, and sizes of strings and arrays: as gcc has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interp.against_gcc import INPUTS, Interpreted, attempt, compiled, native

from premap.csource.source import SourceFile

TYPES = """
enum plain { P0, P1 };
enum negative { N0 = -1, N1 };
enum computed { C0 = 1 - 2, C1 = P1 << 3 };
enum large { L0, L1 = 0xffffffff };
enum wide { W0, W1 = 0x100000000 };
enum widened { D0 = -1, D1 = 0x80000000 };
typedef enum { T0 = -5, T1 } typed;
enum cast { A0 = (unsigned char)300, A1 = (unsigned int)1 << 31, A2 = (signed char)200 & 0xff };
struct bits { enum plain p:1; enum negative n:1; unsigned int u:3; };
struct holds { enum negative n; enum plain p; };

static const int open_ended[] = { 1, 2, P1, -4 };
static const int at_places[] = { [5] = 1, 2, [2] = 3 };
static const int in_ranges[] = { [1 ... 3] = 1, 2 };
static const char text[] = "a\\tb\\x41\\101";
static const char *const texts[] = { "a", "bc", };
static int fixed[7];
"""
EXPRESSIONS = {
    "enum_sign": "(enum plain)a < 0 ? 1 : 2",
    "enum_negative": "(enum negative)a < 0 ? 1 : 2",
    "enum_computed": "(enum computed)a < 0 ? 1 : 2",
    "enum_large": "(enum large)a < 0 ? 1 : 2",
    "enum_wide": "(enum wide)a == a ? 1 : 2",
    "enum_widened": "(enum widened)a < 0 ? 1 : 2",
    "enum_typed": "(typed)a < 0 ? 1 : 2",
    "enum_cast": "A0 + 1000 * (A1 > 0) + 10000 * A2 + 10000000 * ((enum cast)a < 0)",
    "enum_shift": "(enum negative)a >> 3",
    "enum_sum": "(enum plain)a + (enum negative)b",
    "enum_sizes": "sizeof(enum plain) + 100 * sizeof(enum wide) + 10000 * sizeof(typed)",
    "array_open": "sizeof(open_ended) / sizeof(open_ended[0])",
    "array_places": "sizeof(at_places) / sizeof(at_places[0])",
    "array_ranges": "sizeof(in_ranges) / sizeof(in_ranges[0])",
    "array_text": "sizeof(text)",
    "array_texts": "sizeof(texts) + sizeof(*texts)",
    "array_fixed": "sizeof(fixed) + sizeof(fixed[0])",
    "string": 'sizeof("abc") + 100 * sizeof("") + 10000 * sizeof("a\\n\\0\\x20")',
    "strings": 'sizeof("abc" "de")',
}
BODIES = {
    "local_open": "int v[] = { 1, 2, 3 }; return sizeof(v) + (a & 1);",
    "local_text": 'char v[] = "four"; return sizeof(v) + (a & 1);',
    "bit_enum": "struct bits v = { 0 }; v.p = a; v.n = b; v.u = c; return v.p + 9 * v.n + v.u;",
    "member_enum": "struct holds v = { 0 }; v.n = a; v.p = b; return (v.n < 0) + 2 * (v.p < 0);",
    "local_bytes": 'char v[6] = "a\\xff\\101"; return v[0] + 9 * v[1] + 99 * v[2] + v[5] + a;',
    "returned": "enum negative v = a; return v;",
}
FUNCTIONS = {**{name: f"return {text};" for name, text in EXPRESSIONS.items()}, **BODIES}
HEAD = "unsigned long {}(unsigned long a, unsigned long b, unsigned long c)\n{{\n\t{}\n}}\n"
TEXT = TYPES + "\n".join(HEAD.format(name, body) for name, body in FUNCTIONS.items())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Interpreted]:
    library = compiled(TEXT, Path(tmp_path_factory.mktemp("types")) / "types.so")
    return library, Interpreted(SourceFile("types.c", TEXT.encode()))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_what_gcc_gives(name: str, both: tuple[object, Interpreted]) -> None:
    library, interpreted = both
    for given in INPUTS:
        wanted = native(library, name, given)  # type: ignore[arg-type]
        assert attempt(interpreted.run, name, given) == wanted
        assert attempt(interpreted.run_symbols, name, given) == wanted
