# SPDX-License-Identifier: GPL-2.0-only
"""Makes C functions up, with everything defined: no overflowing shift, no division by zero."""

from __future__ import annotations

import random

TYPES = (
    "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "int", "unsigned int", "long",
    "unsigned long", "short", "char", "bool", "size_t", "unsigned char",
)  # fmt: skip

PRELUDE = """
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
typedef _Bool bool;
typedef unsigned long size_t;
#define true 1
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(x, low, high) min(max((x), (low)), (high))
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define roundup(x, y) ({ __typeof__((y) + 0) y_ = y; (((x) + (y_ - 1)) / y_) * y_; })
#define rounddown(x, y) ({ __typeof__((x) + 0) x_ = (x); x_ - (x_ % (y)); })
#define lower_32_bits(n) ((u32)((n) & 0xffffffff))
#define upper_32_bits(n) ((u32)(((n) >> 16) >> 16))
#define swap(a, b) do { __typeof__(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
"""
"""What a kernel's headers have, for the compiler; the interpreter has it without."""

COMMON = """
enum color { RED, GREEN = 5, BLUE, DARK = -3, FAR = 0x7fffffff };
enum plain { ZERO, ONE, MANY = 0x80000000u };
struct inner { u16 a; s8 b; };
struct outer {
	u8 small;
	s16 middle;
	unsigned int narrow:3;
	int tiny:5;
	u16 wide:9;
	bool flag:1;
	long number;
	unsigned int items[4];
	struct inner in;
	struct inner *link;
};
#define SQUARE(x) ((x) * (x))
#define PICK(c, x, y) ((c) ? (x) : (y))
#define BUMP(v) do { (v) += 3; if ((v) & 1) (v)--; } while (0)
#define WIDEST(x, y) ({ long x_ = (x); long y_ = (y); x_ > y_ ? x_ : y_; })
#define LIMIT 17
#define NEGATIVE (-4)
static unsigned char narrow(int x, unsigned short y)
{
	return x * 3 + y;
}
static s16 turn(s64 x)
{
	if (x < 0)
		return -x;
	return x >> 3;
}
static bool odd(unsigned long x)
{
	return x & 0x100000001ul;
}
static void store(long *where, long what)
{
	*where = what;
}
static long sum(const unsigned int *items, int count)
{
	long total = 0;

	while (count-- > 0)
		total += items[count];
	return total;
}
static unsigned int climb(unsigned int x)
{
	return x < 3 ? x : climb(x - 2) + 1;
}
"""


