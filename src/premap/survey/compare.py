# SPDX-License-Identifier: GPL-2.0-only
"""What moved between two surveys: handlers that were converted, that came, went, or changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from premap.survey.records import Site

Key = Callable[[Site], tuple[Any, ...] | None]


def _table(site: Site, *more: str) -> tuple[Any, ...] | None:
    """Return what names a site's table: assignments through pointers have none in common."""
    return None if site["table"] is None else (site["file"], site["ops"], site["table"], *more)


_KEYS: tuple[Key, ...] = (
    lambda site: (site["file"], site["ops"], site["table"], site["handler"], tuple(site["arms"])),
    lambda site: _table(site, *site["arms"]),
    _table,
    lambda site: (site["file"], site["ops"], stem(site["handler"])),
    lambda site: (site["file"], site["handler"]),
    lambda site: (
        site["file"].rpartition("/")[2],
        site["ops"],
        site["table"],
        stem(site["handler"]),
    ),
)
"""What makes two sites the same one, the surest first; None where that says nothing of a site."""


class Moved(Struct, frozen=True):
    """One handler, before and after."""

    how: str
    """"converted" (mmap to mmap_prepare), "reverted", "new", "gone", "changed"."""
    old: Site | None
    new: Site | None

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"how": self.how, "old": _brief(self.old), "new": _brief(self.new)}


def stem(handler: str) -> str:
    """Return a handler's name without what a conversion adds to it."""
    return handler.removesuffix("_prepare").replace("mmap_prepare", "mmap")


def compare(old: Iterable[Site], new: Iterable[Site]) -> list[Moved]:
    """Return what moved from one survey's handlers to another's, in the order of the files."""
    before, after = list(old), list(new)
    moved = [Moved(how, a, b) for a, b in _pairs(before, after) if (how := _change(a, b))]
    moved += [Moved("gone", site, None) for site in before]
    moved += [Moved("new", None, site) for site in after]
    return sorted(moved, key=lambda each: _place(each.new or each.old))


def _pairs(before: list[Site], after: list[Site]) -> Iterator[tuple[Site, Site]]:
    """Yield the sites that are in both; what is left in the lists is in one only."""
    for key in _KEYS:
        waiting: dict[tuple[Any, ...] | None, list[Site]] = defaultdict(list)
        for site in before:
            waiting[key(site)].append(site)
        for site in list(after):
            name = key(site)
            same = None if name is None else waiting.get(name)
            if same:
                other = same.pop(0)
                after.remove(site)
                before.remove(other)
                yield other, site


def _change(old: Site, new: Site) -> str | None:
    if old["hook"] != new["hook"]:
        return "converted" if new["hook"] == "mmap_prepare" else "reverted"
    differ = any(
        a != b
        for a, b in (
            (old["status"], new["status"]),
            (old["class"], new["class"]),
            (old["handler"], new["handler"]),
        )
        if a and b
    )
    return "changed" if differ else None


def _brief(site: Site | None) -> dict[str, Any] | None:
    keys = {"file", "line", "handler", "ops", "member", "hook", "status", "class"}
    return None if site is None else {key: value for key, value in site.items() if key in keys}


def _place(site: Site | None) -> tuple[str, int]:
    return ("", 0) if site is None else (site["file"], site["line"])
