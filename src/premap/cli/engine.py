# SPDX-License-Identifier: GPL-2.0-only
"""The main job on one file: path → Handler → Conversion → Verdict. Runs in a worker's process."""

from __future__ import annotations

import hashlib
import os
import traceback
from dataclasses import dataclass, replace

from premap import conversion as converter
from premap.cli.inputs import MENTIONED, Input
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile, read_source
from premap.csource.tree import KernelTree
from premap.records import Conversion, Outcome, Reason, Safety, Verdict

DIFFERENT = "different"
"""Id of the reason to decline a conversion that was shown to change what happens."""


@dataclass(frozen=True, slots=True)
class Task:
    """One file, and what to do with it."""

    input: Input
    target: str
    only: str | None
    """Name of the one handler to convert; None for all."""
    verify: bool
    allow_different: bool
    debug: bool


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of one file."""

    input: Input
    outcomes: tuple[Outcome, ...] = ()
    readable: bool = True
    digests: tuple[tuple[str, str], ...] = ()
    """Every file that the edits change, with the digest of the text that they are made for."""


def convert_input(task: Task) -> FileResult:
    """Convert what one file holds, and verify each conversion."""
    tree = _tree(task.input)
    try:
        source = open_source(task.input, tree)
    except SourceError as problem:
        reason = Reason("unreadable", problem.detail or problem.why)
        failed = Outcome(task.input.name, "error", problem=reason)
        return FileResult(task.input, (failed,), readable=False)
    if MENTIONED not in source.text:
        return FileResult(task.input)
    conversions = converter.convert_file(source, tree, task.target, task.only)
    if tree is not None and task.input.named:
        conversions += converter.convert_named_elsewhere(source, tree, task.target, task.only)
    outcomes = tuple(_outcome(conversion, source, tree, task) for conversion in conversions)
    return FileResult(task.input, outcomes, digests=_digests(outcomes, source, tree))


def digest(text: bytes) -> str:
    """Return what tells one text from another."""
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def open_source(file: Input, tree: KernelTree | None) -> SourceFile:
    """Read a file. Raises a SourceError that says why it can't be used."""
    if tree is not None and tree.exists(file.name):
        return tree.open(file.name)
    return read_source(file.path, file.name)


_TREES: dict[os.PathLike[str], KernelTree] = {}
"""Trees by root: a process that works on many files reads shared headers once."""


def _tree(file: Input) -> KernelTree | None:
    if file.root is None:
        return None
    return _TREES.setdefault(file.root, KernelTree(file.root))


def _outcome(
    conversion: Conversion, source: SourceFile, tree: KernelTree | None, task: Task
) -> Outcome:
    name = conversion.handler.file
    if conversion.reason is not None:
        return Outcome(name, "declined", conversion)
    if not task.verify:
        return Outcome(name, "converted", conversion, safety="review")
    verdict = _verdict(conversion, source, tree, task)
    if verdict.status == "different" and not task.allow_different:
        return Outcome(name, "declined", _withdrawn(conversion, verdict), verdict)
    return Outcome(name, "converted", conversion, verdict, safety_of(conversion, verdict))


def _verdict(
    conversion: Conversion, source: SourceFile, tree: KernelTree | None, task: Task
) -> Verdict:
    from premap import equivalence  # loads the solver

    try:
        if tree is not None and conversion.handler.file != source.name:
            source = tree.open(conversion.handler.file)
        return equivalence.verify_conversion(conversion, source, tree, task.target)
    except Exception as problem:  # noqa: BLE001  a verifier that fails has proved nothing
        if task.debug:
            traceback.print_exc()
        return Verdict("unknown", reason=f"internal error: {type(problem).__name__}: {problem}")


def _withdrawn(conversion: Conversion, verdict: Verdict) -> Conversion:
    """Return the conversion as declined, because it changes what happens."""
    how = "; ".join(difference.message for difference in verdict.differences)
    reason = Reason(DIFFERENT, f"old and new differ: {how}", conversion.handler.line)
    return replace(conversion, new_name=None, edits=(), idioms=(), reason=reason)


def safety_of(conversion: Conversion, verdict: Verdict) -> Safety:
    """Return whether a person has to look at a conversion before it is used."""
    proved = verdict.status in {"equivalent", "equivalent-except"}
    judged = any(difference.judgement for difference in verdict.differences)
    asked = any(note.look for note in conversion.notes)
    return "automatic" if proved and not judged and not asked else "review"


def _digests(
    outcomes: tuple[Outcome, ...], source: SourceFile, tree: KernelTree | None
) -> tuple[tuple[str, str], ...]:
    edited = {
        edit.file for outcome in outcomes if outcome.conversion for edit in outcome.conversion.edits
    }
    texts = {
        name: source.text if name == source.name or tree is None else tree.open(name).text
        for name in sorted(edited)
    }
    return tuple((name, digest(text)) for name, text in texts.items())
