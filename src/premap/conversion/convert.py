# SPDX-License-Identifier: GPL-2.0-only
"""Handler in, edits or a reason out: wholly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from premap import releases
from premap.conversion import declarations, deeper, hazards, macro_tables
from premap.conversion import group as groups
from premap.conversion.callback import FILE_OPERATIONS, Callback
from premap.conversion.group import group_of
from premap.conversion.initializer import table_edit
from premap.conversion.program import Program
from premap.conversion.together import Result, by_table, check_twin, convert_group
from premap.csource.edit import apply_edits
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.idioms import IDIOMS
from premap.idioms.idiom import Declined
from premap.idioms.twins import TWINS, is_hook_twin
from premap.records import Conversion, Handler, Reason
from premap.releases import Release

_ORDER = [idiom.id for idiom in IDIOMS]
_NOTED = {"state-in-hook": "S5", "close-tolerates": "S3"}
"""Idioms that are seen by what a reviewer is told."""


def target_release(target: Release | str, tree: KernelTree | None) -> Release:
    """Return the release to write for; the tree's own headers say what it has, if it is that one.

    Raises UnknownRelease.
    """
    if isinstance(target, Release):
        return target
    if tree is None or tree.release != target:
        return releases.named(target)
    return tree.once(("release", target), lambda: _from_tree(target, tree))


def _from_tree(target: str, tree: KernelTree) -> Release:
    def header(name: str) -> str:
        try:
            return tree.open(name).text.decode("latin-1")
        except SourceError:
            return ""

    return releases.from_headers(target, header)


def convert_file(
    source: SourceFile,
    tree: KernelTree | None,
    target: Release | str,
    only: str | None = None,
    callback: Callback = FILE_OPERATIONS,
) -> list[Conversion]:
    """Convert every legacy handler that the file's tables name; `only` those called that.

    One record for each initializer, in order. Handlers that share a function have the same edit
    of it. Edits may be of other files of the tree. Raises UnknownRelease for a target whose hooks
    can't be written.
    """
    release = target_release(target, tree)
    program = Program(source, tree, callback)
    found = [
        _conversion(handler, program, release)
        for handler in program.handlers(source)
        if (only is None or handler.name == only) and _is_asked(handler, callback)
    ]
    found += [_unparsed(site) for site in program.unparsed() if only is None]
    return sorted(found, key=lambda conversion: conversion.handler.line)


def _is_asked(handler: Handler, callback: Callback) -> bool:
    """Tell whether a site is one to speak of: of other subsystems' members only if asked for."""
    return callback.is_file_operation or handler.ops in {callback.ops, "?"}


def convert_named_elsewhere(
    source: SourceFile,
    tree: KernelTree,
    target: Release | str,
    only: str | None = None,
    callback: Callback = FILE_OPERATIONS,
) -> list[Conversion]:
    """Convert the handlers that the file defines and that tables of other files name."""
    release = target_release(target, tree)
    program = Program(source, tree, callback)
    found = []
    for name, functions in source.functions.items():
        if not groups.may_be_hook(functions[0], callback) or only not in {None, name}:
            continue
        for file in program.users(name, source):
            if file is not source:
                sites = [site for site in program.handlers(file) if site.name == name]
                sites = [site for site in sites if _is_asked(site, callback)]
                found += [
                    _conversion(site, Program(file, tree, callback), release) for site in sites
                ]
    return found


def convert_handler(
    handler: Handler, source: SourceFile, tree: KernelTree | None, target: Release | str
) -> Conversion:
    """Convert one handler, with the functions and tables that go with it."""
    return _conversion(handler, Program(source, tree), target_release(target, tree))


def apply(conversions: Iterable[Conversion], source: SourceFile) -> bytes:
    """Return the text of `source` with the edits of every conversion made."""
    edits = dict.fromkeys(
        edit for conversion in conversions for edit in conversion.edits if edit.file == source.name
    )
    return apply_edits(source.text, edits)


