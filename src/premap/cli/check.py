# SPDX-License-Identifier: GPL-2.0-only
"""`premap check`: mistakes in mmap hooks, new and legacy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.command import Exit, argument, command

if TYPE_CHECKING:
    from premap.cli.checking import FileChecked
    from premap.cli.inputs import Input

TIME_LIMIT = 60
"""Seconds that one file may take."""


@command(
    "check",
    "find mistakes in mmap hooks, new and legacy",
    argument("paths", nargs="*", metavar="PATH", type=Path, help="C file, or folder of them"),
    argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="text for people, or one document for machines",
    ),
    options.TARGET,
    options.TREE,
    options.JOBS,
    inputs=("paths",),
)
def check(given: argparse.Namespace) -> Exit:
    """Check every file that the paths name."""
    from premap.cli.inputs import find_inputs

    inputs = find_inputs(given.paths, given.tree)
    targets = _targets(inputs, given.target)
    results = list(_work(inputs, targets, given.jobs))
    _report(results, set(targets.values()), given)
    return _exit_code(results)


def _targets(inputs: list[Input], given: str | None) -> dict[Path | None, str]:
    """Return the release that files are checked for, by root of their tree."""
    from premap import releases
    from premap.csource.tree import KernelTree

    found: dict[Path | None, str] = {}
    for root in dict.fromkeys(file.root for file in inputs):
        of_tree = KernelTree(root).release if root else "?"
        found[root] = given or (releases.NEWEST if of_tree == "?" else of_tree)
    return found


def _work(inputs: list[Input], targets: dict[Path | None, str], jobs: int) -> Iterator[FileChecked]:
    """Yield what came of each file, in their order."""
    from premap.cli.checking import CheckTask, FileChecked, check_input
    from premap.workers import Failure, Workers

    tasks = [CheckTask(file, targets[file.root]) for file in inputs]
    workers: Workers[CheckTask, FileChecked] = Workers(check_input, jobs, TIME_LIMIT)
    for file, result in zip(inputs, workers.run(tasks), strict=True):
        if isinstance(result, Failure):
            yield FileChecked(file, problem=result.message)
        else:
            yield result


def _report(results: list[FileChecked], targets: set[str], given: argparse.Namespace) -> None:
    checked = [each.checked for each in results]
    if given.format == "json":
        from premap.records import Reason
        from premap.report import documents

        errors = [Reason(each.input.name, each.problem) for each in results if each.problem]
        target = next(iter(targets)) if len(targets) == 1 else given.target
        print(documents.dumps(documents.check(checked, errors, target)))
        return
    from premap.report.findings import FindingsText, summary
    from premap.report.printable import printable

    FindingsText(given.color, sys.stdout).print(checked)
    sys.stdout.flush()
    for each in results:
        if each.problem:
            name, problem = printable(each.input.name), printable(each.problem)
            print(f"premap: {name}: {problem}", file=sys.stderr)
    print(summary(checked, len(results)), file=sys.stderr)


def _exit_code(results: list[FileChecked]) -> Exit:
    if results and not any(each.readable for each in results):
        return Exit.USAGE
    found = any(each.checked.findings or each.problem for each in results)
    return Exit.FINDINGS if found else Exit.OK
