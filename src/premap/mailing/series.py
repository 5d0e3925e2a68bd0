# SPDX-License-Identifier: GPL-2.0-only
"""Puts conversions into patches: one driver a patch, each on top of those before it.

What can't be taken apart is in one patch: handlers of one file, and those that change the same
lines, such as a helper that they share. So each patch builds without those that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from premap.csource.edit import apply_edits
from premap.csource.unified import git_diff
from premap.mailing.diffstat import Stat, stat
from premap.records import Conversion, Edit, Groundwork, Outcome


class Text(Struct, frozen=True):
    """A file as it is."""

    text: bytes
    mode: int = 0o644


class FilePatch(Struct, frozen=True):
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


class Patch(Struct, frozen=True):
    """One driver's conversions, or what several drivers need first."""

    outcomes: tuple[Outcome, ...]
    files: tuple[FilePatch, ...]
    groundwork: Groundwork | None = None
    """Set where there are no outcomes."""

    @property
    def first(self) -> str:
        """The file by which the patch is called: that of its first table.

        A header's folder is nobody's: it is called by the first C file then, if it has one. Where
        drivers of several folders change along with what they share, by the one that changes most.
        """
        file = self.groundwork.file if self.groundwork else self.outcomes[0].file
        folders = {each.file.rpartition("/")[0] for each in self.outcomes}
        if len(folders) > 1 and self.files:
            return max(self.files, key=lambda each: (each.name.endswith(".c"), len(each.diff))).name
        sources = (each.name for each in self.files if each.name.endswith(".c"))
        return next(sources, file) if file.endswith(".h") else file


def patches(
    outcomes: Iterable[Outcome], texts: Mapping[str, Text], driver: Callable[[str], str]
) -> list[Patch]:
    """Return the patches of what was converted, in the order in which they apply.

    `texts` has every file that is edited, `driver` tells of a file whose it is; a driver's files
    are in one patch. The edits of different outcomes fit together.
    """
    converted = sorted((each for each in outcomes if each.status == "converted"), key=_place)
    first = dict.fromkeys(filter(None, (_conversion(each).groundwork for each in converted)))
    laid = frozenset(edit for each in first for edit in each.edits)
    groups = sorted(_groups(converted, driver, laid), key=lambda group: _place(group[0]))
    made = _Applied(texts)
    prepared = [Patch((), tuple(made.files(each.edits)), each) for each in first]
    return prepared + [Patch(tuple(group), tuple(made.files(_edits(group)))) for group in groups]


def _place(outcome: Outcome) -> tuple[str, int]:
    return outcome.file, _conversion(outcome).handler.line


def _conversion(outcome: Outcome) -> Conversion:
    if outcome.conversion is None:
        raise ValueError(f"{outcome.file}: nothing was converted")
    return outcome.conversion


def _edits(group: Iterable[Outcome]) -> list[Edit]:
    return [edit for each in group for edit in _conversion(each).edits]


def _groups(
    outcomes: Iterable[Outcome], driver: Callable[[str], str], laid: Collection[Edit]
) -> list[list[Outcome]]:
    """Return what belongs together: outcomes that share a driver, or an edit but those `laid`."""

    def keys(outcome: Outcome) -> list[object]:
        own = [edit for edit in _conversion(outcome).edits if edit not in laid]
        return [("driver", driver(outcome.file)), *own]

    groups: dict[object, list[Outcome]] = {}
    for outcome in outcomes:
        joined = [outcome]
        for group in {id(groups[k]): groups[k] for k in keys(outcome) if k in groups}.values():
            joined = [*group, *joined]
        for each in joined:
            groups |= dict.fromkeys(keys(each), joined)
    distinct = {id(group): group for group in groups.values()}
    return [sorted(group, key=_place) for group in distinct.values()]


class _Applied:
    """Files as they are after some patches."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = texts
        self._done: dict[str, dict[Edit, None]] = {name: {} for name in texts}

    def files(self, edits: Sequence[Edit]) -> Iterator[FilePatch]:
        """Apply another patch; yield what it does to each file that it changes."""
        for name in sorted({edit.file for edit in edits}):
            done = self._done[name]
            more = {edit: None for edit in edits if edit.file == name and edit not in done}
            if more:
                old = apply_edits(self._texts[name].text, done)
                done |= more
                new = apply_edits(self._texts[name].text, done)
                yield FilePatch(name, old, new, self._texts[name].mode)
