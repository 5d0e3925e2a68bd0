# SPDX-License-Identifier: GPL-2.0-only
"""What a tree consists of, and what the text of its files tells; only what changed is read again.

A file counts as unchanged while its times, size and inode are those of the last look, as git
has it. One that changed within a moment of that look is read again, whatever they say.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from premap.cache.store import Store, digest_of
from premap.csource.search import SUFFIXES, speaks_of_mappings
from premap.csource.text import places
from premap.survey.records import TextFacts
from premap.survey.textfacts import WORD, Member, members_of, text_facts
from premap.workers import Failure, Workers

USER_SPACE = ("tools", "scripts", "Documentation")
"""Top folders that hold no code of the kernel."""
_SKIPPED = frozenset({".git"})
_MAKEFILES = frozenset({"Makefile", "Kbuild"})
_MOMENT = 2_000_000_000
"""Nanoseconds; file systems tell times only so well."""
_FEW = 400
"""Files that are not worth starting processes for."""
_CHUNKS = 64
_ROOM = 1 << 20
"""Bytes that nearly all files have room in."""
_MORE = 1 << 14
"""Bytes that are read at once of the others; at the end of a file this finds no more."""

Stamp = str
"""Of a file: when it changed, in two ways (nanoseconds), its size, its inode."""
Found = TypeVar("Found")


def is_user_space(name: str) -> bool:
    """Tell whether a file of the tree is no code of the kernel."""
    return name.split("/", maxsplit=1)[0] in USER_SPACE


@dataclass(slots=True)
class Index:
    """The files of a tree by name, with their stamps and what their text tells."""

    root: Path
    stamps: dict[str, Stamp]
    facts: dict[str, TextFacts]
    """Of the files that say mmap."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of files that results were made of."""
    read: int = 0
    """Files that had to be read."""
    unread: list[str] = field(default_factory=list)
    """Those that still have to be."""
    problems: dict[str, str] = field(default_factory=dict)
    """Files that can't be read, and why."""
    speaking: list[str] = field(default_factory=list)
    """Those that speak of mappings (csource.search), among those that `listen` looked at."""
    unheard: list[str] = field(default_factory=list)
    """Those that it did not look at yet."""
    users: dict[str, list[str]] = field(default_factory=dict)
    """Files that say a word, for the words that `users_of` was asked for."""
    once_users: dict[str, list[str]] = field(default_factory=dict)
    """The same of an earlier run, as far as the files did not change."""
    changed: list[str] = field(default_factory=list)
    """Files that changed since that run."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What the store has of all this."""
    _names: str | None = None

    @property
    def members(self) -> list[Member]:
        """Every member that sets a mapping up, from the definitions of the tree's own code."""
        kernel = ((n, f) for n, f in sorted(self.facts.items()) if not is_user_space(n))
        return [m for name, facts in kernel for m in members_of(name, facts)]

    @property
    def names(self) -> str:
        """Digest of the names of all headers: a new one may stand before another."""
        if self._names is None:
            headers = sorted(name for name in self.stamps if not name.endswith(".c"))
            self._names = digest_of("\n".join(headers).encode("utf-8", "surrogateescape"))
        return self._names

    @property
    def state(self) -> str:
        """Digest of all stamps: the same only if nothing was touched."""
        lines = "\n".join(map("\0".join, sorted(self.stamps.items())))
        return digest_of(lines.encode("utf-8", "surrogateescape"))

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
    """Look at what there is in a tree; what was found out before is taken over where it holds."""
    now = time.time_ns()
    stamps, fresh = _walk(root, now - _MOMENT)
    kept = _remembered(store, root, version)
    known: dict[str, Stamp] = kept["stamps"]
    same = {name for name, stamp in stamps.items() if known.get(name) == stamp}
    changed = sorted(name for name in stamps if name not in same and name.endswith(SUFFIXES))
    for name in fresh:
        stamps[name] = f"{stamps[name]} {now}"  # like no other: it is read again the next time
    return Index(
        root,
        stamps,
        {name: told for name, told in kept["facts"].items() if name in same},
        {name: digest for name, digest in kept["digests"].items() if name in same},
        read=len(changed),
        unread=changed,
        speaking=[name for name in kept["speaking"] if name in same],
        unheard=[*changed, *(name for name in kept["unheard"] if name in same)],
        once_users={w: [n for n in names if n in same] for w, names in kept["users"].items()},
        changed=list(changed),
        kept=kept,
    )


def read_changed(index: Index, jobs: int) -> None:
    """Read the files about which nothing is known that still holds."""
    for names, (found, problems) in _spread(_looker(index.root), list(index.unread), jobs):
        index.facts.update(found)
        index.problems.update(problems)
        index.unread = index.unread[len(names) :]


