# SPDX-License-Identifier: GPL-2.0-only
"""Handler in, edits or a reason out: wholly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from premap import releases
from premap.conversion import (
    allocated,
    comments,
    declarations,
    deeper,
    docs,
    effects,
    elsewhere,
    hazards,
    inner,
    leftovers,
    macro_tables,
    mapped,
    taken,
    wrappers,
)
from premap.conversion import group as groups
from premap.conversion.callback import FILE_OPERATIONS, Callback
from premap.conversion.function import Converted, convert_function
from premap.conversion.group import Group, group_of
from premap.conversion.program import Program
from premap.conversion.renaming import renamings, twins_in_comments
from premap.conversion.rewriting import Change
from premap.conversion.split import split
from premap.csource.edit import apply_edits
from premap.csource.errors import SourceError
from premap.csource.nodes import callee, calls_in, text_of
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.idioms import IDIOMS, r1_table, s1_mapped
from premap.idioms.idiom import Declined, Hook, within
from premap.idioms.population import POPULATIONS
from premap.idioms.twins import TWINS, is_hook_twin
from premap.records import Conversion, Edit, Handler, Note, Reason, Through
from premap.releases import Release

NEEDS_MMU = "needs-mmu"
_ORDER = [idiom.id for idiom in IDIOMS]
_NOTED = {"state-in-hook": "S5", "close-tolerates": "S3"}
"""Idioms that are seen by what a reviewer is told."""


class _Result(Struct, frozen=True):
    edits: tuple[Edit, ...]
    idioms: frozenset[str]
    notes: tuple[Note, ...]
    new_name: str
    through: tuple[Through, ...] = ()


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


def _convert(handler: Handler, program: Program, release: Release) -> _Result:
    _check_site(handler, program.callback)
    try:
        return _converted_handler(handler, program, release)
    except Declined as declined:
        left = deeper.than(declined, handler, program, release)
        if left is None:
            raise
        raise left from None


def _converted_handler(handler: Handler, program: Program, release: Release) -> _Result:
    if handler.in_macro is not None:
        macro_tables.check_plain(handler, program.source, program)
    twin = TWINS.get(handler.name) if program.callback.is_file_operation else None
    if twin is not None and is_hook_twin(twin):
        hazards.check_table(handler, program.source, program)
        _check_twin(twin.name, release)
        edits = [_table_edit(handler, program.source, twin.name, program.callback)]
        edits += declarations.edits(program.source, hazards.member_changes(program.source, program))
        return _Result(tuple(edits), frozenset({"R1", "H1"}), _by_table(release), twin.name)
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
        return _convert_group(handler, group_of(handler, program), release)
    return _converted_elsewhere(handler, program, release)


def _lost(name: str, source: SourceFile) -> int | None:
    """Return the line where the text defines a function that the parser does not see."""
    defined = re.compile(
        rb"\b%b\s*\([^;{}()]*\)\s*\{" % re.escape(name.encode("latin-1", "replace"))
    )
    found = defined.search(source.code)
    return None if found is None else source.line_of(found.start())


def _converted_elsewhere(handler: Handler, program: Program, release: Release) -> _Result:
    """Convert what a subsystem's helper for many tables needs; decline it only once for all."""
    callback = program.callback
    key = ("declined", release.name, str(callback), callback.twin)
    known: dict[str, Declined] = {} if program.tree is None else program.tree.once(key, dict)
    if handler.name in known:
        raise known[handler.name].again()
    try:
        return _convert_group(handler, group_of(handler, program), release)
    except Declined as declined:
        if declined.file is not None:
            known[handler.name] = declined.again()
        raise


def _check_twin(name: str, release: Release) -> None:
    if not release.has(name):
        raise Declined("release-lacks-helper", f"{release.name} has no {name}()")


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


