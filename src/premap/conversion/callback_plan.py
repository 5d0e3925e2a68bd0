# SPDX-License-Identifier: GPL-2.0-only
"""What a subsystem needs before its hooks can be converted: a member, and dispatchers (H10)."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace
from tree_sitter import Node

from premap.conversion import callback_member, positional
from premap.conversion.callback import COMPAT, FILE_OPERATIONS, Callback
from premap.conversion.callback_dispatch import Dispatcher, own_parameter, prototype
from premap.conversion.callback_member import Member
from premap.conversion.callback_uses import Use, Uses, call_of
from premap.conversion.mentions import mentions
from premap.csource.nodes import find_all, text_of
from premap.csource.tree import KernelTree
from premap.idioms import r1_table
from premap.idioms.idiom import Declined, within
from premap.records import Edit, Groundwork, Reason
from premap.releases import Release

_LIST = re.compile(r"^([\w-]+)-(?:y|objs)[ \t]*[:+]?=(.*)$", re.MULTILINE)
"""What a makefile says that an object is always made of."""
_RUST_FOLDERS = ("rust", "drivers", "samples")


def planned(callback: Callback, tree: KernelTree, release: Release) -> Callback:
    """Return the callback with the edits that all its conversions share.

    Where it can't be converted it has the reason instead.
    """
    try:
        _check_release(release)
        return _planned(callback, tree, release)
    except Declined as declined:
        where = f"{declined.file}:{declined.line}: " if declined.file else ""
        return replace(callback, refusal=Reason(declined.id, f"{where}{declined.message}"))


def _check_release(release: Release) -> None:
    for name in COMPAT:
        if not release.has(name):
            raise Declined("release-lacks-helper", f"{release.name} has no {name}()")


def _planned(callback: Callback, tree: KernelTree, release: Release) -> Callback:
    callback, member = _named(callback, tree)
    uses = list(Uses(callback, member, tree).found())
    if member.twin is not None:
        _check_done(callback, member, uses)
        override = all(
            "error_override" in _names(use.function.body)
            for use in uses
            if use.function is not None and call_of(use) is not None
        )
        return replace(callback, parameters=len(member.parameters), override=override)
    positional.check(callback, tree)
    edits = callback_member.edits(member, callback, tree)
    by_file: dict[str, list[Use]] = {}
    for use in uses:
        by_file.setdefault(use.source.name, []).append(use)
    own = own_parameter(callback, member, uses)
    dispatchers = [
        Dispatcher(callback, member, tree, release, found[0].source, found, own=own)
        for found in by_file.values()
    ]
    dispatched = [edit for each in dispatchers for edit in each.edits()]
    calling = [each for each in dispatchers if each.calls]
    if not calling:
        raise Declined("callback-uncalled", f"nothing in the tree calls {callback}")
    taken = tree.search.mentioning(calling[0].helper, "")
    if not taken and linked_together(tree, [each.source.name for each in calling]):
        edits += _declared(calling[0])
        dispatched = [edit for each in _sharing(dispatchers, calling[0]) for edit in each.edits()]
    edits += dispatched
    edits += bindings(callback, tree)
    return replace(
        callback,
        parameters=len(member.parameters),
        groundwork=_groundwork(callback, member.source.name, edits),
    )


def _named(callback: Callback, tree: KernelTree) -> tuple[Callback, Member]:
    """Return the callback and its member, under a twin's name that says whose twin it is.

    `mmap_prepare` is that of `mmap`, where the structure has this as well.
    """
    member = callback_member.find(callback, tree)
    if callback.twin != FILE_OPERATIONS.twin or not member.beside_mmap:
        return callback, member
    callback = replace(callback, twin=r1_table.new_name(callback.member))
    return callback, callback_member.find(callback, tree)


def _sharing(dispatchers: list[Dispatcher], first: Dispatcher) -> Iterator[Dispatcher]:
    """Yield the dispatchers anew: the first one defines the function for all of them."""
    for each in dispatchers:
        same = (each.callback, each.member, each.tree, each.release, each.source, each.uses)
        yield Dispatcher(*same, defines=each is first, static=False, own=each.own)


def _declared(first: Dispatcher) -> Iterator[Edit]:
    """Yield the declaration, after the structure, of the function that several files call."""
    header = first.member.source
    brace = header.code.find(b"{", first.member.struct_start)
    close = header.closing(brace)
    at = -1 if close is None else header.text.find(b"\n", close)
    if at < 0 or any(not mention.comment for mention in mentions(header, first.helper)):
        raise Declined("name-taken", f"{header.name} has no place for {first.helper}()")
    yield Edit(header.name, at, at, f"\n\n{prototype(first)};".encode("latin-1"))


def linked_together(tree: KernelTree, names: list[str]) -> bool:
    """Whether several files always become part of one object: one list of its makefile has them.

    Then one of them may define what the others call, without an export.
    """
    folders = {posixpath.dirname(name) for name in names}
    if len(names) < 2 or len(folders) != 1:
        return False
    objects = {posixpath.basename(name).removesuffix(".c") + ".o" for name in names}
    (folder,) = folders
    text = tree.bytes_of(f"{folder}/Makefile").replace(b"\\\n", b" ").decode("latin-1")
    lists: dict[str, set[str]] = {}
    for match in _LIST.finditer(text):
        lists.setdefault(match[1], set()).update(match[2].split("#")[0].split())
    return any(objects <= listed for listed in lists.values())


def _check_done(callback: Callback, member: Member, uses: list[Use]) -> None:
    """Raise Declined unless what uses the member takes the twin as well."""
    if not member.has_its_twin:
        message = f"{callback.ops} has a member {callback.twin} of another kind"
        raise Declined("callback-done", message)
    if member.rival is not None:
        message = f"{callback.twin} may be the twin of {member.rival}, which takes the same"
        raise Declined("callback-done", message)
    for use in uses:
        with within(use.source):
            if use.function is None or callback.twin not in _names(use.function.body):
                message = f"this uses {callback.member}, and not {callback.twin}"
                raise Declined("callback-done", message, use.node)


def _names(node: Node) -> set[str]:
    """Return the names that a function uses, those of members among them."""
    return {text_of(each) for each in find_all(node, "identifier", "field_identifier")}


def _groundwork(callback: Callback, header: str, edits: list[Edit]) -> Groundwork:
    """Return the edits as the patch that comes before those of the implementations."""
    text = (
        (
            f"{callback} gives drivers a half-built VMA. Add {callback.twin} beside it, which "
            "gets a descriptor of the mapping in its place. Whatever calls the member goes through "
            "compat_set_desc_from_vma() and __compat_vma_mmap() where the new one is set, so that "
            "drivers can be converted one by one."
        ),
        "No driver sets the new member yet: nothing changes by this.",
    )
    ordered = tuple(sorted(edits, key=lambda edit: (edit.file, edit.start, edit.end)))
    dispatchers = [edit.file for edit in ordered if edit.file.endswith(".c")]
    first = dispatchers[0] if dispatchers else header
    return Groundwork(first, f"let drivers provide {callback.twin}", text, ordered)


def bindings(callback: Callback, tree: KernelTree) -> Iterator[Edit]:
    """Yield the entry that Rust needs where it lists all members of such a structure."""
    table = re.compile(rb"bindings::%b \{[^{}]*\}" % callback.tag.encode())
    entry = re.compile(rb"(?m)^([ \t]*)%b:[^\n]*,\n" % callback.member.encode())
    for path in _rust_files(tree.root):
        text = path.read_bytes()
        for found in table.finditer(text):
            listed = entry.search(text, found.start(), found.end())
            if listed is not None and b".." not in found[0]:
                new = listed[1] + callback.twin.encode() + b": None,\n"
                yield Edit(tree.relative(path), listed.end(), listed.end(), new)


def _rust_files(root: Path) -> Iterator[Path]:
    for top in _RUST_FOLDERS:
        for folder, _, files in os.walk(root / top):
            yield from (Path(folder, file) for file in sorted(files) if file.endswith(".rs"))
