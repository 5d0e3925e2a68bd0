# SPDX-License-Identifier: GPL-2.0-only
"""Macros that name members, types and places, and functions with `...`, on made-up memory."""

from __future__ import annotations

import pytest
from tests.interp.test_execution import TYPES, refused, returns, run

from premap.interp.inputs import SymbolicInputs
from premap.interp.values import Pointer

GET = "#define GET(p, size) ((p)->size)\n"
LOGGED = """
struct va_format { const char *fmt; va_list *va; };
static void debug(int mask, const char *format, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, format);
	vaf.fmt = format;
	vaf.va = &args;
	pr_info("%pV", &vaf);
	va_end(args);
}
"""


class TestParametersThatAreNoOperands:
    def test_a_member(self) -> None:
        assert returns("return GET(the_card, other);", 0, GET, the_card__other=7) == 7

    def test_a_member_that_another_macro_hands_on(self) -> None:
        extra = GET + "#define AGAIN(q, m) GET(q, m)\n"
        assert returns("return AGAIN(the_card, other);", 0, extra, the_card__other=7) == 7

    def test_a_member_of_container_of(self) -> None:
        extra = "#define card_of(p, m) container_of(p, struct card, m)\n"
        body = "struct link *l = &the_card->link; return card_of(l, link)->size;"
        assert returns(body, 0, extra, the_card__size=8) == 8

    def test_a_container_that_is_chosen_by_type(self) -> None:
        extra = (
            "#define card_of(l) _Generic(l, struct link *: container_of(l, struct card, link), "
            "const struct link *: (const struct card *)container_of(l, const struct card, link))\n"
            "#define WIDE(l) card_of(_Generic((l), struct link *: (l)))->size\n"
        )
        body = "struct link *l = &the_card->link; return WIDE(l);"
        assert returns(body, 0, extra, the_card__size=8) == 8

    def test_a_declared_name_hides_what_the_argument_names(self) -> None:
        extra = "#define TWICE(x) ({ long x = 4; x * 2; })\n"
        assert returns("return TWICE(n);", 5, extra) == 8

    def test_a_variable_of_the_macro_is_not_the_argument(self) -> None:
        extra = "#define PLUS(x) ({ long y_ = 1; y_ + (x); })\n"
        assert returns("long y = 5; return PLUS(y);", 0, extra) == 6

    def test_a_macro_in_a_macro_means_what_each_use_gives(self) -> None:
        extra = (
            "#define INNER(m, x) ((x)->m)\n"
            "#define OUTER(m, x) (INNER(m, x) * 2)\n"
            "#define BOTH(x) (OUTER(size, x) * 1000 + OUTER(other, x))\n"
        )
        body = "long i, sum = 0; for (i = 0; i < 2; i++) sum += BOTH(the_card); return sum;"
        assert returns(body, 0, extra, the_card__size=3, the_card__other=5) == 2 * (6000 + 10)

    def test_a_macro_in_a_macro_that_declares_what_it_is_given(self) -> None:
        extra = (
            "#define GIVEN(x) ({ long y_ = 1; y_ + (x); })\n"
            "#define TWICE(x) (GIVEN(x) + GIVEN(n))\n"
        )
        assert returns("long z = 5; return TWICE(z) * 100 + TWICE(n);", 7, extra) == 14 * 100 + 16
        body = "long y_ = 5; return TWICE(n) + TWICE(y_);"
        refused(body, "declares y_, which an argument names", extra)

    def test_a_function(self) -> None:
        extra = "static long add(long x)\n{\n\treturn x + 1;\n}\n#define CALL(f, x) f((x) * 2)\n"
        assert returns("long x = 100; return CALL(add, n) + x;", 4, extra) == 109

    def test_a_macro_that_would_be_expanded_before_it_is_pasted(self) -> None:
        extra = "#define WHAT si\n#define PICK(p, m) ((p)->m##ze)\n#define OUT(p, m) PICK(p, m)\n"
        refused("return OUT(the_card, WHAT);", "itself a macro", extra)