def _conversion(handler: Handler, program: Program, release: Release) -> Conversion:
    try:
        found = _convert(handler, program, release)
    except Declined as declined:
        return Conversion(handler, reason=reason_of(declined, handler))
    except RecursionError:
        reason = Reason("too-deep", "expressions are nested too deeply", handler.line)
        return Conversion(handler, reason=reason)
    noted = {_NOTED[note.id] for note in found.notes if note.id in _NOTED}
    idioms = tuple(id_ for id_ in _ORDER if id_ in found.idioms | noted)
    ground = program.callback.groundwork
    return Conversion(
        handler, found.new_name, found.edits, idioms, found.notes, None, ground, found.through
    )


def _unparsed(site: Handler) -> Conversion:
    message = "what is around `.mmap =` could not be parsed, so whose it is can't be told"
    return Conversion(site, reason=Reason("site-unparsed", message, site.line))


def reason_of(declined: Declined, handler: Handler) -> Reason:
    """Return why; a line of another file than the table's goes into the message."""
    line = declined.line or handler.line
    if declined.file in {None, handler.file}:
        return Reason(declined.id, declined.message, line)
    where = f"{declined.file}:{declined.line}" if declined.line else declined.file
    return Reason(declined.id, f"{where}: {declined.message}", handler.line)


def _convert(handler: Handler, program: Program, release: Release) -> Result:
    _check_site(handler, program.callback)
    try:
        return _converted_handler(handler, program, release)
    except Declined as declined:
        left = deeper.than(declined, handler, program, release)
        if left is None:
            raise
        raise left from None


def _converted_handler(handler: Handler, program: Program, release: Release) -> Result:
    if handler.in_macro is not None:
        macro_tables.check_plain(handler, program.source, program)
    twin = TWINS.get(handler.name) if program.callback.is_file_operation else None
    if twin is not None and is_hook_twin(twin):
        hazards.check_table(handler, program.source, program)
        check_twin(twin.name, release)
        edits = [table_edit(handler, program.source, twin.name, program.callback)]
        edits += declarations.edits(program.source, hazards.member_changes(program.source, program))
        return Result(tuple(edits), frozenset({"R1", "H1"}), by_table(release), twin.name)
    if handler.name not in program.source.functions and program.alone:
        lost = _lost(handler.name, program.source)
        if lost is not None:
            message = f"what is around the definition of {handler.name}() could not be parsed"
            raise Declined("parse-error", message, line=lost)
        raise Declined("handler-elsewhere", f"{handler.name}() is not defined in this file")
    if program.callback.is_file_operation:
        groups.check_owners(program.source, {handler.table})
    hazards.check_table(handler, program.source, program)
    if program.callback.is_file_operation or handler.name in program.source.functions:
        return convert_group(handler, group_of(handler, program), release)
    return _converted_elsewhere(handler, program, release)


def _lost(name: str, source: SourceFile) -> int | None:
    """Return the line where the text defines a function that the parser does not see."""
    defined = re.compile(
        rb"\b%b\s*\([^;{}()]*\)\s*\{" % re.escape(name.encode("latin-1", "replace"))
    )
    found = defined.search(source.code)
    return None if found is None else source.line_of(found.start())


def _converted_elsewhere(handler: Handler, program: Program, release: Release) -> Result:
    """Convert what a subsystem's helper for many tables needs; decline it only once for all."""
    callback = program.callback
    key = ("declined", release.name, str(callback), callback.twin)
    known: dict[str, Declined] = {} if program.tree is None else program.tree.once(key, dict)
    if handler.name in known:
        raise known[handler.name].again()
    try:
        return convert_group(handler, group_of(handler, program), release)
    except Declined as declined:
        if declined.file is not None:
            known[handler.name] = declined.again()
        raise


def _check_site(handler: Handler, callback: Callback) -> None:
    if callback.refusal is not None:
        raise Declined(callback.refusal.id, callback.refusal.message)
    if handler.name in groups.NO_FUNCTION:
        raise Declined("no-function", f"the member is {handler.name}")
    if not handler.name.isidentifier():
        raise Declined("handler-not-plain", f"`{handler.name}` is no function's name")
    untold = handler.in_macro is not None and handler.ops == "?"
    if handler.ops != callback.ops and not untold:
        message = f"{handler.ops} has no mmap_prepare member; --callback gives it one"
        raise Declined("not-file-operations", message)
