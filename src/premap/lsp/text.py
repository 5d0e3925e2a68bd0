# SPDX-License-Identifier: GPL-2.0-only
"""A text as the protocol sees it: lines and columns, where premap counts bytes.

Everything here is UTF-8 bytes. Columns are in the units that client and server agreed on, UTF-16
unless the client has others. Lines end with LF, CR LF or CR and with nothing else, as the protocol
has it, and as splitlines() of bytes has it; that of str also takes form feeds, which kernel
sources have.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from lsprotocol import types

from premap.lsp.remarks import Change

_WORD = re.compile(rb"[A-Za-z_]\w*", re.ASCII)


_SURROGATE = re.compile("[\ud800-\udfff]")


def encoded(text: str) -> bytes:
    """Return the bytes of a text that came as JSON; half a character becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def decoded(part: bytes) -> str:
    """Decode as editors count: each byte that is no UTF-8 is one character."""
    return part.decode("utf-8", "surrogateescape")


class Text:
    """One state of a document; changing it gives another one."""

    def __init__(self, data: bytes, encoding: str = "utf-16") -> None:
        self.data = data
        self._encoding = encoding

    @cached_property
    def _starts(self) -> list[int]:
        """Offset of the first byte of each line."""
        starts = [0, *accumulate(map(len, self.data.splitlines(keepends=True)))]
        if self.data and not self.data.endswith((b"\n", b"\r")):
            starts.pop()
        return starts

    def _line(self, number: int) -> bytes:
        """Line by its index, without its end."""
        starts = self._starts
        end = starts[number + 1] if number + 1 < len(starts) else len(self.data)
        return self.data[starts[number] : end].rstrip(b"\r\n")

    def position(self, offset: int) -> types.Position:
        """Position of a byte; what lies beyond the text is its end."""
        offset = max(0, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset) - 1
        before = self.data[self._starts[line] : offset]
        return types.Position(line, self._units(before))

    def range(self, start: int, end: int) -> types.Range:
        """Range of the bytes from `start` up to, and without, `end`."""
        return types.Range(self.position(start), self.position(end))

    def offset(self, position: types.Position) -> int:
        """Offset of the byte at a position; beyond the end of its line, that end."""
        if position.line >= len(self._starts):
            return len(self.data)
        return self._starts[position.line] + self._bytes(
            self._line(position.line), position.character
        )

    def changed(self, event: types.TextDocumentContentChangeEvent) -> tuple[Change, Text]:
        """Return what a change of a range, or of the whole, changes, and the text after it."""
        new = encoded(event.text)
        start, end = 0, len(self.data)
        if isinstance(event, types.TextDocumentContentChangePartial):
            start, end = sorted((self.offset(event.range.start), self.offset(event.range.end)))
        text = Text(self.data[:start] + new + self.data[end:], self._encoding)
        return Change(start, end, len(new)), text

    def word(self, position: types.Position) -> tuple[int, int] | None:
        """Offsets of the C identifier at a position, or right before it."""
        at = self.offset(position)
        start = self._starts[bisect_right(self._starts, at) - 1]
        line = self._line(position.line) if position.line < len(self._starts) else b""
        for match in _WORD.finditer(line):
            if start + match.start() <= at <= start + match.end():
                return start + match.start(), start + match.end()
        return None

    def _units(self, part: bytes) -> int:
        if self._encoding == types.PositionEncodingKind.Utf8 or part.isascii():
            return len(part)
        text = decoded(part)
        if self._encoding == types.PositionEncodingKind.Utf32:
            return len(text)
        return len(text) + sum(char > "\uffff" for char in text)

    def _bytes(self, line: bytes, units: int) -> int:
        """Count the bytes of a line's first `units` units, but never a part of a character."""
        if self._encoding == types.PositionEncodingKind.Utf8 or line.isascii():
            return min(units, len(line))
        wide = self._encoding != types.PositionEncodingKind.Utf32
        taken = 0
        length = 0
        for char in decoded(line):
            taken += 2 if wide and char > "\uffff" else 1
            if taken > units:
                break
            length += len(char.encode("utf-8", "surrogateescape"))
        return length
