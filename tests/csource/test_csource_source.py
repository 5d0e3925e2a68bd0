# SPDX-License-Identifier: GPL-2.0-only
"""One file of C: what it defines, and files that can't be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from premap.csource import errors
from premap.csource.source import SourceFile, read_source
from premap.csource.text import parser_view


def source(text: str | bytes) -> SourceFile:
    return SourceFile("x.c", text.encode("latin-1") if isinstance(text, str) else text)


class TestFunctions:
    def test_parameters_have_names_and_types(self) -> None:
        file = source("static int f(struct file *file, const char __user *p, int n[2], ...) { }")
        (function,) = file.functions["f"]
        assert [(p.name, p.type_text) for p in function.parameters] == [
            ("file", "struct file *"),
            ("p", "const char *"),
            ("n", "int [2]"),
            ("...", "..."),
        ]

    def test_void_is_no_parameter(self) -> None:
        assert source("int f(void) { }").functions["f"][0].parameters == ()

    def test_return_type_has_its_stars(self) -> None:
        assert source("struct page **f(void) { }").functions["f"][0].return_type == "struct page **"

    def test_a_function_pointer_parameter_keeps_its_name(self) -> None:
        file = source("int f(int (*cb)(int x), void *p) { }")
        assert [p.name for p in file.functions["f"][0].parameters] == ["cb", "p"]

    def test_both_arms_of_an_if_count(self) -> None:
        file = source("#ifdef A\nint f(void) { return 1; }\n#else\nint f(void) { }\n#endif\n")
        assert [f.arms for f in file.functions["f"]] == [("defined(A)",), ("!defined(A)",)]

    def test_a_broken_neighbour_hides_nothing(self) -> None:
        file = source("int g(void) { if ( }\n\nint f(struct file *f) { return 0; }\n")
        assert "f" in file.functions

    @pytest.mark.parametrize(
        "head",
        ["int __init", "static noinline int", "int __must_check", "asmlinkage int", "__weak int"],
    )
    def test_annotations_do_not_matter(self, head: str) -> None:
        file = source(f"{head} f(int a) {{ return a; }}\n")
        assert file.functions["f"][0].return_type == "int"
        assert not file.root.has_error

    @pytest.mark.parametrize("head", ["STATIC int", "STATIC\nint", "INTERNAL int __init"])
    def test_a_macro_for_static_is_no_type(self, head: str) -> None:
        file = source(f"{head} f(int a) {{ return a; }}\n")
        assert file.functions["f"][0].return_type == "int"

    def test_prototypes_are_apart(self) -> None:
        file = source("int f(int a);\nextern struct x *g(void);\nint v;\n")
        assert sorted(file.prototypes) == ["f", "g"]
        assert file.prototypes["g"][0].return_type == "struct x *"
        assert not file.functions

    def test_a_macro_that_takes_a_type_is_no_error(self) -> None:
        file = source("void f(void) { struct a *p = container_of(q, struct a, m); }\n")
        assert not file.root.has_error

    def test_sizeof_keeps_its_struct(self) -> None:
        file = source("int f(void) { return sizeof(struct a) + g((struct a) { 1 }); }\n")
        assert not file.root.has_error
        assert file.root.text is not None
        assert file.root.text.count(b"struct a") == 2


class TestByText:
    TEXT = """
