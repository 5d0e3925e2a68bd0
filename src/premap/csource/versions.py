# SPDX-License-Identifier: GPL-2.0-only
"""`#if` arms that no kernel with `mmap_prepare` compiles: those for older releases.

Drivers outside the tree ask `LINUX_VERSION_CODE` for what older kernels lack. The version is taken
to be one that has the new hook and its helpers, whichever; what else a condition asks is not known,
but for macros that the file itself defines within such an `#if`, and those that are `GONE`, where
no header of the driver's own can define them. Others, such as `#if 0`, are its own business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from premap.csource.text import GAP, GONE, VERSION, blank, directives

OLDEST = 7 << 16
"""LINUX_VERSION_CODE of 7.0, the first release whose hooks can be written (include/linux/version.h:
(version << 16) + (patch level << 8) + sublevel, the latter at most 255)."""

_MADE = "KERNEL_VERSION"
_LINE = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif|define|undef)\b"
    rb"((?:[^\n\\]|\\(?:\r?\n|.)?)*)",
    re.MULTILINE,
)
_OWN_HEADER = re.compile(rb'#[ \t]*include[ \t]*"')
"""What may include a header of the driver's own, which may define what is gone again."""
_BEGINS = re.compile(rb"#[ \t]*(?:if|el|endif|define|undef)")
_DEFINED = re.compile(r"\s*(\w+)(\(?)\s*(.*)", re.DOTALL)
_TOKEN = re.compile(r"\s*(?:(0[xX][0-9a-fA-F]+|\d+)[uUlL]*|(\w+)|(&&|\|\||[=!<>]=|[!<>(),]))")
_CONTINUED = re.compile(r"\\\r?\n")
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_MOST_TOKENS = 1000
_MOST_NESTED = 30


class Hidden(Struct, frozen=True):
    """One `#if` with arms that are decided: the bytes of it, and what of them no compiler sees."""

    start: int
    """Where the line of its `#if` begins."""
    end: int
    """After the line of its `#endif`."""
    ranges: tuple[tuple[int, int], ...]
    """In order: whole lines, or the `el` of an `#elif` that becomes the first arm."""
    gone: str | None = None
    """A macro of old that it asks for, and that is taken not to be defined."""

    @property
    def whole(self) -> bool:
        """Whether nothing of it is left."""
        return self.ranges == ((self.start, self.end),)


def hidden(text: bytes, code: bytes) -> tuple[Hidden, ...]:
    """Return the conditionals of a file that kernels from 7.0 on decide, outer ones before inner.

    `code` is the code view of `text`. Those within an arm that is hidden are left out.
    """
    if VERSION not in code and not any(name in code for name in GONE):
        return ()
    return tuple(sorted(_Reader(text, code).read(), key=lambda each: (each.start, -each.end)))


def seen(text: bytes, found: tuple[Hidden, ...]) -> bytes:
    """Return a text with spaces for what is hidden; same offsets."""
    pieces: list[bytes] = []
    done = 0
    for start, end in sorted(each for one in found for each in one.ranges):
        if start >= done:
            pieces += (text[done:start], blank(text[start:end]))
            done = end
    return b"".join((*pieces, text[done:]))


class _Arm(Struct):
    start: int
    """Of the directive's line."""
    body: int
    """After that line."""
    word: int
    """Where its keyword begins."""
    truth: bool | None
    """What its condition says, if that is known."""
    live: bool | None
    """Whether it is compiled; None: not known."""


class _Open(Struct):
    """An `#if` whose `#endif` is not read yet."""

    arms: list[_Arm]
    sure: bool
    """Whether what is around it is compiled in any case."""
    dead: bool
    """Whether it lies in an arm that is not compiled."""
    gone: str | None = None
    """A macro of old that its conditions ask for."""
    odd: bool = False
    """Whether a comment begins on a directive's line and ends on another."""


