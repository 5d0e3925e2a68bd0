# SPDX-License-Identifier: GPL-2.0-only
"""Diagnostics while typing, through the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from tests.lsp.client import Editor
from tests.lsp.conftest import DRIVER

ALLOCATING = DRIVER.replace("\treturn 0;", "\treturn dev_setup(vma);")
"""A handler that hands its VMA to code that nobody sees."""


class TestHandlers:
    def test_that_convert_are_said_to(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        found = editor.further(buffer, "convertible")
        assert buffer.said(found.range) == ".mmap = dev_mmap"
        assert found.severity == types.DiagnosticSeverity.Hint
        assert found.source == "premap"
        assert "dev_mmap_prepare" in found.message
        editor.close(buffer)

    def test_that_do_not_convert_say_at_which_line(self, editor: Editor) -> None:
        buffer = editor.open(ALLOCATING)
        found = editor.further(buffer, "unknown-helper")
        assert "line 10: " in found.message
        editor.close(buffer)

    def test_columns_count_utf16(self, editor: Editor) -> None:
        text = DRIVER.replace("\t.mmap", "\t/* \U0001f427 é */ .mmap")
        buffer = editor.open(text)
        found = editor.further(buffer, "convertible")
        assert buffer.said(found.range) == ".mmap = dev_mmap"
        assert found.range.start.character == len("\t/* ?? é */ ")
        editor.close(buffer)

    def test_lines_end_where_the_protocol_has_it(self, editor: Editor) -> None:
        buffer = editor.open("/* \f \v \x1c \u2028 */\n" + DRIVER)
        found = editor.further(buffer, "convertible")
        assert buffer.said(found.range) == ".mmap = dev_mmap"
        editor.close(buffer)


class TestEdits:
    def test_of_ranges_are_followed(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        editor.replace(buffer, "\treturn 0;", "\treturn dev_setup(vma);")
        editor.replace(buffer, "#include <linux/fs.h>\n", "")
        found = editor.further(buffer, "unknown-helper")
        assert "line 9: " in found.message
        editor.replace(buffer, "\treturn dev_setup(vma);", "\treturn 0;")
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_several_at_once_build_on_each_other(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        begin = types.Range(types.Position(0, 0), types.Position(0, 0))
        partial = types.TextDocumentContentChangePartial
        buffer.text = "/* a\U0001f600b */\n" + buffer.text
        editor.change(
            buffer,
            partial(begin, "\n"),
            partial(begin, "/*  */"),
            partial(types.Range(types.Position(0, 3), types.Position(0, 3)), "a\U0001f600"),
            partial(types.Range(types.Position(0, 6), types.Position(0, 6)), "b"),
        )
        found = editor.further(buffer, "convertible")
        assert buffer.said(found.range) == ".mmap = dev_mmap"
        editor.close(buffer)

    def test_of_the_whole_text_are_followed(self, editor: Editor) -> None:
        buffer = editor.open("int x;\n")
        editor.rewrite(buffer, DRIVER)
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_that_come_fast_are_answered_once(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        editor.further(buffer, "convertible")
        before = editor.count[buffer.uri]
        for number in range(100):
            editor.replace(buffer, "return 0;" if number == 0 else "x;", f"return {number}; x;")
        editor.replace(buffer, "x;", "")
        editor.diagnostics(buffer)
        editor.sleep(0.3)
        assert 1 <= editor.count[buffer.uri] - before <= 10
        editor.close(buffer)

    def test_keep_what_is_said_of_other_places(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        editor.further(buffer, "convertible")
        editor.replace(buffer, "\treturn 0;", "\treturn  0;")
        (found,) = editor.diagnostics(buffer)
        assert buffer.said(found.range) == ".mmap = dev_mmap"
        editor.close(buffer)


class TestHalfWritten:
    @pytest.mark.parametrize("length", range(20, len(DRIVER), 37))
    def test_code_is_taken_as_far_as_it_goes(self, editor: Editor, length: int) -> None:
        buffer = editor.open(DRIVER[:length])
        editor.diagnostics(buffer)
        editor.rewrite(buffer, DRIVER[length:])
        editor.diagnostics(buffer)
        editor.close(buffer)
        assert not [line for line in editor.logged if "internal error" in line]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "mmap\0mmap",
            "{" * 20000 + " .mmap = x",
            ".mmap = " * 2000,
            "#if\n#else\n#if .mmap = f(" * 100,
            "\\\n" * 5000 + ".mmap = x, vma",
            "static int f(struct vm_area_desc *desc) { desc->",
            "\ufeffint mmap;\r\r\n\r",
        ],
        ids=["empty", "nul", "brackets", "sites", "directives", "backslashes", "arrow", "bom"],
    )
    def test_odd_text_is_survived(self, editor: Editor, text: str) -> None:
        buffer = editor.open(text)
        editor.diagnostics(buffer)
        editor.rewrite(buffer, DRIVER)
        editor.further(buffer, "convertible")
        editor.close(buffer)
        assert not [line for line in editor.logged if "internal error" in line]

    def test_what_can_not_be_read_is_logged(self, editor: Editor) -> None:
        buffer = editor.open("int mmap\0;", "file:///nowhere/nul.c")
        assert editor.diagnostics(buffer) == []
        assert editor.wait_for("nul.c").endswith("(it has NUL bytes)")
        editor.close(buffer)


class TestFiles:
    def test_of_other_languages_are_left_alone(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER, "file:///nowhere/dev.py", "python")
        editor.sleep(0.3)
        assert buffer.uri not in editor.published
        editor.close(buffer)

    def test_without_a_path_are_checked(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER, "untitled:Untitled-1")
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_with_odd_names_are_checked(self, editor: Editor, tmp_path: Path) -> None:
        path = tmp_path / "ü b%c#d.c"
        buffer = editor.open(DRIVER, path.as_uri())
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_that_are_closed_have_no_diagnostics(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER, "file:///nowhere/closed.c")
        editor.further(buffer, "convertible")
        editor.close(buffer)
        editor.until(lambda: not editor.published[buffer.uri].diagnostics)

    def test_of_sixteen_megabytes_are_no_burden(self, editor: Editor) -> None:
        buffer = editor.open("#define A 1\n" * (17 * (1 << 20) // 12))
        assert editor.diagnostics(buffer) == []
        editor.close(buffer)


class TestTrees:
    def test_have_the_last_word_on_types(self, editor: Editor, tree: Path) -> None:
        path = tree / "drivers/char/dev.c"
        text = path.read_text().replace("return 0;", "return vma_pages(vma) > DEV_PAGES ? -1 : 0;")
        buffer = editor.open(text, path.as_uri())
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_buffers_count_not_files(self, editor: Editor, tree: Path) -> None:
        """The handler is called from another file, as its author has just now written there."""
        path, other = tree / "drivers/char/dev.c", tree / "drivers/char/other.c"
        other.write_text("int other_mmap;\n")
        text = path.read_text().replace("static int dev_mmap", "int dev_mmap")
        buffer = editor.open(text, path.as_uri())
        editor.further(buffer, "convertible")
        called = """\
