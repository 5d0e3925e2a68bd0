# SPDX-License-Identifier: GPL-2.0-only
"""Whether a text holds a few bytes, asked of the C library: a whole tree is searched for words.

CPython looks for a word at 1 GB/s, strstr() of glibc at 10 and more. It ends at a NUL, which
hardly any C file has; those that have one, and machines without it, are left to CPython.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

_ROOM = 1 << 20
"""Bytes that nearly all files have room in."""
_MORE = 1 << 14
"""Bytes that are read at once beyond what a file is said to have."""

_Strstr = Callable[[Any, bytes], int | None]


@cache
def _strstr() -> _Strstr | None:
    """Return strstr(): its first argument is bytes, or the address of such; None for no match."""
    try:
        import ctypes  # noqa: PLC0415  few commands search trees

        function = ctypes.CDLL(None).strstr
    except (ImportError, OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    function.restype = ctypes.c_void_p
    found: _Strstr = function
    return found


def says(text: bytes, word: bytes) -> bool:
    """Tell whether `word`, of no NUL and not empty, stands in a text: `word in text`, faster."""
    strstr = _strstr()
    if strstr is None:
        return word in text
    return strstr(text, word) is not None or (b"\0" in text and word in text)


def saying(word: bytes) -> Callable[[bytes], bool]:
    """Return what tells of texts that hold no NUL whether `word` stands in them, as `says` does."""
    strstr = _strstr()
    if strstr is None:
        return lambda text: word in text
    return lambda text: strstr(text, word) is not None


def finds(text: bytes, word: bytes) -> Iterator[int]:
    """Yield where `word`, of no NUL and not empty, stands in a text; what overlaps counts once."""
    strstr = None if b"\0" in text else _strstr()
    if strstr is None:
        at = text.find(word)
        while at >= 0:
            yield at
            at = text.find(word, at + len(word))
        return
    begin = strstr(text, b"") or 0  # where the text lies, which must live as long as this does
    found = strstr(begin, word)
    while found is not None:
        yield found - begin
        found = strstr(found + len(word), word)


class Room:
    """Where one file after another is read to, most of which say nothing worth making bytes of."""

    def __init__(self) -> None:
        self._size = 0
        self._make(_ROOM)

    def _make(self, least: int, old: bytes = b"") -> None:
        """Have room for so many bytes, which begin with old ones, and for a NUL behind them."""
        self._bytes = bytearray(least + 1)
        self._bytes[: len(old)] = old
        self._rooms = [memoryview(self._bytes)[:least]]
        self._address = _address(self._bytes)

    def read(self, path: str) -> None:
        """Read a whole file. Raises OSError."""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.fill(file, os.fstat(file).st_size)
        finally:
            os.close(file)

    def fill(self, file: int, size: int) -> None:
        """Read what is open as `file`, and said to have so many bytes: fewer and more will do."""
        self._size = 0
        if size >= len(self._bytes):
            self._make(size)
        self._size = os.readv(file, self._rooms)
        if self._size != size or self._size == len(self._bytes) - 1:
            while more := os.read(file, _MORE):
                self._add(more)
        self._bytes[self._size] = 0

    def _add(self, more: bytes) -> None:
        end = self._size + len(more)
        if end >= len(self._bytes):
            self._make(2 * end, self.text())
        self._bytes[self._size : end] = more
        self._size = end

    def says(self, word: bytes) -> bool:
        """Tell whether a word, of no NUL and not empty, stands in what was read."""
        strstr = _strstr()
        if strstr is not None:
            if strstr(self._address, word) is not None:
                return True
            if self._bytes.find(0, 0, self._size) < 0:
                return False
        return self._bytes.find(word, 0, self._size) >= 0

    def text(self) -> bytes:
        """Return what was read."""
        return bytes(memoryview(self._bytes)[: self._size])


def _address(room: bytearray) -> int:
    """Return where the bytes of a room lie; it must not grow or shrink any more."""
    try:
        import ctypes  # noqa: PLC0415

        return ctypes.addressof(ctypes.c_char.from_buffer(room))
    except ImportError:
        return 0
