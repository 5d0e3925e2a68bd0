# SPDX-License-Identifier: GPL-2.0-only
"""What C code reads that nobody wrote, what calls do to it, and what is not executed."""

from __future__ import annotations

import errno

import pytest

from premap import symbolic
from premap.csource.source import SourceFile
from premap.interp.bindings import Bindings
from premap.interp.calls import call_function
from premap.interp.hooks import callback
from premap.interp.inputs import Inputs, RecordedInputs, SymbolicInputs
from premap.interp.machine import LOOP_LIMIT, Machine
from premap.interp.naming import Namer
from premap.interp.scalars import word_of
from premap.interp.undefined import BeyondBound, Undefined
from premap.interp.values import ULONG, Value
from premap.model.errors import NotModelled
from premap.model.words import U64_MAX

TYPES = """
struct lock { int owner; };
struct link { struct link *next; int weight; };
struct card {
	unsigned long size;
	unsigned long other;
	int level;
	struct lock lock;
	struct link link;
	struct card *peer;
	unsigned long *far;
	unsigned long table[4];
	union { int whole; short part; };
};
static struct card *the_card;
static int global;
"""


def run(
    body: str, given: int = 0, inputs: Inputs | None = None, extra: str = "", **state: int
) -> tuple[int, Machine]:
    """Run `long f(unsigned long n) { body }`; `state` are made-up words, `__` for `->`."""
    text = f"{TYPES}{extra}\nlong f(unsigned long n)\n{{\n{body}\n}}\n"
    words = {name.replace("__", "->"): value for name, value in state.items()}
    machine = Machine(inputs or RecordedInputs(words), Bindings(None, {}, callback), Namer())
    function = SourceFile("card.c", text.encode()).functions["f"][0]
    return word_of(call_function(machine, None, function, [Value(ULONG, given)])), machine


def returns(body: str, given: int = 0, extra: str = "", **state: int) -> int:
    """Return what it returns, as a word."""
    return run(body, given, None, extra, **state)[0]


def refused(body: str, message: str, extra: str = "", line: int | None = None) -> None:
    """Assert that it is not executed, and that the error says what and where."""
    with pytest.raises(NotModelled, match=message) as caught:
        run(body, 1, SymbolicInputs(), extra)
    assert caught.value.file == "card.c"
    first = TYPES.count("\n") + extra.count("\n") + 4
    assert caught.value.line == (first if line is None else line)


class TestMadeUpMemory:
    def test_a_member_has_the_value_of_its_name(self) -> None:
        assert returns("return the_card->size;", the_card__size=7) == 7

    def test_it_has_the_same_value_again(self) -> None:
        first, _ = run("return the_card->size == the_card->size;", inputs=SymbolicInputs())
        assert first == 1

    def test_members_are_apart(self) -> None:
        body = "the_card->size = 5; return the_card->other;"
        assert returns(body, the_card__other=9) == 9

    def test_what_was_written_is_read(self) -> None:
        assert returns("the_card->size = 5; return the_card->size;") == 5

    def test_a_pointer_and_its_target_are_apart(self) -> None:
        state = {"the_card__far": 64, "*the_card__far": 3}
        assert returns("return *the_card->far;", **state) == 3

    def test_a_variable_and_what_it_points_to_are_apart(self) -> None:
        extra = "static unsigned long *where;\nstatic struct lock *held;\n"
        assert returns("*where = 5; return (long)where;", 0, extra, where=64) == 64
        body = "struct lock l = *held; *held = (struct lock){}; return l.owner + (long)held;"
        assert returns(body, 0, extra, held=64, held__owner=2) == 66

    def test_a_narrow_member_is_truncated(self) -> None:
        assert returns("return the_card->level;", the_card__level=0xFFFF_FFFF) == U64_MAX

    def test_a_structure_is_copied(self) -> None:
        body = "struct lock l = the_card->lock; the_card->lock.owner = 1; return l.owner;"
        assert returns(body, **{"the_card__lock.owner": 6}) == 6

    def test_container_of_gives_the_structure_back(self) -> None:
        body = "struct link *l = &the_card->link; return container_of(l, struct card, link)->size;"
        assert returns(body, the_card__size=8) == 8

    NESTED = (
        "struct inner { int pad; struct link held; };\n"
        "struct outer { int before; struct inner in; unseen_t unseen;"
        " union { struct inner one, two; }; };\n"
        "static struct outer *out;\n"
    )

    def test_container_of_a_member_of_a_member(self) -> None:
        body = (
            "struct link *l = &out->in.held; return container_of(l, struct outer, in.held)->before;"
        )
        assert returns(body, 0, self.NESTED, out__before=5) == 5

    def test_container_of_what_lies_in_a_structure_that_is_not_seen(self) -> None:
        body = (
            "struct link *l = the_card->link.next;"
            "struct outer *o = container_of(l, struct outer, in . held);"
            "l->weight = n; o->before = 2; o->in.pad = 3;"
            "return &o->in.held == l && container_of(l, struct inner, held)->pad == 3"
            " && (long)l - (long)o == 24"
            " ? o->in.held.weight : 0;"
        )
        offsets = {"offsetof(struct outer, in)": 8, "offsetof(struct inner, held)": 16}
        words = {**offsets, "the_card__link.next": 64}
        assert returns(body, 7, self.NESTED, **words) == 7

    @pytest.mark.parametrize(
        ("member", "message"),
        [
            ("one.held", "one is a member of a union"),
            ("in.held.next", "not a member `next`"),
            ("many[1].held", "container_of"),
            ("unseen.held", "container_of: the type of unseen"),
        ],
    )
    def test_container_of_what_can_not_be_told(self, member: str, message: str) -> None:
        held = "the_card->link.next" if "one" in member else "&out->in.held"
        body = f"struct link *l = {held}; return container_of(l, struct outer, {member})->before;"
        refused(body, message, self.NESTED)

    def test_an_unset_variable_is_not_read(self) -> None:
        refused("int x; return x;", "read before it is written")

    def test_members_left_out_of_an_initializer_are_zero(self) -> None:
        assert returns("struct link l = { .weight = 3 }; return (long)l.next + l.weight;") == 3


