# SPDX-License-Identifier: GPL-2.0-only
"""What frameworks have checked before they call a driver's hook: frames.toml, looked up."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from premap.csource.handlers import MEMBERS
from premap.records import Handler


class Frame(Struct, frozen=True):
    """What holds when a hook is called, and who has seen to it."""

    guarantees: frozenset[str] = frozenset()
    """Of "range", "sharing", "permissions", "cow", "expand": what a hook need not check itself."""
    function: str = ""
    """The kernel's function that does."""
    source: str = ""
    fake_offset: bool = False
    """Whether pgoff is a number that means an object, taken off before it is used."""
    known: bool = False
    """Whether the table is one that the kernel calls directly, or a framework that is listed."""

    def checks(self, what: str) -> bool:
        """Whether the framework sees to it, or may: of one that is not known nothing is said."""
        return what in self.guarantees or not self.known


UNKNOWN = Frame()


@functools.cache
def table() -> dict[str, dict[str, Any]]:
    """Return frames.toml, by type of the table."""
    text = Path(__file__).with_name("frames.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def members() -> tuple[str, ...]:
    """Return what hooks are called in the tables that are listed, and in most others."""
    named = (entry["member"] for entry in table().values() if "member" in entry)
    return (*MEMBERS, *dict.fromkeys(named))


def frame_of(sites: Sequence[Handler]) -> Frame:
    """Return what holds however the hook is called: what all of its tables have in common."""
    frames = [_entry(site.ops) for site in sites]
    if not frames or not all(frame.known for frame in frames):
        return UNKNOWN
    common = frozenset.intersection(*(frame.guarantees for frame in frames))
    fake = any(frame.fake_offset for frame in frames)
    first = frames[0]
    return Frame(common, first.function, first.source, fake, known=True)


def _entry(ops: str) -> Frame:
    known = table().get(ops.removeprefix("struct "))
    if known is None:
        return UNKNOWN
    return Frame(
        frozenset(known["guarantees"]),
        known["function"],
        known["source"],
        known.get("fake_offset", False),
        known=True,
    )
