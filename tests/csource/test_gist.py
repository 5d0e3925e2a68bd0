# SPDX-License-Identifier: GPL-2.0-only
"""A file's parse without what does not matter is the same everywhere else, and never the less."""

from __future__ import annotations

import re

import pytest

from premap.csource.gist import Gist
from premap.csource.nodes import find_all, parse
from premap.csource.source import SourceFile
from premap.csource.text import after_signs, code_view, directives

ABOUT_VMAS = b"""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
\treturn ring_map(vma);
}
"""
LONG = b"""\
static int reset(struct ring *ring)
{
\tif (ring->busy) {
\t\treturn -EBUSY;
\t}
\treturn 0;
}
"""
TABLE = b"static const struct file_operations ops = {\n\t.mmap = ring_mmap,\n};\n"
FILE = LONG + b"\n" + ABOUT_VMAS + b"\n" + LONG.replace(b"reset", b"stop") + b"\n" + TABLE


def gist(text: bytes) -> Gist:
    return Gist(text, code_view(text), (b"mmap", b"vma"))


def told(text: bytes) -> SourceFile:
    source = SourceFile("ring.c", text)
    source.matter = (b"mmap", b"vma")
    return source


class TestGist:
    def test_leaves_functions_out_that_do_not_matter(self) -> None:
        root = gist(FILE).root
        bodies = [node.text for node in find_all(root, "compound_statement")]
        assert [b"busy" in (body or b"") for body in bodies] == [False, False, False]
        assert not root.has_error

    def test_the_rest_is_where_it_is_in_the_file(self) -> None:
        parts = ("initializer_pair", "call_expression", "function_declarator")
        found, whole = (
            [(n.type, n.start_byte, n.end_byte, n.start_point, n.end_point, n.text) for n in nodes]
            for nodes in (find_all(gist(FILE).root, *parts), find_all(parse(FILE), *parts))
        )
        assert found == whole
        assert len(found) == 5

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(b"int f(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n", id="directives"),
            pytest.param(b"int f(void)\n{\n\tif (a) {\n}\n", id="braces that do not match"),
            pytest.param(b"struct s __aligned(8)\n{\n\tint a;\n};\n", id="a structure"),
            pytest.param(b"int f(void)\r\n{\r\n\tg();\r\n}\r\n", id="other line ends"),
            pytest.param(b"int f(void) {\n\tg();\n}\n", id="another style"),
            pytest.param(b"int f(struct vma *a)\n{\n\tg(a);\n}\n", id="a word in its head"),
            pytest.param(b"int f(void)\n{\n\tg(vma);\n}\n", id="a word in its body"),
            pytest.param(b"int f(void)\n{\n\tg();\n", id="no end"),
        ],
    )
    def test_what_can_not_be_told_stays(self, text: bytes) -> None:
        assert gist(text).gaps == []

    def test_a_word_in_a_comment_does_not_matter(self) -> None:
        assert len(gist(LONG.replace(b"return 0;", b"return 0; /* vma */")).gaps) == 1


class TestSource:
    def test_a_function_that_was_left_out_is_whole_when_it_is_asked_for(self) -> None:
        (function,) = told(FILE).functions_of("stop")
        assert b"busy" in (function.body.text or b"")

    def test_what_lies_in_one_is_found(self) -> None:
        at = FILE.index(b"busy")
        assert [n.type for n in find_all(told(FILE).tree_around(at), "if_statement")]
        assert told(FILE).function_at(at) is not None

    def test_enumerations_are_complete(self) -> None:
        source = told(FILE)
        assert source.tree_around(FILE.index(b"ops")).text is not None
        assert sorted(source.functions) == ["reset", "ring_mmap", "stop"]
        assert all(
            b"return" in (f.body.text or b"") for fs in source.functions.values() for f in fs
        )

    def test_declarations_are_those_of_the_whole_file(self) -> None:
        whole = [node.start_byte for node in SourceFile("ring.c", FILE).declarations()]
        assert [node.start_byte for node in told(FILE).declarations()] == whole

    def test_lines_are_counted_and_looked_up_alike(self) -> None:
        source = SourceFile("ring.c", FILE)
        lines = [source.line_of(byte) for byte in range(len(FILE))]
        assert lines == [FILE.count(b"\n", 0, byte) + 1 for byte in range(len(FILE))]


DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\n\\]|\\(?:\r?\n|.)?)*)", re.MULTILINE)
DEFINES = re.compile(rb"#[ \t]*define")
SITE = re.compile(rb"(\.|->)[\s\\]*(mmap|mmap_prepare)\b[\s\\]*=(?!=)")


class TestSearch:
    @pytest.mark.parametrize(
        "text",
        [
            b"#define A 1\n  #  define B 2\n\t#define C \\\n#define D \\\n 3\n#define E",
            b"x #define A 1\n#define B #define C\n#undef A\n# defined X\n#define\n",
            b"a = #define A \\\n#define B 2\n#define C 3\\\r\n#define D\r\n#define E 4\r\n",
        ],
    )
    def test_directives_are_those_that_lines_begin_with(self, text: bytes) -> None:
        found = [(m.span(), m[1], m[2]) for m in directives(DEFINE, DEFINES, text)]
        assert found == [(m.span(), m[1], m[2]) for m in DEFINE.finditer(text)]
        assert found

    @pytest.mark.parametrize(
        "text",
        [
            b".mmap = f, .mmap_prepare = g, x->mmap = h; x->mmap == i; a.mmaps = j; ammap = k",
            b".\\\n  mmap = f; ->\tmmap\n= g; . " + b" " * 300 + b"mmap = far; mmap = none",
            b"mmap = a; >mmap = b; -mmap = c; .mmap=d; .mmap_prepare = e; -> mmap=f;",
            b".mmap.mmap = a",
            b"",
        ],
    )
    def test_sites_are_found_by_their_names(self, text: bytes) -> None:
        found = [m.span() for m in after_signs(SITE, ("mmap", "mmap_prepare"), text)]
        assert found == [m.span() for m in SITE.finditer(text)]
