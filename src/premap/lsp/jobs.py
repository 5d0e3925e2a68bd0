# SPDX-License-Identifier: GPL-2.0-only
"""What workers do for the server: check a document, and convert a handler of it."""

from __future__ import annotations

from collections.abc import Iterator

from premap import conversion as converter
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.scope import Scope
from premap.csource.search import speaks_of_mappings
from premap.csource.source import SourceFile
from premap.lsp.answers import ChangedFile, CheckedDocument, Converted, Request
from premap.lsp.opening import Opened, opened
from premap.lsp.remarks import Remark, Site
from premap.lsp.snapshot import Snapshot
from premap.outcomes import Asked, outcome
from premap.records import Conversion, Edit, Handler

CONVERTIBLE = "convertible"
_HAS_TWIN = "struct file_operations"


def check(snapshot: Snapshot) -> CheckedDocument:
    """Say what can be said at once."""
    if not speaks_of_mappings(snapshot.text):
        return CheckedDocument()
    try:
        return _checked(opened(snapshot))
    except SourceError as problem:
        return CheckedDocument(problem=str(problem))


def check_further(snapshot: Snapshot) -> CheckedDocument:
    """Say what takes longer: what other files of the tree have to be searched for."""
    if not speaks_of_mappings(snapshot.text):
        return CheckedDocument()
    try:
        return _checked_further(opened(snapshot))
    except SourceError as problem:
        return CheckedDocument(problem=str(problem))


def _checked(document: Opened) -> CheckedDocument:
    source = document.source
    handlers = find_handlers(source, Scope(source, document.tree))
    return CheckedDocument(sites=tuple(_sites(handlers, source)))


def _checked_further(document: Opened) -> CheckedDocument:
    source = document.source
    found = list(_conversions(document))
    own = (_remark(each) for each in found if each.handler.file == source.name)
    sites = _sites([each.handler for each in found], source)
    return CheckedDocument(tuple(own), tuple(sites))


def convert(request: Request) -> Converted:
    """Convert a handler and compare old and new. Raises a SourceError."""
    document = opened(request.snapshot)
    for conversion in _conversions(document, request.name):
        handler = conversion.handler
        if (handler.file, handler.start) == (request.file, request.start):
            return _converted(conversion, document)
    return Converted(None)


def _conversions(document: Opened, only: str | None = None) -> Iterator[Conversion]:
    """Convert each handler of a file's tables, and each that it defines for others' tables."""
    source, tree, target = document.source, document.tree, document.target
    if target is None or not speaks_of_mappings(source.text):
        return
    yield from converter.convert_file(source, tree, target, only)
    if tree is not None:
        yield from converter.convert_named_elsewhere(source, tree, target, only)


def _converted(conversion: Conversion, document: Opened) -> Converted:
    source, tree, target = document.source, document.tree, document.target
    if target is None:
        return Converted(None)
    found = outcome(conversion, source, tree, Asked(target.name))
    if found.conversion is None:
        return Converted(found)
    edits: dict[str, list[Edit]] = {}
    for edit in found.conversion.edits:
        edits.setdefault(edit.file, []).append(edit)
    files = [
        ChangedFile(file.name, file.path, file.text, tuple(edits[file.name]))
        for file in (_open(name, document) for name in edits)
    ]
    return Converted(found, tuple(files))


def _open(name: str, document: Opened) -> SourceFile:
    if name == document.source.name or document.tree is None:
        return document.source
    return document.tree.open(name)


def _sites(handlers: list[Handler], source: SourceFile) -> Iterator[Site]:
    """Yield the legacy handlers that have a twin to become."""
    for handler in handlers:
        if handler.member != "mmap" or handler.ops != _HAS_TWIN:
            continue
        spans = [
            (f.node.start_byte, f.node.end_byte) for f in source.functions.get(handler.name, ())
        ]
        if handler.file == source.name:
            spans.append((handler.start, handler.end))
        yield Site(handler, tuple(spans))


def _remark(conversion: Conversion) -> Remark:
    """Say that a handler can be converted, or why not."""
    handler, reason = conversion.handler, conversion.reason
    if reason is None:
        text = (
            f"{handler.name} is a deprecated `.mmap` handler; it can become {conversion.new_name}"
        )
        return Remark(handler.start, handler.end, "hint", CONVERTIBLE, text)
    text = f"{handler.name} is a deprecated `.mmap` handler"
    why = (
        reason.message
        if reason.line in {None, handler.line}
        else f"line {reason.line}: {reason.message}"
    )
    return Remark(handler.start, handler.end, "hint", reason.id, f"{text}, not converted: {why}")
