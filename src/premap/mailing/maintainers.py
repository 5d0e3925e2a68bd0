# SPDX-License-Identifier: GPL-2.0-only
"""A tree's MAINTAINERS: whose a file is, by the F:, X: and N: lines that match its name.

As scripts/get_maintainer.pl has it, without its K: lines and its look at history.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from msgspec import Struct

_ENTRY = re.compile(r"([A-Z]):\s*(.*)")
_EVERYTHING = "THE REST"
_LIST = re.compile(r"(\S+@\S+)(?:\s+(.*))?")
_PLAIN_REGEX = re.compile(r"[^+{]*(?:[*][^+*{]*){0,4}")
"""Regular expressions that can't take long; nobody needs others to name a file."""
_ANY, _ANY_ONE = "*", "?"
_WILD = re.compile(r"[*?\[]")
_SPECIAL = re.compile(r"\*|\?|\[[^\]/]+\]|\[")
_WILDCARDS = re.compile(r"\*+|\?|\[[^\]/]+\]|.")

Token = str | frozenset[str]


class Recipients(Struct, frozen=True):
    """Who gets a mail, each as "Name <address>" or a bare address."""

    to: tuple[str, ...] = ()
    """Maintainers."""
    cc: tuple[str, ...] = ()
    """Reviewers, then lists."""

    def __add__(self, other: Recipients) -> Recipients:
        to = _distinct((*self.to, *other.to))
        cc = _distinct((*self.cc, *other.cc))
        taken = set(map(address_of, to))
        return Recipients(to, tuple(each for each in cc if address_of(each) not in taken))


def address_of(recipient: str) -> str:
    """Return the address of "Name <address>", in lower case."""
    return recipient.rpartition("<")[2].rstrip(">").lower()


