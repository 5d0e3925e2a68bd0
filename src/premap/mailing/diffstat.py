# SPDX-License-Identifier: GPL-2.0-only
"""How much of which file changes, as git shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

WIDTH = 72


class Stat(Struct, frozen=True):
    """One file of a diffstat."""

    name: str
    added: int
    removed: int


def stat(name: str, diff: bytes) -> Stat:
    """Count the lines that a diff of one file adds and removes."""
    lines = diff[diff.find(b"\n@@") + 1 :].split(b"\n")
    return Stat(
        name,
        sum(line.startswith(b"+") for line in lines),
        sum(line.startswith(b"-") for line in lines),
    )


def diffstat(stats: Iterable[Stat]) -> list[str]:
    """Return the lines of a diffstat; files that occur several times are added up."""
    summed: dict[str, Stat] = {}
    for each in stats:
        before = summed.get(each.name, Stat(each.name, 0, 0))
        summed[each.name] = Stat(
            each.name, before.added + each.added, before.removed + each.removed
        )
    listed = sorted(summed.values(), key=lambda each: each.name)
    return [*_bars(listed), _sum(listed)]


def _bars(stats: Sequence[Stat]) -> Iterable[str]:
    names = max((len(each.name) for each in stats), default=0)
    most = max((each.added + each.removed for each in stats), default=0)
    digits = len(str(most))
    room = max(WIDTH - names - digits - 5, 10)
    for each in stats:
        total = each.added + each.removed
        plus, minus = (_scaled(count, most, room) for count in (each.added, each.removed))
        yield f" {each.name:<{names}} | {total:>{digits}} {'+' * plus}{'-' * minus}"


def _scaled(count: int, most: int, room: int) -> int:
    if most <= room or not count:
        return count
    return max(1, count * room // most)


def _sum(stats: Sequence[Stat]) -> str:
    added = sum(each.added for each in stats)
    removed = sum(each.removed for each in stats)
    said = f" {_count(len(stats), 'file')} changed"
    said += f", {_count(added, 'insertion')}(+)" if added or not removed else ""
    return said + (f", {_count(removed, 'deletion')}(-)" if removed or not added else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