static int a(struct vm_area_desc *desc) { return take(b(1), c (2)); }
static int take(int x, int y) { return x->c(y) + /* b(3) */ c(4); }
#define USES c(5)
int c(int);
"""

    def test_calls_in_order_of_the_text(self) -> None:
        calls = source(self.TEXT).calls_to("b|c")
        assert [call.text for call in calls] == [b"b(1)", b"c (2)", b"c(4)"]

    def test_a_longer_name_is_another_one(self) -> None:
        assert source("int f(void) { return abc(1) + ab(2) + bc(3); }").calls_to("b|bc")[
            0
        ].text == (b"bc(3)")

    def test_functions_that_say_a_word_in_head_or_body(self) -> None:
        found = source(self.TEXT).functions_saying(b"vm_area_desc")
        assert [function.name for function in found] == ["a"]
        assert [each.name for each in source(self.TEXT).functions_saying(b"take(")] == ["a", "take"]


class TestMacros:
    def test_object_and_function_like(self) -> None:
        file = source(
            "#define A 1 /* one */\n#define F(x, ...) g(x, \\\n\t__VA_ARGS__)\n#define E\n"
        )
        assert (file.macros["A"][0].parameters, file.macros["A"][0].body) == (None, "1")
        assert file.macros["F"][0].parameters == ("x", "...")
        assert file.macros["F"][0].body.split() == ["g(x,", "__VA_ARGS__)"]
        assert file.macros["E"][0].body == ""

    def test_a_space_makes_it_object_like(self) -> None:
        assert source("#define A (x)\n").macros["A"][0].parameters is None

    def test_lines_and_ranges_are_those_of_the_file(self) -> None:
        text = "int a;\n# define A \\\r\n\t2\r\nint b;\n"
        (macro,) = source(text).macros["A"]
        assert macro.line == 2
        assert text[macro.start : macro.end] == "# define A \\\r\n\t2\r"[:-1]

    def test_a_define_in_a_comment_is_none(self) -> None:
        assert not source("/*\n#define A 1\n*/\n").macros


class TestArms:
    def arms(self, text: str) -> tuple[str, ...]:
        return source(text).arms_at(text.index("HERE"))

    def test_nested_outermost_first(self) -> None:
        text = "#if X > 1\n#ifndef B\nHERE\n#endif\n#endif\n"
        assert self.arms(text) == ("X > 1", "!defined(B)")

    def test_elif_excludes_the_arms_before(self) -> None:
        assert self.arms("#ifdef A\n#elif B > 2\nHERE\n#endif\n") == ("!defined(A) && (B > 2)",)

    def test_else_excludes_all(self) -> None:
        text = "#if A + 1\n#elif defined(B)\n#else\nHERE\n#endif\n"
        assert self.arms(text) == ("!(A + 1) && !defined(B)",)

    def test_after_endif_none(self) -> None:
        assert self.arms("#ifdef A\n#endif\nHERE\n") == ()

    def test_an_include_guard_is_none(self) -> None:
        assert self.arms("/* x */\n#ifndef _X_H\n#define _X_H\nHERE\n#endif\n") == ()

    def test_stray_directives_do_no_harm(self) -> None:
        assert self.arms("#endif\n#else\n#elif A\nHERE\n") == ()

    def test_continued_condition(self) -> None:
        assert self.arms("#if A && \\\n\tB\nHERE\n#endif\n") == ("A && B",)


class TestBytes:
    def test_lines_count_from_one(self) -> None:
        file = source("a\nb\n\nc")
        assert [file.line_of(i) for i in range(6)] == [1, 1, 2, 2, 3, 4]

    @pytest.mark.parametrize(
        ("text", "newline"), [(b"a\nb\n", b"\n"), (b"a\r\nb\r\n", b"\r\n"), (b"", b"\n")]
    )
    def test_newline_is_that_of_the_file(self, text: bytes, newline: bytes) -> None:
        assert source(text).newline == newline

    def test_latin1_survives(self) -> None:
        file = source(b"/* \xe9 */ int f(void) { return '\xff'; }")
        assert file.text_of(file.functions["f"][0].node) == file.text[8:]

    def test_views_keep_offsets(self) -> None:
        file = source(b'/* "a */ char *s = "x // y"; // it\'s\r\nint a;\n')
        assert len(file.code) == len(file.text)
        assert file.code.split() == b'char *s = " "; int a;'.replace(b'" "', b'"      "').split()


class TestReading:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(errors.MissingSource, match=r"^x\.c: no such file$"):
            read_source(tmp_path / "x.c", "x.c")

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(errors.DirectorySource, match="is a directory"):
            read_source(tmp_path)

    def test_file_used_as_directory(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("x")
        with pytest.raises(errors.MissingSource):
            read_source(tmp_path / "f" / "x.c")

    def test_binary(self, tmp_path: Path) -> None:
        (tmp_path / "x.c").write_bytes(b"\x7fELF\0\0")
        with pytest.raises(errors.BinarySource, match="binary"):
            read_source(tmp_path / "x.c")

    def test_too_large(self, tmp_path: Path) -> None:
        with (tmp_path / "x.c").open("wb") as file:
            file.truncate(1 << 30)
        with pytest.raises(errors.LargeSource, match="too large"):
            read_source(tmp_path / "x.c")

    def test_no_regular_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.c")
        with pytest.raises(errors.UnreadableSource, match="no regular file"):
            read_source(tmp_path / "pipe.c")

    def test_link_to_itself(self, tmp_path: Path) -> None:
        (tmp_path / "x.c").symlink_to("x.c")
        with pytest.raises(errors.UnreadableSource):
            read_source(tmp_path / "x.c")

    def test_a_name_with_nul(self) -> None:
        with pytest.raises(errors.SourceError):
            read_source(Path("a\0b.c"))

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_forbidden(self, tmp_path: Path) -> None:
        (tmp_path / "x.c").write_text("x")
        (tmp_path / "x.c").chmod(0)
        with pytest.raises(errors.UnreadableSource):
            read_source(tmp_path / "x.c")


class TestEmptyMacros:
    """tree-sitter takes the line after one that ends in spaces for its body."""

    @pytest.mark.parametrize(
        "define",
        [
            "#define O(f, args...) ",
            "#define O(f, ...)\t",
            "# define O ",
            "#define O\t/* no body */ ",
            "#define O ; ",
            "#define O\r",
            "#define O(f) \r",
        ],
    )
    def test_with_spaces_behind_hide_nothing(self, define: str) -> None:
        source = SourceFile("ring.c", f"{define}\nint f(void)\n{{\n}}\n".encode())
        assert list(source.functions) == ["f"]
        assert source.root.children[0].type.startswith("preproc_")

    def test_with_a_name_for_the_rest_of_its_arguments(self) -> None:
        source = SourceFile("ring.c", b"#define O(f, args...) g(f, ##args)\nint f(void)\n{\n}\n")
        (macro,) = source.macros_of("O")
        assert macro.parameters is not None
        assert macro.parameters[-1].endswith("...")
        assert not source.root.has_error


class TestLevels:
    """`KERN_ERR PFX "no"`: two names in front of a string, which are no C for tree-sitter."""

    @pytest.mark.parametrize(
        "given", ['KERN_ERR PFX "no %d"', 'KERN_DEBUG\tPFX\n\t"no"', 'KERN_INFO PFX "a" PFX "b"']
    )
    def test_with_a_prefix_are_parsed(self, given: str) -> None:
        text = f"int f(void)\n{{\n\tprintk({given}, 1);\n\treturn 0;\n}}\n".encode()
        source = SourceFile("ring.c", text)
        assert not source.root.has_error
        (call,) = source.calls_to("printk")
        assert source.text_of(call).decode() == f"printk({given}, 1)"

    def test_that_are_arguments_stay_names(self) -> None:
        source = SourceFile("ring.c", b"int f(void)\n{\n\tg(KERN_ERR, PFX);\n\treturn 0;\n}\n")
        (call,) = source.calls_to("g")
        assert call.text == b"g(KERN_ERR, PFX)"

    def test_a_word_that_ends_like_one_stays(self) -> None:
        text = b'XKERN_ERR PFX "no"; xauto x = 1; g(7args...); h(args ... ); k(...)'
        seen = text.replace(b"args ...", b"     ...")
        assert parser_view(text) == seen
