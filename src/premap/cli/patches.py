# SPDX-License-Identifier: GPL-2.0-only
"""Reads patches and mails that hold them, and applies them to texts: nothing is written.

Only unified diffs count; a hunk applies where its context is found, as near as can be to where it
says, and only exactly.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator

from msgspec import Struct, field

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MAIL = re.compile(rb"^From [^\n]*\d{4}\n", re.MULTILINE)
_ENCODED = re.compile(
    rb"^Content-Transfer-Encoding:\s*(?:quoted-printable|base64)", re.IGNORECASE | re.MULTILINE
)
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


def read_patch(text: bytes) -> list[FilePatch]:
    """Return the changes of files, in order; of several mails, all of them."""
    found = [each for message in _messages(text) for each in _files(message)]
    if not found:
        raise PatchError("there is no unified diff in it")
    return found


def _messages(text: bytes) -> Iterator[bytes]:
    """Yield the texts of mails; a plain patch is one."""
    starts = [match.start() for match in _MAIL.finditer(text)] or [0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        message = text[start:end]
        yield _decoded(message) if _ENCODED.search(message) else message


def _decoded(message: bytes) -> bytes:
    parsed = email.message_from_bytes(_MAIL.sub(b"", message, count=1), policy=email.policy.default)
    parts = [part for part in parsed.walk() if part.get_content_maintype() == "text"]
    payloads = (part.get_payload(decode=True) for part in parts)
    decoded = b"\n".join(each for each in payloads if isinstance(each, bytes))
    return decoded.replace(b"\r\n", b"\n")


def _files(text: bytes) -> Iterator[FilePatch]:
    lines = text.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        heads = lines[at : at + 2]
        if len(heads) == 2 and heads[0].startswith(b"--- ") and heads[1].startswith(b"+++ "):
            patch = FilePatch(_name(heads[0]), _name(heads[1]))
            at += 2
            while at < len(lines) and (match := _HUNK.match(lines[at])):
                at = _hunk(lines, at + 1, match, patch)
            yield patch
        else:
            at += 1


def _name(line: bytes) -> str:
    """Return the name of a file in a head, without `a/` or `b/`."""
    name = line[4:].split(b"\t")[0].strip().decode("utf-8", "surrogateescape")
    if name == NOWHERE:
        return name
    return name.split("/", 1)[1] if name.startswith(("a/", "b/")) else name


def _hunk(lines: list[bytes], at: int, match: re.Match[bytes], patch: FilePatch) -> int:
    """Read the lines of a hunk; return where it ends."""
    hunk = Hunk(int(match[1]), int(match[3]))
    old, new = int(match[2] or 1), int(match[4] or 1)
    while (len(hunk.old) < old or len(hunk.new) < new) and at < len(lines):
        mark, line = lines[at][:1], lines[at][1:]
        if mark in {b" ", b"\n", b"\r"}:
            line = line if mark == b" " else lines[at]
            hunk.old.append(line)
            hunk.new.append(line)
        elif mark == b"-":
            hunk.old.append(line)
        elif mark == b"+":
            hunk.new.append(line)
        elif mark != b"\\":
            break
        at += 1
    if len(hunk.old) != old or len(hunk.new) != new:
        raise PatchError(f"{patch.new}: a hunk of line {hunk.start} is cut off")
    patch.hunks.append(hunk)
    return at


def apply(patches: list[FilePatch], original: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """Return the texts of the files that patches change, as they are afterwards.

    `original` gives the text of a file, None where there is none. Raises PatchError.
    """
    texts: dict[str, bytes] = {}
    for patch in patches:
        text = texts.get(patch.old)
        if text is None and patch.old != NOWHERE:
            text = original(patch.old)
            if text is None:
                raise PatchError(f"{patch.old}: there is no such file in the tree")
        result = _patched(patch, (text or b"").splitlines(keepends=True))
        if patch.new != NOWHERE:
            texts[patch.new] = result
    return texts


def _patched(patch: FilePatch, lines: list[bytes]) -> bytes:
    shift = 0
    for hunk in patch.hunks:
        wanted = max(hunk.start - 1, 0) + shift
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
