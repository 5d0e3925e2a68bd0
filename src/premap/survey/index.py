# SPDX-License-Identifier: GPL-2.0-only
"""What a tree consists of, and what the text of its files tells; only what changed is read again.

A file counts as unchanged while its times, size and inode are those of the last look, as git
has it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field

from premap.cache.store import Store, digest_of
from premap.csource.search import MAPPINGS, SUFFIXES
from premap.csource.strstr import Room
from premap.csource.text import places
from premap.survey.looking import Listed, Looked, look_at, names_of
from premap.survey.records import TextFacts
from premap.survey.textfacts import Member, members_of, text_facts
from premap.workers import Failure, Workers

USER_SPACE = ("tools", "scripts", "Documentation")
"""Top folders that hold no code of the kernel."""
_FEW = 400
"""Files that are not worth starting processes for."""
_CHUNKS = 64

Found = TypeVar("Found")


def is_user_space(name: str) -> bool:
    """Tell whether a file of the tree is no code of the kernel."""
    return name.split("/", maxsplit=1)[0] in USER_SPACE


class Index(Struct):
    """The files of a tree by name, with their stamps and what their text tells."""

    root: Path
    folders: dict[str, Listed]
    """The C files and makefiles of each folder, with stamps."""
    facts: dict[str, TextFacts]
    """Of the files that say mmap."""
    digests: dict[str, str]
    """Of files that results were made of."""
    speaking: list[str]
    """Those that speak of mappings (csource.search), among those that `listen` looked at."""
    unheard: list[str]
    """Those that it did not look at yet."""
    once_users: dict[str, list[str]]
    """Files that say a word, of an earlier run, as far as the files did not change."""
    kept: dict[str, Any]
    """What the store has of all this."""
    users: dict[str, list[str]] = field(default_factory=dict)
    """The same of this run, for the words that `users_of` was asked for."""
    read: list[str] = field(default_factory=list)
    """Files that had to be read."""
    problems: dict[str, str] = field(default_factory=dict)
    """Files and folders that can't be read, and why."""
    links: list[str] = field(default_factory=list)
    """Symbolic links of the tree."""
    _files: list[str] | None = None
    _names: str | None = None

    @property
    def files(self) -> list[str]:
        """Names of all C files and makefiles, sorted."""
        if self._files is None:
            listed = self.folders.items()
            self._files = sorted(f"{folder}{n}" for folder, all_ in listed for n in names_of(all_))
        return self._files

    @property
    def members(self) -> list[Member]:
        """Every member that sets a mapping up, from the definitions of the tree's own code."""
        kernel = ((n, f) for n, f in sorted(self.facts.items()) if not is_user_space(n))
        return [m for name, facts in kernel for m in members_of(name, facts)]

    @property
    def names(self) -> str:
        """Digest of the names of all headers, and links: a new one may stand before another."""
        if self._names is None:
            headers = [name for name in self.files if not name.endswith(".c")]
            names = "\n".join((*headers, *sorted(self.links)))
            self._names = digest_of(names.encode("utf-8", "surrogateescape"))
        return self._names

    @property
    def state(self) -> str:
        """Digest of all stamps: the same only if nothing was touched that has one, or is a link."""
        folders = map("\0".join, sorted(self.folders.items()))
        lines = "\0".join((*folders, *sorted(self.links)))
        return digest_of(lines.encode("utf-8", "surrogateescape"))

    @property
    def unstamped(self) -> dict[str, str]:
        """Digests of what results were made of that has no stamp.

        That is what is included, but is no C file by its name, or is a link.
        """
        files = set(self.files)
        return {name: digest for name, digest in self.digests.items() if name not in files}

    def digest(self, name: str) -> str:
        """Digest of a file's text; "" where it has none, or can't be read."""
        if name in self.facts:
            return self.facts[name]["digest"]
        if name not in self.digests:
            try:
                text = (self.root / name).read_bytes()
            except OSError:
                text = b""
            self.digests[name] = digest_of(text) if text else ""
        return self.digests[name]


def known_index(root: Path, store: Store, version: str) -> Index:
    """Return what was found out before; whether it still holds, `look` tells."""
    kept = _remembered(store, root, version)
    return Index(
        root,
        dict(kept["folders"]),
        dict(kept["facts"]),
        dict(kept["digests"]),
        list(kept["speaking"]),
        list(kept["unheard"]),
        {word: list(names) for word, names in kept["users"].items()},
        kept,
    )


def look(index: Index, jobs: int) -> None:
    """Look at what there is in the tree, and read what is not known."""
    take(index, look_at(index.root, index.kept["folders"], jobs, text_facts))


