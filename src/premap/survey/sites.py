# SPDX-License-Identifier: GPL-2.0-only
"""The records of a file's sites, from its facts and from what its handlers came to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from premap.survey.classes import COPIES, UNDEFINED, UNKNOWN, UNSET, pattern_classes
from premap.survey.clusters import cluster_of
from premap.survey.named import Names
from premap.survey.records import Deep, DefinedIn, FileFacts, FunctionFacts, Judged, RawSite, Site
from premap.survey.subsystems import Subsystems
from premap.survey.waits import Waits

_NOTHING: Judged = {
    "status": None, "reason": None, "new_name": None, "idioms": [], "notes": [], "safety": None,
    "verdict": None, "patch": None,
}  # fmt: skip


MACRO = "macro-table"
_COPY = re.compile(r"(?:->|\.)\s*\w+$")
"""What is set to another table's member."""


class Sites(Struct, frozen=True):
    """Makes the records of a tree's sites."""

    facts: Mapping[str, FileFacts]
    waits: Waits
    names: Names
    subsystems: Subsystems

    def of(self, name: str, deep: Deep | None, problem: str | None) -> list[Site]:
        """Return the records of a file; `problem` says why there is no `deep` where one was due."""
        return [self._site(name, raw, deep, problem) for raw in self.facts[name]["sites"]]

    def _site(self, name: str, raw: RawSite, deep: Deep | None, problem: str | None) -> Site:
        meant = self.names.meant(name, raw["names"], raw["giver"])
        defined, pattern = self._definition(name, meant)
        if not meant and _COPY.search(raw["handler"]):
            pattern = COPIES
        waits = self.waits.of_site(name, raw, meant)
        subsystem, maintainers = self.subsystems.of(name)
        judged = _judged(raw, deep, problem, prepared=self.waits.has_twin(raw["ops"]))
        site: Site = {
            "file": name,
            "line": raw["line"],
            "handler": raw["handler"],
            "ops": raw["ops"],
            "member": raw["member"],
            "hook": raw["hook"],
            "table": raw["table"],
            "in_macro": raw["in_macro"],
            "arms": raw["arms"],
            "defined_in": defined,
            "class": UNSET if raw["handler"] == "NULL" else pattern,
            "subsystem": subsystem,
            "maintainers": maintainers,
            "waits_for": waits,
            "status": judged["status"],
            "reason": judged["reason"],
            "blockers": [judged["reason"]] if judged["reason"] else [],
            "new_name": judged["new_name"],
            "idioms": judged["idioms"],
            "notes": judged["notes"],
            "safety": judged["safety"],
            "verdict": judged["verdict"],
            "findings": [] if deep is None else _findings(raw["handler"], deep),
            "cluster": "",
        }
        site["cluster"] = cluster_of(site)
        return site

    def _definition(self, name: str, meant: list[str]) -> tuple[DefinedIn | None, str]:
        """Return where the handler is defined, and its class: of several, what does most."""
        found = [told for handler in meant if (told := self._told(name, handler)) is not None]
        if not found:
            absent = meant and not any(handler in self.waits.defines for handler in meant)
            return None, UNDEFINED if absent else UNKNOWN
        order = list(pattern_classes())
        file, first = found[0]
        pattern = min((told["class"] for _, told in found), key=order.index)
        return {"file": file, "line": first["line"], "end": first["end"]}, pattern

    def _told(self, name: str, handler: str) -> tuple[str, FunctionFacts] | None:
        for file in (name, *self.waits.defines.get(handler, ())):
            told = self.facts[file]["functions"].get(handler) if file in self.facts else None
            if told is not None:
                return file, told
        return None


def _findings(handler: str, deep: Deep) -> list[dict[str, object]]:
    return [each for each in deep["findings"] if handler in (each["handler"], each["function"])]


def _judged(raw: RawSite, deep: Deep | None, problem: str | None, *, prepared: bool) -> Judged:
    """Return what converting, comparing and checking came to."""
    told = None if deep is None else deep["outcomes"].get(str(raw["start"]))
    if told is not None and not prepared and told["reason"] and told["reason"]["id"] == MACRO:
        told = None  # it was asked about one table, and this one has no twin for its member
    if raw["hook"] == "mmap_prepare":
        return {**_NOTHING, "status": "prepared"}
    if raw["handler"] == "NULL":
        return {**_NOTHING, "status": UNSET}
    if told is not None:
        return {
            **told,
            "status": told["safety"] if told["status"] == "converted" else told["status"],
        }
    if deep is not None and raw["by_position"]:
        message = f"{raw['table'] or 'the table'} is filled by position"
        return _declined("positional-table", message, raw)
    if deep is not None:
        if prepared and raw["in_macro"]:
            message = f"the macro {raw['in_macro']} sets the member"
            return _declined(MACRO, message, raw)
        message = f"{raw['ops']} has no mmap_prepare member"
        return _declined("not-file-operations", message, raw)
    if problem is not None:
        reason = {"id": "error", "message": problem, "line": None}
        return {**_NOTHING, "status": "error", "reason": reason}
    return _NOTHING


def _declined(id_: str, message: str, raw: RawSite) -> Judged:
    reason = {"id": id_, "message": message, "line": raw["line"]}
    return {**_NOTHING, "status": "declined", "reason": reason}