def _convert_group(handler: Handler, group: Group, release: Release) -> _Result:
    _check_tables(group)
    acting = groups.acting(group)
    functions = list(group.functions())
    hooks = [_hook(function, group, acting, release) for function in functions]
    for hook in hooks:
        with group.blamed(hook.function.name), within(hook.function.source):
            leftovers.check_given(hook)
    files, renamed, unfollowed = renamings(group, functions)
    asked = {file.name: hazards.member_changes(file, group.program) for file in _tables(group)}
    for name, changes in asked.items():
        renamed[name] += changes
    for twin in group.twins:
        _check_twin(twin, release)
    edits: list[Edit] = []
    idioms: set[str] = {"R1"} | ({"R5"} if _several_arms(group) else set())
    idioms |= {"H11"} if any(asked.values()) else set()
    idioms |= {"H8"} if _exports(group) else set()
    idioms |= {"G11"} if any(hook.wrappers for hook in hooks) else set()
    for hook in hooks:
        if hook.function.name in group.along:
            group.check_shared()
        _note_export(hook, group)
        source = hook.function.source
        renamed[source.name] = _documented(hook, renamed[source.name], group)
        renamed[source.name] += twins_in_comments(hook.function)
        with group.blamed(hook.function.name), within(source):
            done = _converted(hook, renamed[source.name], group, acting)
            renamed[source.name] += comments.before(hook, done.actions)
            edits += _mapped(hook, group, acting)
        if hook.function.name in group.along:
            group.check_shared()
        edits.append(done.edit)
        idioms |= done.idioms - ({"R2"} if hook.compat else set())
    group.check_shared()
    if unfollowed is not None:
        raise unfollowed
    for name in group.hooks:
        edits += macro_tables.edits(group.tables(name), group.program)
    for file in files.values():
        outside = [c for c in renamed[file.name] if not _in_any(c, file, functions)]
        edits += declarations.edits(file, outside)
        idioms |= {"R4"} if outside else set()
    for name in group.hooks:
        edits += [
            _table_edit(site, file, group.hooks[name], group.callback_of(site))
            for file, site in group.tables(name)
        ]
    edits += inner.edits(group.inner, group.program.tree)
    hazards.check_new_words(edits, group.program)
    groundwork = group.program.callback.groundwork
    edits += () if groundwork is None else groundwork.edits
    idioms |= set() if group.program.callback.is_file_operation else {"H10"}
    notes = tuple(
        _placed(note, hook.function.source.name, handler)
        for hook in hooks
        for note in _worth_saying(hook, group)
    )
    notes += tuple(
        _placed(note, file, handler) for file, note in inner.notes(group.inner, functions)
    )
    notes += hazards.table_notes(handler, group.program.source) + macro_tables.notes(handler)
    ordered = tuple(sorted(edits, key=lambda edit: (edit.file, edit.start)))
    through = inner.through(group.inner, functions, group.names)
    notes += _by_table(release)
    return _Result(ordered, frozenset(idioms), notes, group.hooks[handler.name], through)


def _check_tables(group: Group) -> None:
    """Raise Declined if code needs a table to be as it is."""
    groups.check_users(group)
    for name in group.hooks:
        for file, site in group.tables(name):
            if group.callback_of(site) is not group.program.callback:
                continue
            with group.blamed(name), within(file):
                hazards.check_table(site, file, group.program)


def _note_export(hook: Hook, group: Group) -> None:
    """Note a function that modules outside of a driver's folder may name."""
    tree = group.program.tree
    if tree is None or tree.holds_all_users or group.program.is_local(hook.function):
        return
    name = hook.function.name
    exported = re.compile(rb"\bEXPORT_SYMBOL\w*\s*\(\s*" + name.encode("latin-1") + rb"\b")
    if any(exported.search(file.code) for file in group.users(name)):
        message = f"{name}() is exported: other modules may name it"
        hook.note("exported-outside", message, hook.function.node)


def _converted(
    hook: Hook, renamed: list[Change], group: Group, acting: frozenset[str]
) -> Converted:
    """Convert one function of a group. Raises Declined."""
    name = hook.function.name
    acts = any(callee(call) in POPULATIONS | acting for call in calls_in(hook.function.body))
    if name in group.hooks:
        own = None if acts else allocated.find(hook)
        found = taken.find(hook, acts=acts) if own is None else None
        hook.taken = found.taking.nodes if found else ()
        hook.answer = found.taking.answer if found else None
        hook.allocated = own.statements if own else ()
    effects.check(hook)
    elsewhere.note(hook, group.program)
    if name in group.splits:
        done = split(hook)
    else:
        inside = [change for change in renamed if _inside(change, hook.function)]
        done = convert_function(
            hook, group.names[name], inside, is_hook=group.takes_desc_alone(name)
        )
    if hook.compat and "F11" in done.idioms:
        message = "the compat path takes a second reference of a file that the hook puts there"
        raise Declined("file-in-compat", message, hook.function.node)
    hazards.check_function(hook)
    hazards.check_old_words(hook, group.program)
    effects.check_close(hook, acts=acts)
    return done


def _mapped(hook: Hook, group: Group, acting: frozenset[str]) -> list[Edit]:
    """Return what lets ->mapped() do what the hook did for its mapping. Raises Declined."""
    found: list[Edit] = []
    source = hook.function.source
    if hook.taken:
        found += _taken(hook, group, acting)
    if hook.allocated:
        found += _allocated(hook, group)
    for name, table in hook.opened.items():
        if not hook.release.mapped:
            message = f"{hook.release.name} has no vm_ops->mapped"
            raise Declined("release-lacks-helper", message, hook.function.node)
        if hook.function.name not in group.hooks:
            raise Declined("keeps-state", f"{name}() is called by a helper", hook.function.node)
        if name not in source.functions:
            raise Declined("keeps-state", f"{name}() is not defined here", hook.function.node)
        s1_mapped.check_place(hook)
        mapped.check_users(source, table, group.functions())
        vma = groups.vma_parameter(source.functions[name][0])
        found += mapped.edits(source, name, table, vma)
        hook.note("counted-in-mapped", f"vm_ops->mapped does what {name}() did", hook.function.node)
    return found


