# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: the same words, which stand for something else in each version.

Macros, `#if` arms, types, texts of messages, functions behind pointers. Each pair of these differs,
and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ, unproven
from tests.equivalence.kit import judge, old_side

from premap.equivalence.comparison import verify

END = "return -EINVAL; return 0;"
OVER = "#define CHK(x) ((x) > 4)\n"
FROM = "#define CHK(x) ((x) >= 4)\n"
NARROW = "typedef u32 word_t;\n"
WIDE = "typedef u64 word_t;\n"


def arms(first: str, second: str, option: str = "CONFIG_RING") -> str:
    return f"#ifdef {option}\n{first}#else\n{second}#endif\n"


def both(body: str) -> tuple[str, str]:
    return DEV + body, NEW_DEV + body


OTHERWISE = {
    "a macro for a function, where there is none": (
        f"if (check(d->ro)) {END}",
        arms("static int check(int x) { return x; }\n", "#define check(x) 0\n"),
        "#define check(x) 0\n",
    ),
    "a function and a macro in other arms": (
        f"if (check(d->ro)) {END}",
        arms("static int check(int x) { return x; }\n", "#define check(x) 0\n"),
        arms("#define check(x) 0\n", "static int check(int x) { return x; }\n"),
    ),
    "a variable or a macro": (
        f"if (d->ro == most) {END}",
        arms("static int most;\n", "#define most 5\n"),
        "#define most 5\n",
    ),
    "a macro whose name is on the next line": (
        f"if (d->ro == MOST) {END}",
        "#define MOST 3\n",
        "#define \\\n\tMOST 5\n",
    ),
    "a constant or a macro": (
        f"if (d->ro == MOST) {END}",
        arms("enum { MOST = 3 };\n", "#define MOST 5\n"),
        "#define MOST 5\n",
    ),
    "another function under the name": (
        f"if (check(d->ro)) {END}",
        *(
            "static int yes(int x) { return x; }\nstatic int no(int x) { return !x; }\n"
            f"#define check {name}\n"
            for name in ("yes", "no")
        ),
    ),
    "#ifdef of a macro": (
        f"\n#ifdef RING\nif (d->ro) {END}\n#endif\nreturn 0;",
        "#define RING\n",
        "",
    ),
    "#if of a macro": (
        f"\n#if RING\nif (d->ro) {END}\n#endif\nreturn 0;",
        "#define RING 1\n",
        "#define RING 0\n",
    ),
    "#if that is not #ifdef": (
        f"\n#if RING\nif (d->ro) {END}\n#endif\nreturn 0;",
        "#define RING 0\n",
        "#define RING (1)\n",
    ),
    "a type by way of a macro": (
        f"WORD x = d->size; if (x == d->size) {END}",
        "#define WORD u32\n",
        "#define WORD u64\n",
    ),
    "a piece of a message": (
        'pr_err(PREFIX "%d", d->ro); return 0;',
        '#define PREFIX "ring: "\n',
        '#define PREFIX "bell: "\n',
    ),
    "what stands before all messages": (
        'pr_err("%d", d->ro); return 0;',
        '#define pr_fmt(fmt) "ring: " fmt\n',
        '#define pr_fmt(fmt) "bell: " fmt\n',
    ),
    "a prototype that narrows": (
        "setup(d, d->size); return 0;",
        "int setup(struct dev *d, u32 x);\n",
        "int setup(struct dev *d, u64 x);\n",
    ),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_told_by_an_example(name: str) -> None:
    body, *extras = OTHERWISE[name]
    differ(*both(body), *extras)


@pytest.mark.parametrize("name", OTHERWISE)
def test_the_same_in_both(name: str) -> None:
    body, *extras = OTHERWISE[name]
    for extra in extras:
        verdict = judge(*both(body), extra)
        assert verdict.status.startswith("equivalent"), verdict


def test_blanks_within_a_message() -> None:
    differ('pr_err("a  b"); return 0;', 'pr_err("a b"); return 0;')


def test_a_message_in_pieces() -> None:
    verdict = judge('pr_err("a b" "c"); return 0;', 'pr_err("a " "bc"); return 0;')
    assert verdict.status.startswith("equivalent"), verdict


TABLE = "struct ops { int (*check)(struct dev *d); };\n"
CALLEE = "static int check(struct dev *d) { return d->ro; }\n"
OTHER = CALLEE.replace("d->ro", "!d->ro")
CALLED = "return ops.check(d) ? -EINVAL : 0;"
FILLED = "static const struct ops ops = { .check = check };\n"
ASSIGNED = "static void probe(struct dev *d) { ((struct ops *)d->cookie)->check = check; }\n"
MEMBER = "struct s { char a[N]; long b; };\n"
SIZE = "if (sizeof(struct s) == d->size) " + END
HELPER = "static int helper(int x) { return CHK(x); }\n"

OPEN = {
    "a macro in other arms": (f"if (CHK(d->ro)) {END}", "CHK", arms(OVER, FROM), arms(FROM, OVER)),
    "a macro in arms of another option": (
        f"if (CHK(d->ro)) {END}",
        "CHK",
        arms(OVER, FROM),
        arms(OVER, FROM, "CONFIG_BELL"),
    ),
    "a macro that is defined again": (
        f"if (helper(d->ro)) {END}",
        "CHK",
        f"{OVER}{HELPER}#undef CHK\n{FROM}",
        f"{FROM}{HELPER}#undef CHK\n{OVER}",
    ),
    "a constant that is defined again": (
        f"if (helper(d->ro)) {END}",
        "MOST",
        *(
            f"#define MOST {one}\nstatic int helper(int x) {{ return x > MOST; }}\n"
            f"#undef MOST\n#define MOST {other}\n"
            for one, other in ((4, 5), (5, 4))
        ),
    ),
    "the length of a member": (
        SIZE,
        "layout",
        f"#define N 4\n{MEMBER}",
        f"#define N 32\n{MEMBER}",
    ),
    "the type of a member": (
        SIZE,
        "layout",
        f"{NARROW}struct s {{ word_t a, b; }};\n",
        f"{WIDE}struct s {{ word_t a, b; }};\n",
    ),
    "an initial value": (
        f"if (most == d->ro) {END}",
        "begins",
        *(
            arms(f"#define MOST {one}\n", f"#define MOST {other}\n")
            + "static const int most = MOST;\n"
            for one, other in ((3, 4), (4, 3))
        ),
    ),
    "an initial value that may change": (
        f"if (most == d->ro) {END}",
        "begins",
        "static const int most = 3;\n",
        "static int most = 3;\n",
    ),
    "the length of an array": (
        f"if (ARRAY_SIZE(tab) == d->ro) {END}",
        "length",
        *(
            arms(f"#define N {one}\n", f"#define N {other}\n") + "static int tab[N];\n"
            for one, other in ((3, 4), (4, 3))
        ),
    ),
    "a type in other arms": (
        f"word_t x = d->size; if (x == d->size) {END}",
        "word_t",
        arms(NARROW, WIDE),
        arms(WIDE, NARROW),
    ),
    "a parameter's type in other arms": (
        f"if (same(d->size) == d->size) {END}",
        "word_t",
        *(
            arms(*types) + "static unsigned long same(word_t x) { return x; }\n"
            for types in ((NARROW, WIDE), (WIDE, NARROW))
        ),
    ),
    "a member's type in other arms": (
        f"struct s *s = d->cookie; s->a = d->size; if (s->a == d->size) {END}",
        "layout",
        *(
            f"struct s {{\n#ifdef CONFIG_RING\n{one} a;\n#else\n{other} a;\n#endif\n}};\n"
            for one, other in (("u32", "u64"), ("u64", "u32"))
        ),
    ),
    "a function of a table": (
        CALLED,
        "check()",
        TABLE + CALLEE + FILLED,
        TABLE + OTHER + FILLED,
    ),
    "a function in an array": (
        "return tab[0](d) ? -EINVAL : 0;",
        "check()",
        *(
            f"{each}static int (*const tab[])(struct dev *) = {{ check }};\n"
            for each in (CALLEE, OTHER)
        ),
    ),
    "a function that is set elsewhere": (
        "struct ops *ops = d->cookie; return ops->check(d) ? -EINVAL : 0;",
        "check()",
        TABLE + CALLEE + ASSIGNED,
        TABLE + OTHER + ASSIGNED,
    ),
    "another function that is set elsewhere": (
        "struct ops *ops = d->cookie; return ops->check(d) ? -EINVAL : 0;",
        "another function",
        TABLE + CALLEE + OTHER.replace("check", "no") + ASSIGNED,
        TABLE + CALLEE + OTHER.replace("check", "no") + ASSIGNED.replace("= check", "= no"),
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_not_compared(name: str) -> None:
    body, reason, *extras = OPEN[name]
    unproven(*both(body), reason, *extras)


@pytest.mark.parametrize("name", [name for name in OPEN if "defined again" not in name])
def test_the_same_is_compared(name: str) -> None:
    body, _, *extras = OPEN[name]
    for extra in extras:
        verdict = judge(*both(body), extra)
        assert verdict.status.startswith("equivalent"), verdict


def test_two_types_that_were_not_found() -> None:
    extra = "struct s { near_t a; near_t b; };\n"
    body = "struct s *s = d->cookie; {} x = s->a; return x == s->b ? -EINVAL : 0;"
    unproven_or = judge(DEV + body.format("near_t"), NEW_DEV + body.format("far_t"), extra)
    assert unproven_or.status == "unknown", unproven_or


def test_a_member_that_is_no_macro() -> None:
    """A structure's member named like a macro elsewhere changes nothing."""
    extra = "#define size_of_ring 4\nstruct s { int size_of_rings; };\n"
    verdict = judge(
        *both(f"if (sizeof(struct s) == d->size) {END}"), extra, extra.replace("4", "5")
    )
    assert verdict.status.startswith("equivalent"), verdict


@pytest.mark.parametrize(("width", "same"), [("u32", True), ("u16", False)])
def test_numbers_as_a_register_takes_them(width: str, *, same: bool) -> None:
    """A register of 32 bits is written."""
    cut = f"writel(({width})d->size, d->cookie); return 0;"
    whole = old_side(DEV + "writel(d->size, d->cookie); return 0;")
    verdict = verify(whole, old_side(DEV + cut), time_limit=15)
    assert verdict.status == ("equivalent" if same else "different"), verdict


def test_numbers_as_a_prototype_has_them() -> None:
    extra = "int setup(struct dev *d, u32 x);\n"
    verdict = judge(
        DEV + "setup(d, d->size); return 0;", NEW_DEV + "setup(d, (u32)d->size); return 0;", extra
    )
    assert verdict.status == "equivalent-except", verdict


ALLOCATE = (
    "dma_addr_t h = 0; void *p = dma_alloc_coherent(d->cookie, d->size, &h, GFP_KERNEL);"
    " if (!p) return -ENOMEM;"
)
UNDER_RCU = "int *p, n; rcu_read_lock();"
LEGACY = {
    "two static variables of one name": (
        "return twice(d->ro) == 3 ? -EINVAL : 0;",
        "return twice(d->ro) == 3 ? -EINVAL : 0;",
        """
static int twice(int x)
{
	{ static int n; n += x; }
	{ static int n; return n; }
}
""",
        "static int twice(int x)\n{\n\t{ static int n; n += x; return n; }\n}\n",
    ),
    "a message that may not be": (
        'pr_devel("%d", d->count++); return 0;',
        'd->count++; pr_devel("%d", d->count - 1); return 0;',
        "",
        "",
    ),
    "what an allocation writes": (
        f"{ALLOCATE} d->phys = h; return 0;",
        f"{ALLOCATE} d->phys = 0; return 0;",
        "",
        "",
    ),
    "a macro of two statements after an if": (
        "if (d->ro) SET(d); d->limit = 1; return 0;",
        "if (d->ro) SET(d); d->limit = 1; return 0;",
        "#define SET(d) d->count = 1; d->size = 2\n",
        "#define SET(d) do { d->count = 1; d->size = 2; } while (0)\n",
    ),
    "a macro that takes an else": (
        "if (d->ro) SET(d); else d->limit = 1; return 0;",
        "if (d->ro) SET(d); else d->limit = 1; return 0;",
        "#define SET(d) if (d->count) d->size = 2\n",
        "#define SET(d) do { if (d->count) d->size = 2; } while (0)\n",
    ),
    "what is read under RCU": (
        f"{UNDER_RCU} p = rcu_dereference(d->cookie); n = *p; rcu_read_unlock(); return n;",
        f"{UNDER_RCU} p = rcu_dereference(d->cookie); rcu_read_unlock(); n = *p; return n;",
        "",
        "",
    ),
}


@pytest.mark.parametrize("name", LEGACY)
def test_both_legacy(name: str) -> None:
    old, new, extra, new_extra = LEGACY[name]
    verdict = verify(old_side(DEV + old, extra), old_side(DEV + new, new_extra), time_limit=15)
    assert verdict.status in ("different", "unknown"), verdict


@pytest.mark.parametrize(
    "body", ["{ SET(d); } d->limit = 1; return 0;", "if (d->ro) { SET(d); } return 0;"]
)
def test_a_macro_of_two_statements_in_a_block(body: str) -> None:
    extra = "#define SET(d) d->count = 1; d->size = 2\n"
    block = extra.replace("d->count", "do { d->count").replace("= 2", "= 2; } while (0)")
    verdict = verify(old_side(DEV + body, extra), old_side(DEV + body, block), time_limit=15)
    assert verdict.status == "equivalent", verdict


def test_memory_that_is_zeroed() -> None:
    body = "int *a = kzalloc(4, GFP_KERNEL); if (!a) return -ENOMEM; %s kfree(a); return 0;"
    nonzero = body % "if (*a) { kfree(a); return -EIO; }"
    verdict = verify(old_side(DEV + nonzero), old_side(DEV + body % ""), time_limit=15)
    assert verdict.status == "equivalent", verdict


TAKEN = {
    "a constant": ("if (d->size > PAGE_SIZE) " + END, "#define PAGE_SIZE 8192\n"),
    "an errno": ("return d->ro ? -EINVAL : 0;", "#undef EINVAL\n#define EINVAL 5\n"),
    "a macro": (
        f"if (min(d->ro, 3) == 3) {END}",
        "#undef min\n#define min(a, b) ((a) > (b) ? (a) : (b))\n",
    ),
    "a test": (f"if (IS_ERR(d->cookie)) {END}", "#undef IS_ERR\n#define IS_ERR(x) (!(x))\n"),
    "a function": (
        f"if (is_power_of_2(d->ro)) {END}",
        "static int is_power_of_2(int x) { return x == 3; }\n",
    ),
    "a macro of places": (
        f"if (READ_ONCE(d->ro)) {END}",
        "#undef READ_ONCE\n#define READ_ONCE(x) (!(x))\n",
    ),
    "a type": (f"u32 x = d->size; if (x == d->size) {END}", "#define u32 u64\n"),
    "a defined type": (f"u32 x = d->size; if (x == d->size) {END}", "typedef unsigned long u32;\n"),
    "a word for a type": (f"int x = d->size; if (x == d->size) {END}", "#define int long\n"),
    "a word after a comment": (
        f"int x = d->size; if (x == d->size) {END}",
        "#define /* wide */ int long\n",
    ),
    "a word of the language": (f"if (d->ro) {END}", "#define if(x) if (!(x))\n"),
    "a null pointer": (f"if (d->cookie == NULL) {END}", "#define NULL ((void *)8)\n"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_kernel_has_and_the_file_too(name: str) -> None:
    body, extra = TAKEN[name]
    verdict = judge(*both(body), extra, "")
    assert verdict.status in ("different", "unknown"), verdict


def test_the_model_is_not_asked_for_what_the_file_defines() -> None:
    extra = "#define remap_pfn_range(v, s, p, l, prot) (remap_pfn_range)(v, s, (p) + 1, l, prot)\n"
    verdict = judge(
        "return remap_pfn_range(vma, vma->vm_start, 5, PAGE_SIZE, vma->vm_page_prot);",
        "mmap_action_remap(desc, desc->start, 5, PAGE_SIZE); return 0;",
        extra,
    )
    assert verdict.status == "unknown", verdict


@pytest.mark.parametrize(
    "extra",
    [
        "#ifndef min\n#define min(a, b) ((a) < (b) ? (a) : (b))\n#endif\n",
        "typedef unsigned int u32;\n",
        "#define true true\n",
    ],
)
def test_what_is_meant_for_other_kernels(extra: str) -> None:
    verdict = judge(*both(f"if (min(d->ro, 3) == 3) {END}"), extra)
    assert verdict.status.startswith("equivalent"), verdict
