# SPDX-License-Identifier: GPL-2.0-only
"""Lossless edits: byte ranges replaced, everything else as it was; and diffs of the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from premap.csource.diff import Change, changes
from premap.records import Edit

CONTEXT = 3
"""Unchanged lines around a hunk."""
_NO_NEWLINE = b"\\ No newline at end of file\n"


class BadEdit(Exception):
    """Edits overlap, or reach beyond the text."""


def apply_edits(text: bytes, edits: Iterable[Edit]) -> bytes:
    """Return `text` with every edit done, all offsets being those of `text`.

    Insertions (start == end) at one place are done in the order given, and before a replacement
    that starts there. The very same replacement twice counts once. Raises BadEdit if two edits
    overlap or one lies outside.
    """
    pieces: list[bytes] = []
    done = 0
    last: Edit | None = None
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit == last and edit.start != edit.end:
            continue
        if not 0 <= edit.start <= edit.end <= len(text):
            raise BadEdit(f"{edit.file}: edit [{edit.start}, {edit.end}) of {len(text)} bytes")
        if edit.start < done:
            raise BadEdit(f"{edit.file}: edits overlap at byte {edit.start}")
        pieces += (text[done : edit.start], edit.new)
        done, last = edit.end, edit
    pieces.append(text[done:])
    return b"".join(pieces)


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
    yield b"@@ -%b +%b @@\n" % (old, _span(first.new_start - lead, last.new_end + trail))
    at = first.old_start - lead
    for change in hunk:
        yield from _marked(b" ", before[at : change.old_start])
        yield from _marked(b"-", before[change.old_start : change.old_end])
        yield from _marked(b"+", after[change.new_start : change.new_end])
        at = change.old_end
    yield from _marked(b" ", before[at : at + trail])


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
