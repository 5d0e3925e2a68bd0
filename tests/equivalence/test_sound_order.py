# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: where in a file something is, and what C gives no order.

Macros before they are defined, or after they are undefined; attributes around a structure; numbers
of lines; what an expression changes and uses. None of these differences may be taken for none.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, unproven
from tests.equivalence.kit import judge, new_side, old_side

from premap.csource.source import SourceFile
from premap.equivalence.api import side
from premap.equivalence.comparison import verify
from premap.records import Verdict

END = "return -EINVAL; return 0;"
SIZE = "d->count = sizeof(struct bell); return 0;"
INDEX = "unsigned long i = d->limit & 3; "
BELL = "struct bell { char a; long b; }"

APART = {
    "undefined, a constant": (
        f"if (d->ro > MOST) {END}",
        "enum { MOST = 5 };\n#define MOST 4\n",
        "enum { MOST = 5 };\n#define MOST 4\n#undef MOST\n",
    ),
    "undefined, a function": (
        "return check(d->ro);",
        "static int check(int x) { return -x; }\n#define check(x) 0\n",
        "static int check(int x) { return -x; }\n#define check(x) 0\n#undef check\n",
    ),
    "packed": (SIZE, f"{BELL};\n", f"{BELL} __packed;\n"),
    "packed, before the tag": (SIZE, f"{BELL};\n", "struct __packed bell { char a; long b; };\n"),
    "packed by a macro": (
        SIZE,
        f"#define DENSE\n{BELL} DENSE;\n",
        f"#define DENSE __packed\n{BELL} DENSE;\n",
    ),
    "packed by a pragma": (SIZE, f"{BELL};\n", f"#pragma pack(1)\n{BELL};\n"),
    "aligned": (SIZE, f"{BELL};\n", f"{BELL} __aligned(64);\n"),
    "numbers of lines": ("d->count = __LINE__; return 0;", "", "\n\n"),
}


@pytest.mark.parametrize("name", APART)
def test_the_same_words_elsewhere(name: str) -> None:
    body, one, other = APART[name]
    verdict = judge(DEV + body, NEW_DEV + body, one, other)
    assert verdict.status == "unknown", verdict


@pytest.mark.parametrize("name", [name for name in APART if name.startswith(("packed", "align"))])
def test_attributes_that_both_have(name: str) -> None:
    body, *extras = APART[name]
    for extra in extras:
        verdict = judge(DEV + body, NEW_DEV + body, extra)
        assert verdict.status.startswith("equivalent"), verdict


@pytest.mark.parametrize("use", [f"if (d->ro > MOST) {END}", "d->ro = MORE(3); return 0;"])
def test_a_macro_behind_its_use(use: str) -> None:
    define = "#define MOST 4\n#define MORE(x) ((x) + 4)\n"
    old = old_side(DEV + use, define)
    new = new_side(NEW_DEV + use)
    [function] = new.functions
    text = function.source.text + define.encode()
    behind = side(SourceFile("ring.c", text), "ring_mmap_prepare", "mmap_prepare", None)
    verdict = verify(old, behind, time_limit=15)
    assert verdict.status == "unknown"
    assert verdict.reason is not None
    assert "behind its use" in verdict.reason


def test_undefined_before_it_is_defined() -> None:
    use = f"if (d->ro > MOST) {END}"
    verdict = judge(DEV + use, NEW_DEV + use, "#undef MOST\n#define MOST 4\n")
    assert verdict.status.startswith("equivalent"), verdict


UNORDERED = {
    "element and index": "d->table[i++] = i;",
    "index and element": "d->table[i] = i++;",
    "itself": "i = i++;",
    "arguments": "setup(i++, i);",
    "operands": "d->count = i + i--;",
    "assigned within": "d->count = (i = 2) + i;",
    "a member": "d->table[d->limit++ & 3] = d->limit;",
}


@pytest.mark.parametrize("name", UNORDERED)
def test_changed_and_used_in_no_order(name: str) -> None:
    body = f"{INDEX}{UNORDERED[name]} return 0;"
    unproven(DEV + body, NEW_DEV + body, "the order in which")


