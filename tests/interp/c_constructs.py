# SPDX-License-Identifier: GPL-2.0-only
"""Makes C functions up whose statements are of the kinds that kernel C has beyond plain C.

Macros that paste, name members and places, typeof, functions with `...`, ranges of cases,
clean-ups.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.interp.c_programs import TYPES

PRELUDE = """
#include <stdarg.h>
void *memset(void *, int, unsigned long);
void *memcpy(void *, const void *, unsigned long);
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
static size_t size_add(size_t a, size_t b)
{
	size_t sum;

	return __builtin_add_overflow(a, b, &sum) ? ~0ul : sum;
}
static size_t size_sub(size_t a, size_t b)
{
	size_t rest;

	if (a == ~0ul || b == ~0ul || __builtin_sub_overflow(a, b, &rest))
		return ~0ul;
	return rest;
}
static size_t size_mul(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? ~0ul : product;
}
#define array_size(a, b) size_mul(a, b)
#define __cleanup(f) __attribute__((cleanup(f)))
"""
"""What a kernel's headers have, for the compiler."""

COMMON = """
struct part { u16 first; s8 second; unsigned int third:5; };
struct whole { long number; struct part part; struct part *link; unsigned int table[3]; u8 tail; };
#define MEMBER(p, m) ((p)->m)
#define DEEPER(p, outer, m) MEMBER(p, outer.m)
#define FIRST_OF(p) (p)->part.first
#define PLACE(p) (*(p))
#define THE_NUMBER w.number
#define JOINED(a, b) a##b
#define PASTED(p, kind) ((p)->part.kind##st * 3)
#define AS(T, x) ((T)(x))
#define NEGATED_AS(T, x) ((T)-(x))
#define ADDED(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ + b_; })
#define LARGER(a, b) ({ __typeof__(a) a_ = (a); __typeof__(a) b_ = (b); a_ > b_ ? a_ : b_; })
#define DECLARED(T, name, x) ({ T name = (x); name *= 3; name; })
#define EXCHANGE(p, m, x) do { typeof((p)->m) old = (p)->m; (p)->m = (x); out += old; } while (0)
#define TOTAL(n, ...) total(n, ##__VA_ARGS__)
#define FORWARD(args...) total(args)
#define OPTIONAL(n, ...) total(n __VA_OPT__(,) __VA_ARGS__)
#define APPLY(f, x) f(x)
#define SIZE(x) sizeof(x)
#define KIND(x) _Generic((x), \
	struct whole *: 1, struct part *: 2, int: 3, unsigned int: 4, long: 5, long *: 6, \
	default: 7)
#define LINK(x) _Generic((x), const struct whole *: (x)->link, struct whole *: (x)->link)
union word { u64 number; s64 sign; void *pointer; unsigned long other; u8 least; };
struct held { int kind; union { u32 code; s32 delta; u8 octets[4]; }; union word word; };
struct nested { struct held one; struct held two; long after; };
struct flexible { u16 count; u8 kind; u32 items[]; };
struct room { struct flexible head; u32 space[4]; };
static long weigh(struct part part)
{
	part.first++;
	return part.first * 5 + part.second - part.third;
}
static struct part swapped(struct part part, int third)
{
	struct part made = { .first = part.second, .second = part.first };

	made.third = third;
	return made;
}
static long total(int count, ...)
{
	va_list args, again;
	long sum = count;
	int i;

	va_start(args, count);
	va_copy(again, args);
	for (i = 0; i < count; i++)
		sum = sum * 3 + va_arg(args, long);
	va_end(args);
	if (count > 0)
		sum ^= va_arg(again, long);
	va_end(again);
	return sum;
}
static long mixed(int count, ...)
{
	va_list args;
	long sum;

	va_start(args, count);
	sum = va_arg(args, int);
	sum += va_arg(args, unsigned long);
	sum -= va_arg(args, unsigned int);
	sum ^= *va_arg(args, long *);
	va_end(args);
	return sum;
}
static long taken(va_list args)
{
	return va_arg(args, long);
}
static long handed(int count, ...)
{
	va_list args;
	long sum;

	va_start(args, count);
	sum = taken(args) * 2;
	va_end(args);
	return sum;
}
static long plus_one(long x)
{
	return x + 1;
}
static void finish(long *where)
{
	*where = *where * 2 + 1;
}
static long kept;
static void keep(long *where)
{
	kept = kept * 5 + *where;
}
"""

