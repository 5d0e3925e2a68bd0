# SPDX-License-Identifier: GPL-2.0-only
"""Diffs of files: unified ones, and those of git."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from premap.csource.diff import Change, changes

CONTEXT = 3
"""Unchanged lines around a hunk."""
_HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_NAME = re.compile(rb"[A-Za-z_$]")
_LABEL = re.compile(rb"\w+:\s*(?:$|/[/*])")
_WITHIN = 80
"""Bytes of the line that is repeated in a hunk's header."""
_NO_NEWLINE = b"\\ No newline at end of file\n"


def unified_diff(name: str, old: bytes, new: bytes) -> bytes:
    """Return the diff of one file as `git apply` takes it; b"" where nothing changed.

    `name` is relative to the root of the tree; it appears with `a/` and `b/`. Bytes that are no
    UTF-8, and CR at line ends, come through as they are.
    """
    if old == new:
        return b""
    before, after = _lines(old), _lines(new)
    out = [b"--- " + _quoted("a/" + name) + b"\n", b"+++ " + _quoted("b/" + name) + b"\n"]
    for hunk in _hunks(changes(before, after)):
        out += _hunk(hunk, before, after)
    return b"".join(out)


def git_diff(name: str, old: bytes, new: bytes, mode: int = 0o644) -> bytes:
    """Return the diff of one file with the header of git's own; b"" where nothing changed.

    It names the contents, so that `git am -3` finds them. Of `mode` only the right to execute
    counts.
    """
    if old == new:
        return b""
    names = _quoted("a/" + name).rstrip(b"\t"), _quoted("b/" + name).rstrip(b"\t")
    executable = 0o100755 if mode & 0o100 else 0o100644
    blobs = _blob(old), _blob(new)
    head = b"diff --git %b %b\nindex %b..%b %o\n" % (*names, *blobs, executable)
    return head + unified_diff(name, old, new)


def places(diff: bytes) -> dict[tuple[str, int], int]:
    """Return at which line of a diff each line of the new files is, by file and line, from 1."""
    found: dict[tuple[str, int], int] = {}
    name, line, left = "", 0, 0
    for number, text in enumerate(diff.split(b"\n"), 1):
        if not left and text.startswith(b"+++ b/"):
            name = text[6:].rstrip(b"\t").decode("utf-8", "surrogateescape")
        elif match := _HUNK.match(text):
            line, left = int(match[1]), int(match[2] or 1)
        elif left and text[:1] in (b"+", b" "):
            found[name, line] = number
            line, left = line + 1, left - 1
    return found


def _blob(text: bytes) -> bytes:
    """Return the name that git gives to contents, shortened as the kernel's people do."""
    named = hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False)
    return named.hexdigest()[:12].encode()


def _lines(text: bytes) -> list[bytes]:
    """Lines with their ends. Only LF ends a line: CR and form feeds are bytes like others."""
    parts = text.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _hunks(changed: Sequence[Change]) -> Iterator[list[Change]]:
    """Group changes that share their context."""
    hunk: list[Change] = []
    for change in changed:
        if hunk and change.old_start - hunk[-1].old_end > 2 * CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _hunk(
    hunk: Sequence[Change], before: Sequence[bytes], after: Sequence[bytes]
) -> Iterator[bytes]:
    first, last = hunk[0], hunk[-1]
    lead = min(CONTEXT, first.old_start)
    trail = min(CONTEXT, len(before) - last.old_end)
    old = _span(first.old_start - lead, last.old_end + trail)
    at = first.old_start - lead
    within = _function_above(before, at)
    yield b"@@ -%b +%b @@%b\n" % (
        old,
        _span(first.new_start - lead, last.new_end + trail),
        b" " + within if within else b"",
    )
    for change in hunk:
        yield from _marked(b" ", before[at : change.old_start])
        yield from _marked(b"-", before[change.old_start : change.old_end])
        yield from _marked(b"+", after[change.new_start : change.new_end])
        at = change.old_end
    yield from _marked(b" ", before[at : at + trail])


def _function_above(lines: Sequence[bytes], at: int) -> bytes:
    """Return the line that a reader finds a hunk by, as git's driver for C does."""
    for index in range(at - 1, -1, -1):
        line = lines[index]
        if _NAME.match(line) and not _LABEL.match(line):
            return line[:_WITHIN].rstrip()
    return b""


def _span(start: int, end: int) -> bytes:
    """Range of lines as a hunk's header has it; an empty one names the line before it."""
    length = end - start
    first = start + 1 if length else start
    return b"%d" % first if length == 1 else b"%d,%d" % (first, length)


def _marked(mark: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line
        if not line.endswith(b"\n"):
            yield b"\n" + _NO_NEWLINE


def _quoted(name: str) -> bytes:
    """Name of a file in a diff's header: quoted as git does if it has odd characters."""
    raw = name.encode("utf-8", "surrogateescape")
    if all(0x20 <= c < 0x7F and c not in b'"\\' for c in raw):
        return raw + (b"\t" if b" " in raw else b"")
    return b'"' + b"".join(_escaped(c) for c in raw) + b'"'


def _escaped(byte: int) -> bytes:
    if byte in b'"\\':
        return b"\\" + bytes([byte])
    return bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte
