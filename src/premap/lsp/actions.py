# SPDX-License-Identifier: GPL-2.0-only
"""Code actions: fixes of remarks, and the conversion of a handler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris

from premap.lsp.answers import ChangedFile, Converted, Request
from premap.lsp.documents import Document, Documents
from premap.lsp.remarks import Remark, Site
from premap.lsp.text import Text
from premap.records import Edit, Outcome
from premap.workers import Failure

SOURCE = "premap"
CONVERT = "premap.convert"
"""The command that converts a handler, for clients that can't ask for an action's edit later."""

_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}


class NotApplied(Exception):
    """A conversion is not applied. `str()` is the sentence that says why."""


def diagnostic(remark: Remark, text: Text) -> types.Diagnostic:
    """Return a remark as the protocol has it."""
    return types.Diagnostic(
        range=text.range(remark.start, remark.end),
        message=remark.message,
        severity=_SEVERITY[remark.level],
        code=remark.code,
        source=SOURCE,
    )


def fixes(
    document: Document, remarks: Iterable[Remark], start: int, end: int
) -> Iterator[types.CodeAction]:
    """Yield the fixes of the remarks that a selection touches."""
    for remark in remarks:
        fix = remark.fix
        if fix is None or remark.end < start or end < remark.start:
            continue
        yield types.CodeAction(
            title=fix.title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnostic(remark, document.text)],
            is_preferred=fix.safety == "automatic",
            edit=_workspace_edit([_document_edit(document, fix.edits)]),
        )


def conversion(document: Document, site: Site, done: Outcome | None) -> types.CodeAction:
    """Return the action that converts a handler; `done` is what is known of that already."""
    handler = site.handler
    known = f" ({verdict_of(done)})" if done else ""
    action = types.CodeAction(
        title=f"Convert {handler.name} to an mmap_prepare hook{known}",
        kind=types.CodeActionKind.RefactorRewrite,
        data={
            "uri": document.uri,
            "version": document.version,
            "name": handler.name,
            "file": handler.file,
            "start": handler.start,
        },
    )
    if done is not None and done.status != "converted":
        action.disabled = types.CodeActionDisabled(reason=declined(done))
    return action


def request(data: Any, documents: Documents) -> tuple[Document, Request]:
    """Return what an action's data asks for. Raises NotApplied if it is out of date."""
    try:
        document = documents.get(data["uri"])
        wanted = data["version"], str(data["name"]), str(data["file"]), int(data["start"])
    except (TypeError, KeyError, ValueError) as problem:
        raise NotApplied("this is no action of premap") from problem
    version, name, file, start = wanted
    if document is None or document.version != version:
        raise NotApplied(f"{name}: the document has changed since; ask again")
    return document, Request(documents.snapshot(document), name, file, start)


def verdict_of(outcome: Outcome) -> str:
    """Say in a few words what a conversion is worth."""
    if outcome.status != "converted" or outcome.verdict is None:
        return "declined"
    return f"{outcome.verdict.status}, {'automatic' if outcome.safety == 'automatic' else 'review'}"


def declined(outcome: Outcome) -> str:
    """Say why there is no conversion."""
    reason = outcome.reason
    if reason is None:
        return "it can't be converted"
    line = f"line {reason.line}: " if reason.line else ""
    return f"{line}{reason.message} [{reason.id}]"


def summary(name: str, outcome: Outcome) -> str:
    """Say what a conversion is worth, and what a reviewer has to know."""
    notes = [note.message for note in outcome.conversion.notes] if outcome.conversion else []
    verdict = outcome.verdict
    if verdict is not None:
        notes += [difference.message for difference in verdict.differences]
        notes += [verdict.reason] if verdict.reason else []
    return "; ".join([f"{name}: {verdict_of(outcome)}", *notes])


def edit_of(
    name: str, answer: Converted | Failure, documents: Documents
) -> tuple[Outcome, types.WorkspaceEdit]:
    """Return what came of a handler, and its edit. Raises NotApplied where there is none."""
    if isinstance(answer, Failure):
        raise NotApplied(f"{name} was not converted: {answer.message}")
    outcome = answer.outcome
    if outcome is None:
        raise NotApplied(f"{name} is no handler that could be converted any more")
    if outcome.status != "converted":
        raise NotApplied(f"{name} was not converted: {declined(outcome)}")
    return outcome, _workspace_edit([_file_edit(file, documents) for file in answer.files])


def _file_edit(file: ChangedFile, documents: Documents) -> types.TextDocumentEdit:
    for document in documents:
        if (document.path, document.name) == (file.path, file.name):
            if document.text.data != file.before:
                raise NotApplied(f"{file.name} has changed meanwhile")
            return _document_edit(document, file.edits)
    uri = uris.from_fs_path(str(file.path)) if file.path else None
    if uri is None or file.path is None or _read(file.path) != file.before:
        raise NotApplied(f"{file.name} has changed meanwhile")
    return _edit(uri, None, Text(file.before, documents.encoding), file.edits)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _document_edit(document: Document, edits: Iterable[Edit]) -> types.TextDocumentEdit:
    return _edit(document.uri, document.version, document.text, edits)


def _edit(
    uri: str, version: int | None, text: Text, edits: Iterable[Edit]
) -> types.TextDocumentEdit:
    identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
    changes: list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit] = []
    seen: set[Edit] = set()
    for edit in edits:
        if edit.start == edit.end or edit not in seen:  # as csource.edit.apply_edits() counts
            changes.append(types.TextEdit(text.range(edit.start, edit.end), _new(edit)))
            seen.add(edit)
    return types.TextDocumentEdit(identifier, changes)


def _new(edit: Edit) -> str:
    try:
        return edit.new.decode()
    except UnicodeDecodeError as problem:
        raise NotApplied(f"{edit.file} has bytes that are no UTF-8") from problem


def plain(edit: types.WorkspaceEdit) -> types.WorkspaceEdit:
    """Return an edit for clients that know no versions."""
    changes: dict[str, list[types.TextEdit]] = {}
    for each in edit.document_changes or []:
        if isinstance(each, types.TextDocumentEdit):
            texts = (one for one in each.edits if isinstance(one, types.TextEdit))
            changes.setdefault(each.text_document.uri, []).extend(texts)
    return types.WorkspaceEdit(changes=changes)


def _workspace_edit(edits: list[types.TextDocumentEdit]) -> types.WorkspaceEdit:
    return types.WorkspaceEdit(document_changes=list(edits))
