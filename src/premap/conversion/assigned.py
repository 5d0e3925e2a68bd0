# SPDX-License-Identifier: GPL-2.0-only
"""Members of a subsystem's tables that are set at run time: `hw->ops.mmap = f;` (H10).

The dispatcher looks at the twin first. So that it finds what it found before, nothing else may set
the old member of the same object. Which object that is can't be told from C alone, so every other
assignment of the file counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.conversion.program import WHOLE_TREE, Program, subsystem
from premap.csource.handlers import find_sites
from premap.csource.source import SourceFile
from premap.idioms.idiom import Declined
from premap.records import Handler, Note


def is_assigned(site: Handler, source: SourceFile) -> bool:
    """Tell whether a site is an assignment, rather than part of an initializer."""
    return source.text[site.start : site.start + 1] != b"."


def check(site: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined for an assignment, if what else the object's table has is not known."""
    if not is_assigned(site, source):
        return
    if program.callback.is_file_operation:
        message = "the member is assigned at run time; what else the table has is not known"
        raise Declined("table-assigned", message)
    callback = program.callback
    sites, _ = find_sites(source, program.scope(source), (callback.member, callback.twin))
    for other in sites:
        same = other.name == site.name and other.member == site.member
        if other.ops not in {site.ops, "?"} or same:
            continue
        message = f"line {other.line} sets the member of a {site.ops}, too: of the same object?"
        raise Declined("table-assigned", message)


def check_copied(site: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined for a table of which a copy is made where members are set at run time.

    Of a copy's members, the one that is set would be the old one, and the twin is looked at first.
    """
    if site.table is None or not site.table.isidentifier():
        return
    for file in _copying(site.table, source, program):
        callback = program.callback
        pattern = rb"(?:->|\.)\s*(?:%b|%b)\s*=(?!=)" % (
            callback.member.encode(),
            callback.twin.encode(),
        )
        for found in re.finditer(pattern, file.code):
            node = file.root.descendant_for_byte_range(found.start(), found.end() - 1)
            if node is None or node.type != "assignment_expression":
                continue  # an initializer's
            line = file.line_of(found.start())
            message = f"{file.name}:{line} may set the member of a copy of {site.table}"
            raise Declined("table-assigned", message, line=site.line)


def _copying(table: str, source: SourceFile, program: Program) -> Iterator[SourceFile]:
    """Yield the files that copy a table as a whole."""
    name = re.escape(table.encode())
    copies = re.compile(
        rb"=\s*%b\s*[;,]|\bmem\w+\s*\([^;]*&\s*%b\b|dup\w*\s*\(\s*&\s*%b\b" % ((name,) * 3)
    )
    if copies.search(source.code):
        yield source
    for other in naming(table, source, program):
        if program.tree is not None and copies.search(program.tree.bytes_of(other)):
            yield program.tree.open(other)


def naming(table: str, source: SourceFile, program: Program) -> Iterator[str]:
    """Yield the names of other files that may name a table."""
    name = re.escape(table.encode())
    static = re.compile(rb"\bstatic\b[^;{}()]*\b%b\s*[=;]" % name)
    if program.tree is None or static.search(source.code):
        return
    top = subsystem(source.name)
    headers = program.scope(source).files_with(table)
    declaring = [file.name for file in headers if file is not source]
    private = declaring and all(each.startswith(f"{top}/") for each in declaring)
    for other in program.tree.search.mentioning(table, top if private else WHOLE_TREE):
        if other != source.name and not static.search(program.tree.bytes_of(other)):
            yield other


def notes(site: Handler, source: SourceFile) -> tuple[Note, ...]:
    """Return what a reviewer should look for."""
    if not is_assigned(site, source):
        return ()
    message = f"see that no other file sets the old member of this {site.ops}"
    return (Note("set-at-run-time", message, site.line),)
