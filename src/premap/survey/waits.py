# SPDX-License-Identifier: GPL-2.0-only
"""What a handler waits for, and what would let most handlers go on: members and helpers.

A wait is named "struct v4l2_file_operations.mmap" for a member whose table has no
`mmap_prepare` twin yet (struct file_operations has one in every release that can be written for),
and "some_helper()" for a function that gets a VMA and lies elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from premap.csource.definitions import CORE
from premap.idioms.twins import TWINS
from premap.survey.members import FILE_OPERATIONS, UNTOLD
from premap.survey.records import FileFacts, RawSite, Site, Unlock
from premap.survey.textfacts import Member

_CORE = (f"{CORE}/", f"include/linux/{CORE}")
"""Where the functions on a VMA live that the converter itself knows, or says why not."""


@dataclass
class Waits:
    """The functions and members of a tree, as far as handlers wait for them."""

    members: Iterable[Member]
    defines: Mapping[str, list[str]]
    """Files that define a function which gets a VMA, by its name."""
    facts: Mapping[str, FileFacts]
    """What is known of each file (filefacts)."""
    _prepared: set[str] = field(default_factory=set)
    _of_function: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        prepared = (member.ops for member in self.members if member.hook == "mmap_prepare")
        self._prepared = {FILE_OPERATIONS, *prepared}

    def of_site(self, file: str, site: RawSite, meant: Iterable[str]) -> list[str]:
        """Return what has to be converted before a site can be, which may be set to `meant`."""
        if site["hook"] != "mmap" or site["handler"] == "NULL":
            return []
        found = []
        if not self.has_twin(site["ops"]):
            found.append(f"{site['ops']}.{site['member']}")
        for name in meant:
            if name in self.facts[file]["functions"]:
                found += self._handed(file, name)
            elif name in self.defines and name not in TWINS:
                found.append(f"{name}()")
        return list(dict.fromkeys(found))

    def has_twin(self, ops: str) -> bool:
        """Tell whether a table has a mmap_prepare member; of one that is not known, it may."""
        return ops == UNTOLD or ops in self._prepared

    def after(self, wait: str) -> list[str]:
        """Return what a wait itself waits for."""
        if not wait.endswith("()"):
            return []
        if wait not in self._of_function:
            name = wait[:-2]
            files = [file for file in self.defines.get(name, ()) if file in self.facts]
            known = [file for file in files if name in self.facts[file]["functions"]]
            self._of_function[wait] = self._handed(known[0], name) if known else []
        return self._of_function[wait]

    def all_of(self, waits: Iterable[str]) -> set[str]:
        """Return the waits and all that those wait for."""
        found: set[str] = set()
        todo = list(waits)
        while todo:
            wait = todo.pop()
            if wait not in found:
                found.add(wait)
                todo += self.after(wait)
        return found

    def _handed(self, file: str, name: str) -> list[str]:
        """Return the helpers and the tables' hooks that a function gives its VMA to."""
        facts = self.facts[file]
        told = facts["functions"][name]
        helpers = [called for called in told["hands"] if self._is_elsewhere(file, called)]
        called = {
            f"{use['ops']}.{use['member']}"
            for use in facts["consumers"]
            if use["kind"] == "call"
            and use["member"] in told["members"]
            and use["ops"] not in self._prepared
        }
        return [*(f"{helper}()" for helper in helpers), *sorted(called)]

    def _is_elsewhere(self, file: str, called: str) -> bool:
        files = self.defines.get(called, ())
        if called in TWINS or not files or file in files:
            return False
        return not any(each.startswith(_CORE) for each in files)


def unlocks(sites: Iterable[Site], waits: Waits) -> list[Unlock]:
    """Return every wait, the one that most sites wait for first.

    "sites" wait for it, in the end; "alone" wait for nothing else; "after" it waits for itself.
    """
    waiting: dict[str, int] = defaultdict(int)
    alone: dict[str, int] = defaultdict(int)
    for site in sites:
        needed = waits.all_of(site["waits_for"])
        for wait in needed:
            waiting[wait] += 1
        if len(needed) == 1:
            alone[next(iter(needed))] += 1
    ranked = sorted(waiting, key=lambda wait: (-waiting[wait], -alone[wait], wait))
    return [
        {"name": w, "sites": waiting[w], "alone": alone[w], "after": waits.after(w)} for w in ranked
    ]
