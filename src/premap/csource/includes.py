# SPDX-License-Identifier: GPL-2.0-only
"""Which files a file includes, directly and through others.

No condition is decided: an `#include` in any `#if` arm counts. `asm/` is x86's, else generic.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import chain, takewhile
from typing import NamedTuple

from premap.csource.errors import SourceError
from premap.csource.source import SourceFile
from premap.csource.strstr import finds
from premap.csource.tree import KernelTree

MAX_FILES = 5000
"""Files that one file may include, all together; a driver's are about 800."""

SEARCH_PATHS = (
    "arch/x86/include",
    "include",
    "arch/x86/include/uapi",
    "include/uapi",
)
_GENERIC = ("include/asm-generic/", "include/uapi/asm-generic/")
_INCLUDE = re.compile(rb'[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]')
_FLAG = re.compile(r"-I\s*(\$\((?:src|srctree|objtree|obj)\)|\$\{srctree\})?/?([\w./+-]*)")
_MAKEFILES = ("Makefile", "Kbuild")


def includes_of(text: bytes) -> list[tuple[str, str]]:
    """Return the (quote, name) of every `#include` in the order of the text."""
    return [(match[1].decode(), _name(match[2])) for match in _directives(text)]


def _name(written: bytes) -> str:
    return written.decode("latin-1").strip()