def _allocated(hook: Hook, group: Group) -> list[Edit]:
    """Return the edits by which ->mapped() allocates what the hook did. Raises Declined."""
    found = allocated.find(hook)
    if found is None:
        raise AssertionError(hook.function.name)
    mapped.check_users(hook.function.source, found.table, group.functions())
    mapped.check_close(hook.function.source, found.table, found.close)
    first = found.statements[0]
    message = f"{found.close.name}() returns where ->mapped() left no private data"
    hook.note("close-tolerates", message, first)
    hook.note("allocated-in-mapped", f"vm_ops->mapped allocates `{found.variable}`", first)
    return allocated.edits(found, hook)


def _taken(hook: Hook, group: Group, acting: frozenset[str]) -> list[Edit]:
    """Return the edits by which ->mapped() takes what the hook took. Raises Declined."""
    acts = any(callee(call) in POPULATIONS | acting for call in calls_in(hook.function.body))
    found = taken.find(hook, acts=acts)
    if found is None:
        raise AssertionError(hook.function.name)
    mapped.check_users(hook.function.source, found.table, group.functions())
    first = found.taking.statements[0]
    text = " ".join(text_of(first).split())
    more = " and what follows" if len(found.taking.statements) > 1 else ""
    if found.mark is not None:
        mapped.check_close(hook.function.source, found.table, found.close)
        message = f"{found.close.name}() returns where ->mapped() left no private data"
        hook.note("close-tolerates", message, first)
    hook.note("counted-in-mapped", f"vm_ops->mapped does `{text}`{more}", first)
    return taken.edits(found, hook)


def _worth_saying(hook: Hook, group: Group) -> Iterator[Note]:
    """Yield what a reviewer is told of a function: of an MMU only where a kernel may have none."""
    program, file = group.program, hook.function.source.name
    for note in hook.notes:
        if not (note.id == NEEDS_MMU and program.only_with("MMU", file)):
            yield note


def _placed(note: Note, file: str, handler: Handler) -> Note:
    """Return a note with its file in the message, if that is not the table's."""
    if file == handler.file:
        return note
    return replace(note, message=f"{file}:{note.line}: {note.message}", line=handler.line)


def _in_any(change: Change, file: SourceFile, functions: Iterable[Function]) -> bool:
    return any(f.source is file and _inside(change, f) for f in functions)


def _documented(hook: Hook, renamed: list[Change], group: Group) -> list[Change]:
    """Return the renamings and the changes of the function's kernel-doc comment."""
    is_hook = group.takes_desc_alone(hook.function.name)
    changes = list(docs.parameter_changes(hook, is_hook=is_hook))
    kept = [
        old
        for old in renamed
        if not any(change.start <= old.start < change.end for change in changes)
    ]
    return [*kept, *changes]


def _hook(function: Function, group: Group, acting: frozenset[str], release: Release) -> Hook:
    is_hook = function.name in group.hooks
    with within(function.source):
        vma = groups.vma_parameter(function)
        callback = group.program.callback
        sites = [site for _, site in group.tables(function.name)] if is_hook else []
        asked = group.callback_of(sites[0]) if sites else callback
        file = groups.file_parameter(function, asked) if is_hook else None
    opened = mapped.opened(function, vma)
    return Hook(
        function,
        release,
        vma,
        file,
        group.called,
        group.splits,
        opened,
        inner.retyped(group.inner, function),
        acting=acting,
        wrappers=wrappers.called(function, vma, group.program),
        compat=not callback.is_file_operation,
        override=callback.override,
        built_only_with=lambda option: group.program.only_with(option, function.source.name),
    )


def _tables(group: Group) -> list[SourceFile]:
    """Return the files with a table that names one of the group's hooks."""
    found = {file.name: file for name in group.hooks for file, _ in group.tables(name)}
    return list(found.values())


def _exports(group: Group) -> bool:
    """Tell whether other files may call one of the helpers."""
    functions = (group.defined[name] for name in group.helpers)
    return any(not group.program.is_local(each) for found in functions for each in found)


def _several_arms(group: Group) -> bool:
    return any(
        len(group.defined[name]) > 1 or any(name in file.macros for file in group.users(name))
        for name in group.names
    )


def _inside(change: Change, function: Function) -> bool:
    return function.node.start_byte <= change.start < function.node.end_byte


def _table_edit(site: Handler, source: SourceFile, name: str, callback: Callback) -> Edit:
    """Return the edit of the initializer."""
    old = source.text[site.start : site.end].decode("latin-1")
    line, after = source.line_start(site.start), source.text.find(b"\n", site.end) + 1
    before = source.text[line : site.start].decode("latin-1")
    around = [
        source.text[source.line_start(max(line - 1, 0)) : line].decode("latin-1"),
        source.text[after : source.text.find(b"\n", after)].decode("latin-1"),
    ]
    column = r1_table.advance(before, 0)
    new = r1_table.initializer(old, column, name, callback.twin, around)
    if new is None:
        raise Declined("handler-not-plain", f"`{old}` is no plain initializer", line=site.line)
    if site.in_macro is not None:
        return macro_tables.edited(site, source, new)
    return Edit(source.name, site.start, site.end, new.encode("latin-1"))


def _by_table(release: Release) -> tuple[Note, ...]:
    if not release.reviewed:
        return ()
    return (Note("release-by-table", f"{release.name} is known from a table alone"),)
