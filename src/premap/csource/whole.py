# SPDX-License-Identifier: GPL-2.0-only
"""Whether a file can be read whole: after a bracket or comment that nothing closes, it can't.

Kernel files pass, by the first arm of each `#if`; in headers, some of which put half a function
into an arm, brackets are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from premap.csource.source import SourceFile
from premap.csource.text import comments

_TOKEN = re.compile(rb"[()\[\]{}]|^[ \t]*#[ \t]*(\w*)(?:[^\n\\]|\\(?:\r?\n|.)?)*", re.MULTILINE)
_OPENS = {b")": b"(", b"]": b"[", b"}": b"{"}


class Torn(Struct, frozen=True):
    """Where a file stops making sense."""

    line: int
    why: str


def torn(source: SourceFile) -> Torn | None:
    """Return what keeps a file from being read whole; None if nothing does."""
    comment = _open_comment(source.text)
    if comment is not None:
        return Torn(source.line_of(comment), "a comment that begins here is never closed")
    if source.name.endswith(".h"):
        return None
    bracket = _odd_bracket(source.code)
    if bracket is None:
        return None
    shown = source.code[bracket : bracket + 1].decode()
    why = "closes nothing" if shown in ")]}" else "is not closed"
    return Torn(source.line_of(bracket), f"this `{shown}` {why}")


def _open_comment(text: bytes) -> int | None:
    begins = text.rfind(b"/*")
    if begins < 0 or text.find(b"*/", begins + 2) >= 0:
        return None
    start, end = max(comments(text), default=(0, 0))
    return start if text[start : start + 2] == b"/*" and end == len(text) else None


def _odd_bracket(code: bytes) -> int | None:
    """Return the first bracket that closes nothing, or that its opposite does not close."""
    stack: list[int] = []
    for at in _brackets(code):
        bracket = code[at : at + 1]
        if bracket not in _OPENS:
            stack.append(at)
        elif not stack:
            return at
        else:
            opened = stack.pop()
            if code[opened : opened + 1] != _OPENS[bracket]:
                return opened
    return stack[-1] if stack else None


def _brackets(code: bytes) -> Iterator[int]:
    """Yield the brackets outside of directives, in the first arm of each `#if`."""
    later: list[bool] = []
    for match in _TOKEN.finditer(code):
        word = match[1]
        if word is None:
            if not any(later):
                yield match.start()
        elif word.startswith(b"if"):
            later.append(False)
        elif word.startswith(b"el") and later:
            later[-1] = True
        elif word == b"endif" and later:
            later.pop()


__all__ = ["Torn", "torn"]
