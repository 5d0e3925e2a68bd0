# SPDX-License-Identifier: GPL-2.0-only
"""An editor for tests: pygls's client over the pipes of `premap lsp`, with texts of its own.

Edits are applied with an arithmetic that has nothing in common with the server's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds that an answer may take on a busy machine."""

RESOLVING = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        code_action=types.CodeActionClientCapabilities(
            code_action_literal_support=types.ClientCodeActionLiteralOptions(
                types.ClientCodeActionKindOptions(list(types.CodeActionKind))
            ),
            resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"]),
        )
    ),
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
    ),
)
"""What today's editors can do."""


class Buffer:
    """A text in the editor; lines end with LF, columns are in UTF-16."""

    def __init__(self, uri: str, text: str) -> None:
        self.uri = uri
        self.text = text
        self.version = 1

    def place(self, part: str, *, after: bool = False, nth: int = 0) -> types.Position:
        """Position of the first (or `nth`) place where the text says `part`."""
        at = -1
        for _ in range(nth + 1):
            at = self.text.index(part, at + 1)
        return self.position(at + (len(part) if after else 0))

    def position(self, at: int) -> types.Position:
        """Position of the character with an index."""
        before = self.text[:at].split("\n")
        return types.Position(len(before) - 1, len(before[-1].encode("utf-16-le")) // 2)

    def index(self, at: types.Position) -> int:
        """Index of the character at a position."""
        lines = self.text.split("\n")
        units = lines[at.line].encode("utf-16-le")[: at.character * 2]
        return sum(len(line) + 1 for line in lines[: at.line]) + len(units.decode("utf-16-le"))

    def said(self, where: types.Range) -> str:
        """Return what stands in a range."""
        return self.text[self.index(where.start) : self.index(where.end)]

    def apply(self, edits: list[types.TextEdit]) -> None:
        """Make edits that are all of the text as it is."""
        done = [(self.index(e.range.start), self.index(e.range.end), e.new_text) for e in edits]
        for start, end, new in sorted(done, key=lambda edit: edit[:2], reverse=True):
            self.text = self.text[:start] + new + self.text[end:]


class Editor:
    """A session. Use as a context manager; it ends as editors end theirs."""

    def __init__(self, capabilities: types.ClientCapabilities = RESOLVING, *arguments: str) -> None:
        self.capabilities = capabilities
        self.arguments = arguments
        self.client = LanguageClient("tests", "1")
        self.logged: list[str] = []
        self.shown: list[types.ShowMessageParams] = []
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.count: dict[str, int] = {}
        self.applied: list[types.WorkspaceEdit] = []
        self.buffers: dict[str, Buffer] = {}
        self.initialized: types.InitializeResult
        self.killed = False
        self.code: int | None = None
        self.errors = b""
        self._runner = asyncio.Runner()
        self._news: asyncio.Condition

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()

    def run(self, work: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
        """Let the session go on until this is done."""
        return self._runner.run(asyncio.wait_for(work, patience))

    # The session

    def start(self, root: Path | None = None) -> None:
        """Start the server and shake hands."""
        self.run(self._start(root))

    async def _start(self, root: Path | None) -> None:
        self._news = asyncio.Condition()
        self._listen()
        await self.client.start_io(sys.executable, "-m", "premap", "lsp", *self.arguments)
        self.initialized = await self.client.initialize_async(
            types.InitializeParams(
                process_id=None,
                root_uri=root.as_uri() if root else None,
                capabilities=self.capabilities,
            )
        )
        self.client.initialized(types.InitializedParams())

    def quit(self) -> None:
        """Shut down, exit, and keep the exit code and what came on standard error."""
        if self.code is None:
            self.run(self._quit())
            self._runner.close()

    async def _quit(self) -> None:
        if not self.killed:
            await self.client.shutdown_async(None)
            self.client.exit(None)
        await self._gone()

    def kill(self) -> None:
        """End the server without a word."""
        self.server.kill()
        self.killed = True

    async def _gone(self) -> None:
        server = self.server
        assert server.stderr is not None
        self.errors = await server.stderr.read()
        self.code = await server.wait()
        await self.client.stop()

    @property
    def server(self) -> asyncio.subprocess.Process:
        """The process of `premap lsp`."""
        process = self.client._server
        assert process is not None
        return process

    def _listen(self) -> None:
        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params: types.PublishDiagnosticsParams) -> None:
            self.published[params.uri] = params
            self.count[params.uri] = self.count.get(params.uri, 0) + 1
            await self._tell()

        @self.client.feature(types.WINDOW_LOG_MESSAGE)
        async def logged(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)
            await self._tell()

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        async def shown(params: types.ShowMessageParams) -> None:
            self.shown.append(params)
            await self._tell()

        @self.client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            self.applied.append(params.edit)
            return types.ApplyWorkspaceEditResult(applied=True)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    # Documents

    def open(self, text: str, uri: str = "", language: str = "c") -> Buffer:
        """Open a document; without a URI it is a file in a folder that does not exist."""
        uri = uri or f"file:///nowhere/{len(self.buffers)}.c"
        buffer = self.buffers[uri] = Buffer(uri, text)
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return buffer

    def close(self, buffer: Buffer) -> None:
        """Close a document, whatever it says."""
        identifier = types.TextDocumentIdentifier(buffer.uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def replace(self, buffer: Buffer, old: str, new: str) -> None:
        """Replace the first place where the text says `old`: one edit of a range."""
        start, end = buffer.place(old), buffer.place(old, after=True)
        buffer.text = buffer.text.replace(old, new, 1)
        self.change(buffer, types.TextDocumentContentChangePartial(types.Range(start, end), new))

    def change(self, buffer: Buffer, *events: types.TextDocumentContentChangeEvent) -> None:
        """Send changes that the caller made to the buffer's text."""
        buffer.version += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=buffer.uri, version=buffer.version)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(identifier, list(events))
        )

    def rewrite(self, buffer: Buffer, text: str) -> None:
        """Replace the whole text by another."""
        buffer.text = text
        self.change(buffer, types.TextDocumentContentChangeWholeDocument(text))

    # Answers

    def diagnostics(self, buffer: Buffer, *, publications: int = 1) -> list[types.Diagnostic]:
        """Return the diagnostics of a buffer as it is now, once they came so many times."""
        self.count[buffer.uri] = 0 if publications > 1 else self.count.get(buffer.uri, 0)

        def current() -> bool:
            known = self.published.get(buffer.uri)
            return known is not None and known.version == buffer.version

        self.until(current)
        return list(self.published[buffer.uri].diagnostics)

    def further(self, buffer: Buffer, code: str) -> types.Diagnostic:
        """Wait for a diagnostic with a code on the buffer as it is now."""

        def there() -> bool:
            known = self.published.get(buffer.uri)
            return known is not None and known.version == buffer.version and code in _codes(known)

        self.until(there)
        return next(d for d in self.published[buffer.uri].diagnostics if d.code == code)

    def wait_for(self, what: str) -> str:
        """Wait for a line of the log that says this."""
        self.until(lambda: any(what in line for line in self.logged))
        return next(line for line in self.logged if what in line)

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the session go on until something holds."""
        self.run(self._until(condition))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(condition)

    def sleep(self, seconds: float) -> None:
        """Let the session go on."""
        self.run(asyncio.sleep(seconds))

    def hover(self, buffer: Buffer, part: str, nth: int = 0) -> str | None:
        """Return what is told of the first place where the text says `part`."""
        found = self.run(
            self.client.text_document_hover_async(
                types.HoverParams(
                    types.TextDocumentIdentifier(buffer.uri), buffer.place(part, nth=nth)
                )
            )
        )
        if found is None:
            return None
        assert isinstance(found.contents, types.MarkupContent)
        assert found.range is not None
        assert buffer.said(found.range) == part
        return found.contents.value

    def actions(
        self, buffer: Buffer, part: str, only: list[types.CodeActionKind] | None = None
    ) -> list[types.CodeAction]:
        """Return what is on offer where the text says `part`."""
        found = self.offers(buffer, part, only)
        return [action for action in found if isinstance(action, types.CodeAction)]

    def offers(
        self, buffer: Buffer, part: str, only: list[types.CodeActionKind] | None = None
    ) -> list[types.Command | types.CodeAction]:
        """Return actions, and commands for clients that know no actions."""
        return self._offers(buffer, buffer.place(part), only)

    def actions_at(self, buffer: Buffer, at: types.Position) -> list[types.CodeAction]:
        """Return what is on offer at a position."""
        found = self._offers(buffer, at, None)
        return [action for action in found if isinstance(action, types.CodeAction)]

    def _offers(
        self, buffer: Buffer, at: types.Position, only: list[types.CodeActionKind] | None
    ) -> list[types.Command | types.CodeAction]:
        where = types.Range(at, at)
        found = self.run(
            self.client.text_document_code_action_async(
                types.CodeActionParams(
                    types.TextDocumentIdentifier(buffer.uri),
                    where,
                    types.CodeActionContext(diagnostics=[], only=only),
                )
            )
        )
        return list(found or ())

    def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Ask for the edit of an action."""
        return self.run(self.client.code_action_resolve_async(action))

    def make(self, edit: types.WorkspaceEdit | None) -> None:
        """Make the edit of an action in the buffers."""
        assert edit is not None
        for change in edit.document_changes or ():
            assert isinstance(change, types.TextDocumentEdit)
            buffer = self.buffers[change.text_document.uri]
            assert change.text_document.version == buffer.version
            buffer.apply([each for each in change.edits if isinstance(each, types.TextEdit)])


def _codes(known: types.PublishDiagnosticsParams) -> set[int | str | None]:
    return {diagnostic.code for diagnostic in known.diagnostics}