class _Reader:
    """Reads the directives of one file, in order."""

    def __init__(self, text: bytes, code: bytes) -> None:
        self.text = text
        self.code = code
        gone = () if _OWN_HEADER.search(text) else GONE
        self.macros = _Macros({name.decode() for name in gone if not _defines(name, code)})
        self.stack: list[_Open] = []

    def read(self) -> Iterator[Hidden]:
        for match in directives(_LINE, _BEGINS, self.code):
            word = match[1].decode()
            rest = _CONTINUED.sub(" ", match[2].decode("latin-1")).strip()
            if word in {"define", "undef"}:
                self._define(word, rest)
                continue
            start, end = match.start(), self._next_line(match.end())
            said = self.text[start:end]
            if word.startswith("if"):
                sure = all(each.sure and each.arms[-1].live for each in self.stack)
                dead = any(each.arms[-1].live is False for each in self.stack)
                self.stack.append(_Open([], sure, dead))
            if not self.stack:
                continue
            last = self.stack[-1]
            last.odd |= said.rfind(b"/*") > said.rfind(b"*/")
            if word != "endif":
                last.arms.append(self._arm((start, end, match.start(1)), word, rest, last))
                continue
            self.stack.pop()
            if not last.dead and not last.odd:
                yield from _hidden_of(last, start, end)

    def _next_line(self, at: int) -> int:
        newline = self.code.find(b"\n", at)
        return len(self.code) if newline < 0 else newline + 1

    def _arm(self, at: tuple[int, int, int], word: str, rest: str, around: _Open) -> _Arm:
        truth: bool | None = True if word == "else" else None
        if not around.dead and word != "else":
            truth = self.macros.truth(word.removeprefix("el"), rest)
            around.gone = around.gone or self.macros.asked
        before = [arm.truth for arm in around.arms]
        live = False if truth is False or True in before else None if None in before else truth
        return _Arm(*at, truth, live)

    def _define(self, word: str, rest: str) -> None:
        if any(each.arms[-1].live is False for each in self.stack):
            return
        sure = bool(self.stack) and all(each.arms[-1].live for each in self.stack)
        self.macros.note(rest, defines=word == "define", sure=sure)


def _hidden_of(conditional: _Open, end: int, after: int) -> Iterator[Hidden]:
    """Yield what no compiler sees of a conditional whose `#endif` is the line [end, after)."""
    arms = conditional.arms
    ends = [*(arm.start for arm in arms[1:]), end]
    kept = [arm for arm in arms if arm.live is not False]
    ranges: list[tuple[int, int]] = []
    for arm, stop in zip(arms, ends, strict=True):
        if arm.live is False:
            ranges.append((arm.start, stop))
        elif arm.live:
            ranges.append((arm.start, arm.body))
        elif arm is kept[0] and arm is not arms[0]:
            ranges.append((arm.word, arm.word + len("el")))
    if not kept or kept[0].live:
        ranges.append((end, after))
    if ranges:
        yield Hidden(arms[0].start, after, tuple(_joined(ranges)), conditional.gone)


def _defines(name: bytes, code: bytes) -> bool:
    return re.search(rb"#[ \t]*define%b%b\b" % (GAP, name), code) is not None


