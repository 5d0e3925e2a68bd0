# SPDX-License-Identifier: GPL-2.0-only
"""Which member of an operation table sets a mapping up, and what its twin is called (H10)."""

from __future__ import annotations

import re

from msgspec import Struct

from premap.records import Groundwork, Reason

_SPELLING = re.compile(r"(?P<ops>struct\s+\w+)\s*\.\s*(?P<member>\w+)")


class BadCallback(Exception):
    """What was given does not name a member: "struct X.member" does."""


class Callback(Struct, frozen=True):
    """`int (*member)(..., struct vm_area_struct *)` of an operation table."""

    ops: str
    """C type of the table: "struct file_operations"."""
    member: str
    twin: str
    """Member that takes a descriptor in place of the VMA."""
    parameters: int = 2
    """How many parameters the member has."""
    override: bool = True
    """Whether what calls the twin looks at `action.error_override`."""
    groundwork: Groundwork | None = None
    """Edits of header and dispatchers, which go with every conversion."""
    refusal: Reason | None = None
    """Why the subsystem can't have the twin."""

    @property
    def is_file_operation(self) -> bool:
        """Whether the mmap path calls the member itself; then the descriptor is all it gets."""
        return self.ops == "struct file_operations"

    @property
    def tag(self) -> str:
        """Tag of the structure."""
        return self.ops.removeprefix("struct ")

    def __str__(self) -> str:
        return f"{self.ops}.{self.member}"


FILL = "compat_set_desc_from_vma"
APPLY = "__compat_vma_mmap"
COMPAT = (FILL, APPLY)
"""How a legacy hook calls a new one: it fills a descriptor, and applies it (include/linux/fs.h)."""

FILE_OPERATIONS = Callback("struct file_operations", "mmap", "mmap_prepare")


def named(text: str, twin: str | None = None) -> Callback:
    """Return the callback that "struct X.member" means. Raises BadCallback."""
    found = _SPELLING.fullmatch(text.strip())
    if found is None:
        raise BadCallback(f'"{text}" names no member: say "struct X.member"')
    ops = " ".join(found["ops"].split())
    return Callback(ops, found["member"], twin or "mmap_prepare")
