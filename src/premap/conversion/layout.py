# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's style for changed code: arguments aligned, 80 columns, tabs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from msgspec import Struct

from premap.conversion.rewriting import Change
from premap.idioms.r1_table import TAB, advance

WIDTH = 80
_LEXICAL = re.compile(
    r"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?", re.DOTALL
)
_OPERATOR = re.compile(r" (?:&&|\|\||<<|>>|[-+*/|&])\Z")


class Aligned(Struct, frozen=True):
    """A line that begins right behind an open parenthesis of an earlier line."""

    start: int
    """Offset of its first character that is no white space."""
    paren: int
    """Offset of the parenthesis."""
    astray: bool = False
    """Whether it begins elsewhere, though others of its list begin there."""


class Moved:
    """Where characters of the old text are in the new one."""

    def __init__(self, changes: Sequence[Change], base: int) -> None:
        self._changes = sorted(changes, key=lambda change: (change.start, change.end))
        self._starts = [change.start for change in self._changes]
        self._shifts = [0]
        for change in self._changes:
            grown = len(change.new) - (change.end - change.start)
            self._shifts.append(self._shifts[-1] + grown)
        self._base = base

    def __call__(self, offset: int) -> int | None:
        """Return new offset of an old character; None if it is gone."""
        at = offset + self._base
        index = bisect_right(self._starts, at)
        if index:
            last = self._changes[index - 1]
            if last.start == at and last.new and last.start < last.end:
                return offset + self._shifts[index - 1]
            if last.start <= at < last.end:
                return None
        return offset + self._shifts[index]


def laid_out(old: str, new: str, moved: Moved) -> str:
    """Return the new text of a function with continuation lines aligned and long lines broken."""
    old_lines = set(old.split("\n"))
    made = _broken(_joined(_realigned(old, new, moved), old_lines), old_lines)
    indents = [line[0] for line in old_lines if line[:1] in {" ", "\t"} and line.strip()]
    kind = _tabbed if "\t" in indents or not indents else _spaced
    return "\n".join(line if line in old_lines else kind(line) for line in made.split("\n"))


def _spaced(line: str) -> str:
    """Return a line of a function that is indented with spaces alone."""
    inner = line.lstrip(" \t")
    return line[: len(line) - len(inner)].expandtabs(TAB) + inner


def _tabbed(line: str) -> str:
    """Return a line of a function that is indented with tabs, without spaces in their place."""
    inner = line.lstrip(" \t")
    return _indent(advance(line[: len(line) - len(inner)], 0)) + inner


def _hidden(text: str) -> str:
    """Text with spaces for comments and strings; line ends stay."""
    return _LEXICAL.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _open_parens(code: str) -> Iterator[tuple[int, list[int]]]:
    """Offset of each line's start, with the offsets of the parentheses open there."""
    stack: list[int] = []
    yield 0, []
    for offset, character in enumerate(code):
        if character in "([":
            stack.append(offset)
        elif character in ")]" and stack:
            stack.pop()
        elif character in "{}":
            stack.clear()
        elif character == "\n":
            yield offset + 1, list(stack)


def _aligned_lines(text: str) -> list[Aligned]:
    found, astray = [], []
    for start, parens in _open_parens(_hidden(text)):
        line = text[start : text.find("\n", start)]
        inner = start + len(line) - len(line.lstrip())
        if not parens or not line.strip():
            continue
        if _column(text, inner) == _column(text, parens[-1]) + 1:
            found.append(Aligned(inner, parens[-1]))
        else:
            astray.append(Aligned(inner, parens[-1], astray=True))
    lists = {each.paren for each in found}
    found += [each for each in astray if each.paren in lists]
    return sorted(found, key=lambda each: each.start)


def _column(text: str, offset: int) -> int:
    line_start = text.rfind("\n", 0, offset) + 1
    return advance(text[line_start:offset], 0)


def _realigned(old: str, new: str, moved: Moved) -> str:
    shift = 0
    moves: list[tuple[int, int]] = []
    for line in _aligned_lines(old):
        start, paren = moved(line.start), moved(line.paren)
        if start is None or paren is None:
            continue
        start, paren = _now(start, moves), _now(paren, moves)
        line_start = new.rfind("\n", 0, start) + 1
        if new[line_start:start].strip() or new[paren : paren + 1] not in "([":
            continue
        if line.astray and _rest(old, line.start) == _rest(new, start):
            continue
        indent = _indent(_column(new, paren) + 1)
        shift = len(indent) - (start - line_start)
        new = new[:line_start] + indent + new[start:]
        moves.append((start, shift))
    return new


def _rest(text: str, start: int) -> str:
    return text[start:].partition("\n")[0]


def _now(offset: int, moves: list[tuple[int, int]]) -> int:
    """Offset after the re-indentations done so far, each told by where and how much."""
    for at, shift in moves:
        if offset >= at:
            offset += shift
    return offset