class TestNamesThatAMacroDeclares:
    """C sees a macro as text: what it declares hides variables of the same name."""

    def test_an_argument_that_names_it_is_refused(self) -> None:
        extra = "#define PLUS(x) ({ long y = 1; y + (x); })\n"
        refused("long y = 5; return PLUS(y);", "declares y", extra)

    def test_through_another_macro(self) -> None:
        extra = "#define PLUS(x) ({ long y = 1; y + (x); })\n#define OUT(x) PLUS((x) * 2)\n"
        refused("long y = 5; return OUT(y + 1);", "declares y", extra)
        assert returns("long z = 5; return OUT(z + 1);", 0, extra) == 13

    def test_by_a_statement(self) -> None:
        extra = "#define PUT(p, x) do { long y = 1; *(p) = y + (x); } while (0)\n"
        refused("long y = 5, z; PUT(&z, y); return z;", "declares y", extra)

    def test_a_loop_shows_its_statement_what_it_declares(self) -> None:
        extra = "#define for_each_below(n) for (long at = 0; at < (n); at++)\n"
        body = "long at = 100, s = 0; for_each_below(4) { s += at; } return s + at;"
        assert returns(body, 0, extra) == 106

    def test_so_does_a_loop_within_a_loop(self) -> None:
        extra = (
            "#define for_each_below(i, n) for (long i = 0; i < (n); i++)\n"
            "#define for_each_pair(i, j, n) for_each_below(i, n) for (long j = 0; j < i; j++)\n"
        )
        body = "long s = 0; for_each_pair(a, b, 4) s += a * 10 + b; return s;"
        assert returns(body, 0, extra) == 144


class TestTextsSideBySide:
    PREFIX = '#define LEVEL "7"\n#define FORMAT(text) "card: " text\n'
    LOG = PREFIX + "#define LOG(text, ...) log_it(LEVEL text, ##__VA_ARGS__)\n"
    DEEP = PREFIX + "#define LOG(text, ...) log_it(LEVEL FORMAT(text), ##__VA_ARGS__)\n"

    @pytest.mark.parametrize("macros", [LOG, DEEP])
    def test_a_name_before_a_text(self, macros: str) -> None:
        events = []
        for given in (3, 4):
            _, machine = run('LOG("of %d\\n", n); return 0;', given, None, macros)
            (event,) = machine.events
            assert event.name == "log_it"
            events.append(event.arguments)
        assert events[0] != events[1]

    @pytest.mark.parametrize(("macros", "text"), [(LOG, '"7of"'), (DEEP, '"7card: of"')])
    def test_the_whole_text_is_what_is_given(self, macros: str, text: str) -> None:
        _, machine = run('LOG("of"); return 0;', 0, None, macros)
        (given,) = machine.events[0].given
        assert isinstance(given.data, Pointer)
        assert str(given.data.place) == text

    def test_names_of_texts_in_a_row(self) -> None:
        extra = '#define FORMAT(t) NAME ": " t\n#define LOG(t) log_it(LEVEL FORMAT("%s: " t))\n'
        _, machine = run('LOG("of"); return 0;', 0, None, extra)
        (given,) = machine.events[0].given
        assert isinstance(given.data, Pointer)
        assert str(given.data.place) == '"LEVEL" NAME ": %s: of"'

    def test_a_prefix_that_is_not_one_text(self) -> None:
        extra = self.DEEP.replace("FORMAT(text) ", "OTHER(text) ")
        refused('LOG("x"); return 0;', "neither expression nor statement", extra)

    def test_a_type_before_a_name(self) -> None:
        extra = "#define HELD(T, x) ({ T held = (x); held + 1; })\n"
        assert returns("return HELD(unsigned char, n);", 0x1FF, extra) == 0x100

    def test_a_word_that_an_operand_stands_beside(self) -> None:
        extra = "#define SIZE(x) (sizeof x)\n#define LOCAL(x) ({ long y = 9; y + (x); })\n"
        assert returns("int y = 5; return SIZE(y) + LOCAL(n);", 2, extra) == 15


class TestPlaces:
    def test_a_member_is_assigned(self) -> None:
        extra = "#define SIZE_OF(c) (c)->size\n"
        assert returns("SIZE_OF(the_card) = 3; return the_card->size;", 0, extra) == 3

    def test_an_element_of_an_array_that_a_macro_leads_to(self) -> None:
        extra = "#define CARD(c) (*(c))\n"
        assert returns("CARD(the_card).table[1] = 3; return the_card->table[1];", 0, extra) == 3

    def test_without_parameters(self) -> None:
        extra = "#define SIZE the_card->size\n"
        assert returns("SIZE = 3; SIZE++; return the_card->size;", 0, extra) == 4

    def test_what_is_no_place(self) -> None:
        extra = "static long g(void)\n{\n\treturn 1;\n}\n"
        refused("g() = 3; return 0;", "used as a place", extra)


