# SPDX-License-Identifier: GPL-2.0-only
"""The initializer of a table that names a hook."""

from __future__ import annotations

from premap.conversion import macro_tables
from premap.conversion.callback import Callback
from premap.csource.source import SourceFile
from premap.idioms import r1_table
from premap.idioms.idiom import Declined
from premap.records import Edit, Handler


def table_edit(site: Handler, source: SourceFile, name: str, callback: Callback) -> Edit:
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
