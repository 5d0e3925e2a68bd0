# SPDX-License-Identifier: GPL-2.0-only
"""What a subsystem needs before its hooks can be converted: a member, and dispatchers (H10)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tree_sitter import Node

from premap.conversion import callback_member
from premap.conversion.callback import Callback
from premap.conversion.callback_dispatch import COMPAT, Dispatcher
from premap.conversion.callback_member import Member
from premap.conversion.callback_uses import Use, Uses, call_of
from premap.csource.nodes import find_all, text_of
from premap.csource.tree import KernelTree
from premap.idioms.idiom import Declined, within
from premap.records import Edit, Groundwork, Reason
from premap.releases import Release

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
    member = callback_member.find(callback, tree)
    uses = list(Uses(callback, member, tree).found())
    if member.twin is not None:
        _check_done(callback, member, uses)
        override = all(
            "error_override" in _names(use.function.body)
            for use in uses
            if use.function is not None and call_of(use) is not None
        )
        return replace(callback, parameters=len(member.parameters), override=override)
    edits = callback_member.edits(member, callback, tree)
    called = False
    by_file: dict[str, list[Use]] = {}
    for use in uses:
        by_file.setdefault(use.source.name, []).append(use)
    for found in by_file.values():
        dispatcher = Dispatcher(callback, member, tree, release, found[0].source, found)
        edits += dispatcher.edits()
        called = called or dispatcher.calls
    if not called:
        raise Declined("callback-uncalled", f"nothing in the tree calls {callback}")
    edits += _bindings(callback, tree)
    return replace(
        callback,
        parameters=len(member.parameters),
        groundwork=_groundwork(callback, member.source.name, edits),
    )


def _check_done(callback: Callback, member: Member, uses: list[Use]) -> None:
    """Raise Declined unless what uses the member takes the twin as well."""
    if not member.has_its_twin:
        message = f"{callback.ops} has a member {callback.twin} of another kind"
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


def _bindings(callback: Callback, tree: KernelTree) -> Iterator[Edit]:
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