def take(index: Index, looks: Iterable[Looked]) -> None:
    """Take up what was seen; should Ctrl-C come meanwhile, the index is what it is so far."""
    touched: set[str] = set()
    try:
        for looked in looks:
            touched.update(looked.touched)
            _take(index, looked)
    finally:
        _settle(index, touched)


def _take(index: Index, looked: Looked) -> None:
    for name in looked.touched:
        index.facts.pop(name, None)
        index.digests.pop(name, None)
    index.folders.update(looked.listed)
    index.facts.update(looked.facts)
    index.problems.update(looked.problems)
    index.read += looked.read
    index.links += looked.links


def _settle(index: Index, touched: set[str]) -> None:
    """Forget what was known of files that are not what they were."""
    if touched:
        index.speaking = [name for name in index.speaking if name not in touched]
        unheard = [name for name in index.unheard if name not in touched]
        index.unheard = [*unheard, *index.read]
        for word, names in index.once_users.items():
            index.once_users[word] = [name for name in names if name not in touched]
    index.folders = {folder: listed for folder, listed in index.folders.items() if listed}


def remember(index: Index, store: Store, version: str) -> None:
    """Keep what was found out for the next time, unless the store has just that."""
    unstamped = index.unstamped
    kept = {
        "folders": dict(index.folders),
        "facts": dict(index.facts),
        "digests": {n: d for n, d in index.digests.items() if d and n not in unstamped},
        "speaking": sorted({*index.speaking}.difference(index.unheard)),
        "unheard": list(index.unheard),
        "users": dict(index.users),
    }
    if kept != index.kept:
        store.put(_key(index.root, version), json.dumps(kept).encode())
        index.kept = kept


def _key(root: Path, version: str) -> str:
    return digest_of(b"index", version.encode(), os.fsencode(root))


def _remembered(store: Store, root: Path, version: str) -> dict[str, Any]:
    entry = store.get(_key(root, version))
    if entry is None:
        none: dict[str, Any] = {"speaking": [], "unheard": []}
        return {"folders": {}, "facts": {}, "digests": {}, "users": {}, **none}
    found: dict[str, Any] = json.loads(entry)
    return found


def listen(index: Index, jobs: int) -> None:
    """Find out which files speak of mappings; those that did not change are known."""
    room = Room()

    def search(names: Sequence[str]) -> list[str]:
        return [name for name in _read(index.root, names, room) if any(map(room.says, MAPPINGS))]

    for names, found in _spread(search, list(index.unheard), jobs):
        index.speaking += found
        index.unheard = index.unheard[len(names) :]


def users_of(index: Index, words: Sequence[str], jobs: int) -> dict[str, list[str]]:
    """Return the files that say each word; in those that did not change it is known."""
    old = [word for word in words if word in index.once_users]
    new = [word for word in words if word not in index.once_users]
    everywhere = [name for name in index.files if name.endswith(SUFFIXES)]
    found = {word: list(index.once_users.get(word, ())) for word in words}
    for asked, names in ((old, index.read), (new, everywhere)):
        if asked and names:
            for _, each in _spread(_searcher(index.root, asked), names, jobs):
                for name, word in each:
                    found[word].append(name)
    index.users.update(found)
    return found


def _searcher(root: Path, words: Sequence[str]) -> Callable[[Sequence[str]], list[tuple[str, str]]]:
    plain = [(word, word.encode("latin-1", "replace")) for word in words]
    room = Room()

    def search(names: Sequence[str]) -> list[tuple[str, str]]:
        found = []
        for name in _read(root, (name for name in names if not is_user_space(name)), room):
            said = [(word, sought) for word, sought in plain if room.says(sought)]
            text = room.text() if said else b""
            found += [(name, word) for word, sought in said if next(places(sought, text), -1) >= 0]
        return found

    return search


def _read(root: Path, names: Iterable[str], room: Room) -> Iterator[str]:
    """Yield the names of files while they are in the room; what can't be read is left out."""
    for name in names:
        try:
            room.read(f"{root}/{name}")
        except OSError:
            continue
        yield name


def _spread(
    look: Callable[[Sequence[str]], Found], names: Sequence[str], jobs: int
) -> Iterator[tuple[Sequence[str], Found]]:
    """Yield chunks of the names in their order, each with what `look` finds in it.

    In processes, if there are many.
    """
    size = max(_FEW, -(-len(names) // _CHUNKS))
    chunks = [names[at : at + size] for at in range(0, len(names), size)]
    if len(chunks) <= 1 or jobs == 1:
        yield from ((chunk, look(chunk)) for chunk in chunks)
        return
    workers: Workers[Sequence[str], Found] = Workers(look, jobs, 600)
    for chunk, found in zip(chunks, workers.run(chunks), strict=True):
        yield chunk, look(chunk) if isinstance(found, Failure) else found
