# SPDX-License-Identifier: GPL-2.0-only
"""How a session begins and ends, and what it survives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from tests.lsp.client import Editor
from tests.lsp.conftest import DRIVER

SERVER = [sys.executable, "-m", "premap", "lsp"]


def _message(**content: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **content}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


INITIALIZE = _message(
    id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}}
)


def _session(*messages: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        SERVER, input=b"".join(messages), capture_output=True, check=False, timeout=60
    )


class TestEnd:
    def test_after_shutdown_is_a_success(self) -> None:
        with Editor() as session:
            pass
        assert (session.code, session.errors) == (0, b"")

    def test_without_shutdown_is_a_failure(self) -> None:
        done = _session(INITIALIZE, _message(method="exit"))
        assert (done.returncode, done.stderr) == (1, b"")

    def test_of_the_client_ends_the_server(self) -> None:
        done = _session(INITIALIZE)
        assert (done.returncode, done.stderr) == (1, b"")

    def test_before_anything_was_said(self) -> None:
        done = _session()
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")

    def test_leaves_no_process_behind(self) -> None:
        with Editor() as session:
            buffer = session.open(DRIVER)
            session.further(buffer, "convertible")
            children = _children(session.server.pid)
        assert children
        assert not any(Path(f"/proc/{child}").exists() for child in children)

    def test_takes_the_workers_with_it_when_killed(self) -> None:
        session = Editor()
        session.start()
        buffer = session.open(DRIVER)
        session.diagnostics(buffer)
        children = _children(session.server.pid)
        session.kill()
        session.quit()
        deadline = time.monotonic() + 20
        while any(_alive(child) for child in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class TestOdd:
    def test_messages_are_logged_and_survived(self) -> None:
        done = _session(
            INITIALIZE,
            b"Content-Length: 9\r\n\r\n{not json",
            _message(id=2, method="textDocument/hover", params={"position": "nowhere"}),
            _message(id=3, method="no/such"),
            _message(method="textDocument/didChange", params={}),
            _message(method="$/odd", params={}),
            _message(id=4, method="shutdown"),
            _message(method="exit"),
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"Traceback" not in done.stdout
        answers = {answer["id"]: answer for answer in _answers(done.stdout) if "id" in answer}
        assert answers[2]["error"]["code"] == types.ErrorCodes.InvalidParams
        assert answers[3]["error"]["code"] == types.ErrorCodes.MethodNotFound
        assert answers[4]["result"] is None

    def test_documents_are_survived(self, editor: Editor) -> None:
        text = types.TextDocumentIdentifier("file:///nowhere/never-opened.c")
        here = types.Position(0, 0)
        assert (
            editor.run(editor.client.text_document_hover_async(types.HoverParams(text, here)))
            is None
        )
        context = types.CodeActionContext(diagnostics=[])
        actions = types.CodeActionParams(text, types.Range(here, here), context)
        assert not editor.run(editor.client.text_document_code_action_async(actions))
        identifier = types.VersionedTextDocumentIdentifier(uri=text.uri, version=2)
        change = types.TextDocumentContentChangeWholeDocument("int x;")
        editor.client.text_document_did_change(
            types.DidChangeTextDocumentParams(identifier, [change])
        )
        editor.wait_for("never opened")

    def test_commands_are_refused_in_a_line(self, editor: Editor) -> None:
        for arguments in ([{"uri": 1}], [None], ["x"]):
            with pytest.raises(JsonRpcException, match="no action of premap"):
                editor.run(
                    editor.client.workspace_execute_command_async(
                        types.ExecuteCommandParams("premap.convert", arguments=arguments)
                    )
                )

    def test_prints_do_not_reach_the_client(self) -> None:
        program = (
            "import sys; from premap.lsp.server import Server; import os\n"
            "shown = Server.log\n"
            "def log(self, message): print('stray'); os.write(1, b'stray'); shown(self, message)\n"
            "Server.log = log\n"
            "from premap.cli import main; sys.exit(main(['lsp']))"
        )
        change = {
            "textDocument": {"uri": "file:///a.c", "version": 2},
            "contentChanges": [{"text": ""}],
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=INITIALIZE + _message(method="textDocument/didChange", params=change),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert b"stray" in done.stderr
        assert any(a.get("method") == "window/logMessage" for a in _answers(done.stdout))


def _answers(output: bytes) -> list[dict[str, Any]]:
    """Split what the server sent; anything between messages is an error."""
    found = []
    while output:
        head, _, rest = output.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        length = int(fields[b"Content-Length"])
        found.append(json.loads(rest[:length]))
        output = rest[length:]
    return found


class TestCrash:
    def test_of_a_worker_costs_one_answer(self) -> None:
        with Editor() as session:
            buffer = session.open(DRIVER)
            session.further(buffer, "convertible")
            for child in _children(session.server.pid):
                os.kill(child, signal.SIGKILL)
            session.replace(buffer, "return 0;", "return dev_setup(vma);")
            session.further(buffer, "unknown-helper")
        assert session.errors == b""


class TestOptions:
    def test_a_tree_that_is_none_is_wrong_use(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [*SERVER, "--tree", str(tmp_path)], input=b"", capture_output=True, check=False
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1

    def test_the_client_chooses_the_units_of_columns(self) -> None:
        general = types.GeneralClientCapabilities(position_encodings=["utf-8"])
        session = Editor(types.ClientCapabilities(general=general))
        session.start()
        assert session.initialized.capabilities.position_encoding == "utf-8"
        buffer = session.open("/* \U0001f600 */ x = VM_IO;\n")
        (where,) = (types.Position(0, at) for at in [len(b"/* \xf0\x9f\x98\x80 */ x = ")])
        found = session.run(
            session.client.text_document_hover_async(
                types.HoverParams(types.TextDocumentIdentifier(buffer.uri), where)
            )
        )
        assert found is not None
        assert found.range is not None
        assert found.range.start == where
        session.quit()