def _distinct(recipients: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, under the name that it had first."""
    found: dict[str, str] = {}
    for each in recipients:
        found.setdefault(address_of(each), each)
    return tuple(found.values())


NOBODY = Recipients()


class Pattern:
    """What follows F: or X: in MAINTAINERS."""

    def __init__(self, text: str, *, is_folder: bool = False) -> None:
        self.text = text + "/" if is_folder and not text.endswith("/") else text
        wild = _WILD.search(self.text)
        self._literal = self.text if wild is None else self.text[: wild.start()]

    def matches(self, file: str) -> bool:
        """Tell whether the pattern is about a file."""
        if not file.startswith(self._literal):
            return False
        if self._literal != self.text:
            rest = file[len(self._literal) :]
            if self._longest not in rest or not _begins(self._tokens, rest):
                return False
        deep = self.text.endswith("/") or "**" in self.text
        return deep or file.count("/") == self.text.count("/")

    @property
    def depth(self) -> int:
        """How much of a name the pattern tells: 0 for none, more for folders further down."""
        if self.text.startswith("*"):
            return -1
        return self.text.count("/") + (not self.text.endswith("/"))

    @property
    def start(self) -> str:
        """The one or two outermost folders of all names that it matches; "" if they differ."""
        return "/".join(self._literal.split("/")[:-1][:2])

    @property
    def folder(self) -> str | None:
        """The folder of whose files it is about all, without a slash at its end; else None."""
        folder = self.text.rstrip("*")
        plain = folder.endswith("/") and not _WILD.search(folder)
        return folder[:-1] if plain else None

    @cached_property
    def _longest(self) -> str:
        """The longest text between wildcards: most names do not even have that."""
        return max(_SPECIAL.split(self.text[len(self._literal) :]), key=len)

    @cached_property
    def _tokens(self) -> list[Token]:
        """What stands behind the literal beginning."""
        found: list[Token] = []
        for match in _WILDCARDS.finditer(self.text, len(self._literal)):
            token = match[0]
            if token.startswith("[") and len(token) > 1:
                found.append(frozenset(_members(token[1:-1])))
            else:
                found.append(_ANY if token.startswith("*") else token)
        return found


def _members(text: str) -> Iterator[str]:
    """Yield the characters of a class: "ch", "a-z"."""
    for match in re.finditer(r"(.)-(.)|.", text):
        first, last = (match[1], match[2]) if match[1] else (match[0], match[0])
        yield from map(chr, range(ord(first), min(ord(last), 0x7F) + 1))


def _begins(tokens: list[Token], text: str) -> bool:
    """Tell whether `text` begins with what the tokens stand for, in time linear in both."""
    at = index = 0
    again: tuple[int, int] | None = None
    while index < len(tokens):
        token = tokens[index]
        if token == _ANY:
            again = index, at
            index += 1
        elif at < len(text) and (token in (_ANY_ONE, text[at]) or text[at] in token):
            at, index = at + 1, index + 1
        elif again is not None and again[1] < len(text):
            again = again[0], again[1] + 1
            index, at = again[0] + 1, again[1]
        else:
            return False
    return True


class Section(Struct, frozen=True):
    """One entry of MAINTAINERS."""

    title: str
    files: tuple[Pattern, ...] = ()
    excluded: tuple[Pattern, ...] = ()
    names: tuple[re.Pattern[str], ...] = ()
    recipients: Recipients = NOBODY

    def matching(self, file: str) -> list[Pattern]:
        """Return the F: patterns that match a file, none if the section leaves it out."""
        if any(pattern.matches(file) for pattern in self.excluded):
            return []
        return [pattern for pattern in self.files if pattern.matches(file)]

    def leaves_out(self, file: str) -> bool:
        """Tell whether one of its X: patterns is about a file."""
        return any(pattern.matches(file) for pattern in self.excluded)


class Maintainers:
    """The whole of MAINTAINERS."""

    def __init__(self, text: str, is_folder: Callable[[str], bool] = lambda _: False) -> None:
        self.sections = [_section(*part, is_folder) for part in _parts(text)]

    def of(self, file: str) -> list[Section]:
        """Return the sections that are about a file, the closest one first."""
        told = [(-depth, place) for place, depth in self._depths(file).items()]
        sections = (self.sections[place] for _, place in sorted(told))
        return [section for section in sections if not section.leaves_out(file)]

    def _depths(self, file: str) -> dict[int, int]:
        """Return how closely each section is about a file, by the section's place."""
        found = {
            place: 0 for place, names in self._by_name if any(name.search(file) for name in names)
        }
        top, _, rest = file.partition("/")
        for start in {"", top, f"{top}/{rest.partition('/')[0]}"}:
            for place, pattern in self._by_start.get(start, ()):
                if pattern.matches(file):
                    found[place] = max(pattern.depth, found.get(place, pattern.depth))
        return found

    @cached_property
    def _by_name(self) -> list[tuple[int, tuple[re.Pattern[str], ...]]]:
        named = enumerate(section.names for section in self.sections)
        return [(place, names) for place, names in named if names]

    @cached_property
    def _by_start(self) -> dict[str, list[tuple[int, Pattern]]]:
        """Patterns with their sections' places, by the one or two folders they begin with."""
        found: dict[str, list[tuple[int, Pattern]]] = defaultdict(list)
        for place, section in enumerate(self.sections):
            for pattern in section.files:
                found[pattern.start].append((place, pattern))
        return found

    def recipients(self, file: str) -> Recipients:
        """Return who is to be told of a change to a file."""
        told = NOBODY
        for section in self.of(file):
            told += section.recipients
        return told

    def folders(self, file: str) -> list[str]:
        """Return the folders around a file that have an entry, the outermost first."""
        named = {
            pattern.folder
            for section in self.sections
            if section.title != _EVERYTHING
            for pattern in section.matching(file)
        }
        return sorted((folder for folder in named if folder), key=len)


_Entries = dict[str, list[str]]
"""What a section says, by letter."""


def _parts(text: str) -> Iterator[tuple[str, _Entries]]:
    """Yield each section: its title is the line above its first letter."""
    title = ""
    entries: _Entries = {}
    for line in text.splitlines():
        match = _ENTRY.match(line)
        if match is not None:
            entries.setdefault(match[1], []).append(match[2].strip())
        elif line.strip() and not line.startswith("#"):
            if entries:
                yield title, entries
            title, entries = line, {}
    if entries:
        yield title, entries


def _section(title: str, entries: _Entries, is_folder: Callable[[str], bool]) -> Section:
    def values(letter: str) -> list[str]:
        return [value for value in entries.get(letter, ()) if value]

    def patterns(letter: str) -> tuple[Pattern, ...]:
        return tuple(Pattern(v, is_folder=_plain(v) and is_folder(v)) for v in values(letter))

    chief = "Buried alive in reporters" in values("S")
    people = [] if chief else values("M")
    return Section(
        title.strip(),
        patterns("F"),
        patterns("X"),
        tuple(_compiled(values("N"))),
        Recipients(
            tuple(filter(None, map(_person, people))),
            (*filter(None, map(_person, values("R"))), *_lists(values("L"))),
        ),
    )


def _plain(pattern: str) -> bool:
    return not pattern.endswith("/") and not _WILD.search(pattern)


def _compiled(texts: list[str]) -> Iterator[re.Pattern[str]]:
    for text in texts:
        if _PLAIN_REGEX.fullmatch(text):
            try:
                yield re.compile(text, re.VERBOSE)
            except (re.error, OverflowError):
                continue


def _person(text: str) -> str | None:
    """Return "Name <address>" of an M: or R: line; what follows the address is a remark."""
    match = re.match(r"\s*([^<]*)<([^<>\s]+@[^<>\s]+)>", text)
    if match is None:
        bare = re.match(r"\S+@\S+", text)
        return bare[0] if bare else None
    name = re.sub(r'^"([^"]*)"$', r"\1", match[1].strip())
    return f"{name} <{match[2]}>" if name else match[2]


def _lists(texts: list[str]) -> Iterator[str]:
    """Yield the lists that anybody can write to."""
    for text in texts:
        match = _LIST.match(text)
        if match is not None and "subscribers-only" not in (match[2] or ""):
            yield match[1]