int dev_mmap(struct file *f, struct vm_area_struct *v);
int other(struct file *f, struct vm_area_struct *vma)
{
\treturn dev_mmap(f, vma);
}
"""
        caller = editor.open(called, other.as_uri())
        editor.replace(buffer, "\treturn 0;", "\treturn  0;")
        editor.further(buffer, "second-caller")
        editor.close(caller)
        editor.replace(buffer, "\treturn  0;", "\treturn 0;")
        editor.further(buffer, "convertible")
        editor.close(buffer)

    def test_of_several_releases_have_each_their_own(
        self, editor: Editor, tree: Path, tmp_path: Path
    ) -> None:
        old = tmp_path / "old"
        (old / "include/linux").mkdir(parents=True)
        (old / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
        new = editor.open(DRIVER, (tree / "drivers/char/dev.c").as_uri())
        before = editor.open(DRIVER, (old / "dev.c").as_uri())
        editor.further(new, "convertible")
        editor.sleep(1.0)
        assert editor.diagnostics(before) == []
        assert editor.actions(new, ".mmap")
        assert not editor.actions(before, ".mmap")  # no hook can be written for 6.12
        editor.close(new)
        editor.close(before)

    def test_files_that_other_programs_write_are_read(self, editor: Editor, tree: Path) -> None:
        path, other = tree / "drivers/char/dev.c", tree / "drivers/char/late.c"
        text = path.read_text().replace("static int dev_mmap", "int dev_mmap")
        buffer = editor.open(text, path.as_uri())
        editor.further(buffer, "convertible")
        other.write_text("int late(struct vm_area_struct *v)\n{\n\treturn dev_mmap(0, v);\n}\n")
        created = types.FileEvent(other.as_uri(), types.FileChangeType.Created)
        editor.client.workspace_did_change_watched_files(
            types.DidChangeWatchedFilesParams([created])
        )
        editor.replace(buffer, "\treturn 0;", "\treturn  0;")
        editor.further(buffer, "second-caller")
        editor.close(buffer)
