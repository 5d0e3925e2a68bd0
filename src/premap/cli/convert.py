# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert`: legacy handlers in, a patch out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.cli.engine import FileResult
    from premap.cli.inputs import Input
    from premap.cli.patch import Patch
    from premap.records import Outcome

TIME_LIMIT = 120
"""Seconds that one file may take, unless the user says otherwise."""


class Report(Protocol):
    """Says what happens in a run."""

    def outcomes(self, found: Iterable[Outcome]) -> None:
        """Report some more outcomes."""

    def written(self, paths: Iterable[Path]) -> None:
        """Report the files of a series."""

    def end(self, outcomes: list[Outcome], diff: bytes, target: str | None) -> None:
        """Report the whole run; `target` is None where trees differ in it."""


@command(
    "convert",
    "turn legacy mmap handlers into mmap_prepare hooks: a diff on standard output",
    argument("paths", nargs="+", metavar="PATH", type=Path, help="C file, or folder of them"),
    argument("--in-place", action="store_true", help="change the files; print no diff"),
    argument(
        "--dual",
        action="store_true",
        help="keep the old hook for kernels without the new one: both, in arms of an #if",
    ),
    argument(
        "--dual-macro",
        metavar="MACRO",
        type=options.identifier,
        help="--dual, and this macro chooses between them, not the kernel's version",
    ),
    argument(
        "--mbox",
        metavar="DIR",
        type=Path,
        help="write a series for git am into this new folder, one driver a patch; print no diff",
    ),
    argument(
        "--get-maintainer",
        action="store_true",
        help="with --mbox: run the tree's scripts/get_maintainer.pl, rather than read MAINTAINERS",
    ),
    argument(
        "--build",
        metavar="DIR",
        type=Path,
        help="compile what was converted in this folder, with the tree's kbuild (which runs its "
        "makefiles), and take back what does not compile",
    ),
    argument(
        "--callback",
        metavar="MEMBER",
        help='convert a subsystem\'s own member: "struct vfio_device_ops.mmap"; it gets a twin '
        "beside it, and what calls it takes either",
    ),
    argument(
        "--as",
        dest="twin",
        metavar="NAME",
        type=options.identifier,
        help="with --callback: what the twin is called (default: mmap_prepare)",
    ),
    argument("--handler", metavar="NAME", help="convert only the handler of this name"),
    argument("--no-verify", action="store_true", help="do not compare old and new on the model"),
    argument(
        "--allow-different",
        action="store_true",
        help="emit a conversion although it was shown to change what happens",
    ),
    argument(
        "--time-limit",
        metavar="SECONDS",
        type=options.positive,
        default=TIME_LIMIT,
        help=f"give a file up after this time of the processor (default: {TIME_LIMIT})",
    ),
    options.TARGET,
    options.TREE,
    options.FORMAT,
    options.JOBS,
    inputs=("paths",),
)
def convert(given: argparse.Namespace) -> Exit:
    """Convert every handler that the paths hold; emit those that are safe to emit."""
    from premap.cli import batch, building, mbox
    from premap.cli.inputs import find_inputs

    inputs = find_inputs(given.paths, given.tree)
    targets = batch.targets(inputs, given.target)
    if given.mbox:
        mbox.check(given, inputs)
    if given.build:
        building.check(inputs)
    report = _report(given)
    results, patch = _results(inputs, targets, given, report)
    outcomes = [outcome for result in results for outcome in result.outcomes]
    if given.handler and not _names(outcomes, given.handler):
        raise UsageError(f"no handler {given.handler} in {', '.join(map(str, given.paths))}")
    diff = patch.diff()
    if given.in_place:
        unwritten = batch.write(patch)
        report.outcomes(unwritten)
        outcomes += unwritten
    if given.mbox:
        root = inputs[0].root if inputs else None
        report.written(mbox.write(given.mbox, outcomes, patch, root, ask=given.get_maintainer))
    report.end(outcomes, diff, _only(targets.values()) or given.target)
    readable = any(result.readable for result in results)
    return exit_code(outcomes) if readable or not inputs else Exit.USAGE


def _results(
    inputs: list[Input],
    targets: dict[Path | None, str],
    given: argparse.Namespace,
    report: Report,
) -> tuple[list[FileResult], Patch]:
    """Work on the files, and report each as soon as nothing more can change what came of it."""
    from premap.cli import batch, building
    from premap.cli.patch import Patch

    patch = Patch()
    results: list[FileResult] = []
    seen = batch.Seen()
    for result in batch.work(inputs, targets, given):
        results.append(batch.added(seen.new(result), patch))
        if not given.build:
            report.outcomes(results[-1].outcomes)
    root = inputs[0].root if inputs else None
    if given.build and root is not None:
        results, patch = building.built(results, given, root)
        for result in results:
            report.outcomes(result.outcomes)
    return results, patch


def exit_code(outcomes: Iterable[Outcome]) -> Exit:
    """Return the exit code that the outcomes of a run ask for."""
    from premap.records import ARMS_ALREADY

    code = Exit.OK
    for outcome in outcomes:
        if outcome.reason is not None and outcome.reason.id == ARMS_ALREADY:
            continue
        status = outcome.verdict.status if outcome.verdict else None
        if outcome.status != "converted" or status == "different":
            return Exit.FINDINGS
        if status == "unknown":
            code = Exit.UNKNOWN
    return code


def _report(given: argparse.Namespace) -> Report:
    if given.format == "json":
        from premap.report.documents import ConvertDocument

        return ConvertDocument(sys.stdout)
    from premap.report.text import ConvertText

    return ConvertText(
        given.color, sys.stderr, None if given.in_place or given.mbox else sys.stdout
    )


def _only(targets: Iterable[str]) -> str | None:
    distinct = set(targets)
    return distinct.pop() if len(distinct) == 1 else None


def _names(outcomes: Iterable[Outcome], handler: str) -> bool:
    """Whether the handler was found, or may lie in a file that could not be worked on."""
    return any(
        outcome.conversion is None or outcome.conversion.handler.name == handler
        for outcome in outcomes
    )
