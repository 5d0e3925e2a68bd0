# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: names of members, variables and types that are macros, too."""

from __future__ import annotations

import pytest
from tests.equivalence.differing import proven
from tests.equivalence.kit import judge

from premap.records import Verdict

STRUCT = "struct x { int a; int b; struct { int c, e; } u; };\n"
HEAD = "struct dev *d = {}->private_data; struct x *x = d->cookie; "


def verdict(old: str, new: str, one: str, other: str | None = None) -> Verdict:
    """Compare two bodies, with macros that both have, or each its own."""
    before, after = HEAD.format("file") + old, HEAD.format("desc->file") + new
    return judge(before, after, STRUCT + one, STRUCT + (one if other is None else other))


VAL = "return x->val ? -EINVAL : 0;"


@pytest.mark.parametrize(
    ("body", "one", "other"),
    [
        (VAL, "#define val a\n", "#define val b\n"),
        (VAL, "#define \\\n\tval a\n", "#define \\\n\tval b\n"),
        (VAL, "#define val u.c\n", "#define val u.e\n"),
        ("struct x y = { .val = 1 }; poke(&y); return 0;", "#define val a\n", "#define val b\n"),
        ("struct x y = { .val = 1 }; return -y.a;", "#define val a\n", "#define val b\n"),
    ],
)
def test_another_member(body: str, one: str, other: str) -> None:
    assert verdict(body, body, one, other).status == "different"
    assert verdict(body, body, one).status.startswith("equivalent")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d->count = x->a; x->val = 1; return 0;", "x->val = 1; d->count = x->a; return 0;"),
        ("x->val = 1; return x->a ? -EINVAL : 0;", "x->val = 1; return 0;"),
    ],
)
def test_the_same_member_by_two_names(old: str, new: str) -> None:
    assert verdict(old, new, "#define val a\n").status == "different"


@pytest.mark.parametrize(("name", "macro"), [("a", "a"), ("u.c", "u.c"), ("u.c", "u . c")])
def test_a_macro_is_what_it_stands_for(name: str, macro: str) -> None:
    assert proven(verdict(VAL, VAL.replace("val", name), f"#define val {macro}\n"))


@pytest.mark.parametrize(
    ("body", "one", "other"),
    [
        ("return x->a ? -EINVAL : 0;", "", "#define a b\n"),
        ("return x->val(3) ? -EINVAL : 0;", "#define val(n) a + n\n", "#define val(n) b + n\n"),
        (VAL, "#define val u.c + 1\n", "#define val u.c + 2\n"),
        (VAL, "#ifdef ONE\n#define val a\n#else\n#define val b\n#endif\n", "#define val a\n"),
        ("return -offsetof(struct x, val);", "#define val a\n", "#define val b\n"),
    ],
)
def test_what_is_not_expanded(body: str, one: str, other: str) -> None:
    assert verdict(body, body, one, other).status == "unknown"


def test_members_of_the_mapping() -> None:
    macro = "#define vm_pgoff vm_end\n"
    old = "return vma->vm_pgoff ? -EINVAL : 0;"
    assert verdict(old, "return desc->pgoff ? -EINVAL : 0;", macro).status == "unknown"


def test_members_of_the_operations() -> None:
    table = "static void cl(struct vm_area_struct *vma) {{ }}\n{}"
    table += "static const struct vm_operations_struct t_ops = {{ .close = cl }};\n"
    old, new = (f"{each}->vm_ops = &t_ops; return 0;" for each in ("vma", "desc"))
    plain, renamed = table.format(""), table.format("#define close open\n")
    assert verdict(old, new, plain).status.startswith("equivalent")
    assert verdict(old, new, plain, renamed).status == "unknown"


TYPES = "struct one { int a; };\nstruct two { unsigned char a; };\ntypedef int tt;\n"


@pytest.mark.parametrize(
    ("body", "macro"),
    [
        ("struct one *y = d->cookie; return y->a > 200 ? -EINVAL : 0;", "#define one two\n"),
        ("tt y = d->limit; return y > 200 ? -EINVAL : 0;", "#define tt u8\n"),
        ("int yy = d->ro; { int zz = 0; return yy ? -EINVAL : 0; }", "#define zz yy\n"),
        ("return f(d->ro);", "#define given other\n"),
    ],
)
def test_other_names(body: str, macro: str) -> None:
    types = f"{TYPES}static int f(int given) {{ return given ? -EINVAL : 0; }}\n"
    changed = types.replace("static", f"{macro}static")
    assert verdict(body, body, types).status.startswith("equivalent")
    assert verdict(body, body, types, changed).status == "unknown"


def test_the_current_task() -> None:
    body = "return current == d->cookie ? -EINVAL : 0;"
    assert proven(verdict(body, body, ""))
    found = verdict(body, body, "", "#define current d->cookie\n")
    assert found.status in ("different", "unknown")
