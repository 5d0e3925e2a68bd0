# SPDX-License-Identifier: GPL-2.0-only
"""Every way in which kernel C sets an `mmap` member."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.csource.errors import LargeSource
from premap.csource.handlers import MAX_SITES, find_handlers, find_sites
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Handler

FOPS = "struct file_operations { int (*open)(void); int (*mmap)(struct file *, struct vma *); };\n"


def handlers(text: str) -> list[Handler]:
    return find_handlers(SourceFile("x.c", text.encode("latin-1")))


def only(text: str) -> Handler:
    (handler,) = handlers(text)
    return handler


class TestInitializers:
    def test_a_plain_table(self) -> None:
        text = "static const struct file_operations t = {\n\t.open = o,\n\t.mmap\t= m,\n};\n"
        handler = only(text)
        assert (handler.ops, handler.name, handler.member) == (
            "struct file_operations",
            "m",
            "mmap",
        )
        assert (handler.line, handler.table, handler.file) == (3, "t", "x.c")
        assert text[handler.start : handler.end] == ".mmap\t= m"

    def test_mmap_prepare(self) -> None:
        assert only("struct f t = { .mmap_prepare = m };").member == "mmap_prepare"

    def test_as_before_c99(self) -> None:
        text = "struct f t = {\n\topen:\to,\n\tmmap:\tm,\n};\n"
        handler = only(text)
        assert (handler.ops, handler.name, handler.table) == ("struct f", "m", "t")
        assert (handler.member, handler.line) == ("mmap", 3)
        assert text[handler.start : handler.end] == "mmap:\tm"

    def test_as_before_c99_behind_a_directive(self) -> None:
        assert only("struct f t = {\n#ifdef A\n\topen: o,\n#endif\n\tmmap: m\n};\n").name == "m"

    def test_as_before_c99_in_a_table_within_a_struct(self) -> None:
        text = FOPS + "struct d { int a; struct file_operations fops; };\n"
        assert (
            only(f"{text}struct d x = {{ fops: {{ mmap: m }} }};").ops == "struct file_operations"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "void f(void) { mmap: g(); }",
            "void f(void) { g(); mmap: g(); }",
            "struct s { unsigned a:1, mmap:1; };",
            "int f(int a) { return a ? g(a), mmap : m; }",
            "struct f t = { /* mmap: m, */ };",
            "struct f t = { a.mmap: m, };",
            "struct f t = { xmmap: m, mmap2: m };",
        ],
    )
    def test_what_only_looks_like_it(self, text: str) -> None:
        assert find_sites(SourceFile("x.c", text.encode())) == ([], [])

    def test_a_pointer_to_the_function(self) -> None:
        assert only("struct f t = { .mmap = &m };").name == "m"

    def test_an_expression_stays_one(self) -> None:
        assert only("struct f t = { .mmap = A ?\n\tm : NULL };").name == "A ? m : NULL"

    def test_within_a_function(self) -> None:
        assert only("void f(void) { static struct f t = { .mmap = m }; }").ops == "struct f"

    def test_an_array_of_tables(self) -> None:
        found = handlers("struct f t[] = { { .mmap = a }, [3] = { .mmap = b } };")
        assert [(h.ops, h.name) for h in found] == [("struct f", "a"), ("struct f", "b")]

    def test_a_table_within_a_struct(self) -> None:
        text = FOPS + "struct d { int a; struct file_operations fops; };\n"
        for entry in (".fops = { .mmap = m }", ".fops.mmap = m", "1, { .mmap = m }"):
            assert only(text + f"struct d t = {{ {entry} }};").ops == "struct file_operations"

    def test_the_struct_in_between_may_be_unknown(self) -> None:
        assert only("struct d t = { .fops = { .mmap = m } };").ops == "?"

    def test_a_compound_literal(self) -> None:
        handler = only("void f(void) { g(&(struct f) { .mmap = m }); }")
        assert (handler.ops, handler.table) == ("struct f", None)

    def test_a_typedef(self) -> None:
        text = FOPS + "typedef struct file_operations fops_t;\nfops_t t = { .mmap = m };"
        assert only(text).ops == "struct file_operations"

    def test_two_variables_in_a_declaration(self) -> None:
        found = handlers("struct f a = { .mmap = m }, b = { .mmap = n };")
        assert [h.table for h in found] == ["a", "b"]


class TestConditionals:
    TABLE = (
        "struct f t = {\n\t.open = o,\n#ifdef A\n\t.mmap = a,\n#else\n\t.mmap = b,\n#endif\n};\n"
    )

    def test_both_arms(self) -> None:
        found = handlers(self.TABLE)
        assert [(h.name, h.ops) for h in found] == [("a", "struct f"), ("b", "struct f")]

    def test_arms_are_recorded(self) -> None:
        found = handlers(self.TABLE)
        assert [h.arms for h in found] == [("defined(A)",), ("!defined(A)",)]

    def test_ranges_start_at_the_dot(self) -> None:
        found = handlers(self.TABLE)
        assert [self.TABLE[h.start : h.end] for h in found] == [".mmap = a", ".mmap = b"]

    @pytest.mark.parametrize(
        "line", ["#if defined(A) && !defined(B)", "#if A > 1", "#endif", "#if 1 /* x */"]
    )
    def test_any_directive_may_come_before(self, line: str) -> None:
        handler = only(f"struct f t = {{\n{line}\n\n\t.mmap = m,\n#endif\n}};\n")
        assert (handler.name, handler.ops, handler.line) == ("m", "struct f", 4)


class TestMacros:
    def test_a_table_in_a_body(self) -> None:
        text = "#define T(n) \\\nstatic const struct f n##_t = { \\\n\t.mmap = n##_m, \\\n}\n"
        handler = only(text)
        assert (handler.ops, handler.in_macro, handler.line) == ("struct f", "T", 3)
        assert text[handler.start : handler.end] == ".mmap = n##_m"

    def test_mere_entries_take_the_type_of_where_they_are_put(self) -> None:
        text = "#define E \\\n\t.mmap = m\nstruct f t = { .open = o, E };\n"
        assert (only(text).ops, only(text).in_macro) == ("struct f", "E")

    def test_mere_entries_put_into_another_macro(self) -> None:
        text = "#define E .open = o, \\\n\t.mmap = m\n#define D(n) struct f n = { \\\n\tE, \\\n}\n"
        assert only(text).ops == "struct f"

    def test_mere_entries_that_nothing_uses(self) -> None:
        assert only("#define E .mmap = m\n").ops == "?"

    def test_crlf(self) -> None:
        text = "#define T(n) struct f n = { \\\r\n\t.mmap = m, \\\r\n}\r\n"
        assert (only(text).ops, text[only(text).start : only(text).end]) == (
            "struct f",
            ".mmap = m",
        )


class TestAssignments:
    @pytest.mark.parametrize(
        ("declared", "target"),
        [
            ("struct f ops;", "ops.mmap"),
            ("struct f *ops;", "ops->mmap"),
            ("struct f **ops;", "(*ops)->mmap"),
            ("struct f ops[2];", "ops[1].mmap"),
            ("struct f *get(void);", "get()->mmap"),
            ("void *p;", "((struct f *)p)->mmap"),
            ("struct d { struct f fops; } *d;", "d->fops.mmap"),
        ],
    )
    def test_the_type_comes_from_the_declaration(self, declared: str, target: str) -> None:
        text = f"{declared}\nvoid init(void) {{ {target} = m; }}"
        assert (only(text).ops, only(text).name) == ("struct f", "m")

    def test_a_parameter(self) -> None:
        assert only("void init(struct f *o) { o->mmap = m; }").ops == "struct f"

    def test_a_local_variable_hides_one_of_the_file(self) -> None:
        assert only("struct g o; void i(void) { struct f o; o.mmap = m; }").ops == "struct f"

    def test_an_unknown_variable(self) -> None:
        assert only("void init(void) { o->mmap = m; }").ops == "?"

    def test_the_range_is_the_assignment(self) -> None:
        text = "void init(struct f *o) { o->mmap = m; }"
        assert text[only(text).start : only(text).end] == "o->mmap = m"

    def test_a_chain_sets_both(self) -> None:
        assert [h.name for h in handlers("void i(void) { a.mmap = b.mmap = m; }")] == ["m", "m"]


class TestOthers:
    @pytest.mark.parametrize(
        "text",
        [
            "/* .mmap = m */",
            "// .mmap = m\n",
            'char *s = ".mmap = m";',
            "int f(void) { return a.mmap == m; }",
            "struct f t = { .mmap_other = m, .fb_mmap = n };",
            "",
        ],
    )
    def test_no_site(self, text: str) -> None:
        assert find_sites(SourceFile("x.c", text.encode())) == ([], [])

    def test_a_member_that_is_no_function_is_told_apart(self) -> None:
        text = (
            "struct s { void *regs; struct regmap *mmap; };\nvoid f(struct s *s) { s->mmap = 0; }"
        )
        found, others = find_sites(SourceFile("x.c", text.encode()))
        assert not found
        assert [(o.line, o.why) for o in others] == [
            (2, "member mmap of struct s is no function pointer")
        ]

    def test_absurdly_many_are_refused(self) -> None:
        with pytest.raises(LargeSource):
            handlers("a.mmap=b;" * (MAX_SITES + 1))


class TestTree:
    """grep is the truth about how many sites there are."""

    GREP = re.compile(rb"\.mmap(?:_prepare)?\s*=[^=]|->mmap(?:_prepare)?\s*=[^=]")

    @pytest.mark.tree("7.3")
    def test_every_line_that_grep_finds_is_told(self, kernel_tree: Callable[[str], Path]) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        unexplained = []
        count = 0
        for path in sorted(tree.root.rglob("*.[ch]")):
            if not path.is_file() or b"mmap" not in (text := path.read_bytes()):
                continue
            lines = {n for n, line in enumerate(text.split(b"\n"), 1) if self.GREP.search(line)}
            if not lines:
                continue
            name = tree.relative(path)
            source = tree.open(name)
            found, others = find_sites(source, Scope(source, tree))
            count += len(found)
            assert len({h.start for h in found}) == len(found)
            told = {h.line for h in found} | {o.line for o in others}
            told |= {n for n in lines if not self.GREP.search(source.code.split(b"\n")[n - 1])}
            unexplained += [(name, line) for line in lines - told]
        assert not unexplained
        assert count > 500
