# SPDX-License-Identifier: GPL-2.0-only
"""Makes C functions up that move data between structures, arrays and unions, by way of pointers."""

from __future__ import annotations

import random

COMMON = """
struct leaf { u8 low; s16 high; u32 many[2]; };
struct node { long number; struct leaf leaf, leaves[2]; struct node *next; u32 *into; };
union shape { u32 code; s32 delta; struct leaf leaf; u8 octets[12]; };
static struct leaf made(u32 low, u32 high)
{
	struct leaf leaf = { .low = low, .high = high };

	leaf.many[1] = low ^ high;
	return leaf;
}
static void raise(struct leaf *leaf, u32 by) { leaf->high += by; leaf->many[by & 1]--; }
static u32 sunk(struct leaf leaf) { leaf.low = 0; return leaf.high + leaf.many[1]; }
static void put(void *at, u32 value) { *(u32 *)at = value; }
static u32 *further(u32 *at, long steps) { return at + steps; }
static void relink(struct node **link, struct node *to) { *link = to; }
"""
"""What the functions use."""

_LEAVES = (
    "x.leaf", "x.leaves[1]", "n[{i}].leaf", "n[{i}].leaves[{b}]", "p->leaf", "p->leaves[{b}]",
    "n[{v} % 3].leaf",
)  # fmt: skip
_MEMBERS = ("low", "high", "many[0]", "many[{b}]", "many[{v} & 1]")
_NODES = ("x", "n[{i}]", "*p", "n[{j}]", "*x.next", "**pp", "n[{v} % 3]")
_NUMBERS = (
    "x.number", "n[{i}].number", "p->number", "(*pp)->number", "g[{k}]", "*q", "q[{b}]", "*x.into",
    "x.next->number", "n[{i}].next->number", "(&n[0] + {i})->number", "*(g + {k})", "g[{v} & 3]",
    "u.code", "v[{b}].delta", "out",
)  # fmt: skip
_STATEMENTS = (
    "{number} = {value};",
    "{number} = {value};",
    "{number} += {value};",
    "{number} ^= {value};",
    "{leaf} = {leaf};",
    "{leaf} = made({value}, {value});",
    "{node} = {node};",
    "p = &n[{i}];",
    "p = n + {i};",
    "p = &n[{v} % 3];",
    "p = {one_node};",
    "q = &g[{k}];",
    "q = further(g, {k});",
    "q = further(g, {v} & 3);",
    "q = {numbers};",
    "x.into = q;",
    "x.into = &g[{k}];",
    "n[{i}].next = p;",
    "n[{i}].next = {one_node};",
    "raise(&{leaf}, {value});",
    "put(q, {value});",
    "put((u8 *)g + 8, {value});",
    "put((u8 *)g + 4 * ({v} & 3), {value});",
    "relink({link}, n + {i});",
    "relink({link}, &x);",
    "memcpy(&n[{i}], &x, sizeof(x));",
    "memset(&n[{i}].leaf, 0, sizeof(n[0].leaf));",
    "out += &n[{i}] - n;",
    "out += p == &n[{i}];",
    "out += p >= &n[{i}];",
    "if ({value} > {value})\n\t{number} = {value};",
    "v[{b}] = u;",
    "u.delta = {value};",
    "{{ struct node *e = &x; int i = 0;\nfor (; e && i < 3; e = e->next, i++)\n\te->number++; }}",
)


