# SPDX-License-Identifier: GPL-2.0-only
"""Members of a subsystem's tables that are set at run time: `hw->ops.mmap = f;` (H10).

The dispatcher looks at the twin first. So that it finds what it found before, nothing else may set
the old member of the same object. Which object that is can't be told from C alone, so every other
assignment of the file counts.
"""

from __future__ import annotations

from premap.conversion.program import Program
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


def notes(site: Handler, source: SourceFile) -> tuple[Note, ...]:
    """Return what a reviewer should look for."""
    if not is_assigned(site, source):
        return ()
    message = f"see that no other file sets the old member of this {site.ops}"
    return (Note("set-at-run-time", message, site.line),)
