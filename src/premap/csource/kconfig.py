# SPDX-License-Identifier: GPL-2.0-only
"""What a tree's Kconfig files say that an option depends on.

Documentation/kbuild/kconfig-language.rst. Read as text: nothing is configured, and what is not
understood says nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, field

from premap.csource.tree import KernelTree

ROOT = "Kconfig"
_NAMES = re.compile(rb'^[ \t]*(config|menuconfig|select|source)[ \t]+"?([^"$\s]+)', re.MULTILINE)
_TOKEN = re.compile(r'\s*(?:&&|\|\||!=|[()!=]|\w+|"\w*"|\S)')
_MOST_TOKENS = 200
"""Of one expression: longer ones say nothing, for they may be nested as deeply."""
_DEEPEST = 40
"""Options that depend on one another, in a row, which are followed."""
_ENDS = {"endif": "if", "endmenu": "menu", "endchoice": "choice"}
_PROMPTED = re.compile(r"(?:bool|tristate|string|int|hex|prompt)\s+[\"']")
_ALWAYS = re.compile(r"(?:def_bool|default)\s+y")


class BadExpression(Exception):
    """Text after `depends on` or `if` that is no expression of options."""


class Option(Struct, frozen=True):
    """One definition of an option: `config X`, and what is below it."""

    name: str
    file: str
    depends: tuple[str, ...]
    """Expressions all of which hold where it is set: its own, and those of blocks around it."""
    lines: tuple[str, ...]
    """The other lines of its definition."""

    @property
    def always(self) -> bool:
        """Whether it is set wherever the file is read: no prompt, no condition, and on."""
        prompted = any(_PROMPTED.match(line) for line in self.lines)
        on = any(_ALWAYS.fullmatch(line) for line in self.lines)
        return on and not prompted and not self.depends

    @property
    def hidden(self) -> bool:
        """Whether only a `select` sets it."""
        return not any(
            _PROMPTED.match(line) or line.startswith(("def_", "default", "prompt"))
            for line in self.lines
        )

    def selects(self, name: str) -> Iterator[str]:
        """Yield the conditions under which it selects an option; "" where there is none."""
        for line in self.lines:
            words = line.split(None, 2)
            if words[:2] == ["select", name]:
                yield words[2].removeprefix("if").strip() if len(words) > 2 else ""


class _Included(Struct, frozen=True):
    """`source "file"`, and what holds there."""

    file: str
    depends: tuple[str, ...]


class _Read(Struct):
    """What one Kconfig file says."""

    options: list[Option] = field(default_factory=list)
    sources: list[_Included] = field(default_factory=list)


class Kconfig:
    """The options of a tree."""

    def __init__(self, tree: KernelTree) -> None:
        self.tree = tree
        self._defining: dict[str, set[str]] = {}
        self._selecting: dict[str, set[str]] = {}
        self._included_by: dict[str, set[str]] = {}
        self._read: dict[str, _Read] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._circle = False
        """Whether an answer rests on a question that was still open."""
        arches = sorted(path.parent.name for path in Path(tree.root, "arch").glob("*/Kconfig"))
        waiting = [ROOT, *(f"arch/{arch}/Kconfig" for arch in arches)]
        seen = set(waiting)
        while waiting:
            file = waiting.pop()
            for match in _NAMES.finditer(tree.bytes_of(file)):
                name = match[2].decode("latin-1")
                if match[1] == b"source":
                    self._included_by.setdefault(name, set()).add(file)
                    if name not in seen:
                        seen.add(name)
                        waiting.append(name)
                else:
                    where = self._selecting if match[1] == b"select" else self._defining
                    where.setdefault(name, set()).add(file)

    def needs(self, option: str, wanted: str) -> bool:
        """Tell whether an option can only be set where another one is, as far as is said."""
        return option == wanted or self._needs(option, wanted, frozenset())

    def always(self, arch: str, option: str) -> bool:
        """Tell whether an architecture has an option in each of its kernels."""
        found = [
            each
            for file in self._defining.get(option, ())
            if file.startswith(f"arch/{arch}/")
            for each in self._options(file, option)
        ]
        return bool(found) and all(each.always for each in found)

    def _needs(self, option: str, wanted: str, open_: frozenset[str]) -> bool:
        key = option, wanted
        if key in self._known:
            return self._known[key]
        if option in open_ or len(open_) >= _DEEPEST:
            self._circle = True
            return False
        outside, self._circle = self._circle, False
        found = self._says(option, wanted, open_ | {option})
        if found or not open_ or not self._circle:
            self._known[key] = found  # else it may be no only because the question was open
        self._circle = bool(open_) and (self._circle or outside)
        return found

    def _says(self, option: str, wanted: str, open_: frozenset[str]) -> bool:
        defined = [
            each
            for file in sorted(self._defining.get(option, ()))
            for each in self._options(file, option)
        ]
        if not defined:
            return False
        if all(self._definition_needs(each, wanted, open_) for each in defined):
            return True
        return all(each.hidden for each in defined) and self._selected(option, wanted, open_)

    def _definition_needs(self, option: Option, wanted: str, open_: frozenset[str]) -> bool:
        parts = option.file.split("/")
        if parts[0] == "arch" and self.always(parts[1], wanted):
            return True
        if any(self._implies(text, wanted, open_) for text in option.depends):
            return True
        return self._file_needs(option.file, wanted, open_, frozenset())

    def _selected(self, option: str, wanted: str, open_: frozenset[str]) -> bool:
        """Tell whether all that select a hidden option need another one."""
        found = [
            self._implies(condition, wanted, open_)
            or self._needs(other.name, wanted, open_)
            or self._definition_needs(other, wanted, open_)
            for file in sorted(self._selecting.get(option, ()))
            for other in self._file(file).options
            for condition in other.selects(option)
        ]
        return bool(found) and all(found)

    def _file_needs(
        self, file: str, wanted: str, open_: frozenset[str], seen: frozenset[str]
    ) -> bool:
        """Tell whether a file is only included where an option is set."""
        if file in seen:
            return False
        places = [
            (parent, place)
            for parent in sorted(self._included_by.get(file, ()))
            for place in self._file(parent).sources
            if place.file == file
        ]
        return bool(places) and all(
            any(self._implies(text, wanted, open_) for text in place.depends)
            or self._file_needs(parent, wanted, open_, seen | {file})
            for parent, place in places
        )

    def _implies(self, text: str, wanted: str, open_: frozenset[str]) -> bool:
        """Tell whether an expression is only true where an option is set."""
        try:
            return _Expression(text, lambda name: self._option(name, wanted, open_)).implies()
        except BadExpression:
            return False

    def _option(self, name: str, wanted: str, open_: frozenset[str]) -> bool:
        return name == wanted or self._needs(name, wanted, open_)

    def _options(self, file: str, name: str) -> list[Option]:
        return [each for each in self._file(file).options if each.name == name]

    def _file(self, name: str) -> _Read:
        if name not in self._read:
            text = self.tree.bytes_of(name).decode("utf-8", "replace").replace("\\\n", " ")
            self._read[name] = _read(name, text)
        return self._read[name]


def _read(file: str, text: str) -> _Read:
    """Read one Kconfig file."""
    found = _Read()
    blocks: list[tuple[str, list[str]]] = []
    own: list[str] = []
    """What the entry that is read depends on, its blocks aside."""
    entry: tuple[str, list[str]] | None = None

    def around() -> list[str]:
        return [text for _, depends in blocks for text in depends]

    def close() -> None:
        nonlocal entry
        if entry is not None:
            depends = (*around(), *own)
            found.options.append(Option(entry[0], file, depends, tuple(entry[1])))
        entry = None

    for line in _statements(text):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in {"config", "menuconfig", "menu", "choice", "if", "comment", "source", *_ENDS}:
            close()
            own = []
        if word in {"config", "menuconfig"}:
            entry = rest, []
        elif word in {"menu", "choice", "if"}:
            own = [rest] if word == "if" else []
            blocks.append((word, own))
        elif word in _ENDS:
            while blocks and blocks.pop()[0] != _ENDS[word]:
                pass
        elif word == "source":
            found.sources.append(_Included(rest.strip('"'), tuple(around())))
        elif word == "depends":
            own.append(rest.removeprefix("on").strip())
        elif entry is not None:
            entry[1].append(line)
    close()
    return found


def _statements(text: str) -> Iterator[str]:
    """Yield the lines without comments, white space at their ends, and help texts."""
    helped: int | None = None
    for raw in text.splitlines():
        line = raw.expandtabs()
        bare = line.strip()
        if not bare:
            continue
        indent = len(line) - len(line.lstrip())
        if helped is not None:
            if helped < 0:
                helped = indent or None
            elif indent < helped:
                helped = None
            if helped is not None:
                continue
        if bare in {"help", "---help---"}:
            helped = -1
        elif not bare.startswith("#"):
            yield re.sub(r"\s+", " ", re.sub(r"\s#[^\"]*\Z", "", bare))


class _Expression:
    """`A && (B || !C)`, asked whether it is only true where something is set."""

    def __init__(self, text: str, holds: Callable[[str], bool]) -> None:
        found = itertools.islice(_TOKEN.finditer(text), _MOST_TOKENS + 1)
        self._tokens = [match[0].strip().strip('"') for match in found]
        self._holds = holds

    def implies(self) -> bool:
        """Tell it, for `holds` that tells it of an option. Raises BadExpression."""
        if len(self._tokens) > _MOST_TOKENS:
            raise BadExpression
        found = self._or()
        if self._tokens:
            raise BadExpression
        return found

    def _taken(self, *wanted: str) -> str:
        """Take the next token if it is one of these, or any word where none is named."""
        token = self._tokens[0] if self._tokens else ""
        if token in wanted or (not wanted and re.fullmatch(r"\w+", token)):
            return self._tokens.pop(0)
        return ""

    def _or(self) -> bool:
        found = self._and()
        while self._taken("||"):
            found = self._and() and found
        return found

    def _and(self) -> bool:
        found = self._not()
        while self._taken("&&"):
            found = self._not() or found
        return found

    def _not(self) -> bool:
        if self._taken("!"):
            self._not()
            return False
        if self._taken("("):
            found = self._or()
            if not self._taken(")"):
                raise BadExpression
            return found
        return self._compared()

    def _compared(self) -> bool:
        name = self._taken()
        if not name:
            raise BadExpression
        sign = self._taken("=", "!=")
        value = self._taken() if sign else "y"
        on = value == "n" if sign == "!=" else value in {"y", "m"}
        return on and self._holds(name)