class TestArrays:
    def test_a_symbolic_index_reads_one_element(self) -> None:
        word, _ = run("return the_card->table[n] == the_card->table[n];", 2, SymbolicInputs())
        assert word == 1

    def test_a_write_through_an_unknown_index_hides_others(self) -> None:
        refused("the_card->table[the_card->size] = 5; return the_card->table[0];", "may be")

    def test_also_what_was_read_before(self) -> None:
        body = (
            "unsigned long x = the_card->table[0]; the_card->table[the_card->size] = x + 1;"
            " return the_card->table[0];"
        )
        refused(body, "may be")

    def test_also_in_a_local_array(self) -> None:
        refused("int a[2]; a[0] = 1; a[the_card->size] = 2; return a[0];", "may be")

    def test_elements_with_known_indexes_are_apart(self) -> None:
        assert returns("long a[3]; a[1] = 5; a[2] = 6; a[0] = 4; return a[1] * 10 + a[2];") == 56


class TestCalls:
    def test_unknown_code_changes_what_it_can_reach(self) -> None:
        body = "long x = the_card->size; surprise(); return the_card->size == x;"
        assert not isinstance(run(body, inputs=SymbolicInputs())[0], int)

    def test_it_does_not_reach_local_variables(self) -> None:
        assert returns("int x = 3; surprise(); return x;") == 3

    def test_it_changes_the_variables_that_it_is_given(self) -> None:
        body = "int x = 3; surprise(&x); return x;"
        assert not isinstance(run(body, inputs=SymbolicInputs())[0], int)

    def test_it_may_change_them_later(self) -> None:
        body = "int x = 3; long y; keep(&x); y = x; surprise(); return x == y;"
        assert not isinstance(run(body, inputs=SymbolicInputs())[0], int)

    def test_results_depend_on_what_was_called_before(self) -> None:
        body = "return next() == next();"
        assert not isinstance(run(body, inputs=SymbolicInputs())[0], int)

    def test_equal_runs_have_equal_results(self) -> None:
        inputs = SymbolicInputs()
        body = "poke(); return next();"
        assert run(body, inputs=inputs)[0] is run(body, inputs=inputs)[0]

    def test_calls_are_events_with_their_arguments(self) -> None:
        _, machine = run("poke(n, 3); return 0;", 5)
        assert [(event.name, event.arguments) for event in machine.events] == [("poke", (5, 3))]

    def test_a_static_function_of_the_file_is_executed(self) -> None:
        helper = "static int twice(int x)\n{\n\treturn 2 * x;\n}\n"
        word, machine = run("return twice(n);", 4, extra=helper)
        assert (word, machine.events) == (8, [])

    def test_the_definition_is_chosen_by_its_arm(self) -> None:
        arms = (
            "#ifdef CONFIG_FAST\nstatic int speed(void)\n{\n\treturn 2;\n}\n"
            "#else\nstatic int speed(void)\n{\n\treturn 1;\n}\n#endif\n"
        )
        assert returns("return speed();", extra=arms) == 1
        assert returns("return speed();", extra=arms, **{"option CONFIG_FAST": 1}) == 2

    def test_too_deep_recursion_ends(self) -> None:
        with pytest.raises(NotModelled, match="deep"):
            run("return 0 + loop(n);", 1, extra="static int loop(int x)\n{\n\treturn loop(x);\n}\n")


