# SPDX-License-Identifier: GPL-2.0-only
"""What was read from somewhere, made fit for a terminal and for one line."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's classes of what moves the cursor, is invisible, or is no character."""


def printable(text: str) -> str:
    r"""Return `text` as one line, with backslash escapes for whatever a terminal would obey.

    Bytes of file names that are no UTF-8 (Python has surrogates for them) become `\xNN`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
