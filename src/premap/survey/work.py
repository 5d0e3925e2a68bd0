# SPDX-License-Identifier: GPL-2.0-only
"""What is done for one file, in a process of its own, and kept as soon as it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from premap import conversion as converter
from premap.cache.store import Store, digest_of
from premap.csource.edit import unified_diff
from premap.csource.errors import SourceError
from premap.csource.handlers import find_handlers
from premap.csource.source import SourceFile, read_source
from premap.model import KernelBug, NotModelled
from premap.outcomes import Asked as JudgedBy
from premap.outcomes import outcomes
from premap.records import Conversion, Outcome
from premap.report import documents
from premap.survey import held
from premap.survey.filefacts import Asked, file_facts, tables_with
from premap.survey.recording import RecordingTree
from premap.survey.records import Deep, FileFacts, Judged, Run, TablesWith

if TYPE_CHECKING:
    from premap.equivalence import Stepped
    from premap.equivalence.outcome import Side

MAX_RESIDENT = 450 << 20
"""Bytes of memory after which a process reads its headers anew, rather than keep more of them."""
MAX_VARIANTS = 12
"""Results that are kept of one text of a file, each for other headers around it."""
MAX_STEPS = 200
"""Steps of a call that a picture has."""
STATES = (1 << 20, 0, 1)
"""Values that all of the driver's state has in a picture: the first with which mmap() succeeds."""
_PAGE = 4096


Kind = Literal["facts", "tables", "deep"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file of a tree, and what to find out about it."""

    kind: Kind
    root: str
    name: str
    target: str
    asked: Asked
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
    variant = {
        "rests": list(digests),
        "digest": combined(digests[name] for name in digests),
        "names": job.names,
        "state": job.state,
        "queries": [[*query, answer(found)] for query, found in sorted(tree.noted.queries.items())],
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
    """Tell processes that are begun from now on which files of a tree speak of mappings."""
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
    """Convert every handler, compare old and new, and look for mistakes."""
    from premap import rules  # noqa: PLC0415  loads the rules

    judged = JudgedBy(job.target)
    conversions = converter.convert_file(source, tree, job.target)
    found = outcomes(conversions, source, tree, judged)
    checked = rules.check_file(source, tree, job.target)
    return {
        "outcomes": {str(_start(each)): _outcome(each, source, tree) for each in found},
        "findings": [documents.finding(each) for each in checked.findings],
        "runs": {name: run for name in _hooks(source) if (run := _run(source, name, tree))},
    }


def _hooks(source: SourceFile) -> list[str]:
    """Return the hooks that the file both defines and names in a table."""
    found = find_handlers(source)
    return sorted({each.name for each in found if each.name in source.functions})


def _run(source: SourceFile, name: str, tree: RecordingTree) -> Run | None:
    """Return one call of a hook, step by step; None where the model does not know it whole.

    The driver's state is one with which the call succeeds, if one of a few does.
    """
    from premap import equivalence  # noqa: PLC0415  loads the interpreter

    try:
        side = equivalence.hook(source, name, tree)
        runs = (_stepped(side, state) for state in STATES)
        stepped, state = next((run for run in runs if not run[0].outcome.failed), None) or _stepped(
            side, STATES[0]
        )
    except (NotModelled, KernelBug, equivalence.NoSuchHook, RecursionError):
        return None
    return {
        "member": "mmap" if side.member == "mmap" else "mmap_prepare",
        "result": stepped.result,
        "state": state,
        "steps": [asdict(step) for step in stepped.steps[:MAX_STEPS]],
        "vmas": stepped.vmas,
        "ptes": stepped.ptes,
        "injected": [],
    }


def _stepped(side: Side, state: int) -> tuple[Stepped, int]:
    from premap import equivalence  # noqa: PLC0415

    shared = equivalence.Setting(shared=True)
    return equivalence.step_through(side, shared, otherwise=state), state


def _start(found: Outcome) -> int:
    return -1 if found.conversion is None else found.conversion.handler.start


def _outcome(found: Outcome, source: SourceFile, tree: RecordingTree) -> Judged:
    conversion = found.conversion
    return {
        "status": found.status,
        "safety": found.safety,
        "new_name": conversion.new_name if conversion else None,
        "idioms": list(conversion.idioms) if conversion else [],
        "notes": [asdict(note) for note in conversion.notes] if conversion else [],
        "reason": asdict(found.reason) if found.reason else None,
        "verdict": documents.verdict(found.verdict) if found.verdict else None,
        "patch": _patch(conversion, source, tree) if conversion and conversion.edits else None,
    }


def _patch(conversion: Conversion, source: SourceFile, tree: RecordingTree) -> str:
    diff = b""
    for name in sorted({edit.file for edit in conversion.edits}):
        before = source if name == source.name else tree.open(name)
        diff += unified_diff(name, before.text, converter.apply([conversion], before))
    return diff.decode("utf-8", "surrogateescape")
