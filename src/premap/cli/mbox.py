# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --mbox`: writes what was converted as a series of patches."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from premap.cli.command import UsageError
from premap.cli.explain import explanations
from premap.cli.inputs import Input
from premap.cli.patch import Patch as Changes
from premap.cli.revisions import repository_of
from premap.gitrepo import GitError, git
from premap.mailing import get_maintainer, message
from premap.mailing.mail import Mail, Sender
from premap.mailing.maintainers import NOBODY, Maintainers, Recipients
from premap.mailing.series import Patch, Text, patches
from premap.mailing.subjects import Style, style_of
from premap.records import Outcome

NOBODY_KNOWN = ("Your Name", "you@example.com")
"""Stands for a sender whom git does not know."""
_IDENTITY = re.compile(r"(.*) <(.*)> (\d+) [-+]\d{4}")


def check(given: argparse.Namespace, inputs: Sequence[Input]) -> None:
    """Raise UsageError where no series can be written, before any work is done."""
    if given.in_place:
        raise UsageError("--mbox and --in-place exclude each other: apply the series with git am")
    if len({file.root for file in inputs}) > 1:
        raise UsageError("--mbox: the files are of several trees; make a series of each")
    folder: Path = given.mbox
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--mbox {folder}: is there already, and no empty folder")
    if not folder.absolute().parent.is_dir():
        raise UsageError(f"--mbox {folder}: its parent is no folder")


@dataclass
class Series:
    """The mails of one run."""

    root: Path | None
    """Root of the tree, or of the repository that holds a driver outside of one."""
    ask: bool
    """Whether the tree's own script is to say who gets a patch."""

    def mails(self, outcomes: Sequence[Outcome], texts: Mapping[str, Text]) -> list[Mail]:
        """Return the cover letter and the patches; nothing if nothing was converted."""
        found = patches(outcomes, texts, self._driver)
        mails = [self._mail(number, len(found), patch) for number, patch in enumerate(found, 1)]
        if not found:
            return []
        everybody = NOBODY
        for mail in mails:
            everybody += mail.recipients
        subjects = [mail.subject for mail in mails]
        body = message.cover(found, subjects, outcomes)
        title = message.cover_subject(found)
        cover = Mail(0, len(found), title, body, recipients=everybody)
        return [cover, *mails]

    def _driver(self, file: str) -> str:
        """Return what tells a driver from others: its folder, and what its patches are called."""
        return f"{os.path.dirname(file)}\n{self._style(file).prefix}"  # noqa: PTH120  a name

    def _style(self, file: str) -> Style:
        if file not in self._styles:
            self._styles[file] = style_of(file, self.root, self._maintainers)
        return self._styles[file]

    @cached_property
    def _styles(self) -> dict[str, Style]:
        return {}

    @cached_property
    def _maintainers(self) -> Maintainers:
        if self.root is None:
            return Maintainers("")
        root = self.root
        try:
            text = (root / "MAINTAINERS").read_text("utf-8", "replace")
        except OSError:
            text = ""
        return Maintainers(text, lambda name: (root / name).is_dir())

    def _mail(self, number: int, of: int, patch: Patch) -> Mail:
        style = self._style(patch.first)
        names = {each.conversion.handler.name for each in patch.outcomes if each.conversion}
        laid = patch.groundwork
        said = laid.title if laid else message.subject(len(names), style.prefix)
        diff = b"".join(file.diff for file in patch.files)
        return Mail(
            number,
            of,
            style.subject(said),
            message.body(patch, explanations()),
            message.remarks(patch),
            diff,
            self._recipients(patch, diff),
        )

    def _recipients(self, patch: Patch, diff: bytes) -> Recipients:
        if self.ask and self.root is not None:
            try:
                return get_maintainer.ask(self.root, diff)
            except get_maintainer.ScriptError as problem:
                print(f"premap: {problem}; MAINTAINERS is read instead", file=sys.stderr)
                self.ask = False
        told = NOBODY
        for file in patch.files:
            told += self._maintainers.recipients(file.name)
        return told


def write(
    folder: Path, outcomes: Sequence[Outcome], changes: Changes, root: Path | None, *, ask: bool
) -> list[Path]:
    """Write the series of what was converted to a folder, all of it or nothing.

    Returns the paths of its files.
    """
    shown = _shown_names(outcomes, changes) if root is None else {}
    texts = {
        shown.get(change.name, change.name): Text(change.old, change.path.stat().st_mode)
        for change in changes.changes()
    }
    top = root or _repository(outcomes)
    mails = Series(top, ask).mails([_named(each, shown) for each in outcomes], texts)
    sender = _sender()
    _write_all(folder, {mail.file_name: mail.text(sender) for mail in mails})
    return [folder / mail.file_name for mail in mails]


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files in one step; into one that is there, file by file."""
    with tempfile.TemporaryDirectory(prefix=".premap-", dir=folder.absolute().parent) as temporary:
        made = Path(temporary) / "series"
        made.mkdir(mode=0o777)
        for name, text in files.items():
            (made / name).write_bytes(text)
        if folder.exists():
            for name in files:
                (made / name).rename(folder / name)
        else:
            made.rename(folder)


def _repository(outcomes: Sequence[Outcome]) -> Path | None:
    """Return the root of the repository that a driver outside a tree is in."""
    for outcome in outcomes:
        try:
            return repository_of(Path(outcome.file))[0]
        except UsageError:
            continue
    return None


def _shown_names(outcomes: Sequence[Outcome], changes: Changes) -> dict[str, str]:
    """Return what files outside a tree are called in their repository, or from here."""
    names = {change.name for change in changes.changes()} | {each.file for each in outcomes}
    return {name: _shown_name(Path(name)) for name in names}


def _shown_name(path: Path) -> str:
    try:
        return repository_of(path)[1]
    except UsageError:
        here = os.path.relpath(path)
        return path.name if here.startswith("..") else here


def _named(outcome: Outcome, shown: Mapping[str, str]) -> Outcome:
    """Return an outcome whose files have the names that the series gives them."""
    conversion = outcome.conversion
    if not shown:
        return outcome
    if conversion is not None:
        edits = tuple(replace(each, file=shown[each.file]) for each in conversion.edits)
        conversion = replace(conversion, edits=edits, groundwork=None)
    return replace(outcome, file=shown[outcome.file], conversion=conversion)


def _sender() -> Sender:
    """Return the user as git knows them; the date is SOURCE_DATE_EPOCH, or git's, or now."""
    name, address, seconds = *NOBODY_KNOWN, None
    try:
        said = git(Path(), "var", "GIT_AUTHOR_IDENT").decode("utf-8", "replace").strip()
    except GitError:
        said = ""
    match = _IDENTITY.fullmatch(said)
    if match is not None:
        name, address, seconds = match[1], match[2], match[3]
    else:
        print(f"premap: git does not know who you are; the series is from {name}", file=sys.stderr)
    seconds = os.environ.get("SOURCE_DATE_EPOCH", seconds)
    try:
        date = datetime.fromtimestamp(int(seconds or ""), UTC)
    except (ValueError, OverflowError, OSError):
        date = datetime.now(UTC)
    return Sender(name, address, date)
