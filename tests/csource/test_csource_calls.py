# SPDX-License-Identifier: GPL-2.0-only
"""Helpers that get the VMA, and mentions of names."""

from __future__ import annotations

from premap.csource.calls import callers, mentions, receivers
from premap.csource.source import SourceFile


def source(text: str) -> SourceFile:
    return SourceFile("x.c", text.encode())


def reached(text: str, function: str = "m", parameter: str = "vma") -> list[tuple[str, str, int]]:
    (found,) = source(text).functions[function]
    return [(p.function.name, p.parameter, p.index) for p in receivers(found, [parameter])]


class TestReceivers:
    def test_an_argument(self) -> None:
        text = "int h(int n, struct vma *v) { } int m(struct vma *vma) { return h(1, vma); }"
        assert reached(text) == [("h", "v", 1)]

    def test_transitively(self) -> None:
        text = (
            "void a(struct v *x) { } void b(struct v *y) { a(y); } "
            "void m(struct v *vma) { b(vma); }"
        )
        assert reached(text) == [("b", "y", 0), ("a", "x", 0)]

    def test_recursion_ends(self) -> None:
        text = (
            "void b(struct v *y); void m(struct v *vma) { b(vma); } void b(struct v *y) { m(y); }"
        )
        assert reached(text) == [("b", "y", 0), ("m", "vma", 0)]

    def test_through_a_local_variable(self) -> None:
        text = (
            "void a(struct v *x) { } "
            "void m(struct v *vma) { struct v *w = (vma), *u; u = w; a(u); }"
        )
        assert reached(text) == [("a", "x", 0)]

    def test_a_field_is_not_the_vma(self) -> None:
        assert reached("void a(int x) { } void m(struct v *vma) { a(vma->n); }") == []

    def test_functions_elsewhere_are_not_followed(self) -> None:
        assert reached("void m(struct v *vma) { remap(vma); }") == []

    def test_both_arms_of_a_helper(self) -> None:
        text = (
            "#ifdef A\nvoid h(struct v *x) { }\n#else\nvoid h(struct v *x) { }\n#endif\n"
            "void m(struct v *vma) { h(vma); }"
        )
        assert len(reached(text)) == 2


class TestMentions:
    TEXT = """/* m does it */
int m(struct file *f);
int m(struct file *f)
{
	pr_info("m failed");
	return 0;
}
EXPORT_SYMBOL_GPL(m);
struct fops t = { .mmap = m };
#define ALIAS m
static void init(struct fops *o)
{
	m(NULL);
	o->mmap = m;
}
"""

    def test_kinds(self) -> None:
        assert [(m.line, m.kind) for m in mentions(source(self.TEXT), "m")] == [
            (1, "comment"),
            (2, "prototype"),
            (3, "definition"),
            (5, "string"),
            (8, "export"),
            (9, "table"),
            (10, "macro"),
            (13, "call"),
            (14, "reference"),
        ]

    def test_ranges_are_the_name(self) -> None:
        assert {self.TEXT[m.start : m.end] for m in mentions(source(self.TEXT), "m")} == {"m"}

    def test_parts_of_words_are_none(self) -> None:
        assert not mentions(source("int mm, m2, _m;"), "m")

    def test_where_it_is_used(self) -> None:
        assert callers(source(self.TEXT), "m") == {"init"}
