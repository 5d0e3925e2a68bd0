# SPDX-License-Identifier: GPL-2.0-only
"""What the bare text of a file tells, before anything is parsed.

Members that set a mapping up are found by their type: a pointer to a function that returns an int
and gets a VMA or its descriptor, and says so in its name. What gets a VMA without that is about
mappings that exist already (`->fault`, `->mprotect`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from premap.csource.source import SourceFile

WORD = b"mmap"
"""What every file with such a member says, in its definition as in its uses."""
_VMA = re.compile(rb"struct\s+vm_area_(struct|desc)\b")
_POINTER = re.compile(rb"\bint\s*\(\s*\*\s*(\w*mmap\w*)\s*\)\s*\(([^(){};]*)\)\s*;")
_STRUCT = re.compile(rb"\b(?:struct|union)\s+(\w+)\s*(?:__\w+\s*)*\{")
_LOOKS_SET = re.compile(rb"(?:\.|->)[\s\\]*(\w*mmap\w*)\b[\s\\]*=(?!=)[\s\\]*&?(\w*)")
_LOOKS_READ = re.compile(rb"(?:\.|->)[\s\\]*(\w*mmap\w*)\b(?![\s\\]*=[^=])")
_DEFINES = re.compile(rb"\b(\w+)[\s\\]*\(([^(){};]*)\)\s*\{")
_SPEAKS = (b"vm_area_struct", b"vm_area_desc")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an operation table that sets a mapping up."""

    ops: str
    """"struct file_operations"."""
    name: str
    hook: str
    """"mmap" if it gets a VMA, "mmap_prepare" if it gets the descriptor."""
    file: str
    line: int


def text_facts(name: str, text: bytes) -> dict[str, Any] | None:
    """Return what is told of a file; None if it says nothing of mmap.

    "members": definitions of members, "sets": pairs of a member and the name it seems to be set
    to, "reads": members that seem to be read, "defines": functions that get a VMA or a descriptor.
    """
    if WORD not in text:
        return None
    speaks = any(word in text for word in _SPEAKS)
    return {
        "members": [list(member) for member in _members(name, text)] if speaks else [],
        "sets": sorted({(m[1].decode(), m[2].decode()) for m in _LOOKS_SET.finditer(text)}),
        "reads": sorted({match[1].decode() for match in _LOOKS_READ.finditer(text)}),
        "defines": sorted(_defined(text)) if speaks else [],
    }


def members_of(name: str, facts: dict[str, Any]) -> Iterator[Member]:
    """Yield the members that a file defines."""
    for ops, member, hook, line in facts["members"]:
        yield Member(ops, member, hook, name, line)


def _members(name: str, text: bytes) -> Iterator[tuple[str, str, str, int]]:
    if not _POINTER.search(text):
        return
    source = SourceFile(name, text)
    for match in _POINTER.finditer(source.code):
        gets = _VMA.search(match[2])
        ops = _owner(source, match.start())
        if gets is None or ops is None:
            continue
        hook = "mmap" if gets[1] == b"struct" else "mmap_prepare"
        yield ops, match[1].decode(), hook, source.line_of(match.start())


def _owner(source: SourceFile, byte: int) -> str | None:
    """Return the named struct whose definition holds the byte, the innermost one."""
    found = None
    for match in _STRUCT.finditer(source.code, 0, byte):
        close = source.closing(match.end() - 1)
        if close is not None and close > byte:
            found = f"{match[0].split()[0].decode()} {match[1].decode()}"
    return found


def _defined(text: bytes) -> set[str]:
    return {match[1].decode() for match in _DEFINES.finditer(text) if _VMA.search(match[2])}
