# SPDX-License-Identifier: GPL-2.0-only
"""The members that set a mapping up: what the tree's structures declare, and what lacks them.

A folder of drivers has no headers of the kernel's. There, a member counts if a function that gets a
VMA or a descriptor is put into it; and struct file_operations has the members that everybody knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.handlers import MEMBERS
from premap.survey.index import Index, is_user_space
from premap.survey.records import Hook
from premap.survey.textfacts import Member

FILE_OPERATIONS = "struct file_operations"
UNTOLD = "?"
"""Stands for a structure that the tree does not declare."""


def members_of_tree(index: Index) -> list[Member]:
    """Return every member that sets a mapping up, each structure's once."""
    declared = index.members
    found = [*declared, *_inferred(index, {member.name for member in declared})]
    if all(member.ops != FILE_OPERATIONS for member in declared):
        hooks: tuple[Hook, Hook] = ("mmap", "mmap_prepare")
        known = zip(MEMBERS, hooks, strict=True)
        found += [Member(FILE_OPERATIONS, name, hook, "", 0) for name, hook in known]
    return found


def _inferred(index: Index, declared: set[str]) -> Iterator[Member]:
    """Yield the members that no structure of the tree declares, by what is put into them."""
    kernel = [
        (name, facts) for name, facts in sorted(index.facts.items()) if not is_user_space(name)
    ]
    hooks: dict[str, Hook] = {
        function: hook for _, facts in kernel for function, hook in facts["defines"]
    }
    seen = declared | set(MEMBERS)
    for name, facts in kernel:
        for member, value, line in facts["sets"]:
            if member not in seen and value in hooks:
                seen.add(member)
                yield Member(UNTOLD, member, hooks[value], name, line)