ORDERED = {
    "&&": "if (i++ && i > 2) return -EINVAL;",
    "?:": "d->count = i++ ? i : 0;",
    "comma": "i++, d->count = i;",
    "other members": "d->count = i++ + d->limit;",
    "its own new value": "i = i + 1; d->count = i;",
    "a loop": "for (i = 0; i < 2; i++) d->table[i] = i;",
}


@pytest.mark.parametrize("name", ORDERED)
def test_changed_and_used_in_order(name: str) -> None:
    body = f"{INDEX}{ORDERED[name]} return 0;"
    verdict = judge(DEV + body, NEW_DEV + body)
    assert verdict.status.startswith("equivalent"), verdict


def test_numbers_of_lines_within_macros_are_those_of_messages() -> None:
    log = '#define LOG(x) printk("%d: %d", __LINE__, x)\n'
    body = "LOG(d->ro); return 0;"
    assert judge(DEV + body, NEW_DEV + body, log, f"\n{log}").status.startswith("equivalent")


DEFINE = "#define MORE 4\n"
ARMS = {
    "a body": ("", "#ifdef MORE\nreturn -EINVAL;\n#endif\nreturn 0;"),
    "a comparison": ("", "#if MORE > 3\nreturn -EINVAL;\n#endif\nreturn 0;"),
    "a structure": (
        "struct z {\n#ifdef MORE\nlong pad;\n#endif\nint m; };\n",
        "d->count = sizeof(struct z); return 0;",
    ),
    "a macro": ("#ifdef MORE\n#define E -1\n#else\n#define E 0\n#endif\n", "return E;"),
    "constants": ("enum {\n#ifdef MORE\nE0,\n#endif\nE1 };\n", "return -E1;"),
    "a variable": (
        "#ifdef MORE\nstatic const int e = -1;\n#else\nstatic const int e = 0;\n#endif\n",
        "return e;",
    ),
    "functions": (
        (
            "#ifdef MORE\nstatic int e(void) { return -1; }\n"
            "#else\nstatic int e(void) { return 0; }\n#endif\n"
        ),
        "return e();",
    ),
}


def _asked(name: str, definitions: tuple[str, str], places: tuple[str, str]) -> Verdict:
    """Compare versions that define `definitions` before what asks, or behind the hook."""
    extra, body = ARMS[name]
    sides = []
    for make, dev, text, place in zip(
        (old_side, new_side), (DEV, NEW_DEV), definitions, places, strict=True
    ):
        before = text + extra if place == "before" else extra
        [function] = make(f"{dev}\n{body}", before).functions
        behind = text if place == "behind" else ""
        file = SourceFile("ring.c", function.source.text + behind.encode())
        member = "mmap" if make is old_side else "mmap_prepare"
        sides.append(side(file, function.name, member, None))
    return verify(*sides, time_limit=15)


@pytest.mark.parametrize("places", [("before", "behind"), ("behind", "before")])
@pytest.mark.parametrize("name", ARMS)
def test_what_if_asks_for_is_defined_behind(name: str, places: tuple[str, str]) -> None:
    verdict = _asked(name, (DEFINE, DEFINE), places)
    assert verdict.status == "unknown", verdict
    assert "ring.c:" in str(verdict.reason)


@pytest.mark.parametrize("name", ARMS)
def test_what_if_asks_for_is_undefined_again(name: str) -> None:
    verdict = _asked(name, (DEFINE, f"{DEFINE}#undef MORE\n"), ("before", "before"))
    assert verdict.status in ("unknown", "different"), verdict


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("define", [DEFINE, f"#ifndef MORE\n{DEFINE}#endif\n"])
def test_what_if_asks_for_is_defined_before(name: str, define: str) -> None:
    verdict = _asked(name, (define, define), ("before", "before"))
    assert verdict.status.startswith("equivalent"), verdict


def test_constants_that_hang_on_another_option() -> None:
    """The constant says the same: what is before it does not."""
    extra = "enum {\n#ifdef CONFIG_ONE\nE0,\n#endif\nE1 };\n"
    body = "return -E1;"
    verdict = judge(DEV + body, NEW_DEV + body, extra, extra.replace("ONE", "OTHER"))
    assert verdict.status == "unknown", verdict
    assert judge(DEV + body, NEW_DEV + body, extra).status.startswith("equivalent")