class Program:
    """One function of three unsigned longs, made up from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.name = f"f{seed}"
        self.variables = [f"v{number}" for number in range(4)]
        self.types = {name: self.random.choice(TYPES) for name in self.variables}
        self.labels = 0
        self.text = self._text()

    def _text(self) -> str:
        lines = [
            f"unsigned long {self.name}(unsigned long a, unsigned long b, unsigned long c)",
            "{",
        ]
        for number, (name, ctype) in enumerate(self.types.items()):
            lines.append(f"\t{ctype} {name} = {'abca'[number]}{' >> 7' if number == 3 else ''};")
        lines += [
            "\tunsigned int array[4] = { 1, a, 3, b };",
            "\tstruct outer s = { .small = a, .tiny = b, .number = c, .in = { .b = 7 } };",
            "\tstruct outer *p = &s;",
            "\tunsigned int *q = &array[1];",
            "\tlong out = 0;",
            "\tint i;",
            "",
            "\ts.link = &s.in;",
        ]
        for _ in range(self.random.randint(3, 6)):
            lines += self.statement(1)
        lines.append(f"\treturn {self.result()};")
        return "\n".join([*lines, "}", ""])

    def result(self) -> str:
        """Return an expression that depends on everything."""
        parts = [f"((unsigned long){name} << {n}) " for n, name in enumerate(self.variables)]
        parts += [
            "array[0] ",
            "array[1] * 3 ",
            "array[2] ",
            "array[3] * 5 ",
            "s.narrow ",
            "s.tiny ",
        ]
        parts += [
            "s.wide * 7ul ",
            "s.flag ",
            "s.number ",
            "s.items[1] ",
            "s.in.a ",
            "s.in.b ",
            "out ",
        ]
        return "^ ".join(f"({part.strip()})" for part in parts)

    def target(self) -> str:
        """Return something that can be assigned to."""
        some = [*self.variables, *self.variables, "array[2]", "q[1]", "*q", "p->narrow", "s.tiny"]
        some += ["p->wide", "s.flag", "p->number", "s.items[1]", "p->in.a", "s.in.b", "s.middle"]
        some += ["p->link->a", f"array[{self.leaf()} & 3]", f"p->items[{self.leaf()} & 1]"]
        return self.random.choice(some)

    def leaf(self) -> str:
        """Return an operand."""
        some = [*self.variables, *self.variables, *self.variables, "a", "b", "c"]
        some += ["p->small", "s.middle", "p->narrow", "s.tiny", "s.wide", "p->flag", "s.number"]
        some += [
            "array[1]",
            "q[2]",
            "*(q + 1)",
            "s.items[0]",
            "p->in.b",
            "p->link->a",
            "(q - array)",
        ]
        some += ["RED", "GREEN", "BLUE", "DARK", "FAR", "MANY", "LIMIT", "NEGATIVE", "'A'", "'\\n'"]
        some += ["0", "1", "7", "255", "-1", "0x80000000", "2147483648", "4294967295u", "0777"]
        some += ["0xffffffffffffffff", "1ul", "3LL", "65535", "sizeof(int)", "sizeof(p->number)"]
        return self.random.choice(some)

    def expression(self, depth: int = 3) -> str:
        """Return an expression without effects."""
        if depth == 0:
            return self.leaf()
        kind = self.random.randrange(16)
        one = self.expression(depth - 1)
        two = self.expression(depth - 1)
        if kind < 6:
            return self.binary(one, two)
        if kind == 6:
            return f"({self.random.choice('-~!+')}({one}))"
        if kind == 7:
            return f"(({self.random.choice(TYPES)})({one}))"
        if kind == 8:
            return f"({one} ? {two} : {self.leaf()})"
        if kind == 9:
            return f"({one} {self.random.choice(('&&', '||'))} {two})"
        if kind == 10:
            return f"({one}, {two})"
        if kind == 11:
            return self.call(one, two)
        return self.binary(one, self.leaf())

    def binary(self, one: str, two: str) -> str:
        """Return an operation that is defined for all its operands."""
        operator = self.random.choice(
            ("+", "-", "*", "&", "|", "^", "/", "%", "<<", ">>", "==", "!=", "<", "<=", ">", ">=")
        )
        if operator in "/%":
            two = f"(({two}) & 7) + 1"
        if operator in ("<<", ">>"):
            two = f"(({two}) & 15)"
            if operator == "<<":
                return f"(({one}) << {two})"
        return f"(({one}) {operator} ({two}))"

    def call(self, one: str, two: str) -> str:
        """Return a call of a function or a macro."""
        ctype = self.random.choice(TYPES[:9])
        calls = [
            f"narrow({one}, {two})", f"turn({one})", f"odd({one})", f"sum(q, ({one}) & 3)",
            f"SQUARE({one})", f"PICK({one}, {two}, {self.leaf()})", f"WIDEST({one}, {two})",
            f"min_t({ctype}, {one}, {two})", f"max_t({ctype}, {one}, {two})",
            f"min(({ctype})({one}), ({ctype})({two}))", f"climb(({one}) & 7)",
            f"clamp((int)({one}), -5, 5)", f"lower_32_bits((u64)({one}))",
            f"upper_32_bits((u64)({one}))", f"ALIGN((unsigned long)({one}), PAGE_SIZE)",
            f"DIV_ROUND_UP((unsigned int)({one}), 8u)",
            f"roundup((unsigned int)({one}), 12)", f"roundup(({one}) & 0xfff, (u8)24)",
            f"rounddown((unsigned long)({one}), PAGE_SIZE)", f"rounddown({one}, 7)",
            f"({{ {ctype} t = {one}; t += 2; t; }})",
        ]  # fmt: skip
        return self.random.choice(calls)

    def statement(self, depth: int) -> list[str]:
        """Return lines of a statement."""
        tabs = "\t" * depth
        makers = [self.simple, self.simple, self.simple]
        if depth < 3:
            makers += [self.branch, self.loop, self.choice, self.jump, self.block]
        return [tabs + line for line in self.random.choice(makers)(depth)]

    def simple(self, depth: int) -> list[str]:
        """Return an assignment, or another effect."""
        operator = self.random.choice(("=", "=", "+=", "-=", "*=", "&=", "|=", "^="))
        target, value = self.target(), self.expression()
        name = self.random.choice(self.variables)
        same = self.random.choice(self.variables)
        some = [
            f"{target} {operator} {value};", f"{target} {operator} {value};",
            f"{target} /= (({self.leaf()}) & 3) + 1;", f"{name} <<= ({self.leaf()}) & 3;",
            f"{name} >>= ({self.leaf()}) & 7;", f"{name}++;", f"--{name};",
            f"{same} = {name}++ + 1;" if same != name else f"{name}--;",
            "BUMP(out);", f"store(&out, {value});", f"out = ({name} = {value}) + 1;",
            "swap(array[0], array[3]);", f"s.in = (struct inner){{ .a = {self.leaf()} }};",
            "{ struct outer copy = s; copy.tiny++; out += copy.tiny + copy.number; }",
            f"q = &array[({self.leaf()}) & 1];", f"*&{name} = {value};",
        ]  # fmt: skip
        return [self.random.choice(some)]

    def branch(self, depth: int) -> list[str]:
        """Return an if."""
        lines = [f"if ({self.expression()}) {{", *self.statement(1), "}"]
        if self.random.random() < 0.5:
            lines[-1] = "} else {"
            lines += [*self.statement(1), "}"]
        return lines

    def loop(self, depth: int) -> list[str]:
        """Return a loop that ends."""
        count = self.random.randint(1, 4)
        inner = [
            f"\tif (({self.leaf()}) == {count})",
            f"\t\t{self.random.choice(('break', 'continue'))};",
        ]
        body = [*self.simple_lines(), *(inner if self.random.random() < 0.5 else [])]
        name = f"n{self.random.randrange(1000)}"
        return self.random.choice(
            (
                [f"for (i = 0; i < {count}; i++) {{", *body, "}"],
                [f"for (int {name} = {count}; {name}; {name}--) {{", *body, "}"],
                [f"i = {count};", "while (i-- > 0) {", *body, "}"],
                ["i = 0;", "do {", *body, f"}} while (++i < {count});"],
            )
        )

    def simple_lines(self) -> list[str]:
        """Return an indented assignment."""
        return ["\t" + line for line in self.simple(1)]

    def choice(self, depth: int) -> list[str]:
        """Return a switch, with a case that falls through."""
        return [
            f"switch (({self.expression()}) & 3) {{",
            "case 0:",
            *self.simple_lines(),
            *(["\tbreak;"] if self.random.random() < 0.5 else []),
            "case 1:",
            "case 3:",
            *self.simple_lines(),
            "\tbreak;",
            *(["default:", *self.simple_lines()] if self.random.random() < 0.7 else []),
            "}",
        ]

    def jump(self, depth: int) -> list[str]:
        """Return a goto over a statement."""
        self.labels += 1
        label = f"skip{self.labels}"
        return [
            "{",
            f"\tif ({self.expression(2)})",
            f"\t\tgoto {label};",
            *self.simple_lines(),
            f"{label}:",
            "\t;",
            "}",
        ]

    def block(self, depth: int) -> list[str]:
        """Return a block whose variable hides another."""
        name = self.random.choice(self.variables)
        other = self.random.choice([each for each in self.variables if each != name])
        ctype = self.random.choice(TYPES)
        return [
            "{",
            f"\t{ctype} {name} = {self.leaf()};".replace(f"= {name};", "= 3;"),
            f"\t{other} = {name} + {self.expression(1)};",
            "}",
        ]
