# SPDX-License-Identifier: GPL-2.0-only
"""Puts conversions into patches: one driver a patch, each on top of those before it.

What can't be taken apart is in one patch: handlers of one file, and those that change the same
lines, such as a helper that they share. So each patch builds without those that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from premap.csource.edit import apply_edits, git_diff
from premap.mailing.diffstat import Stat, stat
from premap.records import Conversion, Edit, Outcome


@dataclass(frozen=True, slots=True)
class Text:
    """A file as it is."""

    text: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a patch does to one file."""

    name: str
    old: bytes
    new: bytes
    mode: int

    @property
    def diff(self) -> bytes:
        """Its part of the diff."""
        return git_diff(self.name, self.old, self.new, self.mode)

    @property
    def stat(self) -> Stat:
        """Its line of the diffstat."""
        return stat(self.name, self.diff)


@dataclass(frozen=True, slots=True)
class Patch:
    """One driver's conversions."""

    outcomes: tuple[Outcome, ...]
    files: tuple[FilePatch, ...]

    @property
    def first(self) -> str:
        """The file by which the patch is called: that of its first table."""
        return self.outcomes[0].file


def patches(
    outcomes: Iterable[Outcome], texts: Mapping[str, Text], driver: Callable[[str], str]
) -> list[Patch]:
    """Return the patches of what was converted, in the order in which they apply.

    `texts` has every file that is edited, `driver` tells of a file whose it is; a driver's files
    are in one patch. The edits of different outcomes fit together.
    """
    converted = [each for each in outcomes if each.status == "converted"]
    groups = sorted(_groups(converted, driver), key=lambda group: _place(group[0]))
    return list(_applied(groups, texts))


def _place(outcome: Outcome) -> tuple[str, int]:
    return outcome.file, _conversion(outcome).handler.line


def _conversion(outcome: Outcome) -> Conversion:
    if outcome.conversion is None:
        raise ValueError(f"{outcome.file}: nothing was converted")
    return outcome.conversion


def _groups(outcomes: Sequence[Outcome], driver: Callable[[str], str]) -> list[list[Outcome]]:
    """Return what belongs together: outcomes that share a driver, or an edit."""
    groups: dict[object, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=_place):
        keys: list[object] = [("driver", driver(outcome.file)), *_conversion(outcome).edits]
        joined = [outcome]
        for group in {id(groups[key]): groups[key] for key in keys if key in groups}.values():
            joined = [*group, *joined]
        for each in joined:
            for key in (("driver", driver(each.file)), *_conversion(each).edits):
                groups[key] = joined
    distinct = {id(group): group for group in groups.values()}
    return [sorted(group, key=_place) for group in distinct.values()]


def _applied(groups: Iterable[Sequence[Outcome]], texts: Mapping[str, Text]) -> Iterator[Patch]:
    done: dict[str, dict[Edit, None]] = {name: {} for name in texts}
    for group in groups:
        edits = dict.fromkeys(edit for each in group for edit in _conversion(each).edits)
        files = []
        for name in sorted({edit.file for edit in edits}):
            old = apply_edits(texts[name].text, done[name])
            done[name] |= {edit: None for edit in edits if edit.file == name}
            new = apply_edits(texts[name].text, done[name])
            files.append(FilePatch(name, old, new, texts[name].mode))
        yield Patch(tuple(group), tuple(files))
