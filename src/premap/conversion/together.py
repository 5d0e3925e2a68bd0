# SPDX-License-Identifier: GPL-2.0-only
"""A handler, and what has to change with it: functions, tables, declarations, all or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from premap.conversion import (
    comments,
    declarations,
    docs,
    effects,
    elsewhere,
    hazards,
    inner,
    leftovers,
    macro_tables,
    mapped,
    moved,
    wrappers,
)
from premap.conversion import group as groups
from premap.conversion.function import Converted, convert_function
from premap.conversion.group import Group
from premap.conversion.initializer import table_edit
from premap.conversion.renaming import renamings, twins_in_comments
from premap.conversion.rewriting import Change
from premap.conversion.split import split
from premap.csource.source import Function, SourceFile
from premap.idioms.idiom import Declined, Hook, within
from premap.records import Edit, Handler, Note, Through
from premap.releases import Release


class Result(Struct, frozen=True):
    """What converting a handler comes to."""

    edits: tuple[Edit, ...]
    idioms: frozenset[str]
    notes: tuple[Note, ...]
    new_name: str
    through: tuple[Through, ...] = ()


def convert_group(handler: Handler, group: Group, release: Release) -> Result:
    """Convert a handler with all that goes with it. Raises Declined."""
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
        check_twin(twin, release)
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
            edits += moved.edits(hook, group, acting)
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
            table_edit(site, file, group.hooks[name], group.callback_of(site))
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
    notes += by_table(release)
    return Result(ordered, frozenset(idioms), notes, group.hooks[handler.name], through)


def by_table(release: Release) -> tuple[Note, ...]:
    """Return what is told of a release whose headers nobody has read."""
    if not release.reviewed:
        return ()
    return (Note("release-by-table", f"{release.name} is known from a table alone"),)


def check_twin(name: str, release: Release) -> None:
    """Raise Declined if a release lacks a function."""
    if not release.has(name):
        raise Declined("release-lacks-helper", f"{release.name} has no {name}()")


def _check_tables(group: Group) -> None:
    """Raise Declined if code needs a table to be as it is."""
    groups.check_users(group)
    for name in group.hooks:
        for file, site in group.tables(name):
            if group.callback_of(site) is not group.program.callback:
                continue
            with group.blamed(name), within(file):
                hazards.check_table(site, file, group.program)


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


def _converted(
    hook: Hook, renamed: list[Change], group: Group, acting: frozenset[str]
) -> Converted:
    """Convert one function of a group. Raises Declined."""
    name = hook.function.name
    if name in group.hooks:
        moved.find(hook, acting)
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
    effects.check_close(hook, acts=moved.acts(hook, acting))
    return done


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


def _worth_saying(hook: Hook, group: Group) -> Iterator[Note]:
    """Yield what a reviewer is told of a function: of an MMU only where a kernel may have none."""
    program, file = group.program, hook.function.source.name
    for note in hook.notes:
        if not (note.id == "needs-mmu" and program.only_with("MMU", file)):
            yield note


def _placed(note: Note, file: str, handler: Handler) -> Note:
    """Return a note with its file in the message, if that is not the table's."""
    if file == handler.file:
        return note
    return replace(note, message=f"{file}:{note.line}: {note.message}", line=handler.line)


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


def _in_any(change: Change, file: SourceFile, functions: Iterable[Function]) -> bool:
    return any(f.source is file and _inside(change, f) for f in functions)


def _inside(change: Change, function: Function) -> bool:
    return function.node.start_byte <= change.start < function.node.end_byte
