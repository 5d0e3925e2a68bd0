# SPDX-License-Identifier: GPL-2.0-only
"""Lossless edits: byte ranges replaced, everything else as it was."""

from __future__ import annotations

from collections.abc import Iterable

from premap.records import Edit


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