OUTSIDE = """
static struct node state;
static u32 table[4];
u32 ext(u32 v);
void fill(struct node *n);
void fill_leaf(struct leaf *l);
void fill_words(u32 *p);
void remember(struct node *n);
struct node *pick(void);
"""
"""State that outlives the functions, and functions whose code they do not see."""
_OUTSIDE_LEAVES = (*_LEAVES, "state.leaf", "state.leaves[{b}]", "state.next->leaf")
_OUTSIDE_NODES = (*_NODES, "state", "*state.next")
_OUTSIDE_NUMBERS = (
    *_NUMBERS,
    *("state.number", "table[{k}]", "state.into[{b}]", "state.next->number", "table[{v} & 3]"),
)
_OUTSIDE_STATEMENTS = (
    *_STATEMENTS,
    "{number} = ext({value});",
    "ext({value});",
    "fill(&n[{i}]);",
    "fill(&x);",
    "fill(p);",
    "fill(&state);",
    "fill_leaf(&{leaf});",
    "fill_words(&g[{k}]);",
    "fill_words(q);",
    "remember(&x);",
    "remember(&n[{i}]);",
    "p = pick();",
    "p = state.next;",
    "q = state.into;",
    "q = &table[{k}];",
    "table[{k}] = {value};",
    "state.number = {value};",
    "state.leaf = {leaf};",
    "if ({value} > {value})\n\treturn 1;",
    "if ({value} & 1)\n\text({value});",
    "for (int i = 0; i < {k}; i++)\n\t{number} += ext(i);",
    "for (int i = 0; i < ((u8){value} & 3); i++)\n\text(g[i]);",
    "switch ({value} & 3) {{\ncase 0: ext(1);\ncase 1 ... 2: out++; break;\ndefault: fill(&x);\n}}",
    "{number} = {value} & 1 ? ext(1) : ext({value});",
    "{number} = {value} & 1 && ext(2);",
    "if (({value} & 1) || ext({value}))\n\t{number} = {value};",
    "{number} = (ext(3), {value});",
    "{number} = ({{ u32 t = ext({value}); t ^ ext(t); }});",
    "do {{\n\tout++;\n\tif (ext(out) & 1)\n\t\tbreak;\n}} while (out & 3);",
    "{{ const struct node *e = pick();\n{number} = e->number + e->next->leaf.low; }}",
    "{{ struct leaf l = p->leaf;\nfill_leaf(&l);\n{leaf} = l; }}",
    "{{ struct node *e = p;\np = &x;\nfill(e);\n{number} = e->leaf.many[{b}]; }}",
)


class _Parts(dict[str, str]):
    """What the names in braces stand for: something else each time."""

    def __init__(self, source: random.Random, *, outside: bool) -> None:
        super().__init__()
        self.source = source
        numbers = _OUTSIDE_NUMBERS if outside else _NUMBERS
        self.choices = {
            "i": ("0", "1", "2"),
            "j": ("0", "1", "2"),
            "b": ("0", "1"),
            "k": ("0", "1", "2", "3"),
            "v": ("(u32)a", "(u32)b", "(u8)c", "g[2]"),
            "leaf": _OUTSIDE_LEAVES if outside else _LEAVES,
            "node": _OUTSIDE_NODES if outside else _NODES,
            "number": (*numbers, *(f"{{leaf}}.{member}" for member in _MEMBERS)),
            "value": ("{number}", "{number}", "a", "b", "c", "7", "-3", "sunk({leaf})"),
            "one_node": ("&x", "x.next", "&(*pp)[0]"),
            "numbers": ("x.into", "x.leaf.many", "&p->leaf.many[0]", "n[{i}].into"),
            "link": ("&p", "pp", "&x.next"),
        }

    def __missing__(self, name: str) -> str:
        return self.source.choice(self.choices[name]).format_map(self)


class Memory:
    """One function `m<seed>(a, b, c)`; the same seed makes the same one.

    With `outside`, it also uses what OUTSIDE declares.
    """

    def __init__(self, seed: int, *, outside: bool = False) -> None:
        source = random.Random(f"memory {seed}")
        parts = _Parts(source, outside=outside)
        statements = _OUTSIDE_STATEMENTS if outside else _STATEMENTS
        self.name = f"m{seed}"
        body = [source.choice(statements).format_map(parts) for _ in range(source.randint(4, 12))]
        lines = [
            f"long {self.name}(long a, long b, long c)",
            "{",
            "unsigned long out = 0;",
            "u32 g[6] = { 0 }, *q = &g[1];",
            "union shape u = { 0 }, v[2];",
            "struct node x = { 0 }, n[3] = { 0 }, *p = &n[1], **pp = &p;",
            "memset(v, 0, sizeof(v));",
            "x.next = &n[2]; x.into = &g[3]; g[2] = a; x.number = b; x.leaf.high = c;",
            "n[0].next = n[1].next = n[2].next = &x; n[0].into = n[1].into = n[2].into = g;",
            *body,
            "out = out * 31 + x.number + x.leaf.low + x.leaf.high * 3 + x.leaf.many[1];",
            "for (int i = 0; i < 3; i++)",
            "\tout = out * 31 + n[i].number + n[i].leaf.high + n[i].leaves[1].low +",
            "\t      n[i].leaves[0].many[1] + n[i].into[0] + n[i].next->number;",
            "for (int i = 0; i < 6; i++)",
            "\tout = out * 31 + g[i];",
            "return out + *q + p->number + p->leaf.low;",
            "}",
        ]
        self.text = "\n".join(lines) + "\n"
