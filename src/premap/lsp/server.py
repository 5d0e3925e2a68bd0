# SPDX-License-Identifier: GPL-2.0-only
"""The language server: what the editor tells and asks, and who answers it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer

import premap
from premap.csource.tree import KernelTree
from premap.lsp import actions, hovering
from premap.lsp.actions import NotApplied
from premap.lsp.checking import Checker
from premap.lsp.converting import Converter
from premap.lsp.documents import Document, Documents
from premap.lsp.protocol import Protocol
from premap.lsp.remarks import Remark
from premap.records import Outcome
from premap.report.documents import convert as converted_document

_REQUEST_FAILED = -32803


class Server(LanguageServer):
    """Keeps the documents, answers the editor, and has workers do what takes time."""

    def __init__(self, tree: KernelTree | None = None, target: str | None = None) -> None:
        super().__init__("premap", premap.__version__, protocol_cls=Protocol)
        self.documents = Documents(tree, target)
        self.checker = Checker(self.documents, self._publish, self.log)
        self.stopped = False
        """Whether the client said that it would end the server."""
        self.converter = Converter(self.documents)
        self._register()

    def _register(self) -> None:
        kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]
        can = types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True)
        self._serve(types.INITIALIZE, self._initialize)
        self._serve(types.INITIALIZED, self._initialized)
        self._serve(types.SHUTDOWN, self._shutdown)
        self._serve(types.TEXT_DOCUMENT_DID_OPEN, self._opened)
        self._serve(types.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        self._serve(types.TEXT_DOCUMENT_DID_SAVE, self._saved)
        self._serve(types.TEXT_DOCUMENT_DID_CLOSE, self._closed)
        self._serve(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._files_changed)
        self._serve(types.TEXT_DOCUMENT_HOVER, self._hover)
        self._serve(types.TEXT_DOCUMENT_CODE_ACTION, self._actions, can)
        self._serve(types.CODE_ACTION_RESOLVE, self._resolve)
        self.command(actions.CONVERT)(_guarded(self._convert_command))

    def _serve(self, method: str, handler: Callable[[Any], Any], options: Any = None) -> None:
        self.feature(method, options)(_guarded(handler))

    def log(self, message: str) -> None:
        """Write a line to the client's log."""
        kind = types.MessageType.Warning
        self.window_log_message(types.LogMessageParams(type=kind, message=message))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what went wrong where nobody waits for an answer."""
        del source
        self.log(f"internal error: {type(error).__name__}: {error}")

    # The session

    async def _initialize(self, params: types.InitializeParams) -> None:
        del params
        self.documents.encoding = self.workspace.position_encoding or "utf-16"

    async def _initialized(self, params: types.InitializedParams) -> None:
        del params
        await self.checker.start()
        workspace = self.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if watched is not None and watched.dynamic_registration:
            await self._watch()

    async def _watch(self) -> None:
        """Ask to be told of files that other programs write."""
        watchers = [types.FileSystemWatcher(glob_pattern="**/*.{c,h}")]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = types.Registration("premap-files", method, options)
        try:
            await self.client_register_capability_async(types.RegistrationParams([registration]))
        except JsonRpcException as problem:
            self.log(f"files are not watched: {problem.message}")

    def _shutdown(self, params: None) -> None:
        del params
        self.stopped = True
        self.checker.stop()
        self.converter.stop()

    # Documents

    def _opened(self, params: types.DidOpenTextDocumentParams) -> None:
        self.checker.changed(self.documents.open(params.text_document))

    def _changed(self, params: types.DidChangeTextDocumentParams) -> None:
        about = params.text_document
        if self.documents.get(about.uri) is None:
            self.log(f"{about.uri} was changed, but never opened")
            return
        changes = self.documents.change(about.uri, about.version, params.content_changes)
        document = self.documents.get(about.uri)
        if document is not None:
            self.checker.changed(document, changes)

    def _saved(self, params: types.DidSaveTextDocumentParams) -> None:
        """Check what else is open of the same tree: it may include what was saved."""
        saved = self.documents.get(params.text_document.uri)
        for document in self.documents.of_tree(saved.tree if saved else None):
            if document is not saved:
                self.checker.changed(document)

    def _closed(self, params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        self.documents.close(uri)
        self.checker.closed(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _files_changed(self, params: types.DidChangeWatchedFilesParams) -> None:
        paths = (uris.to_fs_path(change.uri) for change in params.changes)
        self.documents.touched(Path(path) for path in paths if path)

    def _publish(self, document: Document, remarks: tuple[Remark, ...]) -> None:
        found = [actions.diagnostic(remark, document.text) for remark in remarks]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(document.uri, found, document.version)
        )

    # Questions

    def _hover(self, params: types.HoverParams) -> types.Hover | None:
        document = self.documents.get(params.text_document.uri)
        span = document.text.word(params.position) if document else None
        if document is None or span is None:
            return None
        entry = hovering.entry_at(document.text.data, *span)
        if entry is None:
            return None
        text = hovering.described(entry, document.tree)
        contents = types.MarkupContent(kind=types.MarkupKind.Markdown, value=text)
        return types.Hover(contents, document.text.range(*span))

    async def _actions(
        self, params: types.CodeActionParams
    ) -> list[types.Command | types.CodeAction]:
        document = self.documents.get(params.text_document.uri)
        if document is None:
            return []
        found = await self.checker.found(document)
        start = document.text.offset(params.range.start)
        end = document.text.offset(params.range.end)
        offered = list(actions.fixes(document, found.remarks, start, end))
        touched = (site for site in found.sites if site.at(start, end))
        offered += (self.converter.action(document, site) for site in touched)
        wanted = [each for each in offered if _wanted(each, params.context.only)]
        return [each for action in wanted if (each := self._as_known(action)) is not None]

    def _as_known(self, action: types.CodeAction) -> types.Command | types.CodeAction | None:
        """Return an action in a form that the client knows, if there is one."""
        about = self.client_capabilities.text_document
        can = about.code_action if about else None
        resolves = can and can.resolve_support and "edit" in can.resolve_support.properties
        if action.edit is None and not resolves:
            action.command = types.Command(action.title, actions.CONVERT, arguments=[action.data])
        return action if can and can.code_action_literal_support else action.command

    async def _resolve(self, action: types.CodeAction) -> types.CodeAction:
        if action.data is not None and action.edit is None:
            _, action.edit = await self._convert(action.data)
        return action

    async def _convert_command(self, data: Any) -> Any:
        """Convert a handler; return what `premap convert --format json` says of it."""
        outcome, edit = await self._convert(data)
        applied = await self.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit=edit, label="premap convert")
        )
        (result,) = converted_document([outcome], b"", None)["results"]
        return {**result, "applied": applied.applied}

    async def _convert(self, data: Any) -> tuple[Outcome, types.WorkspaceEdit]:
        """Convert a handler, and show what that is worth."""
        try:
            name, outcome, edit = await self.converter.convert(data)
        except NotApplied as problem:
            self._show(types.MessageType.Warning, str(problem))
            raise JsonRpcException(str(problem), code=_REQUEST_FAILED) from None
        self._show(types.MessageType.Info, actions.summary(name, outcome))
        return outcome, edit if self._knows_versions() else actions.plain(edit)

    def _knows_versions(self) -> bool:
        workspace = self.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace else None
        return bool(edits and edits.document_changes)

    def _show(self, kind: types.MessageType, message: str) -> None:
        self.window_show_message(types.ShowMessageParams(kind, message))


def _wanted(action: types.CodeAction, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Tell whether an action is of a kind that was asked for: "refactor" means all of its kinds."""
    kind = action.kind or ""
    return only is None or any(kind == each or kind.startswith(each + ".") for each in only)


def _guarded(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Have an unexpected exception answered with one line, without a traceback."""
    if asyncio.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def waited(params: Any) -> Any:
            try:
                return await handler(params)
            except JsonRpcException:
                raise
            except Exception as problem:  # noqa: BLE001
                raise _internal(problem) from None

        return waited

    @functools.wraps(handler)
    def called(params: Any) -> Any:
        try:
            return handler(params)
        except JsonRpcException:
            raise
        except Exception as problem:  # noqa: BLE001
            raise _internal(problem) from None

    return called


def _internal(problem: Exception) -> JsonRpcException:
    return JsonRpcInternalError(f"internal error: {type(problem).__name__}: {problem}")