def remember(index: Index, store: Store, version: str) -> None:
    """Keep what was found out for the next time, unless the store has just that."""
    unread = {*index.problems, *index.unread}
    kept = {
        "stamps": {name: stamp for name, stamp in index.stamps.items() if name not in unread},
        "facts": dict(index.facts),
        "digests": {name: digest for name, digest in index.digests.items() if digest},
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
        return {"stamps": {}, "facts": {}, "digests": {}, "users": {}, **none}
    found: dict[str, Any] = json.loads(entry)
    return found


def _walk(root: Path, moment: int) -> tuple[dict[str, Stamp], list[str]]:
    """Return the stamps of all C files and makefiles; symbolic links are left out.

    And the names of those that changed after `moment` (nanoseconds).
    """
    found: dict[str, Stamp] = {}
    fresh: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        with (
            contextlib.suppress(OSError),
            _opened(f"{root}/{folder}") as at,
            os.scandir(at) as all_,
        ):
            for entry in all_:
                name = entry.name
                if name.endswith(SUFFIXES) or name in _MAKEFILES:
                    status = _status(entry)
                    if status is not None:
                        modified, changed = status.st_mtime_ns, status.st_ctime_ns
                        place = folder + name
                        found[place] = f"{modified} {changed} {status.st_size} {status.st_ino}"
                        if modified > moment or changed > moment:
                            fresh.append(place)
                elif entry.is_dir(follow_symlinks=False) and name not in _SKIPPED:
                    folders.append(f"{folder}{name}/")
    return found, fresh


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what the file system says of a file; None where it is no file, or gone."""
    try:
        return entry.stat(follow_symlinks=False) if entry.is_file(follow_symlinks=False) else None
    except OSError:
        return None


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    """Open a folder: files are looked at faster from there than from the root."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def listen(index: Index, jobs: int) -> None:
    """Find out which files speak of mappings; those that did not change are known."""
    root = index.root

    def look(names: Sequence[str]) -> list[str]:
        return [name for name in names if speaks_of_mappings(_text(root, name))]

    for names, found in _spread(look, list(index.unheard), jobs):
        index.speaking += found
        index.unheard = index.unheard[len(names) :]


def users_of(index: Index, words: Sequence[str], jobs: int) -> dict[str, list[str]]:
    """Return the files that say each word; in those that did not change it is known."""
    old = [word for word in words if word in index.once_users]
    new = [word for word in words if word not in index.once_users]
    everywhere = [name for name in sorted(index.stamps) if name.endswith(SUFFIXES)]
    found = {word: list(index.once_users.get(word, ())) for word in words}
    for asked, names in ((old, index.changed), (new, everywhere)):
        if asked and names:
            for _, each in _spread(_searcher(index.root, asked), names, jobs):
                for name, word in each:
                    found[word].append(name)
    index.users.update(found)
    return found


def _searcher(root: Path, words: Sequence[str]) -> Callable[[Sequence[str]], list[tuple[str, str]]]:
    plain = [(word, word.encode("latin-1", "replace")) for word in words]

    def look(names: Sequence[str]) -> list[tuple[str, str]]:
        found = []
        for name in names:
            if not is_user_space(name):
                text = _text(root, name)
                found += [(name, w) for w, sought in plain if next(places(sought, text), -1) >= 0]
        return found

    return look


def _text(root: Path, name: str) -> bytes:
    try:
        return _bytes(f"{root}/{name}")
    except OSError:
        return b""


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


_Read = tuple[dict[str, TextFacts], dict[str, str]]


def _looker(root: Path) -> Callable[[Sequence[str]], _Read]:
    def look(names: Sequence[str]) -> _Read:
        facts: dict[str, TextFacts] = {}
        problems: dict[str, str] = {}
        room = bytearray(_ROOM)
        for name in names:
            try:
                size = _fill(room, f"{root}/{name}")
            except OSError as problem:
                problems[name] = problem.strerror or str(problem)
                continue
            if room.find(WORD, 0, size) < 0:
                continue
            text = bytes(memoryview(room)[:size])
            found = text_facts(name, text)
            if found is not None:
                facts[name] = found
        return facts, problems

    return look


def _fill(room: bytearray, path: str) -> int:
    """Read a file into a room that all files share, and return how much of it that is.

    Most files say nothing of mmap: no bytes are made of them.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.readv(file, [room])
        while more := os.read(file, _MORE):
            room[size : size + len(more)] = more
            size += len(more)
        return size
    finally:
        os.close(file)


def _bytes(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(file, 1 << 24):
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(file)
