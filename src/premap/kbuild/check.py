# SPDX-License-Identifier: GPL-2.0-only
"""Compiles C files before and after a change, and says what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from premap.kbuild import farm
from premap.kbuild.make import Diagnostic, Make, new_enough_sparse
from premap.kbuild.places import Places


class Compiled(Struct, frozen=True):
    """What came of a change."""

    broken: frozenset[str] = frozenset()
    """C files that compiled before, and no longer do."""
    unbuilt: frozenset[str] = frozenset()
    """C files that this configuration does not build, or that did not compile before."""
    new: tuple[Diagnostic, ...] = ()
    """Errors and warnings that were not there before."""


@dataclass
class Built:
    """A tree that can be built: its links in `folder`/source, what is made in `folder`/build."""

    tree: Path
    folder: Path
    jobs: int
    sparse: bool = field(default_factory=new_enough_sparse)

    def __post_init__(self) -> None:
        source = (self.folder / "source").resolve()
        self._make = Make(source, (self.folder / "build").resolve(), self.jobs, self.sparse)
        self._before: dict[str, bool] = {}
        self._said: list[Diagnostic] = []

    def prepare(self, names: Sequence[str]) -> None:
        """Compile C files as they are. Raises KbuildError."""
        farm.link(self.tree, self._make.source)
        self._make.prepare()
        self._places = Places(self._make.source, self._make.build / ".config")
        built, self._said = self._objects(names)
        self._before = {name: name in built for name in names}

    def compile(self, texts: Mapping[str, bytes], only: Collection[str] | None = None) -> Compiled:
        """Compile the C files that have new texts, or `only` some of them."""
        farm.link(self.tree, self._make.source)
        for _ in farm.written(self._make.source, texts):
            pass
        wanted = texts if only is None else only
        names = [name for name in wanted if self._before.get(name)]
        built, said = self._objects(names) if names else (frozenset[str](), [])
        return Compiled(
            frozenset(names) - built,
            frozenset(name for name in wanted if self._before.get(name) is False),
            tuple(_new(self._said, said)),
        )

    def _objects(self, names: Sequence[str]) -> tuple[frozenset[str], list[Diagnostic]]:
        return self._make.objects({name: self._places.target(name) for name in names})


def _new(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return what is said more often than before."""
    left = Counter(each.key for each in before)
    found = []
    for each in after:
        if left[each.key]:
            left[each.key] -= 1
        else:
            found.append(each)
    return list(dict.fromkeys(found))
