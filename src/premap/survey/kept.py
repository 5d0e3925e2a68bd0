# SPDX-License-Identifier: GPL-2.0-only
"""Results of earlier surveys, which are used again while all that they rest on is as it was."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import premap
from premap.cache.store import Store, digest_of
from premap.csource.tree import KernelTree
from premap.survey.filefacts import Asked
from premap.survey.held import Held
from premap.survey.index import Index
from premap.survey.recording import asked_again
from premap.survey.work import Job, Kind, answer, combined, variants


@cache
def version() -> str:
    """Return a digest of premap's own code, and of the libraries that results depend on."""
    whole = hashlib.blake2b(digest_size=16)
    folder = Path(premap.__file__).parent
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.toml"))):
        whole.update(path.read_bytes())
    for library in ("tree-sitter", "tree-sitter-c", "z3-solver"):
        whole.update(importlib.metadata.version(library).encode())
    return whole.hexdigest()


class Kept:
    """Makes the jobs of a survey, and knows what came of them before."""

    def __init__(self, tree: KernelTree, target: str, store: Store, index: Index) -> None:
        self._tree = tree
        self._target = target
        self._store = store
        self._index = index
        self._lasts: dict[str, dict[str, Any]] = {}

    @cached_property
    def _held(self) -> Held:
        return Held(self._tree, self._index.digest)

    @cached_property
    def _state(self) -> str:
        return self._index.state

    def job(self, kind: Kind, name: str, asked: Asked) -> Job:
        """Return the job of a file, with the key under which its result is kept."""
        text = self._index.digest(name)
        target = self._target if kind == "deep" else ""
        made_of = (version(), kind, target, name, text, repr(asked))
        key = digest_of(*(part.encode("utf-8", "surrogateescape") for part in made_of))
        return Job(
            kind,
            str(self._tree.root),
            name,
            self._target,
            asked,
            text,
            key,
            None if self._store.root is None else str(self._store.root),
            self._state,
            self._index.names,
        )

    def result(self, job: Job) -> dict[str, Any] | None:
        """Return a result of an earlier survey, if all that it rests on is as it was."""
        last: dict[str, Any] | None = self._last(job.kind).get(job.key)
        if last is not None:
            return last
        for variant in variants(self._store, job.key):
            if self._holds(variant):
                found: dict[str, Any] = variant["result"]
                return found
        return None

    def keep_all(self, kind: Kind, results: dict[str, Any]) -> None:
        """Keep all results of this very tree in one entry, for a survey with nothing changed."""
        last = self._last(kind)
        if results.keys() - last.keys():
            last |= results
            others = self._index.unstamped
            kept = {"state": self._state, "others": others, "results": last}
            self._store.put(self._last_key(kind), json.dumps(kept).encode())

    def _last(self, kind: str) -> dict[str, Any]:
        if kind not in self._lasts:
            entry = self._store.get(self._last_key(kind))
            kept = {} if entry is None else json.loads(entry)
            self._lasts[kind] = kept["results"] if self._is_now(kept) else {}
        return self._lasts[kind]

    def _is_now(self, kept: dict[str, Any]) -> bool:
        """Tell whether the tree is as it was, what has no stamp included."""
        digest = self._index.digest
        return kept.get("state") == self._state and all(
            digest(name) == once for name, once in kept["others"].items()
        )

    def _last_key(self, kind: str) -> str:
        root = os.fsencode(self._tree.root)
        return digest_of(b"last", kind.encode(), self._target.encode(), version().encode(), root)

    def _holds(self, variant: dict[str, Any]) -> bool:
        same = variant["names"] == self._index.names and (
            combined(map(self._index.digest, variant["rests"])) == variant["digest"]
        )
        rests = variant["held"]
        if not same and (rests is None or not self._held.holds(rests)):
            return False
        if variant["state"] == self._state:
            return True
        search = self._tree.search
        return all(
            answer(asked_again((name, top), search)) == digest
            for name, top, digest in variant["queries"]
        )
