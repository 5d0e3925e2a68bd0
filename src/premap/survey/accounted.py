# SPDX-License-Identifier: GPL-2.0-only
"""What looks like a site to grep and is none: the rules by which each is explained.

grep's sites are what sets a member whose name says mmap: `. or ->`, the name, and `=`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from premap.survey.index import USER_SPACE, Index, is_user_space
from premap.survey.records import FileFacts, Rule
from premap.survey.textfacts import Member

RULES = {
    "other-member": (
        "a member of another name: no structure of the kernel's has a function pointer of that "
        "name that returns an int and gets a VMA or its descriptor"
    ),
    "user-space": f"in {', '.join(USER_SPACE)}: no code of the kernel",
    "no-vma": "a member of that name, of a structure in which it gets no VMA",
    "no-function": "a member of that name that is no function pointer",
    "comment": "in a comment",
    "string": "in a string",
    "not-c": "the text around it is no C that can be told; it may be a site",
    "unread": "its file could not be worked on; it may be a site",
}
"""By id, what is explained by it."""


def explained(
    facts: Mapping[str, FileFacts], members: Iterable[Member], index: Index
) -> list[dict[str, Any]]:
    """Return all that looks like a site and is none, in the order of the files."""
    found = [*_of_text(facts, {member.name for member in members}, index)]
    found += [{"file": name, **each} for name, told in facts.items() for each in told["explained"]]
    return sorted(found, key=lambda each: (each["file"], each["line"]))


def rules(found: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return the rules that explain something, with how much each does."""
    counts = Counter(each["rule"] for each in found)
    return [{"id": id_, "is": RULES[id_], "sites": n} for id_, n in counts.most_common()]


def _of_text(
    facts: Mapping[str, FileFacts], members: set[str], index: Index
) -> Iterator[dict[str, Any]]:
    """Yield what the text of a file alone explains."""
    for name, told in index.facts.items():
        for member, _, line in told["sets"]:
            rule, why = "other-member", f"no member {member} gets a VMA"
            if is_user_space(name):
                rule, why = "user-space", "is no kernel code"
            elif member in members:
                if name in facts:
                    continue
                rule, why = "unread", "its file could not be worked on"
            yield {"file": name, "line": line, "rule": rule, "why": why}
