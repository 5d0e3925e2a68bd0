# SPDX-License-Identifier: GPL-2.0-only
"""Where a file names a function that is about to be renamed or retyped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from premap.csource.source import SourceFile
from premap.csource.text import COMMENT, STRING

_LEXICAL = re.compile(COMMENT + rb"|" + STRING, re.DOTALL)


class Mention(Struct, frozen=True):
    """The name at a place in the file."""

    start: int
    end: int
    comment: bool
    """Within a comment; what strings say is no mention."""


def mentions(source: SourceFile, name: str) -> Iterator[Mention]:
    """Every place where the file names `name`, in code and in comments."""
    pattern = re.compile(rb"(?<!\w)" + re.escape(name.encode("latin-1")) + rb"(?!\w)")
    if pattern.search(source.seen) is None:
        return
    hidden = [
        (found.start(), found.end())
        for found in _LEXICAL.finditer(source.seen)
        if name.encode("latin-1") in found[0]
    ]
    for found in pattern.finditer(source.seen):
        inside = next((span for span in hidden if span[0] <= found.start() < span[1]), None)
        if inside is None:
            yield Mention(found.start(), found.end(), comment=False)
        elif source.seen[inside[0] : inside[0] + 1] == b"/":
            yield Mention(found.start(), found.end(), comment=True)
