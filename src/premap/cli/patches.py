# SPDX-License-Identifier: GPL-2.0-only
"""Reads patches and mails that hold them, and applies them to texts: nothing is written.

Only unified diffs count, with what git says of a file above them; a hunk applies where its context
is found, as near as can be to where it says, and only exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from premap.cli.mails import texts_of

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_COMBINED = b"@@@"
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_QUOTED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))
_PREFIX = re.compile(r"[a-z0-9]/")
"""What git puts before names: a/ and b/, or i/, w/, c/, o/, 1/, 2/. No folder of a tree's root."""
_MOVES = {b"rename from ": "old", b"rename to ": "new", b"copy from ": "old", b"copy to ": "new"}
NOWHERE = "/dev/null"


class PatchError(Exception):
    """A patch that can't be read, or does not apply."""


class Hunk(Struct):
    """One hunk: lines with their ends, and the lines where it says it begins (from 1)."""

    start: int
    new_start: int
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)

    def backwards(self) -> Hunk:
        """Return the hunk that undoes this one."""
        return Hunk(self.new_start, self.start, self.new, self.old)


class FilePatch(Struct):
    """What a patch does to one file; NOWHERE for one that is made or deleted."""

    old: str
    new: str
    hunks: list[Hunk] = field(default_factory=list)
    copied: bool = False
    """Whether the old one stays as well."""

    def backwards(self) -> FilePatch:
        """Return the patch that undoes this one."""
        old = NOWHERE if self.copied else self.old
        return FilePatch(self.new, old, [hunk.backwards() for hunk in self.hunks])


def read_patch(text: bytes) -> list[FilePatch]:
    """Return the changes of files, in order; of several mails, all of them."""
    found: list[FilePatch] = []
    said = False
    for message in texts_of(text):
        lines = _LINE.findall(message)
        found += _files(lines)
        said = said or any(line.startswith(b"diff --git ") for line in lines)
    if not found and not said:
        raise PatchError("there is no unified diff in it")
    return found


def _files(lines: list[bytes]) -> Iterator[FilePatch]:
    """Yield what is said of files: heads with hunks, and renames and copies without any."""
    at = 0
    moved = FilePatch("", "")
    while at < len(lines):
        heads = lines[at : at + 2]
        if len(heads) == 2 and heads[0].startswith(b"--- ") and heads[1].startswith(b"+++ "):
            patch = FilePatch(_name(heads[0][4:]), _name(heads[1][4:]), copied=moved.copied)
            moved = FilePatch("", "")
            at = _hunks(lines, at + 2, patch)
            yield patch
            continue
        if lines[at].startswith(b"diff --git ") and moved.old and moved.new:
            yield moved
        if lines[at].startswith(b"diff --git "):
            moved = FilePatch("", "")
        _note_move(lines[at], moved)
        at += 1
    if moved.old and moved.new:
        yield moved


def _note_move(line: bytes, moved: FilePatch) -> None:
    """Note what a line says of a file that is renamed or copied; there is no prefix in it."""
    for words, side in _MOVES.items():
        if line.startswith(words):
            setattr(moved, side, _unquoted(line[len(words) :].strip(b"\r\n")))
            moved.copied = words.startswith(b"copy")


def _hunks(lines: list[bytes], at: int, patch: FilePatch) -> int:
    """Read the hunks of a file; return where they end."""
    crlf = lines[at - 1].endswith(b"\r\n")
    while at < len(lines) and (match := _HUNK.match(lines[at])):
        at = _hunk(lines, at + 1, match, patch)
    if at < len(lines) and lines[at].startswith(_COMBINED):
        raise PatchError(f"{patch.new}: the combined diff of a merge can't be applied")
    if not patch.hunks:
        raise PatchError(f"{patch.new}: there is no hunk below its name")
    if crlf:
        _as_in_the_tree(patch.hunks)
    return at


def _as_in_the_tree(hunks: Iterable[Hunk]) -> None:
    """Take off the ends of lines that a mail gave the whole patch: those of its heads, too."""
    for hunk in hunks:
        hunk.old[:] = (line.replace(b"\r\n", b"\n") for line in hunk.old)
        hunk.new[:] = (line.replace(b"\r\n", b"\n") for line in hunk.new)


def _name(line: bytes) -> str:
    """Return the name of a file in a head, without `a/` or `b/`."""
    said = line.strip(b"\r\n")
    name = _unquoted(said if said.startswith(b'"') else said.split(b"\t")[0].strip())
    return name if name == NOWHERE or not _PREFIX.match(name) else name[2:]


