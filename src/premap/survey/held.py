# SPDX-License-Identifier: GPL-2.0-only
"""Whether a result still holds where headers changed: if all that was asked of them is as it was.

A result rests on some files as a whole, and on which headers said some names, and what they say.
Most headers that a driver includes say none of the names that its hooks lead to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from premap.cache.store import digest_of
from premap.csource.errors import SourceError
from premap.csource.includes import closure
from premap.csource.source import words_of
from premap.csource.tree import DEFINE, KernelTree
from premap.survey.recording import Noted

_DEFINED = re.compile(rb"define[ \t]+(\w+)")
Digest = Callable[[str], str]
"""Returns the digest of a file's text."""
Answers = Iterable[tuple[str, str, Iterable[str]]]
"""A file, a name, and the headers that say it."""


def record(noted: Noted, own: str, digest: Digest) -> dict[str, Any] | None:
    """Return what a result on the file `own` rests on, for JSON; None if that can't be told."""
    if noted.vague:
        return None
    touched = sorted(noted.touched - {own})
    names = sorted(noted.names)
    asked: dict[str, list[list[Any]]] = {}
    for root, name in names:
        said = noted.names[root, name]
        asked.setdefault(root, []).append([name, len(said.files), said.whole])
    answers = ((root, name, noted.names[root, name].files) for root, name in names)
    return {"touched": touched, "asked": asked, "digest": _digest(touched, answers, digest)}


def _digest(touched: Iterable[str], answers: Answers, digest: Digest) -> str:
    lines = [f"{name}\0{digest(name)}" for name in touched]
    for root, name, files in answers:
        lines.append(f"{root}\0{name}")
        lines += [f"{file}\0{digest(file)}" for file in files]
    return digest_of("\n".join(lines).encode("utf-8", "surrogateescape"))


class Held:
    """Knows which headers of a tree say which names, from the first question on."""

    def __init__(self, tree: KernelTree, digest: Digest) -> None:
        self._tree = tree
        self._digest = digest
        self._orders: dict[str, Mapping[str, int]] = {}
        self._saying: dict[bytes, list[str]] = {}
        self._read: set[str] = set()

    def holds(self, rests: Mapping[str, Any]) -> bool:
        """Tell whether what `record` returned is so now."""
        now = _digest(rests["touched"], self._answers(rests["asked"]), self._digest)
        return bool(now == rests["digest"])

    def _answers(
        self, asked: Mapping[str, list[tuple[str, int, bool]]]
    ) -> Iterator[tuple[str, str, list[str]]]:
        for root, names in asked.items():
            order = self._order(root)
            for name, count, whole in names:
                said = self._saying.get(name.encode(), ())
                files = sorted((file for file in said if file in order), key=order.__getitem__)
                yield root, name, files if whole else files[:count]

    def _order(self, root: str) -> Mapping[str, int]:
        """Return the places of the files that a file includes, nearest first."""
        if root not in self._orders:
            try:
                included = closure(self._tree.open(root), self._tree)[1:]
            except SourceError:
                included = []
            for file in included:
                if file.name not in self._read:
                    self._read.add(file.name)
                    defined = (DEFINE.encode() + word for word in set(_DEFINED.findall(file.text)))
                    for word in (*words_of(file.text), *defined):
                        self._saying.setdefault(word, []).append(file.name)
            self._orders[root] = {file.name: place for place, file in enumerate(included)}
        return self._orders[root]