class TestVariableArguments:
    def test_what_is_logged_is_seen(self) -> None:
        events = []
        for given in (3, 4):
            _, machine = run('debug(1, "x", n, 5); return 0;', given, None, LOGGED)
            events.append(machine.events[-1].arguments)
        assert events[0] != events[1]

    @pytest.mark.parametrize(
        ("call", "message"), [("one(0)", "at its end"), ("one(0, 7ul)", "va_arg.. of int")]
    )
    def test_what_was_not_given(self, call: str, message: str) -> None:
        extra = (
            "static int one(int x, ...)\n{\n\tva_list l;\n\n\tva_start(l, x);\n"
            "\treturn va_arg(l, int);\n}\n"
        )
        refused(f"return {call};", message, extra, line=TYPES.count("\n") + 6)


class TestAllocations:
    FLEX = "struct ring { int count; int more; long items[] __counted_by(count); };\n"

    def test_the_count_of_a_flexible_array_is_not_known(self) -> None:
        body = "struct ring *r = kzalloc_flex(*r, items, n, 5); return r->count;"
        assert not isinstance(run(body, 3, SymbolicInputs(), self.FLEX)[0], int)

    def test_other_members_are_zero(self) -> None:
        body = "struct ring *r = kzalloc_flex(*r, items, n, 5); return r->more + r->items[1];"
        assert returns(body, 3, self.FLEX) == 0

    def test_a_count_that_is_set(self) -> None:
        body = "struct ring *r = kmalloc_flex(*r, items, n); r->count = 6; return r->count;"
        assert returns(body, 3, self.FLEX) == 6


class TestProtections:
    def test_one_is_like_itself_only(self) -> None:
        inputs = SymbolicInputs()
        same, _ = run("return pgprot_val(PAGE_SHARED) == pgprot_val(PAGE_SHARED);", inputs=inputs)
        other, _ = run("return pgprot_val(PAGE_SHARED) == pgprot_val(PAGE_NONE);", inputs=inputs)
        assert same == 1
        assert not isinstance(other, int)


class TestMacrosThatLeave:
    """A macro that is a statement of its own may return or jump for the function it is used in."""

    CHECK = "#define CHECK(c, e) do { if (!(c)) return (e); } while (0)\n"

    @pytest.mark.parametrize(("n", "result"), [(3, 7), (1, 5)])
    def test_it_returns(self, n: int, result: int) -> None:
        assert returns("CHECK(n > 2, 5); return 7;", n, self.CHECK) == result

    def test_after_an_if(self) -> None:
        body = "if (n) CHECK(n > 2, 5); else CHECK(n, 6); return 7;"
        assert [returns(body, n, self.CHECK) for n in (0, 1, 3)] == [6, 5, 7]

    def test_to_a_label_of_the_function(self) -> None:
        extra = "#define OR(c, where) if (!(c)) goto where\n"
        body = "long r = 1; OR(n > 2, out); r = 2; out: return r;"
        assert [returns(body, n, extra) for n in (0, 3)] == [1, 2]

    def test_out_of_a_loop(self) -> None:
        extra = "#define STOP(c) if (c) break\n#define SKIP(c) if (c) continue\n"
        body = "long r = 0; for (int i = 0; i < 9; i++) { SKIP(i == 1); STOP(i == n); r += i; }"
        assert returns(body + " return r;", 4, extra) == 5

    def test_another_macro_hands_it_on(self) -> None:
        extra = self.CHECK + "#define SOME(x) do { CHECK((x) > 1, 4); CHECK(x, 1); } while (0)\n"
        assert [returns("SOME(n); return 9;", n, extra) for n in (1, 4)] == [4, 9]

    def test_locals_of_the_macro_are_cleaned_up(self) -> None:
        extra = (
            "static long left;\nstatic void leave(long *x) { left = left * 10 + *x; }\n"
            "#define IN(x) do { long in __cleanup(leave) = (x); if (n == 2) return 5; } while (0)\n"
        )
        body = "long outer __cleanup(leave) = 2; IN(1); return 6;"
        wrapped = f"{extra}static long inner(long n) {{ {body} }}\n"
        call = "long r; left = 0; r = inner(n); return r * 100 + left;"
        assert [returns(call, n, wrapped) for n in (2, 1)] == [512, 612]

    def test_not_out_of_an_expression(self) -> None:
        refused("n = ({ CHECK(n > 2, 5); }); return 7;", "jump out of a statement", self.CHECK)
