# SPDX-License-Identifier: GPL-2.0-only
"""Looks at all files of a tree, in processes: which changed, and what the text of those tells.

One process lists the folders, others open the files in them meanwhile: for each one, one look-up
of its name. Symbolic links are not followed.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from stat import S_ISREG

from premap.csource.search import SUFFIXES
from premap.csource.strstr import Room
from premap.survey.records import TextFacts
from premap.survey.textfacts import WORD
from premap.workers import Failure, Workers

Listed = str
"""Of a folder: name and stamp of each C file and makefile in it, with slashes between them all."""
Stamp = str
"""Of a file: when it changed, in two ways (nanoseconds), its size, its inode."""
Folder = tuple[str, list[str]]
"""A folder, with a slash at its end unless it is the root, and names of files in it."""
Tell = Callable[[str, bytes], TextFacts | None]
"""Says what the text of a file of this name tells."""

_SKIPPED = frozenset({".git"})
_MAKEFILES = frozenset({"Makefile", "Kbuild"})
_FILES = 1000
"""That are handed to a process at once."""
_TIME_LIMIT = 600
"""Seconds that reading them may take."""
_MOMENT = 2_000_000_000
"""Nanoseconds; file systems tell times only so well."""
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Of what was there a moment ago: it is not there now, or is a link."""
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(slots=True)
class Looked:
    """What came of a look at some folders."""

    listed: dict[str, Listed] = field(default_factory=dict)
    """Those that are not as they were before."""
    read: list[str] = field(default_factory=list)
    """C files that are new, or changed."""
    touched: list[str] = field(default_factory=list)
    """Files that are new, changed, or gone: makefiles, too."""
    facts: dict[str, TextFacts] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Files and folders that can't be read, and why."""
    links: list[str] = field(default_factory=list)
    """Symbolic links of any name."""


def look_at(root: Path, known: Mapping[str, Listed], jobs: int, tell: Tell) -> Iterator[Looked]:
    """Look at a tree of which some folders are known from an earlier look.

    `tell` gets the files that are new or changed and say mmap.
    """
    walk = _Walk(root)
    look = Looker(root, known, tell, time.time_ns())
    chunks = walk.chunks()
    first = list(islice(chunks, 2))
    if len(first) < 2 or jobs == 1:
        yield from map(look, chain(first, chunks))
    else:
        yield from _in_processes(look, chain(first, chunks), jobs)
    emptied = dict.fromkeys(known.keys() - walk.seen, "")
    gone = [folder + name for folder in emptied for name in names_of(known[folder])]
    yield Looked(listed=emptied, touched=gone, problems=walk.problems, links=walk.links)


def _in_processes(look: Looker, chunks: Iterator[list[Folder]], jobs: int) -> Iterator[Looked]:
    handed: deque[list[Folder]] = deque()

    def noted() -> Iterator[list[Folder]]:
        for chunk in chunks:
            handed.append(chunk)
            yield chunk

    workers: Workers[list[Folder], Looked] = Workers(look, jobs, _TIME_LIMIT)
    for looked in workers.run(noted()):
        chunk = handed.popleft()
        yield look(chunk) if isinstance(looked, Failure) else looked


def stamps_of(listed: Listed) -> dict[str, Stamp]:
    """Return the stamps of a folder's files by name."""
    parts = listed.split("/")
    return dict(zip(parts[::2], parts[1::2], strict=False))


def names_of(listed: Listed) -> list[str]:
    """Return the names of a folder's files."""
    return listed.split("/")[:-1:2]


