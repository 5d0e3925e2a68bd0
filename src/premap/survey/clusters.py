# SPDX-License-Identifier: GPL-2.0-only
"""Handlers that one series can take: the same work, in the same table, held back by the same."""

from __future__ import annotations

from collections.abc import Iterable

from premap.cache.store import digest_of
from premap.survey.classes import pattern_classes
from premap.survey.records import Cluster, Site


def cluster_of(site: Site) -> str:
    """Return the id of the cluster that a site belongs to; it depends on that site alone."""
    return digest_of("\0".join(_alike(site)).encode())[:8]


def _alike(site: Site) -> tuple[str, ...]:
    reason = site["reason"]["id"] if site["reason"] else ""
    return (
        site["ops"],
        site["member"],
        site["class"],
        site["status"] or "",
        reason,
        *site["waits_for"],
    )


def clusters(sites: Iterable[Site]) -> list[Cluster]:
    """Return the clusters of handlers that are still to be converted, the largest first."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        if site["hook"] == "mmap" and site["status"] != "unset":
            found.setdefault(site["cluster"], []).append(site)
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), _alike(item[1][0])))
    return [
        {
            "id": id_,
            "title": title_of(members[0]),
            "sites": len(members),
            "files": sorted({site["file"] for site in members}),
        }
        for id_, members in ranked
    ]


def title_of(site: Site) -> str:
    """Say what the handlers of a cluster have in common."""
    what = f"{site['ops']}.{site['member']}: {pattern_classes()[site['class']].title}"
    state = site["reason"]["id"] if site["reason"] else site["status"]
    reason = f" ({state})" if state else ""
    waits = f", waits for {', '.join(site['waits_for'])}" if site["waits_for"] else ""
    return what + reason + waits
