# SPDX-License-Identifier: GPL-2.0-only
"""What rules find, as an editor sees it: diagnostics and quick fixes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from tests.lsp.client import Buffer, Editor

from premap.rules import RULES

MASK = """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
\tvma_desc_set_flags(desc, VM_DONTEXPAND, VMA_IO_BIT);
\treturn 0;
}

static const struct file_operations ring_fops = {
\t.mmap_prepare = ring_mmap_prepare,
};
"""
"""Sets a flag by its mask: R08, told by names alone."""
UNGUARDED = RULES["R16"].bad
"""Rejects writing and leaves MAYWRITE: R16, which follows the paths of the hook."""


class TestFindings:
    def test_have_their_place_level_and_rule(self, editor: Editor) -> None:
        buffer = editor.open(MASK)
        (found,) = editor.diagnostics(buffer)
        assert buffer.said(found.range) == "VM_DONTEXPAND"
        assert found.severity == types.DiagnosticSeverity.Error
        assert (found.code, found.source) == ("R08", "premap")
        assert "VMA_DONTEXPAND_BIT" in found.message

    def test_come_and_go_with_what_is_typed(self, editor: Editor) -> None:
        buffer = editor.open(MASK)
        assert len(editor.diagnostics(buffer)) == 1
        editor.replace(buffer, "VM_DONTEXPAND", "VMA_DONTEXPAND_BIT")
        assert editor.diagnostics(buffer) == []
        editor.replace(buffer, "VMA_DONTEXPAND_BIT", "VM_DONTEXPAND")
        assert len(editor.diagnostics(buffer)) == 1

    def test_that_take_longer_come_later_with_their_example(self, editor: Editor) -> None:
        buffer = editor.open(UNGUARDED)
        found = editor.further(buffer, "R16")
        assert "mmap(" in found.message
        assert found.severity == types.DiagnosticSeverity.Error

    def test_that_take_longer_stay_while_something_else_is_typed(self, editor: Editor) -> None:
        buffer = editor.open(UNGUARDED)
        before = editor.further(buffer, "R16")
        where = types.Range(types.Position(0, 0), types.Position(0, 0))
        buffer.text = "/* new */\n" + buffer.text
        editor.change(buffer, types.TextDocumentContentChangePartial(where, "/* new */\n"))
        after = [each for each in editor.diagnostics(buffer) if each.code == "R16"]
        assert [each.range.start.line for each in after] == [before.range.start.line + 1]

    def test_that_are_mended_go_at_once(self, editor: Editor) -> None:
        buffer = editor.open(UNGUARDED + MASK.replace("ring", "other"))
        editor.further(buffer, "R16")
        editor.replace(buffer, "VM_DONTEXPAND", "VMA_DONTEXPAND_BIT")
        codes = [each.code for each in editor.diagnostics(buffer)]
        assert "R08" not in codes
        assert "R16" in codes

    def test_are_silenced_by_comments(self, editor: Editor) -> None:
        comment = "\t/* premap: ignore R08: the test wants it so */\n"
        buffer = editor.open(MASK.replace("\tvma_desc", comment + "\tvma_desc"))
        assert editor.diagnostics(buffer) == []

    def test_comments_that_silence_nothing_are_told(self, editor: Editor) -> None:
        comment = "\t/* premap: ignore R08: the test wants it so */\n"
        text = MASK.replace("VM_DONTEXPAND", "VMA_DONTEXPAND_BIT")
        buffer = editor.open(text.replace("\tvma_desc", comment + "\tvma_desc"))
        found = editor.further(buffer, "unused-suppression")
        assert buffer.said(found.range) == comment.strip()


class TestFixes:
    def test_become_edits(self, editor: Editor) -> None:
        buffer = editor.open("/* \U0001f427 */ " + MASK)
        (fix,) = editor.actions(buffer, "VM_DONTEXPAND")
        assert fix.kind == types.CodeActionKind.QuickFix
        assert fix.title == "Use VMA_DONTEXPAND_BIT"
        assert fix.is_preferred
        assert [each.code for each in fix.diagnostics or ()] == ["R08"]
        editor.make(fix.edit)
        assert "vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_IO_BIT);" in buffer.text

    def test_are_offered_only_where_they_help(self, editor: Editor) -> None:
        buffer = editor.open(MASK)
        assert editor.actions(buffer, "return 0") == []

    @pytest.mark.parametrize("rule", ["R06", "R08", "R09", "R12", "R16", "R18", "R23", "R27"])
    def test_mend_what_they_are_for(self, editor: Editor, rule: str) -> None:
        buffer = editor.open(RULES[rule].bad)
        editor.further(buffer, rule)
        known = editor.published[buffer.uri].diagnostics
        offered = [fix for each in known for fix in editor.actions_at(buffer, each.range.start)]
        fix = next(each for each in offered if each.kind == types.CodeActionKind.QuickFix)
        before = _count(editor, buffer, rule)
        editor.make(fix.edit)
        editor.rewrite(buffer, buffer.text)
        editor.until(lambda: _count(editor, buffer, rule) == before - 1)


def _count(editor: Editor, buffer: Buffer, rule: str) -> int:
    """How many findings of a rule there are in a buffer as it is now; -1: not known yet."""
    known = editor.published[buffer.uri]
    codes = [each.code for each in known.diagnostics]
    return codes.count(rule) if known.version == buffer.version else -1


class TestRules:
    def test_all_reach_the_editor(self, editor: Editor) -> None:
        """But for those that compare two versions of a file."""
        rules = [rule for rule in RULES.values() if not rule.before]
        buffers = {rule.id: editor.open(rule.bad) for rule in rules}
        for rule, buffer in buffers.items():
            assert editor.further(buffer, rule).message
            editor.close(buffer)


class TestTrees:
    def test_say_which_names_there_are(self, editor: Editor, tree: Path) -> None:
        """The little tree's headers have no mmap_action_simple_ioremap()."""
        text = MASK.replace("VM_DONTEXPAND", "VMA_DONTEXPAND_BIT").replace(
            "\treturn 0;", "\tmmap_action_simple_ioremap(desc, 0, 0);\n\treturn 0;"
        )
        buffer = editor.open(text, (tree / "drivers/char/ring.c").as_uri())
        found = editor.further(buffer, "R09")
        assert "mmap_action_simple_ioremap" in found.message


class TestSettings:
    def test_say_what_is_shown(self, editor: Editor, tmp_path: Path) -> None:
        buffer = editor.open(MASK, (tmp_path / "ring.c").as_uri())
        assert [each.code for each in editor.diagnostics(buffer)] == ["R08"]
        (tmp_path / ".premap.toml").write_text('ignore = ["R08"]\n')
        editor.replace(buffer, "return 0;", "return  0;")
        assert editor.diagnostics(buffer) == []

    def test_that_are_none_are_told_at_the_top(self, editor: Editor, tmp_path: Path) -> None:
        (tmp_path / ".premap.toml").write_text("ignore = 7\n")
        buffer = editor.open(MASK, (tmp_path / "ring.c").as_uri())
        found = {each.code: each for each in editor.diagnostics(buffer)}
        assert found.keys() == {"settings", "R08"}
        assert found["settings"].range.start == types.Position(0, 0)
        assert ".premap.toml" in found["settings"].message