class _Walk:
    """Lists the folders of a tree."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.seen: set[str] = set()
        """Folders with C files or makefiles."""
        self.problems: dict[str, str] = {}
        self.links: list[str] = []

    def chunks(self) -> Iterator[list[Folder]]:
        """Yield all folders with C files or makefiles, some at once."""
        chunk: list[Folder] = []
        count = 0
        for folder, names in self._folders():
            self.seen.add(folder)
            chunk.append((folder, names))
            count += len(names)
            if count >= _FILES:
                yield chunk
                chunk, count = [], 0
        if chunk:
            yield chunk

    def _folders(self) -> Iterator[Folder]:
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                names, below = self._entries(folder)
            except OSError as problem:
                if problem.errno not in _GONE:
                    self.problems[_named(folder)] = problem.strerror or str(problem)
                continue
            folders += below
            if names:
                yield folder, names

    def _entries(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the files in a folder that matter, and the folders in it."""
        names: list[str] = []
        below: list[str] = []
        with os.scandir(f"{self._root}/{folder}") as found:
            for entry in found:
                name = entry.name
                matters = name.endswith(SUFFIXES) or name in _MAKEFILES
                if matters and entry.is_file(follow_symlinks=False):
                    names.append(name)
                elif entry.is_symlink():
                    self.links.append(folder + name)
                elif entry.is_dir(follow_symlinks=False) and name not in _SKIPPED:
                    below.append(f"{folder}{name}/")
        return names, below


class Looker:
    """Looks at the files of one folder after another, at a moment (nanoseconds).

    What changed shortly before is stamped like nothing else, as file systems tell times only so
    well: it is read again the next time.
    """

    def __init__(self, root: Path, known: Mapping[str, Listed], tell: Tell, now: int) -> None:
        self._root = root
        self._known = known
        self._tell = tell
        self._now = now
        self._settled_by = now - _MOMENT

    @cached_property
    def _room(self) -> Room:
        """What files are read to, in this process."""
        return Room()

    def __call__(self, folders: Sequence[Folder]) -> Looked:
        """Look at some folders."""
        looked = Looked()
        for folder, names in folders:
            try:
                at = os.open(f"{self._root}/{folder}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as problem:
                looked.problems[_named(folder)] = problem.strerror or str(problem)
                looked.listed[folder] = ""
                looked.touched += [folder + name for name in names_of(self._known.get(folder, ""))]
                continue
            try:
                self._folder(at, folder, names, looked)
            finally:
                os.close(at)
        return looked

    def _folder(self, at: int, folder: str, names: Sequence[str], looked: Looked) -> None:
        before = self._known.get(folder, "")
        known = stamps_of(before) if before else {}
        listed: list[str] = []
        for name in names:
            stamp = known.pop(name, None)
            try:
                if stamp is None or stamp != _stamp(_status(at, name)):
                    stamp = self._new(at, name, folder + name, looked)
            except OSError:
                looked.touched.append(folder + name)
            else:
                listed += name, stamp
        now = "/".join(listed)
        if now != before:
            looked.listed[folder] = now
            looked.touched += [folder + name for name in known]

    def _new(self, at: int, name: str, place: str, looked: Looked) -> Stamp:
        """Look into a file that is new, or changed. Raises OSError where there is no such file."""
        looked.touched.append(place)
        if not name.endswith(SUFFIXES):
            return self._settled(_status(at, name))
        looked.read.append(place)
        try:
            status = self._fill(at, name)
        except OSError as problem:
            if problem.errno in _GONE:
                raise
            looked.problems[place] = problem.strerror or str(problem)
            return f"{_stamp(_status(at, name))} unread"
        if self._room.says(WORD):
            facts = self._tell(place, self._room.text())
            if facts is not None:
                looked.facts[place] = facts
        return self._settled(status)

    def _fill(self, at: int, name: str) -> os.stat_result:
        """Read a file; its stamp is older than what was read, if it changes meanwhile."""
        file = os.open(name, _OPEN, dir_fd=at)
        try:
            status = os.fstat(file)
            if not S_ISREG(status.st_mode):
                raise FileNotFoundError(errno.ENOENT, "no file any more", name)
            self._room.fill(file, status.st_size)
        finally:
            os.close(file)
        return status

    def _settled(self, status: os.stat_result) -> Stamp:
        if status.st_mtime_ns > self._settled_by or status.st_ctime_ns > self._settled_by:
            return f"{_stamp(status)} {self._now}"
        return _stamp(status)


def _named(folder: str) -> str:
    return folder.removesuffix("/") or "."


def _status(at: int, name: str) -> os.stat_result:
    return os.stat(name, dir_fd=at, follow_symlinks=False)


def _stamp(status: os.stat_result) -> Stamp:
    return f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_size} {status.st_ino}"
