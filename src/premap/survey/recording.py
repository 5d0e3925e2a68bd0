# SPDX-License-Identifier: GPL-2.0-only
"""A tree that remembers what was asked of it, so that an answer is reused only while it holds.

Of what a file includes, only names are asked: `Noted.names` has the headers that said a name, as
far as they were looked at. So a header that says none of the names may change, come or go.

What a fact rests on that the tree keeps is noted with it, and counts for all that ask for the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field

from premap.cache.store import digest_of
from premap.csource.errors import SourceError
from premap.csource.includes import absent, closure
from premap.csource.search import Search
from premap.csource.source import SourceFile
from premap.csource.text import places
from premap.csource.tree import DEFINE, MAKEFILE, KernelTree

T = TypeVar("T")
Query = tuple[str, str]
"""A word, and the folder under which it was looked for; with a slash at its end: right in which."""
Asked = tuple[str, str]
"""A file, and a name that was looked for in what it includes."""


_UNSAID = frozenset({"absent", "include", "includes"})
"""Facts about what files include: they are looked at again wherever names are asked for."""


class Said(Struct, frozen=True):
    """Headers that say a name, nearest first."""

    files: tuple[str, ...]
    whole: bool
    """Whether these are all of them; else no more were looked at."""


class Noted(Struct):
    """What an answer rests on."""

    touched: set[str] = field(default_factory=set)
    """Files that were read as a whole."""
    queries: dict[Query, tuple[str, ...]] = field(default_factory=dict)
    names: dict[Asked, Said] = field(default_factory=dict)
    vague: bool = False
    """Whether something was looked for that is no name: then all that is included counts."""

    def say(self, asked: Asked, said: Said) -> None:
        """Note an answer; of two, that which goes further."""
        known = self.names.get(asked)
        if known is None or (len(said.files), said.whole) > (len(known.files), known.whole):
            self.names[asked] = said

    def add(self, other: Noted) -> None:
        """Note what another answer rests on, too."""
        self.touched |= other.touched
        self.queries |= other.queries
        self.vague |= other.vague
        for asked, said in other.names.items():
            self.say(asked, said)


def asked_again(query: Query, search: Search) -> list[str]:
    """Return what a query finds now."""
    name, top = query
    return search.beside(name, top[:-1]) if top.endswith("/") else search.mentioning(name, top)


class _RecordingSearch(Search):
    def __init__(self, tree: RecordingTree) -> None:
        super().__init__(tree)
        self._recording = tree

    def mentioning(self, name: str, top: str) -> list[str]:
        return self._recorded(name, top, partial(super().mentioning, name, top))

    def beside(self, name: str, folder: str) -> list[str]:
        return self._recorded(name, f"{folder}/", partial(super().beside, name, folder))

    def _recorded(self, name: str, top: str, search: Callable[[], list[str]]) -> list[str]:
        """Note what is found; what else was read for it does not count, as it is asked again."""
        noted, self._recording.noted = self._recording.noted, Noted()
        try:
            found = search()
        finally:
            self._recording.noted = noted
        noted.queries[name, top] = tuple(found)
        noted.touched.update(found)
        return found


class RecordingTree(KernelTree):
    """A kernel tree that notes the files and searches that an answer rests on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.noted = Noted()
        self._of_facts: dict[tuple[str, ...], Noted] = {}
        self.search = _RecordingSearch(self)
        self._digests: dict[str, str] = {}

    def begin(self) -> None:
        """Forget what was noted, though not what kept facts rest on."""
        self.noted = Noted()

    def open(self, relpath: str) -> SourceFile:
        """Return a file, and note it."""
        self.noted.touched.add(relpath)
        return super().open(relpath)

    def bytes_of(self, relpath: str) -> bytes:
        """Return a text, and note the file."""
        self.noted.touched.add(relpath)
        return super().bytes_of(relpath)

    def included(self, relpath: str) -> SourceFile:
        """Return a file that another includes: what it says is noted when it is asked for."""
        return super().open(relpath)

    def saying(
        self, root: SourceFile, name: str, found: Iterator[SourceFile], /
    ) -> Iterator[SourceFile]:
        """Yield the files that say a name, and note them, as far as anybody looks at them."""
        asked = root.name, name
        plain = name.removeprefix(DEFINE)
        word = plain.encode("latin-1", "replace")
        said: tuple[str, ...] = ()
        self.noted.touched.add(root.name)
        self.noted.vague |= not (plain.isidentifier() and plain.isascii())
        self.noted.say(asked, Said((), whole=False))
        for file in found:
            if file.name != root.name and next(places(word, file.text), None) is not None:
                said = (*said, file.name)
                self.noted.say(asked, Said(said, whole=False))
            yield file
        self.noted.say(asked, Said(said, whole=True))

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return a fact, and note what it rests on."""
        if key[0] in _UNSAID:
            return super().once(key, make)
        self.noted.touched.update(part for part in key if part[-2:] == ".c")
        if key in self._facts:
            kept = self._of_facts.get(key)
            if kept is not None:
                self.noted.add(kept)
            return super().once(key, make)
        outer, self.noted = self.noted, Noted()
        try:
            return super().once(key, make)
        finally:
            inner, self.noted = self.noted, outer
            if inner.touched or inner.queries or inner.names:
                self._of_facts[key] = inner
                outer.add(inner)

    def _read_release(self) -> str:
        self.noted.touched.add(MAKEFILE)
        return super()._read_release()

    def digest(self, name: str) -> str:
        """Return the digest of a file's text, which is read once; as Index.digest does."""
        if name not in self._digests:
            file = self._files.get(name)
            text = super().bytes_of(name) if file is None else file.text
            self._digests[name] = digest_of(text) if text else ""
        return self._digests[name]

    def rests_on(self) -> list[str]:
        """Return the files that were touched, all that those include of which names were asked.

        And their makefiles; and what would be included if it were there. New headers are no part
        of that: all results rest on the names of all headers (`Index.names`).
        """
        found = dict.fromkeys(sorted(self.noted.touched))
        for root in sorted({root for root, _ in self.noted.names}):
            found.update(dict.fromkeys(self._closure(root)))
        return [*found, *self._makefiles(found)]

    def _closure(self, name: str) -> Iterator[str]:
        try:
            files = closure(super().open(name), self)
        except SourceError:
            yield name
            return
        for file in files:
            yield file.name
            yield from absent(self, file, name)

    def _makefiles(self, names: dict[str, None]) -> list[str]:
        folders: dict[str, None] = {}
        for name in names:
            folder = name.rpartition("/")[0]
            while folder and folder not in folders:
                folders[folder] = None
                folder = folder.rpartition("/")[0]
        makefiles = (f"{folder}/{kind}" for folder in folders for kind in ("Makefile", "Kbuild"))
        return [name for name in makefiles if name not in names and self.exists(name)]