Maker = Callable[["Constructs"], Sequence[str]]
MAKERS: list[Maker] = []


def makes(maker: Maker) -> Maker:
    """Add a function that makes statements of one kind."""
    MAKERS.append(maker)
    return maker


class Constructs:
    """One function of three unsigned longs, made up from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"constructs {seed}")
        self.name = f"k{seed}"
        self.types = [self.random.choice(TYPES) for _ in range(3)]
        self.serial = 0
        first = MAKERS[seed % len(MAKERS)]  # so that every kind comes as often
        chosen = [first, *(self.random.choice(MAKERS) for _ in range(self.random.randint(1, 4)))]
        self.random.shuffle(chosen)
        body = [f"\t{line}" for maker in chosen for line in maker(self)]
        self.text = "\n".join(
            [
                f"unsigned long {self.name}(unsigned long a, unsigned long b, unsigned long c)",
                "{",
                *(f"\t{ctype} v{n} = {'abc'[n]};" for n, ctype in enumerate(self.types)),
                "\tstruct whole w = { .number = c, .part = { .first = a, .third = b } };",
                "\tstruct whole *p = &w;",
                "\tlong out = a;",
                "\tint i;",
                "",
                "\tw.link = &w.part;",
                *body,
                "\treturn out ^ v0 ^ (v1 * 3ul) ^ (v2 * 5ul) ^ w.number ^ w.part.first ^",
                "\t       w.part.second * 7ul ^ w.part.third ^ w.table[0] ^ w.table[2] ^ w.tail;",
                "}",
                "",
            ]
        )

    def leaf(self) -> str:
        """Return an operand."""
        some = ["a", "b", "c", "v0", "v1", "v2", "out", "p->number", "w.part.first", "w.tail", "7"]
        some += ["w.part.second", "w.part.third", "w.table[1]", "-3", "0x80000000", "255u", "1ul"]
        return self.random.choice(some)

    def whole(self) -> str:
        """Return an operand that is no bit field, so that typeof takes it."""
        return self.leaf().replace("w.part.third", "w.part.second")

    def value(self) -> str:
        """Return a small expression."""
        operator = self.random.choice(("+", "-", "*", "&", "|", "^"))
        return f"({self.leaf()} {operator} {self.leaf()})"

    def variable(self) -> str:
        """Return a variable."""
        return self.random.choice(("v0", "v1", "v2", "out"))

    def type(self) -> str:
        """Return a type of one word."""
        return self.random.choice([ctype for ctype in TYPES if " " not in ctype])

    def new(self) -> str:
        """Return a new name."""
        self.serial += 1
        return f"t{self.serial}"


@makes
def members(some: Constructs) -> Sequence[str]:
    """Macros whose parameters name members."""
    member = some.random.choice(("number", "part.first", "part.third", "table[1]", "tail"))
    inner = some.random.choice(("first", "second", "third"))
    return some.random.choice(
        (
            [f"out += MEMBER(p, {member});"],
            [f"MEMBER(&w, {member}) = {some.value()};"],
            [f"out ^= DEEPER(p, part, {inner});"],
            [f"DEEPER(p, part, {inner}) += {some.leaf()};"],
            [f"EXCHANGE(p, {member.replace('part.third', 'tail')}, {some.value()});"],
            [f"out -= JOINED(v, {some.random.randrange(3)});"],
            ["out += PASTED(p, fir);"],
        )
    )


@makes
def named_places(some: Constructs) -> Sequence[str]:
    """Macros that are assigned to, or pointed to."""
    return some.random.choice(
        (
            [f"THE_NUMBER = {some.value()};"],
            ["THE_NUMBER++;"],
            [f"FIRST_OF(p) -= {some.leaf()};"],
            [f"PLACE(p).tail = {some.value()};"],
            [f"PLACE(&w).table[{some.random.randrange(3)}] = {some.value()};"],
            ["{ long *q = &THE_NUMBER; *q += 5; }"],
            ["{ u16 *q = &FIRST_OF(p); (*q)++; }"],
            [f"JOINED(v, 0) = {some.value()};"],
        )
    )


@makes
def types(some: Constructs) -> Sequence[str]:
    """Macros whose parameters name types, and typeof."""
    name = some.new()
    return some.random.choice(
        (
            [f"out += AS({some.type()}, {some.value()});"],
            [f"out += NEGATED_AS({some.type()}, {some.leaf()});"],
            [f"out += DECLARED({some.type()}, {name}, {some.value()});"],
            [f"out ^= ADDED({some.whole()}, {some.value()});"],
            [f"{some.variable()} = LARGER({some.whole()}, {some.whole()});"],
            [f"out += LARGER(LARGER({some.whole()}, {some.whole()}), {some.whole()});"],
            [f"{{ typeof(w.tail) {name} = {some.value()}; out += {name}; }}"],
            [f"{{ typeof(*p) *{name} = &w; {name}->tail++; }}"],
            [f"{{ __typeof__(v1 + v2) {name} = {some.value()}; out ^= {name}; }}"],
            [f"out += (typeof(v0)){some.value()};"],
            [f"out += SIZE({some.random.choice(('int', 'v0', 'w.tail', 'w.part.first', 'a'))});"],
        )
    )


@makes
def walks(some: Constructs) -> Sequence[str]:
    """Pointers that count in something else than the elements of what they point into."""
    first, steps = some.random.randrange(3), some.random.randrange(3)
    grid, at, last = some.new(), some.new(), first + steps
    kind = some.random.choice(("char", "void", "u8"))
    inside = some.random.choice(
        (
            [f"void *{at} = {grid}; {at} += {4 * last}; *(u32 *){at} = {some.value()};"],
            [
                f"u32 *{at} = (u32 *)(({kind} *)&{grid}[{first}] + {4 * steps});",
                f"*{at} = {some.value()}; out += ({kind} *){at} - ({kind} *){grid};",
                f"out ^= {at} - {grid};",
            ],
            [
                f"s32 *{at} = (s32 *){grid} + {first};",
                f"{at}[{steps}] = {some.value()}; out -= (u16 *)&{at}[1] - (u16 *){grid};",
            ],
            [
                f"{kind} *{at} = ({kind} *)({grid} + {last}); {at} -= {4 * steps};",
                f"*(u32 *){at} += {some.value()}; out += *(u32 *){at} + ((u32 *){at})[{steps}];",
            ],
        )
    )
    rest = f"out ^= {grid}[{first}] + 3 * {grid}[{last}] + 7ul * {grid}[{5 - last}]; }}"
    return [f"{{ u32 {grid}[6] = {{ 0 }};", *inside, rest]


@makes
def variadic(some: Constructs) -> Sequence[str]:
    """Functions and macros with `...`."""
    one, two = f"(long){some.value()}", f"(long){some.value()}"
    return some.random.choice(
        (
            [f"out ^= total(2, {one}, {two});"],
            [f"out ^= TOTAL(1, {one});"],
            ["out += TOTAL(0);"],
            ["out += OPTIONAL(0);"],
            [f"out += OPTIONAL(2, {one}, {two});"],
            [f"out += FORWARD(2, {two}, {one});"],
            [f"out ^= FORWARD(1, FORWARD(1, {one}));"],
            [f"out ^= mixed(4, w.tail, a, (unsigned int){some.leaf()}, &w.number);"],
            [f"out ^= mixed(4, (s8)({some.leaf()}), c, 5u, &out);"],
            [f"out += handed(1, {one});"],
            [f"out += APPLY(plus_one, {some.value()});"],
        )
    )


@makes
def ranges(some: Constructs) -> Sequence[str]:
    """A switch with ranges of cases."""
    low, high = sorted(some.random.sample(range(16), 2))
    return [
        f"switch ({some.value()} & 15) {{",
        f"case {low} ... {high}:",
        f"\t{some.variable()} = {some.value()};",
        *(["\tbreak;"] if some.random.random() < 0.5 else []),
        "default:",
        f"\t{some.variable()} += {some.leaf()};",
        "}",
    ]


@makes
def cleanups(some: Constructs) -> Sequence[str]:
    """Variables that are cleaned up when control leaves their block."""
    name, other = some.new(), some.new()
    function = some.random.choice(("finish", "keep"))
    leaving = some.random.choice(("break;", "continue;", f"if ({some.leaf()} & 1) break;", ";"))
    return [
        "kept = 0;",
        "for (i = 0; i < 2; i++) {",
        f"\tlong {name} __cleanup({function}) = {some.value()};",
        f"\tlong {other} __cleanup(keep) = {some.leaf()};",
        f"\t{leaving}",
        f"\tout += {name};",
        f"\t{name} = out;",
        "}",
        "out ^= kept;",
    ]


@makes
def bit_fields(some: Constructs) -> Sequence[str]:
    """Bit fields of several widths and signs."""
    name = some.new()
    return [
        "{ struct { s8 x:3; unsigned int y:7; u64 z:33; long s:40; bool b:1; }",
        f"  {name} = {{ .x = {some.leaf()} }};",
        f"\t{name}.y = {some.value()}; {name}.z += {some.value()}; {name}.s = {some.value()};",
        f"\t{name}.b = {some.leaf()}; {name}.x++;",
        f"\tout += {name}.x + {name}.y * 3 + {name}.b; out ^= {name}.s - {name}.z; }}",
    ]


@makes
def overflows(some: Constructs) -> Sequence[str]:
    """Arithmetic that tells of overflows, with operands and results of any types."""
    name, operation = some.new(), some.random.choice(("add", "sub", "mul"))
    one, two = (
        f"({some.type()})((long){some.value()} << {some.random.choice((0, 0, 15, 31, 47))})"
        for _ in range(2)
    )
    into = some.random.choice([each for each in TYPES if each not in ("bool", "char")])
    return some.random.choice(
        (
            [
                f"{{ {into} {name}; out += check_{operation}_overflow({one}, {two}, &{name});",
                f"\tout ^= {name} * 3; }}",
            ],
            [f"out += check_{operation}_overflow({some.value()}, {some.leaf()}, &w.number);"],
            [f"out ^= size_{operation}({one}, {two});"],
            [f"out ^= array_size({some.value()} & 0xffffffff, {two});"],
        )
    )


@makes
def choices(some: Constructs) -> Sequence[str]:
    """Choices by type."""
    subject = some.random.choice(
        ("p", "p->link", "i", "0u", "out", "&out", "w.tail + 1", "w.table", "a", "1 ? 0u : 1")
    )
    return some.random.choice(
        (
            [f"out += KIND({subject}) * {some.leaf()};"],
            [f"LINK(p)->first = {some.value()};"],
        )
    )


@makes
def unions(some: Constructs) -> Sequence[str]:
    """Members of unions, read as the one that was written or as one of its width."""
    name = some.new()
    kind = some.random.choice(("number", "sign", "other"))
    again = some.random.choice(("number", "sign", "other"))
    return some.random.choice(
        (
            [f"{{ union word {name}; {name}.{kind} = {some.value()}; out ^= {name}.{again}; }}"],
            [
                f"{{ union word {name} = {{}}, copy;",
                f"\t{name}.{kind} = {some.value()}; copy = {name};",
                f"\tcopy.{again} += 3; out -= copy.{kind} ^ {name}.{again}; }}",
            ],
            [
                f"{{ struct held {name} = {{ .kind = {some.leaf()}, .code = {some.value()} }};",
                f"\tout += {name}.delta * {name}.kind; {name}.word.least = {some.leaf()};",
                f"\tout ^= {name}.word.least; {name}.delta--; out += {name}.code; }}",
            ],
            [
                f"{{ union word {name}; {name}.pointer = &w;",
                f"\tout += ((struct whole *){name}.pointer)->number; }}",
            ],
        )
    )


@makes
def whole_objects(some: Constructs) -> Sequence[str]:
    """memset() and memcpy() of objects, and structures that are copied within others."""
    name = some.new()
    return some.random.choice(
        (
            [f"memset(&w, 0, sizeof(w)); w.link = &w.part; w.number = {some.value()};"],
            [f"memset(&w.part, 0, sizeof(w.part)); w.part.second = {some.value()};"],
            ["memset(w.table, 0, sizeof(w.table));"],
            ["memset(&out, 0, sizeof(out));"],
            [
                f"{{ struct whole {name}; memcpy(&{name}, &w, sizeof({name}));",
                f"\t{name}.tail++; w = {name}; }}",
            ],
            [
                f"{{ u32 {name}[3]; memcpy({name}, w.table, sizeof({name}));",
                f"\tout += {name}[0] - {name}[2]; }}",
            ],
            [
                f"{{ struct nested {name} = {{}}, copy; {name}.two.kind = {some.leaf()};",
                f"\t{name}.one = {name}.two; {name}.one.code = {some.value()}; copy = {name};",
                f"\tcopy.two = copy.one; {name} = copy; {name}.after = {some.leaf()};",
                f"\tout ^= {name}.two.kind + {name}.two.delta - {name}.after; }}",
            ],
            [
                f"{{ struct nested {name}; memset(&{name}, 0, sizeof(struct nested));",
                f"\t{name}.one = (struct held){{ .kind = {some.leaf()} }};",
                f"\t{name}.two = {name}.one;",
                f"\tout += {name}.two.kind * 3 + {name}.two.code + {name}.after; }}",
            ],
        )
    )


@makes
def by_value(some: Constructs) -> Sequence[str]:
    """Structures as arguments and results."""
    return some.random.choice(
        (
            ["out += weigh(w.part);"],
            [f"w.part = swapped(w.part, {some.value()});"],
            [f"out ^= swapped(*p->link, {some.leaf()}).second;"],
            [f"out -= weigh(swapped(w.part, {some.leaf()})) + w.part.first;"],
            [f"out += weigh((struct part){{ .second = {some.value()} }});"],
        )
    )


@makes
def flexible(some: Constructs) -> Sequence[str]:
    """Structures whose last member is an array without an end."""
    name = some.new()
    return [
        f"{{ struct room {name} = {{}}; struct flexible *f = &{name}.head;",
        f"\tf->count = 3; f->items[1] = {some.value()}; f->items[2] = {some.leaf()};",
        "\tfor (i = 0; i < f->count; i++) out = out * 3 + f->items[i];",
        f"\tf->items[{some.random.randrange(3)}]--; out ^= f->items[1] + f->kind; }}",
    ]


@makes
def addresses(some: Constructs) -> Sequence[str]:
    """Whether two pointers into one object are equal."""
    pairs = (
        "(void *)&w == (void *)&w.number", "(void *)p->link == (void *)&w.part.first",
        "&p->tail == (u8 *)&w.tail", "(void *)&w.part == (void *)&w.number",
        "(void *)&w.part.second != (void *)&w.part.first", "p == &w", "&w.table[1] == p->table + 1",
        "(void *)w.link != (void *)&w.link",
    )  # fmt: skip
    return [f"if ({some.random.choice(pairs)}) out += {some.leaf()};"]
