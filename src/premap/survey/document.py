# SPDX-License-Identifier: GPL-2.0-only
"""A survey as one document: the sites, and what follows from all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from premap.survey.accounted import explained, rules
from premap.survey.classes import UNSET
from premap.survey.clusters import clusters
from premap.survey.index import Index
from premap.survey.records import Document, FileFacts, Site
from premap.survey.textfacts import Member
from premap.survey.waits import Waits, unlocks


def document_of(
    sites: list[Site],
    facts: Mapping[str, FileFacts],
    members: Sequence[Member],
    waits: Waits,
    index: Index,
    errors: Mapping[str, str],
) -> Document:
    """Return the document, without what is about the run itself."""
    unlisted = explained(facts, members, index)
    return {
        "handlers": sites,
        "totals": _totals(sites, unlisted, len(errors), index),
        "unlocks": unlocks(sites, waits),
        "clusters": clusters(sites),
        "members": [
            {"ops": m.ops, "member": m.name, "hook": m.hook, "file": m.file, "line": m.line}
            for m in members
            if m.file
        ],
        "consumers": [
            {"file": name, **use} for name in sorted(facts) for use in facts[name]["consumers"]
        ],
        "explained": unlisted,
        "rules": rules(unlisted),
        "errors": [{"file": name, "message": why} for name, why in sorted(errors.items())],
    }


def _totals(
    sites: list[Site], unlisted: list[dict[str, Any]], errors: int, index: Index
) -> dict[str, Any]:
    verdicts = (site["verdict"]["status"] if site["verdict"] else None for site in sites)
    reasons = (site["reason"]["id"] if site["reason"] else None for site in sites)
    return {
        "sites": len(sites),
        "files": len({site["file"] for site in sites}),
        "handlers": len({(s["ops"], s["handler"]) for s in sites if s["status"] != UNSET}),
        "hooks": _counted(site["hook"] for site in sites),
        "status": _counted(site["status"] for site in sites),
        "reasons": _counted(reasons),
        "verdicts": _counted(verdicts),
        "classes": _counted(site["class"] for site in sites),
        "tables": _counted(f"{site['ops']}.{site['member']}" for site in sites),
        "findings": _counted(f["rule"] for site in sites for f in site["findings"]),
        "explained": _counted(each["rule"] for each in unlisted),
        "grep": len(sites) + len(unlisted),
        "errors": errors,
        "files_read": len(index.read),
        "files_in_tree": len(index.files),
    }


def _counted(of: Iterable[Any]) -> dict[str, int]:
    return dict(Counter(each for each in of if each is not None).most_common())