class TestLocks:
    def test_one_that_is_held_is_known(self) -> None:
        _, machine = run("mutex_lock(&the_card->lock); return 0;")
        assert len(machine.locks) == 1

    def test_one_that_is_released_is_not(self) -> None:
        _, machine = run("mutex_lock(&the_card->lock); mutex_unlock(&the_card->lock); return 0;")
        assert machine.locks == []

    @pytest.mark.parametrize("call", ["mutex_lock", "mutex_unlock"])
    def test_others_change_memory_before_and_after(self, call: str) -> None:
        body = f"long x = the_card->size; {call}(&the_card->lock); return the_card->size == x;"
        assert not isinstance(run(body, inputs=SymbolicInputs())[0], int)


class TestErrors:
    def test_err_ptr_and_back(self) -> None:
        assert returns("return PTR_ERR(ERR_PTR(-EIO));") == (-errno.EIO) & U64_MAX

    def test_is_err(self) -> None:
        assert returns("return IS_ERR(ERR_PTR(-5)) * 10 + IS_ERR(the_card);") == 10

    def test_null_is_no_error(self) -> None:
        assert returns("return IS_ERR(NULL) * 10 + IS_ERR_OR_NULL(NULL);") == 1


class TestConfiguration:
    def test_an_option_in_a_body_is_made_up(self) -> None:
        body = "#ifdef CONFIG_FAST\nreturn 2;\n#else\nreturn 1;\n#endif"
        assert returns(body) == 1
        assert returns(body, **{"option CONFIG_FAST": 1}) == 2

    def test_is_enabled_is_the_same_option(self) -> None:
        assert returns("return IS_ENABLED(CONFIG_FAST);", **{"option CONFIG_FAST": 1}) == 1


class TestLoops:
    def test_one_that_hangs_on_made_up_words_is_bounded(self) -> None:
        explorer = symbolic.Explorer()
        body = "long i; for (i = 0; i < the_card->size; i++) ; return i;"
        paths = explorer.explore(lambda: run(body, inputs=SymbolicInputs())[0], stop=(BeyondBound,))
        ends = [path.exception or int(path.value or 0) for path in paths]
        assert [end for end in ends if isinstance(end, int)] == list(range(LOOP_LIMIT, -1, -1)) or (
            sorted(end for end in ends if isinstance(end, int)) == list(range(LOOP_LIMIT + 1))
        )
        assert sum(isinstance(end, BeyondBound) for end in ends) == 1

    def test_one_with_known_bounds_is_not(self) -> None:
        assert returns("long i, s = 0; for (i = 0; i < 100; i++) s += i; return s;") == 4950

    def test_one_without_an_end_ends(self) -> None:
        with pytest.raises(NotModelled):
            run("for (;;) ; return 0;")


class TestUndefined:
    @pytest.mark.parametrize("body", ["return 1 / (int)n;", "return 1 << (n + 32);"])
    def test_it_has_a_class_of_its_own(self, body: str) -> None:
        with pytest.raises(Undefined):
            run(body)

    @pytest.mark.parametrize("operator", ["/", "%"])
    @pytest.mark.parametrize(("kind", "least"), [("int", "1u << 31"), ("long", "1ul << 63")])
    def test_a_quotient_that_does_not_fit(self, kind: str, least: str, operator: str) -> None:
        body = f"{kind} x = {least}, y = -1; return x {operator} (y + (int)n);"
        with pytest.raises(Undefined):
            run(body)
        assert returns(body, 2) == (0 if operator == "%" else returns(f"return ({kind})({least});"))

    def test_a_function_that_ends_without_a_value(self) -> None:
        with pytest.raises(Undefined):
            run("if (n) return 1;")


