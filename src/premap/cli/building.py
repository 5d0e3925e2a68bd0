# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --build`: compiles what was converted, and takes back what does not compile."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from premap.cli import batch
from premap.cli.command import UsageError
from premap.cli.engine import FileResult
from premap.cli.inputs import Input
from premap.cli.patch import Patch
from premap.csource.unified import places
from premap.kbuild import Built, Compiled, Diagnostic, KbuildError
from premap.outcomes import safety_of
from premap.records import Conversion, Note, Outcome, Reason

DOES_NOT_COMPILE = "does-not-compile"
"""Id of the reason to decline a conversion whose file no longer compiles."""


def check(inputs: Sequence[Input]) -> None:
    """Raise UsageError where nothing can be built, before any work is done."""
    roots = {file.root for file in inputs}
    if len(roots) != 1 or None in roots:
        raise UsageError("--build: the files have to lie in one kernel tree")


def built(
    results: Sequence[FileResult], given: argparse.Namespace, root: Path
) -> tuple[list[FileResult], Patch]:
    """Return what is left of the results when they were compiled, with what was said of them."""
    kept, patch = _assembled(results)
    names = [change.name for change in patch.changes() if change.name.endswith(".c")]
    if not names:
        return kept, patch
    print(
        f"premap: compiling {len(names)} files before and after, in {given.build}",
        file=sys.stderr,
    )
    try:
        tree = Built(root, given.build, given.jobs)
        tree.prepare(names)
        while True:
            compiled = tree.compile({change.name: change.new for change in patch.changes()})
            said = _Said(compiled, patch)
            if not compiled.broken:
                break
            kept, patch = _assembled([said.without_broken(result) for result in kept])
    except KbuildError as problem:
        raise UsageError(f"--build {given.build}: {problem}") from problem
    return [said.noted(result) for result in kept], patch


def _assembled(results: Iterable[FileResult]) -> tuple[list[FileResult], Patch]:
    patch = Patch()
    return [batch.added(result, patch) for result in results], patch


class _Said:
    """What the compiler says of a patch."""

    def __init__(self, compiled: Compiled, patch: Patch) -> None:
        self._compiled = compiled
        self._places = places(patch.diff())

    def without_broken(self, result: FileResult) -> FileResult:
        """Return a result whose conversions of files that no longer compile are taken back."""
        return replace(result, outcomes=tuple(map(self._kept, result.outcomes)))

    def _kept(self, outcome: Outcome) -> Outcome:
        conversion = outcome.conversion
        broken = _files(conversion) & self._compiled.broken
        if conversion is None or not broken:
            return outcome
        reason = Reason(DOES_NOT_COMPILE, self._error(min(broken)), conversion.handler.line)
        taken_back = replace(conversion, new_name=None, edits=(), idioms=(), reason=reason)
        return replace(outcome, status="declined", conversion=taken_back, safety=None)

    def _error(self, file: str) -> str:
        errors = [each for each in self._compiled.new if each.error]
        own = [each for each in errors if each.file == file] or errors
        return self._told(own[0]) if own else f"{file} does not compile any more"

    def noted(self, result: FileResult) -> FileResult:
        """Return a result with notes on new warnings, and on files that were not compiled."""
        outcomes = tuple(
            self._noted(each, each.conversion) if each.conversion and _converted(each) else each
            for each in result.outcomes
        )
        return replace(result, outcomes=outcomes)

    def _noted(self, outcome: Outcome, conversion: Conversion) -> Outcome:
        notes = tuple(self._notes(_files(conversion)))
        if not notes:
            return outcome
        noted = replace(conversion, notes=(*conversion.notes, *notes))
        verdict = outcome.verdict
        safety = safety_of(noted, verdict) if verdict else outcome.safety
        return replace(outcome, conversion=noted, safety=safety)

    def _notes(self, files: set[str]) -> Iterator[Note]:
        for said in self._compiled.new:
            if said.file in files:
                yield Note("new-warning", self._told(said))
        for name in sorted(files & self._compiled.unbuilt):
            message = f"{name} is not built in this configuration"
            yield Note("not-built", message, look=False)

    def _told(self, said: Diagnostic) -> str:
        line = self._places.get((said.file, said.line))
        where = f" (line {line} of the diff)" if line else ""
        return f"{said.file}:{said.line}{where}: {said.text}"


def _converted(outcome: Outcome) -> bool:
    return outcome.status == "converted"


def _files(conversion: Conversion | None) -> set[str]:
    return {edit.file for edit in conversion.edits} if conversion else set()
