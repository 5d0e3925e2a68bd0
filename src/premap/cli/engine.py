# SPDX-License-Identifier: GPL-2.0-only
"""The main job on one file: path → Handler → Conversion → Verdict. Runs in a worker's process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from premap import conversion as converter
from premap.cli.inputs import MENTIONED, Input
from premap.cli.opening import open_source, torn_reason, unreadable, world_of
from premap.conversion.callback import FILE_OPERATIONS
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.outcomes import Asked, outcomes, safety_of
from premap.records import Outcome, Reason


class Task(Struct, frozen=True):
    """One file, and what to do with it."""

    input: Input
    asked: Asked
    only: str | None = None
    """Name of the one handler to convert; None for all."""
    dual: bool = False
    """Whether the old hook is kept beside the new one."""
    macro: str | None = None
    """With `dual`, what chooses between them; None for the kernel's release."""
    callback: converter.Callback = FILE_OPERATIONS
    """Which member of which tables is converted."""


class FileResult(Struct, frozen=True):
    """What came of one file."""

    input: Input
    outcomes: tuple[Outcome, ...] = ()
    readable: bool = True
    digests: tuple[tuple[str, str], ...] = ()
    """Every file that the edits change, with the digest of the text that they are made for."""


def convert_input(task: Task) -> FileResult:
    """Convert what one file holds, and verify each conversion."""
    tree = world_of(task.input)
    try:
        source = open_source(task.input, tree)
    except SourceError as problem:
        failed = Outcome(task.input.name, "error", problem=unreadable(problem))
        return FileResult(task.input, (failed,), readable=False)
    if MENTIONED not in source.text:
        return FileResult(task.input)
    reason = torn_reason(source)
    if reason is not None:
        return FileResult(task.input, (Outcome(task.input.name, "error", problem=reason),))
    try:
        return _converted(task, source, tree)
    except SourceError as problem:  # it, or one that it leads to, is of absurd size
        own = problem.name == source.name
        reason = unreadable(problem) if own else Reason("unreadable", str(problem))
        return FileResult(task.input, (Outcome(task.input.name, "error", problem=reason),))


def _converted(task: Task, source: SourceFile, tree: KernelTree | None) -> FileResult:
    target = task.asked.target
    conversions = converter.convert_file(source, tree, target, task.only, task.callback)
    if tree is not None and task.input.named:
        conversions += converter.convert_named_elsewhere(
            source, tree, target, task.only, task.callback
        )
    found = tuple(outcomes(conversions, source, tree, task.asked))
    if task.dual:
        found = tuple(_dual(found, source, tree, task.macro))
    return FileResult(task.input, found, digests=_digests(found, source, tree))


def _dual(
    found: Sequence[Outcome], source: SourceFile, tree: KernelTree | None, macro: str | None
) -> Iterator[Outcome]:
    """Yield outcomes that keep the old hook; the verdicts compare the two arms."""

    def opened(name: str) -> SourceFile:
        return source if tree is None or name == source.name else tree.open(name)

    converted = [each.conversion for each in found if each.status == "converted"]
    made = iter(converter.dual([each for each in converted if each], opened, macro))
    for outcome_ in found:
        if outcome_.status != "converted":
            yield outcome_
            continue
        conversion = next(made)
        if conversion.reason is not None:
            yield Outcome(outcome_.file, "declined", conversion)
            continue
        verdict = outcome_.verdict
        safety = safety_of(conversion, verdict) if verdict else outcome_.safety
        yield replace(outcome_, conversion=conversion, safety=safety)


def digest(text: bytes) -> str:
    """Return what tells one text from another."""
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _digests(
    outcomes: tuple[Outcome, ...], source: SourceFile, tree: KernelTree | None
) -> tuple[tuple[str, str], ...]:
    edited = {edit.file for each in outcomes if each.conversion for edit in each.conversion.edits}
    texts = {
        name: source.text if name == source.name or tree is None else tree.open(name).text
        for name in sorted(edited)
    }
    return tuple((name, digest(text)) for name, text in texts.items())
