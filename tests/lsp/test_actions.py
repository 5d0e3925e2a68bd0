# SPDX-License-Identifier: GPL-2.0-only
"""Code actions: what is on offer, what the edits make of the text, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from tests.lsp.client import Buffer, Editor
from tests.lsp.conftest import DRIVER

from premap.lsp.actions import NotApplied, edit_of
from premap.lsp.answers import ChangedFile, Converted
from premap.lsp.documents import Documents
from premap.records import Conversion, Edit, Handler, Outcome, OutcomeStatus, Reason
from premap.workers import Failure

RING = (Path(__file__).parents[2] / "examples/ring/ring.c").read_text()
CONVERTED = """\
#include <linux/fs.h>
#include <linux/mm.h>

static const struct vm_operations_struct dev_vm_ops = { };

static int dev_mmap_prepare(struct vm_area_desc *desc)
{
\tvma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
\tdesc->vm_ops = &dev_vm_ops;
\treturn 0;
}

static const struct file_operations dev_fops = {
\t.mmap_prepare = dev_mmap_prepare,
};
"""
STICKY = DRIVER.replace("\treturn 0;", "\tdev_users++;\n\treturn 0;").replace(
    "static int dev_mmap", "static int dev_users;\n\nstatic int dev_mmap"
)
"""A handler that counts, which a hook may not do."""
UNKNOWN = DRIVER.replace("\treturn 0;", "\treturn dev_setup(vma);")


def _convert(editor: Editor, buffer: Buffer, part: str = ".mmap = dev_mmap") -> types.CodeAction:
    (action,) = editor.actions(buffer, part)
    return editor.resolve(action)


class TestOffer:
    @pytest.mark.parametrize("part", [".mmap = dev_mmap", "dev_mmap(struct", "vm_flags_set", "}\n"])
    def test_is_made_at_the_handler_and_in_its_table(self, editor: Editor, part: str) -> None:
        buffer = editor.open(DRIVER)
        (action,) = editor.actions(buffer, part)
        assert action.title == "Convert dev_mmap to an mmap_prepare hook"
        assert action.kind == types.CodeActionKind.RefactorRewrite
        assert action.edit is None

    def test_is_not_made_elsewhere(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        assert editor.actions(buffer, "#include") == []

    def test_is_not_made_for_other_tables(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER.replace("file_operations", "dma_buf_ops"))
        assert editor.actions(buffer, ".mmap = dev_mmap") == []

    def test_is_not_made_for_hooks(self, editor: Editor) -> None:
        buffer = editor.open(CONVERTED)
        assert editor.actions(buffer, ".mmap_prepare") == []

    def test_is_made_at_once_after_an_edit(self, editor: Editor) -> None:
        buffer = editor.open("int x;\n")
        editor.rewrite(buffer, DRIVER)
        assert editor.actions(buffer, ".mmap")

    @pytest.mark.parametrize(
        ("only", "count"),
        [
            ([types.CodeActionKind.Refactor], 1),
            ([types.CodeActionKind.RefactorRewrite], 1),
            ([types.CodeActionKind.QuickFix], 0),
            ([types.CodeActionKind.RefactorExtract, types.CodeActionKind.Source], 0),
            ([], 0),
        ],
    )
    def test_is_of_the_kind_that_was_asked_for(
        self, editor: Editor, only: list[types.CodeActionKind], count: int
    ) -> None:
        buffer = editor.open(DRIVER)
        assert len(editor.actions(buffer, ".mmap", only)) == count


class TestConversion:
    def test_edits_become_the_hook(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        editor.make(_convert(editor, buffer).edit)
        assert buffer.text == CONVERTED

    def test_keeps_the_rest_to_the_character(self, editor: Editor) -> None:
        odd = "/* \U0001f427 ü \f */ "
        buffer = editor.open(
            odd + DRIVER.replace("{\n", "{ " + odd + "\n").replace("\t.mmap", odd + ".mmap")
        )
        editor.make(_convert(editor, buffer).edit)
        assert buffer.text.count("\U0001f427") == 4
        assert buffer.text.startswith(odd + "#include")
        assert "vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);" in buffer.text

    def test_shows_the_verdict(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        editor.shown.clear()
        _convert(editor, buffer)
        (shown,) = editor.shown
        assert shown.type == types.MessageType.Info
        assert shown.message.startswith("dev_mmap: equivalent")

    def test_has_the_verdict_in_its_title_once_it_is_known(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        _convert(editor, buffer)
        (again,) = editor.actions(buffer, ".mmap")
        assert "(equivalent" in again.title
        editor.replace(buffer, "return 0;", "return  0;")
        (later,) = editor.actions(buffer, ".mmap")
        assert "(" not in later.title

    def test_that_can_not_be_is_declined_with_the_line(self, editor: Editor) -> None:
        buffer = editor.open(UNKNOWN)
        with pytest.raises(JsonRpcException, match=r"line 10: .*\[unknown-helper\]"):
            _convert(editor, buffer)
        (again,) = editor.actions(buffer, ".mmap")
        assert again.disabled is not None
        assert "unknown-helper" in again.disabled.reason

    def test_of_what_keeps_state_is_declined(self, editor: Editor) -> None:
        buffer = editor.open(STICKY)
        with pytest.raises(JsonRpcException, match="not converted"):
            _convert(editor, buffer)

    def test_of_an_older_text_is_refused(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        (action,) = editor.actions(buffer, ".mmap")
        editor.replace(buffer, "return 0;", "return  0;")
        with pytest.raises(JsonRpcException, match="has changed"):
            editor.resolve(action)

    def test_may_be_cancelled(self, editor: Editor) -> None:
        buffer = editor.open(DRIVER)
        (action,) = editor.actions(buffer, ".mmap")

        async def cancel() -> None:
            waiting = editor.client.protocol.send_request(
                types.CODE_ACTION_RESOLVE, action, msg_id="c"
            )
            editor.client.cancel_request(types.CancelParams("c"))
            with pytest.raises(JsonRpcException) as raised:
                await asyncio.wrap_future(waiting)
            assert raised.value.code == types.LSPErrorCodes.RequestCancelled

        editor.run(cancel())
        editor.make(editor.resolve(action).edit)
        assert buffer.text == CONVERTED


class TestRefused:
    @pytest.mark.parametrize("status", ["declined", "error"])
    def test_whatever_is_not_converted_has_no_edit(self, status: OutcomeStatus) -> None:
        """A conversion that is `different` is one that was declined for it."""
        handler = Handler("a.c", 1, "f", "struct file_operations", "mmap")
        edit = Edit("a.c", 0, 1, b"x")
        reason = Reason("different", "old and new differ")
        outcome = Outcome("a.c", status, Conversion(handler, "g", (edit,)), problem=reason)
        file = ChangedFile("a.c", None, b"x", (edit,))
        with pytest.raises(NotApplied, match=r"old and new differ \[different\]"):
            edit_of("f", Converted(outcome, (file,)), Documents())

    def test_a_failure_has_no_edit(self) -> None:
        with pytest.raises(NotApplied, match="took longer"):
            edit_of("f", Failure("took longer than 60 seconds"), Documents())


class TestMeanwhile:
    def test_other_questions_are_answered(self, editor: Editor) -> None:
        buffer = editor.open(RING)
        (action,) = editor.actions(buffer, "ring_samples_mmap(struct")
        where = types.TextDocumentIdentifier(buffer.uri)
        order: list[str] = []

        async def ask() -> None:
            async def note(name: str, answer: Awaitable[object]) -> None:
                await answer
                order.append(name)

            hover = types.HoverParams(where, buffer.place("VM_DONTCOPY"))
            await asyncio.gather(
                note("convert", editor.client.code_action_resolve_async(action)),
                note("hover", editor.client.text_document_hover_async(hover)),
            )

        editor.run(ask())
        assert order == ["hover", "convert"]

    def test_an_edit_makes_it_void(self, editor: Editor) -> None:
        buffer = editor.open(RING)
        (action,) = editor.actions(buffer, "ring_samples_mmap(struct")

        async def ask() -> None:
            asked = asyncio.ensure_future(editor.client.code_action_resolve_async(action))
            await asyncio.sleep(0)
            editor.replace(buffer, "return -EPERM;", "return -EACCES;")
            with pytest.raises(JsonRpcException, match="has changed"):
                await asked

        editor.run(ask())


class TestFiles:
    def test_with_the_handler_offer_it_too(self, editor: Editor, tree: Path) -> None:
        """The table is in another file, which is not open."""
        path, table = tree / "drivers/char/dev.c", tree / "drivers/char/table.c"
        text = path.read_text().replace("static int dev_mmap", "int dev_mmap")
        at = text.index("static const struct file_operations")
        (tree / "drivers/char/dev.h").write_text(
            "int dev_mmap(struct file *file, struct vm_area_struct *vma);\n"
        )
        path.write_text(text[:at])
        table.write_text('#include "dev.h"\n' + text[at:])
        buffer = editor.open(text[:at], path.as_uri())
        editor.diagnostics(buffer)
        editor.until(lambda: editor.count[buffer.uri] >= 2)
        (action,) = editor.actions(buffer, "dev_mmap")
        edit = editor.resolve(action).edit
        assert edit is not None
        files = {
            each.text_document.uri
            for each in edit.document_changes or ()
            if isinstance(each, types.TextDocumentEdit)
        }
        assert files == {
            (tree / "drivers/char" / name).as_uri() for name in ("dev.c", "dev.h", "table.c")
        }

    def test_that_are_closed_are_changed_by_version_null(self, editor: Editor, tree: Path) -> None:
        """The prototype lies in a header that is not open."""
        buffer, header = _with_prototype(editor, tree)
        edit = _convert(editor, buffer).edit
        assert edit is not None
        changed = {
            each.text_document.uri: each.text_document.version
            for each in edit.document_changes or ()
            if isinstance(each, types.TextDocumentEdit)
        }
        assert changed == {buffer.uri: buffer.version, header.as_uri(): None}

    def test_that_are_open_are_changed_as_they_are_there(self, editor: Editor, tree: Path) -> None:
        buffer, header = _with_prototype(editor, tree)
        other = editor.open("/* new */\n" + header.read_text(), header.as_uri())
        editor.replace(other, "/* new */\n", "/* \U0001f427 */\n")
        editor.make(_convert(editor, buffer).edit)
        assert other.text.startswith("/* \U0001f427 */\n")
        assert "int dev_mmap_prepare(struct vm_area_desc *desc);" in other.text

    def test_on_disk_stay_as_they_are(self, editor: Editor, tree: Path) -> None:
        buffer, header = _with_prototype(editor, tree)
        before = header.read_bytes()
        _convert(editor, buffer)
        assert header.read_bytes() == before


def _with_prototype(editor: Editor, tree: Path) -> tuple[Buffer, Path]:
    header = tree / "drivers/char/dev.h"
    header.write_text("int dev_mmap(struct file *file, struct vm_area_struct *vma);\n")
    path = tree / "drivers/char/dev.c"
    text = path.read_text().replace("static int dev_mmap", "int dev_mmap")
    return editor.open(text, path.as_uri()), header


class TestOtherClients:
    def test_run_a_command_and_apply_what_it_sends(self) -> None:
        with Editor(types.ClientCapabilities()) as editor:
            buffer = editor.open(DRIVER)
            (command,) = editor.offers(buffer, ".mmap")
            assert isinstance(command, types.Command)
            result = editor.run(
                editor.client.workspace_execute_command_async(
                    types.ExecuteCommandParams(command.command, command.arguments)
                )
            )
            assert result["status"] == "converted"
            assert result["verdict"]["status"] == "equivalent"
            assert result["applied"]
            (edit,) = editor.applied
            assert edit.changes is not None
            buffer.apply(list(edit.changes[buffer.uri]))
            assert buffer.text == CONVERTED

    def test_resolve_nothing_of_their_own(self, editor: Editor) -> None:
        action = types.CodeAction("mine", kind=types.CodeActionKind.QuickFix)
        assert editor.resolve(action) == action
