# SPDX-License-Identifier: GPL-2.0-only
"""What a name under the cursor means, from premap.reference.

Only text is looked at, so it works in code that is half written.
"""

from __future__ import annotations

import re

from premap import reference
from premap.csource.errors import SourceError
from premap.csource.tree import KernelTree
from premap.reference import Entry

_RECEIVER = re.compile(rb"(\w+)\s*(?:->|\.)\s*\Z")
_IS_MEMBER = re.compile(rb"(?:->|\.|\(\s*\*)\s*\Z")
_NEAR = 256
"""Bytes before the cursor in which what a name is a field of is looked for."""
_LOOK_BACK = 1 << 16
"""Bytes before the cursor in which the declaration of a variable is looked for."""
_HEADERS = ("mm.h", "mm_types.h", "fs.h")
_BIT = re.compile(r"DECLARE_VMA_BIT(?:_ALIAS)?\((\w+),")
_OF_THE_HEADERS = re.compile(r"(mmap_action|vma_desc)_\w+|VMA_\w+_BIT|mapped|mmap_prepare")


def entry_at(text: bytes, start: int, end: int) -> Entry | None:
    """Return what is known of the identifier in [start, end)."""
    name = text[start:end].decode("ascii")
    before = text[max(0, start - _LOOK_BACK) : start]
    field = _field(name, before)
    if field is not None:
        return field
    found = reference.lookup(name)
    if found is not None and found.kind == "member" and not _at_end(_IS_MEMBER, before):
        return None
    return found


def _at_end(pattern: re.Pattern[bytes], before: bytes) -> re.Match[bytes] | None:
    return pattern.search(before, max(0, len(before) - _NEAR))


def _field(name: str, before: bytes) -> Entry | None:
    receiver = _at_end(_RECEIVER, before)
    if receiver is None:
        return None
    struct = _struct_of(receiver[1], before[: receiver.start()])
    return None if struct is None else reference.field(struct, name)


def _struct_of(name: bytes, before: bytes) -> str | None:
    """Return the tag of the structure that a variable is, or points to, or that a field is."""
    outer = _at_end(_RECEIVER, before)
    if outer is not None:
        of = _struct_of(outer[1], before[: outer.start()])
        return "mmap_action" if (of, name) == ("vm_area_desc", b"action") else None
    declared = re.compile(rb"\bstruct\s+(\w+)\s*\*?\s*(?:const\s+)?" + name + rb"\b")
    found = list(declared.finditer(before))
    return found[-1][1].decode("latin-1") if found else None


def described(entry: Entry, tree: KernelTree | None) -> str:
    """Return Markdown that tells an entry; with a tree, whether that one has the name."""
    lines = [f"```c\n{entry.head}\n```", entry.text]
    known = [entry.availability] if entry.availability else []
    if tree is not None and _lacks(tree, entry.name):
        known.append(f"**not in this tree ({tree.release})**")
    if known:
        lines.append(f"*Linux:* {'; '.join(known)}")
    return "\n\n".join(lines)


def _lacks(tree: KernelTree, name: str) -> bool:
    """Tell whether a name of the interface is one that the tree's headers do not have."""
    if not _OF_THE_HEADERS.fullmatch(name):
        return False
    tree.renew({})
    return name not in tree.once(("names of the interface",), lambda: _names(tree))


def _names(tree: KernelTree) -> frozenset[str]:
    texts = [_text(tree, f"include/linux/{header}") for header in _HEADERS]
    bits = (f"VMA_{bit}_BIT" for text in texts for bit in _BIT.findall(text))
    return frozenset(word for text in texts for word in re.findall(r"\w+", text)) | {*bits}


def _text(tree: KernelTree, name: str) -> str:
    try:
        return tree.open(name).text.decode("latin-1")
    except SourceError:
        return ""