class TestRefusals:
    """What is not executed is refused with its file and line."""

    def test_assembly(self) -> None:
        refused('asm volatile("nop"); return 0;', "asm")

    def test_an_undeclared_name(self) -> None:
        refused("return nobody_knows;", "not declared")

    def test_a_computed_address(self) -> None:
        refused("return ((struct card *)(n + 4096))->size;", "computed address")

    def test_null(self) -> None:
        refused("return ((struct card *)(n - 1))->size;", "a pointer that is 0 is followed")

    def test_a_place_as_two_structures(self) -> None:
        refused("long x = the_card->size; return ((struct link *)the_card)->weight;", "structures")

    def test_half_of_a_number(self) -> None:
        refused("long x = n; return *(int *)&x;", "as different types, of 8 and 4 bytes")

    def test_a_variable_whose_address_is_kept(self) -> None:
        refused("unsigned long x = n; the_card->far = &x; return 0;", "made to point to")

    def test_the_line_is_that_of_the_construct(self) -> None:
        line = TYPES.count("\n") + 6
        refused("int x;\n\n\treturn x;", "before it is written", line=line)


class TestEndlessLoops:
    """`while (1)` ends by what is decided within; only such iterations count as made up."""

    def test_iterations_that_hang_on_made_up_words_are_bounded(self) -> None:
        body = "while (1) { if (probe(n)) continue; break; } return n;"
        paths = list(
            symbolic.Explorer().explore(
                lambda: run(body, inputs=SymbolicInputs())[0], stop=(BeyondBound,)
            )
        )
        assert len(paths) == LOOP_LIMIT + 2
        assert sum(isinstance(path.exception, BeyondBound) for path in paths) == 1

    def test_plain_iterations_are_not(self) -> None:
        body = "int i = 0; while (1) { if (i == 50) break; i++; } return i;"
        assert returns(body) == 50

    def test_nor_are_those_of_a_do_loop(self) -> None:
        body = "int i = 0; do { if (i == 50) break; i++; } while (true); return i;"
        assert returns(body) == 50


class TestWhatTheParserMisreads:
    """It has no list of types: `(u8) * p` are two operands to it, and `(f((u64)(n)))` is a type."""

    HALF = "static u32 half(u64 x)\n{\n\treturn x / 2;\n}\n"

    @pytest.mark.parametrize("rest", ["+ n", "- 1", "* 3", "& 7"])
    def test_a_call_in_parentheses_is_no_cast(self, rest: str) -> None:
        refused(f"return (half((u64)(n))) {rest};", "misread as a cast", self.HALF)

    @pytest.mark.parametrize(
        "rest", ["- x * 2", "+ x * 2", "& x + 4", "- x % 3 - x", "* x - x * x"]
    )
    @pytest.mark.parametrize("before", ["", "x + ", "100 - ", "-", "x * "])
    def test_a_variable_in_parentheses_is_no_type(self, before: str, rest: str) -> None:
        head = f"long m = n, x = 7; return {before}"
        assert returns(f"{head}(m) {rest};", 50) == returns(f"{head}m {rest};", 50)

    def test_nor_is_a_parameter_of_a_macro(self) -> None:
        extra = "#define LESS(a, b, c) ((a) - (b) * (c))\n#define AND(a, b) ((a) & b + 1)\n"
        assert returns("long y = 3; return LESS(n, y, 4);", 50, extra) == 38
        assert (
            returns("long card = 3; return LESS(card, n, 4 + 1);", 5, extra) == (3 - 25) & U64_MAX
        )
        assert returns("long y = 6; return AND(y, n);", 3, extra) == 4

    @pytest.mark.parametrize("name", ["SOMETHING", "GREEN"])
    def test_what_may_be_a_type_is_refused(self, name: str) -> None:
        extra = "enum colour { RED, GREEN };\n"
        refused(f"return ({name}) - n * 2;", "misread as a cast", extra)

    def test_a_type_before_a_sign_is_a_cast(self) -> None:
        assert returns("return (u8)-n * 2;", 1) == 0xFF * 2

    def test_what_a_pointer_points_to_is_cast(self) -> None:
        body = "unsigned int x = n; unsigned int *q = &x; return (u8)*q + 1;"
        assert returns(body, 0x1FF, TYPES) == 0x100

    def test_a_cast_binds_closer_than_a_product(self) -> None:
        body = "unsigned int x = n; unsigned int *q = &x; return (u8)*q * 3;"
        assert returns(body, 0x1FF, TYPES) == 0xFF * 3

    def test_casts_that_look_like_calls(self) -> None:
        assert returns("return (u64)(u8)(n + 1);", 0x1FF) == 0
        assert returns("return (s64)(s8)(u16)(n * 3);", 0xFF55) == 0xFFFFFFFFFFFFFFFF
        refused("return (u64)(n)(n);", "calls what a call returned")
