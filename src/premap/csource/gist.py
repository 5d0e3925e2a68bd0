# SPDX-License-Identifier: GPL-2.0-only
"""A file's parse without the functions that say nothing of a matter.

Most of a driver has nothing to do with its hooks, and to parse it takes longer than all else that
is asked of a file. What is left out is what lies between the braces of a function whose lines end
where the kernel's style has them; where that can't be told from the text, the function stays.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from premap.csource.nodes import parse_without

if TYPE_CHECKING:
    from tree_sitter import Node

_OPENS = b")\n{\n"
_CLOSES = b"\n}"
_DIRECTIVE = b"\n#"
_LONGEST_HEAD = 400
"""Bytes before a body that may be the function's name and parameters."""


class Gist:
    """The text of a file, whose code view is `code`, as far as it says one of the words."""

    def __init__(self, text: bytes, code: bytes, words: Sequence[bytes]) -> None:
        self._text = text
        self._code = code
        self.gaps = _gaps(code, words)
        """Byte ranges between the braces of the functions that are left out, in order."""

    @cached_property
    def root(self) -> Node:
        """The translation_unit, in which those functions are empty; all offsets are the file's."""
        return parse_without(self._text, self._code, self.gaps)

    def leaves_out(self, byte: int) -> bool:
        """Tell whether a byte lies in a body that is left out."""
        index = bisect_right(self.gaps, (byte, len(self._text))) - 1
        return index >= 0 and byte < self.gaps[index][1]


def _gaps(code: bytes, words: Sequence[bytes]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    said = sorted(at for word in words for at in _places(word, code))
    end = 0
    while (opens := code.find(_OPENS, end)) >= 0:
        start = opens + len(_OPENS) - 1
        closes = code.find(_CLOSES, start)
        if closes < 0:
            break
        first = bisect_left(said, max(end, opens - _LONGEST_HEAD))
        after = closes + len(_CLOSES)
        end = closes
        if (
            code[after : after + 1] == b"\n"  # else it is a structure, or an initializer
            and (first == len(said) or said[first] >= closes)
            and code.count(b"{", start, closes) == code.count(b"}", start, closes)
            and code.find(_DIRECTIVE, start, closes) < 0
        ):
            found.append((start, closes))
    return found


def _places(word: bytes, code: bytes) -> Iterator[int]:
    at = -1
    while (at := code.find(word, at + 1)) >= 0:
        yield at


__all__ = ["Gist"]