def _unquoted(name: bytes) -> str:
    """Return a name that git may have put in quotes, as C does."""
    if name.startswith(b'"'):
        name = _QUOTED.sub(_escaped, name[1 : name.rfind(b'"')])
    return name.decode("utf-8", "surrogateescape")


def _escaped(match: re.Match[bytes]) -> bytes:
    said = match[1]
    byte = int(said, 8) & 0xFF if len(said) == 3 else _ESCAPES.get(said[0], said[0])
    return bytes([byte])


def _hunk(lines: list[bytes], at: int, match: re.Match[bytes], patch: FilePatch) -> int:
    """Read the lines of a hunk; return where it ends."""
    hunk = Hunk(int(match[1]), int(match[3]))
    old, new = int(match[2] or 1), int(match[4] or 1)
    sides: tuple[list[bytes], ...] = ()
    while at < len(lines):
        mark, line = lines[at][:1], lines[at][1:]
        if mark == b"\\":  # no newline at the end of the file
            for side in sides:
                side[-1] = side[-1].rstrip(b"\r\n")
            at += 1
            continue
        if len(hunk.old) >= old and len(hunk.new) >= new:
            break
        if mark in {b" ", b"\n", b"\r"}:
            line = line if mark == b" " else lines[at]
            sides = (hunk.old, hunk.new)
        elif mark in {b"-", b"+"}:
            sides = (hunk.old if mark == b"-" else hunk.new,)
        else:
            break
        for side in sides:
            side.append(line)
        at += 1
    if len(hunk.old) != old or len(hunk.new) != new:
        raise PatchError(f"{patch.new}: a hunk of line {hunk.start} is cut off")
    patch.hunks.append(hunk)
    return at


def located(patches: Iterable[FilePatch], exists: Callable[[str], bool]) -> list[FilePatch]:
    """Return patches with the names that files have in the tree, found as patch(1) finds them.

    A first folder is left out (`--- linux-7.2/mm/mmap.c`), or the old name (`mmap.c.orig`).
    """
    made: set[str] = set()

    def known(name: str) -> bool:
        return name in made or exists(name)

    return [_located(patch, known, made) for patch in patches]


def _located(patch: FilePatch, known: Callable[[str], bool], made: set[str]) -> FilePatch:
    old, new = patch.old, patch.new
    if not any(map(known, (old, new))):
        shorter = [name if name == NOWHERE else name.partition("/")[2] for name in (old, new)]
        if any(map(known, shorter)):
            old, new = shorter
    if old != NOWHERE and not known(old):
        if known(new):
            old = new
        elif patch.hunks and not patch.hunks[0].start:
            old = NOWHERE
    made.add(new)
    return FilePatch(old, new, patch.hunks, patch.copied)


def apply(patches: list[FilePatch], original: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """Return the texts of the files that patches change, as they are afterwards.

    `original` gives the text of a file, None where there is none. Raises PatchError.
    """
    texts: dict[str, bytes | None] = {}
    for patch in patches:
        text = b"" if patch.old == NOWHERE else texts.get(patch.old, original(patch.old))
        if text is None:
            raise PatchError(f"{patch.old}: there is no such file in the tree")
        result = _patched(patch, _LINE.findall(text))
        if patch.old not in {NOWHERE, patch.new} and not patch.copied:
            texts[patch.old] = None
        if patch.new != NOWHERE:
            texts[patch.new] = result
    return {name: text for name, text in texts.items() if text is not None}


def _patched(patch: FilePatch, lines: list[bytes]) -> bytes:
    shift = 0
    for hunk in patch.hunks:
        wanted = max(hunk.start - 1 if hunk.old else hunk.start, 0) + shift
        at = _place(lines, hunk, wanted)
        if at is None:
            raise PatchError(f"{patch.old}: the hunk of line {hunk.start} does not apply")
        lines[at : at + len(hunk.old)] = hunk.new
        shift += len(hunk.new) - len(hunk.old) + at - wanted
    return b"".join(lines)


def _place(lines: list[bytes], hunk: Hunk, wanted: int) -> int | None:
    """Return the place nearest to the wanted one where the old lines are."""
    last = len(lines) - len(hunk.old)
    places = sorted(range(max(last + 1, 0)), key=lambda at: abs(at - wanted))
    return next((at for at in places if lines[at : at + len(hunk.old)] == hunk.old), None)