def _directives(text: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the directives; to look for the word first takes a tenth of the time."""
    for at in finds(text, b"include"):
        match = _INCLUDE.match(text, text.rfind(b"\n", 0, at) + 1)
        if match is not None and match.start(1) >= at:
            yield match


class Included:
    """A file and the files that it includes, nearest first, each once; read as far as is asked.

    What can't be found or read is left out: generated headers, and files outside the tree.
    """

    def __init__(self, source: SourceFile, tree: KernelTree | None) -> None:
        self._source = source
        self._tree = tree

    @cached_property
    def _headers(self) -> _Headers:
        return _headers(self._source, self._tree) if self._tree else _Headers([], iter(()))

    def __iter__(self) -> Iterator[SourceFile]:
        yield self._source
        found, more = self._headers
        at = 0
        while True:
            while at < len(found):
                file = found[at]
                at += 1
                if file.name != self._source.name:
                    yield file
            if not next(more, False):
                return


class _Headers(NamedTuple):
    """What some files include, as far as it was read, and what reads those of one more file."""

    found: list[SourceFile]
    more: Iterator[bool]


def _headers(source: SourceFile, tree: KernelTree) -> _Headers:
    """Return what a file includes; one that includes the same, or it after an edit, shares it."""
    extra = search_flags(tree, source.name)
    direct = _resolved(tree, source, extra)
    key = (*extra, "", *direct)
    known: _Headers | None = tree.closures.get(key)
    if known is None or not _is_current(known, tree):
        found: list[SourceFile] = []
        known = tree.closures[key] = _Headers(found, _reading(found, direct, extra, tree))
    return known


def _is_current(known: _Headers, tree: KernelTree) -> bool:
    """Whether what is no header is as it was read: the tree forgets all of this for a header."""
    others = (file for file in known.found if not file.name.endswith(".h"))
    try:
        return all(tree.included(file.name) is file for file in others)
    except SourceError:
        return False


def _reading(
    found: list[SourceFile], direct: list[str], extra: tuple[str, ...], tree: KernelTree
) -> Iterator[bool]:
    """Append what the files include, those of one file at each step."""
    seen: set[str] = set()
    for names in chain([direct], (_resolved(tree, file, extra) for file in found)):
        for name in names:
            if name in seen or len(found) >= MAX_FILES:
                continue
            seen.add(name)
            try:
                found.append(tree.included(name))
            except SourceError:
                continue
        yield True


def closure(source: SourceFile, tree: KernelTree | None) -> list[SourceFile]:
    """Return `source` and all files that it includes, nearest first, each once."""
    return list(Included(source, tree))


def own(source: SourceFile, tree: KernelTree | None) -> list[SourceFile]:
    """Return `source` and what it includes that is no header of the kernel's, nearest first.

    All of it counts for whoever asks: a tree that notes what answers rest on notes these files.
    """
    found, seen = [source], {source.name}
    if tree is None:
        return found
    extra = search_flags(tree, source.name)
    for file in found:
        for name in _resolved(tree, file, extra):
            if name not in seen and not of_kernel(name) and len(found) < MAX_FILES:
                seen.add(name)
                with suppress(SourceError):
                    found.append(tree.open(name))
    return found


def of_kernel(name: str) -> bool:
    """Return whether a file of the tree is a header for everybody."""
    return name.startswith("include/") or (name.startswith("arch/") and "/include/" in name)


def _resolved(tree: KernelTree, file: SourceFile, extra: tuple[str, ...]) -> list[str]:
    """Names of the files that `file` includes itself; those that `-I` leads to come last."""

    def resolve() -> tuple[list[str], list[str]]:
        found: list[str] = []
        lost: list[str] = []
        searched: dict[bytes, str | None] = tree.once(("searched",), dict)
        for match in _directives(file.text):
            written = match[2]
            resolved = _beside(tree, file.name, _name(written)) if match[1] == b'"' else None
            if resolved is None:
                if written not in searched:
                    searched[written] = _first(tree, _candidates(_name(written)))
                resolved = searched[written]
            if resolved is None:
                lost.append(_name(written))
            else:
                found.append(resolved)
        return found, lost

    found, lost = tree.once(("includes", file.name), resolve)
    if not extra or not lost:
        return found
    more = (_first(tree, [f"{directory}/{name}" for directory in extra]) for name in lost)
    return [*found, *(name for name in more if name is not None)]


def _beside(tree: KernelTree, includer: str, name: str) -> str | None:
    return _first(tree, [posixpath.join(posixpath.dirname(includer), name)])


def _candidates(name: str) -> list[str]:
    candidates = [f"{directory}/{name}" for directory in SEARCH_PATHS]
    if name.startswith("asm/"):
        candidates += [generic + name.removeprefix("asm/") for generic in _GENERIC]
    return candidates


def _first(tree: KernelTree, candidates: list[str]) -> str | None:
    for candidate in candidates:
        name = _normal(candidate)
        if tree.exists(name):
            return name
    return None


def _normal(candidate: str) -> str:
    plain = "/." not in candidate and "//" not in candidate
    return candidate if plain else posixpath.normpath(candidate)


def absent(tree: KernelTree, file: SourceFile, root: str) -> list[str]:
    """Return what `file` would include if it were there, for the file `root`; headers left out.

    Of an `#include` that is answered, that is what is looked for before.
    """
    extra = search_flags(tree, root)

    def find() -> list[str]:
        missing: list[str] = []
        for quote, name in includes_of(file.text):
            if name.endswith(".h"):
                continue
            beside = [posixpath.join(posixpath.dirname(file.name), name)] if quote == '"' else []
            behind = [f"{directory}/{name}" for directory in extra]
            wanted = map(_normal, [*beside, *_candidates(name), *behind])
            missing += takewhile(lambda each: not tree.exists(each), wanted)
        return missing

    return tree.once(("absent", file.name, *extra), find)


def search_flags(tree: KernelTree, name: str) -> tuple[str, ...]:
    """Return the directories that `-I` adds in the Makefiles beside and above the file `name`.

    The kernel searches them after its own, so they matter for names that it does not have.
    """
    directory = posixpath.dirname(name)
    found: list[str] = []
    while directory.strip("/"):
        for makefile in _MAKEFILES:
            if tree.exists(f"{directory}/{makefile}"):
                found += _flags(tree, directory, makefile)
        directory = posixpath.dirname(directory)
    return tuple(dict.fromkeys(found))


def _flags(tree: KernelTree, directory: str, makefile: str) -> list[str]:
    def read() -> list[str]:
        try:
            text = tree.included(f"{directory}/{makefile}").text.decode("latin-1")
        except SourceError:
            return []
        return [_flag_path(directory, match[1], match[2]) for match in _FLAG.finditer(text)]

    return tree.once(("-I", directory, makefile), read)


def _flag_path(directory: str, anchor: str | None, path: str) -> str:
    if anchor in {"$(src)", "$(obj)"}:
        return posixpath.normpath(posixpath.join(directory, path))
    return posixpath.normpath(path) if path else directory