def _joined(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ranges, those that follow each other as one."""
    start, end = ranges[0]
    for one, other in ranges[1:]:
        if one == end:
            end = other
            continue
        yield start, end
        start, end = one, other
    yield start, end


class _Macros:
    """What the macros are that the file defines for some releases."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone
        """What neither the file nor a kernel defines."""
        self.asked: str | None = None
        """The last of these that the last condition asked for."""
        self._known: dict[str, int | None] = {}
        """By name; None for one that is defined, and is no number."""
        self._doubtful: set[str] = set()

    def note(self, rest: str, *, defines: bool, sure: bool) -> None:
        """Read a `#define` or `#undef` that is, or may be, compiled."""
        match = _DEFINED.match(rest)
        if match is None:
            return
        name, bracket, body = match.groups()
        if not defines or not sure or bracket or name in self._known:
            self._doubtful.add(name)
        self._known[name] = _number(body)

    def truth(self, word: str, rest: str) -> bool | None:
        """Return what an `#if`, `#ifdef` or `#ifndef` asks; None where that is not known."""
        self.asked = None
        if word != "if":
            names = rest.split()
            known = self.is_defined(names[0]) if names else None
            return known if word == "ifdef" or known is None else not known
        try:
            asked = _Condition(rest, self)
            found = asked.truth()
        except _NotUnderstood:
            return None
        return found if asked.versioned else None

    def is_defined(self, name: str) -> bool | None:
        """Return True where it is, False for one that is gone; headers may define others."""
        if name in self._gone:
            self.asked = name
            return False
        return True if name in self._known and name not in self._doubtful else None

    def value(self, name: str) -> int | None:
        """Return what a name stands for in a condition, if that is a number and known."""
        return self._known.get(name) if name not in self._doubtful else None


def _number(body: str) -> int | None:
    while body.startswith("(") and body.endswith(")"):
        body = body[1:-1].strip()
    try:
        return int(body.rstrip("uUlL"), 0)
    except ValueError:
        return None


class _NotUnderstood(Exception):
    """A condition that has more than comparisons and `&&`, `||`, `!`."""


class _Version:
    """LINUX_VERSION_CODE: a number from `OLDEST` on."""


_Value = int | _Version | None


class _Condition:
    """One expression of an `#if`, read by recursive descent; None is what is not known."""

    def __init__(self, text: str, macros: _Macros) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._macros = macros
        self.versioned = False
        """Whether it asks for the version, or for a macro that hangs on it."""

    def truth(self) -> bool | None:
        found = _as_truth(self._either())
        if self._at < len(self._tokens):
            raise _NotUnderstood
        return found

    def _next(self, *wanted: str) -> str | None:
        """Take the next token if it is one of these."""
        if self._at < len(self._tokens) and self._tokens[self._at] in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _either(self) -> _Value:
        value = self._both()
        while self._next("||"):
            sides = (_as_truth(value), _as_truth(self._both()))
            value = 1 if True in sides else None if None in sides else 0
        return value

    def _both(self) -> _Value:
        value = self._equal()
        while self._next("&&"):
            sides = (_as_truth(value), _as_truth(self._equal()))
            value = 0 if False in sides else None if None in sides else 1
        return value

    def _equal(self) -> _Value:
        value = self._compared()
        while sign := self._next("==", "!="):
            value = _compare(value, sign, self._compared())
        return value

    def _compared(self) -> _Value:
        value = self._unary()
        while sign := self._next("<", ">", "<=", ">="):
            value = _compare(value, sign, self._unary())
        return value

    def _unary(self) -> _Value:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise _NotUnderstood
        if self._next("!"):
            truth = _as_truth(self._unary())
            value: _Value = None if truth is None else int(not truth)
        elif self._next("("):
            value = self._either()
            self._close()
        else:
            value = self._name()
        self._depth -= 1
        return value

    def _name(self) -> _Value:
        if self._at == len(self._tokens):
            raise _NotUnderstood
        word = self._tokens[self._at]
        self._at += 1
        if word[0].isdigit():
            return _literal(word)
        if not word.isidentifier():
            raise _NotUnderstood
        if word == "defined":
            return self._defined()
        if self._next("("):
            return self._called(word)
        value = _Version() if word == VERSION.decode() else self._macros.value(word)
        self.versioned |= value is not None
        return value

    def _defined(self) -> _Value:
        grouped = self._next("(") is not None
        if self._at == len(self._tokens):
            raise _NotUnderstood
        name = self._tokens[self._at]
        self._at += 1
        if grouped:
            self._close()
        known = self._macros.is_defined(name)
        self.versioned |= known is not None
        return None if known is None else int(known)

    def _called(self, name: str) -> _Value:
        """Read the arguments of what has them; only KERNEL_VERSION() of numbers is known."""
        given: list[_Value] = []
        while not self._next(")"):
            given.append(self._either())
            if not self._next(",") and self._tokens[self._at : self._at + 1] != [")"]:
                raise _NotUnderstood
        numbers = [each for each in given if isinstance(each, int)]
        if name != _MADE or len(given) != 3 or len(numbers) != 3:
            return None
        version, level, sublevel = numbers
        return (version << 16) + (level << 8) + min(sublevel, 255)

    def _close(self) -> None:
        if not self._next(")"):
            raise _NotUnderstood


def _tokens(text: str) -> Iterator[str]:
    at = count = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        count += 1
        if match is None or count > _MOST_TOKENS:
            raise _NotUnderstood
        yield match[1] or match[2] or match[3]
        at = match.end()


def _literal(token: str) -> int:
    octal = len(token) > 1 and token.isdigit() and token[0] == "0"
    try:
        return int(token, 8 if octal else 0)
    except ValueError as error:  # 08
        raise _NotUnderstood from error


def _as_truth(value: _Value) -> bool | None:
    if isinstance(value, _Version):
        return True
    return None if value is None else value != 0


def _compare(left: _Value, sign: str, right: _Value) -> _Value:
    if isinstance(right, _Version):
        left, sign, right = right, _MIRRORED[sign], left
    if not isinstance(right, int) or left is None:
        return None
    if isinstance(left, _Version):
        return _compare_version(sign, right)
    found = {
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
        "==": left == right,
        "!=": left != right,
    }
    return int(found[sign])


def _compare_version(sign: str, number: int) -> _Value:
    """Compare a version from `OLDEST` on; None where some such versions are on either side."""
    if sign in {"<", ">="}:
        return int(sign == ">=") if number <= OLDEST else None
    return int(sign in {">", "!="}) if number < OLDEST else None
