# SPDX-License-Identifier: GPL-2.0-only
"""What workers do for the server: check a document, and convert a handler of it."""

from __future__ import annotations

from collections.abc import Iterator

from premap import conversion as converter
from premap import rules
from premap.csource.errors import SourceError
from premap.csource.search import speaks_of_mappings
from premap.csource.source import SourceFile
from premap.lsp.answers import ChangedFile, CheckedDocument, Converted, Request
from premap.lsp.opening import Opened, opened, parsed_by_edits, settings_of
from premap.lsp.remarks import Remark, Site
from premap.lsp.snapshot import Snapshot
from premap.lsp.telling import convertible, told
from premap.outcomes import Asked, outcome
from premap.records import Checked, Conversion, Edit, Handler
from premap.rules import RULES  # all are loaded before the first question
from premap.rules.context import Context
from premap.rules.soon import check_soon
from premap.rules.suppressions import may_suppress
from premap.settings.choosing import chosen
from premap.settings.errors import BadSettings

_HAS_TWIN = "struct file_operations"


def check(snapshot: Snapshot) -> CheckedDocument:
    """Say what can be said at once."""
    if not speaks_of_mappings(snapshot.text):
        return CheckedDocument()
    try:
        document = opened(snapshot)
        parsed_by_edits(document, snapshot)
        return _checked(document, snapshot)
    except SourceError as problem:
        return CheckedDocument(problem=str(problem))


def check_further(snapshot: Snapshot) -> CheckedDocument:
    """Say what takes longer: what other files of the tree have to be searched for."""
    if not speaks_of_mappings(snapshot.text):
        return CheckedDocument()
    try:
        return _checked_further(opened(snapshot), snapshot)
    except SourceError as problem:
        return CheckedDocument(problem=str(problem))


def _checked(document: Opened, snapshot: Snapshot) -> CheckedDocument:
    """Ask the rules that need not follow the paths of a hook."""
    source = document.source
    context = Context(source, document.tree, document.release)
    checked, later = check_soon(context, RULES.values())
    sites = tuple(_sites(context.sites, source)) if document.target is not None else ()
    return CheckedDocument(
        tuple(_remarks(checked, source, snapshot)),
        sites,
        answered=frozenset(RULES) - later,
        complete=not (later or sites or may_suppress(source.text)),
    )


def _checked_further(document: Opened, snapshot: Snapshot) -> CheckedDocument:
    source = document.source
    checked = rules.check_file(source, document.tree, document.release)
    conversions = list(_conversions(document))
    own = [each for each in conversions if each.handler.file == source.name]
    remarks = (*_remarks(checked, source, snapshot), *(convertible(each) for each in own))
    return CheckedDocument(remarks, tuple(_sites([each.handler for each in conversions], source)))


def _remarks(checked: Checked, source: SourceFile, snapshot: Snapshot) -> Iterator[Remark]:
    """Yield what the settings want to be told; everything, if there is no reading them."""
    try:
        (checked,) = chosen([checked], settings_of(snapshot))
    except (BadSettings, OSError) as problem:
        yield Remark(0, 0, "warning", "settings", str(problem))
    yield from told(checked, source)


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
        spans = [(f.node.start_byte, f.node.end_byte) for f in source.functions_of(handler.name)]
        if handler.file == source.name:
            spans.append((handler.start, handler.end))
        yield Site(handler, tuple(spans))
