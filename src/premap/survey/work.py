# SPDX-License-Identifier: GPL-2.0-only
"""What is done for one file, in a process of its own, and kept as soon as it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from premap.cache.store import Store, digest_of
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile, read_source
from premap.survey import held
from premap.survey.filefacts import Asked, file_facts, tables_with
from premap.survey.recording import RecordingTree
from premap.survey.records import Deep, FileFacts, TablesWith

MAX_RESIDENT = 450 << 20
"""Bytes of memory after which a process reads its headers anew, rather than keep more of them."""
MAX_VARIANTS = 12
"""Results that are kept of one text of a file, each for other headers around it."""
_PAGE = 4096


Kind = Literal["facts", "tables", "deep"]


class Job(Struct, frozen=True):
    """One file of a tree, and what to find out about it."""

    kind: Kind
    root: str
    name: str
    target: str
    asked: Asked
    text: str
    """Digest of the file's text."""
    key: str
    """Under which the result is kept: what it is made of, headers aside."""
    store: str | None
    state: str
    names: str
    """Digests of the tree's stamps and of its headers' names (index.Index)."""


def do(job: Job) -> dict[str, Any]:
    """Find out; keep the result with what it rests on. Runs in a worker's process."""
    tree = _tree(job.root)
    tree.begin()
    source = _source(tree, job.name)
    if isinstance(source, str):
        return {"problem": source}
    made = {"facts": _facts, "tables": _tables, "deep": _deep}[job.kind](job, source, tree)
    rests = tree.rests_on()
    own = job.name
    digests = {name: tree.digest(name) for name in rests if name != own}
    if digest_of(source.text) == job.text:  # else it was edited since its key was made
        variant = {
            "rests": list(digests),
            "digest": combined(digests[name] for name in digests),
            "names": job.names,
            "state": job.state,
            "queries": [
                [*query, answer(told)] for query, told in sorted(tree.noted.queries.items())
            ],
            "held": held.record(tree.noted, own, tree.digest),
            "result": made,
        }
        keep(Store(None if job.store is None else Path(job.store)), job.key, variant)
    return {"result": made, "digests": digests}


def combined(digests: Any) -> str:
    """Return one digest of many."""
    return digest_of("".join(digests).encode())


def answer(found: Sequence[str]) -> str:
    """Return what tells one answer to a search from another."""
    return digest_of("\n".join(found).encode("utf-8", "surrogateescape"))


def variants(store: Store, key: str) -> list[dict[str, Any]]:
    """Return what is kept under a key, the newest first."""
    entry = store.get(key)
    found: list[dict[str, Any]] = [] if entry is None else json.loads(entry)
    return found


def keep(store: Store, key: str, variant: dict[str, Any]) -> None:
    """Keep one more result; of one that rests on the same, the newer counts."""
    if store.root is None:
        return
    same = ("digest", "names", "rests")
    others = [v for v in variants(store, key) if any(v[k] != variant[k] for k in same)]
    store.put(key, json.dumps([variant, *others[: MAX_VARIANTS - 1]]).encode())


_TREES: dict[str, RecordingTree] = {}
_SPEAKING: dict[str, Sequence[str]] = {}


def know(root: Path, speaking: Sequence[str]) -> None:
    """Tell processes that are begun from now on which files of a tree speak of mappings.

    They will convert and compare: what they all need for that is loaded once.
    """
    import premap.survey.deep  # noqa: F401, PLC0415

    _SPEAKING.clear()
    _SPEAKING[str(root)] = speaking


def _tree(root: str) -> RecordingTree:
    """Return the tree, whose headers a process reads once, as long as they are not too many."""
    if root not in _TREES or _resident() > MAX_RESIDENT:
        _TREES.clear()
        _TREES[root] = RecordingTree(Path(root))
        if root in _SPEAKING:
            _TREES[root].search.know(_SPEAKING[root])
    return _TREES[root]


def _resident() -> int:
    with Path("/proc/self/statm").open("rb") as file:
        return int(file.read().split()[1]) * _PAGE


def _source(tree: RecordingTree, name: str) -> SourceFile | str:
    try:
        return read_source(tree.root / name, name)
    except SourceError as problem:
        return problem.detail or problem.why


def _facts(job: Job, source: SourceFile, tree: RecordingTree) -> FileFacts:
    return file_facts(source, tree, job.asked)


def _tables(job: Job, source: SourceFile, tree: RecordingTree) -> TablesWith:
    return tables_with(source, tree, job.asked.wanted)


def _deep(job: Job, source: SourceFile, tree: RecordingTree) -> Deep:
    from premap.survey.deep import judged  # noqa: PLC0415  loads what converts and proves

    return judged(source, tree, job.target)
