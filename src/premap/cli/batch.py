# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert` over many files: hands them out, and puts together what came back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from premap import releases
from premap.cli import callback
from premap.cli.command import UsageError
from premap.cli.engine import FileResult, Task, convert_input
from premap.cli.inputs import Input
from premap.cli.patch import Change, Conflict, Patch
from premap.cli.rewrite import NotWritten, Replacement, replace_texts
from premap.conversion import target_release
from premap.csource.tree import KernelTree
from premap.outcomes import Asked
from premap.records import Conversion, Outcome, Reason
from premap.workers import Failure, Workers


def targets(inputs: list[Input], given: str | None) -> dict[Path | None, str]:
    """Return the release to write for, by root of the tree. Raises UsageError if there is none."""
    found: dict[Path | None, str] = {}
    for root in dict.fromkeys(file.root for file in inputs):
        tree = KernelTree(root) if root else None
        of_tree = tree.release if tree else "?"
        target = given or (releases.NEWEST if of_tree == "?" else of_tree)
        try:
            target_release(target, tree)
        except releases.UnknownRelease as problem:
            hint = "" if given else f" ({root} is a tree of {of_tree}: say --target)"
            raise UsageError(f"{problem}{hint}") from problem
        found[root] = target
    return found


def work(
    inputs: list[Input], targets: dict[Path | None, str], given: argparse.Namespace
) -> Iterator[FileResult]:
    """Yield what came of each file, in their order."""
    debug = given.debug or bool(os.environ.get("PREMAP_DEBUG"))
    asked = partial(
        Asked, verify=not given.no_verify, allow_different=given.allow_different, debug=debug
    )
    kept = {"dual": given.dual or given.dual_macro is not None, "macro": given.dual_macro}
    callbacks = callback.planned(inputs, targets, given)
    tasks = [
        Task(
            file,
            asked(target=targets[file.root]),
            given.handler,
            callback=callbacks[file.root],
            **kept,
        )
        for file in inputs
    ]
    workers: Workers[Task, FileResult] = Workers(convert_input, given.jobs, given.time_limit)
    for file, result in zip(inputs, workers.run(tasks), strict=True):
        if isinstance(result, Failure):
            if result.trace and debug:
                print(result.trace, file=sys.stderr)
            problem = Reason("error", result.message)
            yield FileResult(file, (Outcome(file.name, "error", problem=problem),))
        else:
            yield result


class Seen:
    """Drops what was reported before: the files of a handler and of its table may both be given."""

    def __init__(self) -> None:
        self._sites: set[tuple[Path | None, str, int]] = set()

    def new(self, result: FileResult) -> FileResult:
        """Return the result without the sites of earlier ones."""
        kept = [outcome for outcome in result.outcomes if self._add(result.input.root, outcome)]
        return replace(result, outcomes=tuple(kept))

    def _add(self, root: Path | None, outcome: Outcome) -> bool:
        if outcome.conversion is None:
            return True
        handler = outcome.conversion.handler
        site = (root, handler.file, handler.start)
        new = site not in self._sites
        self._sites.add(site)
        return new


def added(result: FileResult, patch: Patch) -> FileResult:
    """Put a file's conversions into the patch; one that does not fit becomes declined."""
    outcomes = []
    for outcome in result.outcomes:
        if outcome.status == "converted" and outcome.conversion is not None:
            try:
                patch.add(result.input, outcome.conversion, dict(result.digests))
            except Conflict as conflict:
                outcomes.append(_declined(outcome, outcome.conversion, str(conflict)))
                continue
        outcomes.append(outcome)
    return replace(result, outcomes=tuple(outcomes))


def _declined(outcome: Outcome, conversion: Conversion, why: str) -> Outcome:
    reason = Reason("conflict", why, conversion.handler.line)
    dropped = replace(conversion, new_name=None, edits=(), idioms=(), reason=reason)
    return replace(outcome, status="declined", conversion=dropped, verdict=None, safety=None)


def write(patch: Patch) -> list[Outcome]:
    """Change the files; return an outcome for each that could not be written.

    Files that a conversion changes together are written together, or stay as they are.
    """
    failed = []
    for group in patch.groups():
        try:
            replace_texts([Replacement(each.path, each.old, each.new) for each in group])
        except NotWritten as problem:
            failed += [_unwritten(change, group, problem) for change in group]
    return failed


def _unwritten(change: Change, group: Sequence[Change], problem: NotWritten) -> Outcome:
    culprit = next(each for each in group if each.path == problem.path)
    why = str(problem) if culprit is change else f"it goes with {culprit.name}: {problem}"
    reason = Reason("unwritable", f"not written: {why}")
    return Outcome(change.name, "error", problem=reason)
