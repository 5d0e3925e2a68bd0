# SPDX-License-Identifier: GPL-2.0-only
"""Names of what is made up: equal histories have equal names, in whichever run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from premap.interp.values import plain
from premap.model.errors import NotModelled

if TYPE_CHECKING:
    from premap.csource.ctypes import CType
    from premap.csource.scope import Scope

MOMENT = re.compile(r"@(\d+)")
"""What follows the name of what is read, or returned, after something happened."""
UNKNOWN_WORD = re.compile(r"(?<!\w)#(\d+)")
"""An index or an argument that is not known, in a name (`Namer.text`)."""


class Namer:
    """Gives equal histories equal, short names; shared by all runs of one comparison."""

    compares = True
    """Whether there are runs of another version, in which names may mean something else."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._next = itertools.count(1)
        self._facts: dict[Hashable, Hashable] = {}
        self.moved: set[str] = set()
        """Made-up offsets of members that are elsewhere in the other version."""
        self.addresses: dict[str, set[tuple[CType, Scope]]] = {}
        """Made-up addresses of members: what they are members of, as which files see it."""
        self.identities: set[int] = set()
        """Numbers of the conditions that two pointers are equal, which hang on no layout."""
        self.executed: set[str] = set()
        """Functions of the files themselves and their own headers that some run executed."""
        self.opaque: set[str] = set()
        """Inline functions of own headers that some run took for unknown code."""

    def agree(self, about: Hashable, fact: Hashable, text: str) -> None:
        """Raise NotModelled(text) where runs that share names don't mean the same by one."""
        if self._facts.setdefault(about, fact) != fact:
            raise NotModelled(text)

    def number(self, history: tuple[Any, ...]) -> int:
        """Return the number of a history: the same for the same one, in whichever run."""
        found = self._numbers.get(history)
        if found is None:
            found = self._numbers[history] = next(self._next)
        return found

    def text(self, word: int) -> str:
        """Return a word as part of a name."""
        known = plain(word)
        return str(known) if known is not None else f"#{self.number(('word', word))}"

    def word(self, number: int) -> Any:
        """Return the word that a name shows as `#number`, None if it is something else."""
        found = (key for key, known in self._numbers.items() if known == number)
        return next((key[1] for key in found if key[0] == "word"), None)

    def concrete(self, value_of: Callable[[Any], Any]) -> Namer:
        """Return the names of a concrete run: words of histories have the values they take.

        Histories that become the same then have one name.
        """
        made = Namer()
        same = {0: 0}
        for history, number in sorted(self._numbers.items(), key=itemgetter(1)):
            first = same.get(history[0], history[0])
            known = (first, *(_concrete(part, value_of) for part in history[1:]))
            same[number] = made._numbers.setdefault(known, number)
        made._next = itertools.count(len(self._numbers) + 1)
        return made


class LoneNamer(Namer):
    """Names of runs of one version alone: what its names mean need not be told."""

    compares = False


def _concrete(part: Any, value_of: Callable[[Any], Any]) -> Any:
    if isinstance(part, tuple):
        return tuple(_concrete(each, value_of) for each in part)
    return part if isinstance(part, str | int | None) else value_of(part)