def _indent(column: int) -> str:
    return "\t" * (column // TAB) + " " * (column % TAB)


def _joined(text: str, old_lines: set[str]) -> str:
    """Return the text with lists of arguments a line shorter where two new lines fit into one.

    A list that has one argument a line keeps that.
    """
    at = 0
    while 0 <= (end := text.find("\n", at)) < len(text) - 1:
        after = text.find("\n", end + 1)
        after = len(text) if after < 0 else after
        first, second = text[at:end], text[end + 1 : after]
        both = f"{first.rstrip()} {second.lstrip()}"
        if (
            old_lines.isdisjoint({first, second})
            and first.endswith(",")
            and advance(both, 0) <= WIDTH
            and max(_commas(first), _commas(second)) > 1
            and _share_a_list(text, at, end + 1)
        ):
            text = text[:at] + both + text[after:]
        else:
            at = end + 1
    return text


def _commas(line: str) -> int:
    return _hidden(line).count(",") + (not line.endswith(","))


def _share_a_list(text: str, first: int, second: int) -> bool:
    """Tell whether lines that begin at these offsets continue one list of arguments."""
    code = _hidden(text)
    opened = dict(_open_parens(code))
    before, behind = opened[first], opened[second]
    if len(behind) == len(before) + 1 and behind[-1] >= first:  # the first line opens the list
        goes_on = code[second : code.find("\n", second)].rstrip().endswith(",")
        return goes_on and behind[:-1] == before and code[behind[-1]] == "("
    return bool(before) and before == behind and code[before[-1]] == "("


def _broken(text: str, old_lines: set[str]) -> str:
    """Break lines that are too long and new."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        if line not in old_lines and advance(line.rstrip("\r"), 0) > WIDTH:
            broken = _break_line(text, at, end, old_lines)
            if broken is not None:
                text, at = broken
                continue
        at = end + 1
    return text


def _break_line(text: str, start: int, end: int, old_lines: set[str]) -> tuple[str, int] | None:
    """Return the text with one line broken, and where the rest of it begins; None if it can't."""
    code = _hidden(text)
    stack = next((parens for at, parens in _open_parens(code) if at == start), [])
    best: tuple[tuple[int, bool], int, int] | None = None
    for offset in range(start, end):
        character = code[offset]
        if character in "([":
            stack.append(offset)
        elif character in ")]" and stack:
            stack.pop()
        if not stack or not _may_break(code, offset) or _column(text, offset) >= WIDTH:
            continue
        wanted = code[offset - 1 : offset + 1] in {"&&", "||"} or (
            character == ","
            and _column(text, stack[-1]) + _next_argument(code, offset + 1, end) <= WIDTH
        )
        rank = len(stack), not wanted
        later = best is not None and character == code[best[1] - 1] == "," and best[2] == stack[-1]
        if best is None or rank <= best[0] or later:
            best = (rank, offset + 1, stack[-1])
    if best is None:
        return None
    _, offset, paren = best
    goes_on = bool(stack) and stack[-1] == paren
    ends = text.find("\n", end + 1)
    head = not text[start : start + 1].isspace()
    new = (
        goes_on
        and head
        and text[end + 1 : ends] not in old_lines
        and _closes(code, end, ends, paren)
    )
    column = _indented(text, end + 1) if goes_on and not new else _column(text, paren) + 1
    if _column(text, offset) <= column:
        return None
    rest = text[offset:end].lstrip()
    if goes_on:
        rest, after = _taken_up(text, rest, column, end)
        if new and after == end:
            rest, after = f"{rest}\n{_indent(column)}{text[end + 1 : ends].strip()}", ends
        end = after
    return text[:offset] + "\n" + _indent(column) + rest + text[end:], offset + 1


def _next_argument(code: str, start: int, end: int) -> int:
    """Return how long the argument behind a comma is, its own comma and the space before it."""
    depth = 0
    for offset in range(start, end):
        depth += (code[offset] in "([") - (code[offset] in ")]")
        if depth < 0:
            break  # the last one: all that follows stays with it
        if code[offset] == "," and not depth:
            return offset + 1 - start
    return end - start


def _closes(code: str, start: int, end: int, paren: int) -> bool:
    """Tell whether the line from `start` to `end` is the last of the list that `paren` opens."""
    last = next((parens for at, parens in _open_parens(code) if at == end + 1), [])
    return paren not in last and end > start


def _taken_up(text: str, rest: str, column: int, end: int) -> tuple[str, int]:
    """Return the rest of a broken line with the next line behind it, if it has room for that."""
    after = text.find("\n", end + 1)
    following = text[end + 1 : after].strip()
    fits = column + len(rest) + 1 + len(following) <= WIDTH
    return (f"{rest} {following}", after) if fits and rest.endswith(",") else (rest, end)


def _indented(text: str, start: int) -> int:
    """Return the column of the first character of a line that is no white space."""
    line = text[start:]
    return advance(line[: len(line) - len(line.lstrip())], 0)


def _may_break(code: str, offset: int) -> bool:
    """Tell whether a line may break after this character: a comma, or an operator."""
    if code[offset + 1 : offset + 2] != " ":
        return False
    return code[offset] == "," or _OPERATOR.search(code, max(offset - 3, 0), offset + 1) is not None
