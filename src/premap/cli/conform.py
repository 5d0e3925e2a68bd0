# SPDX-License-Identifier: GPL-2.0-only
"""`premap conform`: holds the model against a kernel with random scenarios."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.backends import kernel_tree, opened
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from premap.scenario.behaviours import Behaviour, Behaviours
    from premap.scenario.conform import Kernel

MODEL = "7.3"
"""The release that the model is."""


@command(
    "conform",
    "run random scenarios on a kernel and on the model; report, and shrink, what differs",
    argument(
        "--kernel",
        metavar="TREE",
        type=Path,
        help="the tree that --on uml builds (default: PREMAP_KERNEL)",
    ),
    argument("--on", choices=("uml", "host"), default="uml", help="which kernel (default: uml)"),
    argument(
        "--steps",
        metavar="N",
        type=options.positive,
        default=20_000,
        help="steps to compare (default: 20000)",
    ),
    argument(
        "--seed",
        metavar="S",
        type=int,
        default=0,
        help="where the random numbers begin; the same seed gives the same scenarios (default: 0)",
    ),
    argument(
        "--differences",
        metavar="N",
        type=options.positive,
        default=8,
        help="stop when so many ways to differ were found (default: 8)",
    ),
    inputs=(),
)
def conform(given: argparse.Namespace) -> Exit:
    """Write each way to differ as a scenario file; say on standard error what it is."""
    from premap.report import text
    from premap.scenario import BackendError
    from premap.scenario.behaviours import Behaviours
    from premap.scenario.conform import Kernel

    which = release(given)
    err = text.console(given.color, sys.stderr)
    try:
        with opened(given.on, given) as backend:
            kernel = Kernel(backend, which, devices=given.on != "host")
            behaviours = Behaviours(kernel, given.differences)
            _compare(behaviours, given, err)
    except BackendError as problem:
        raise UsageError(str(problem)) from problem
    return Exit.FINDINGS if behaviours.found else Exit.OK


def release(given: argparse.Namespace) -> tuple[int, int]:
    """Return the release of the kernel that is asked for. Raises UsageError."""
    from premap.scenario import BackendError, host

    if given.on == "host":
        return host.release()
    from premap.uml import tree

    try:
        major, minor = tree.release(kernel_tree(given)).split(".")[:2]
    except BackendError as problem:
        raise UsageError(str(problem)) from problem
    return int(major), int(minor)


def _compare(behaviours: Behaviours, given: argparse.Namespace, err: Console) -> None:
    """Compare to the end, or until enough differs; say how much was compared."""
    from premap.scenario.conform import conform as compared

    kernel = behaviours.kernel
    done, scenarios, left_out = 0, 0, Counter[str]()
    with _progress(given.steps, err) as (bar, task):
        for each in compared(kernel, given.seed, given.steps):
            done += each.steps
            scenarios += 1
            bar.update(task, completed=done)
            if each.known is not None:
                left_out[f"{each.known.id} (before {_name(each.known.since)})"] += 1
            new = behaviours.add(each)
            if new is not None:
                _report(new, kernel, err)
            if behaviours.enough:
                break
    differing = sum(len(each.seeds) for each in behaviours.found.values())
    verdict = f"compared, {differing} differ from" if differing else "agree with"
    err.print(f"{done} steps of {scenarios} scenarios {verdict} the model ({MODEL})")
    for what, count in left_out.most_common():
        err.print(f"  the rest of {count} not compared: {what}")
    _summary(behaviours, err)


def _summary(behaviours: Behaviours, err: Console) -> None:
    """Say how often each behaviour was met, and why no more were looked for."""
    if not behaviours.found:
        return
    ways = len(behaviours.found)
    err.print(f"{ways} {'way' if ways == 1 else 'ways'} to differ:")
    for each in behaviours.found.values():
        count = len(each.seeds)
        often = "1 scenario" if count == 1 else f"{count} scenarios"
        err.print(f"  {each.difference.step['op']}, as in {each.seeds[0]}: {often}")
    if behaviours.enough:
        err.print("  there may be more: enough differs (--differences)")


@contextmanager
def _progress(steps: int, err: Console) -> Iterator[tuple[Progress, TaskID]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), "steps", TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar, bar.add_task("", total=steps)


def _report(found: Behaviour, kernel: Kernel, err: Console) -> None:
    """Print the scenario, and in words what is different."""
    from premap.scenario.conform import scenario_text

    smallest = found.difference
    err.print(
        f"Linux {_name(kernel.release)} differs from the model in scenario {found.seeds[0]}; "
        f"shrunk, at step {len(smallest.steps)} ({smallest.step['op']}):"
    )
    for sentence in smallest.sentences():
        err.print(f"  {sentence}")
    print(scenario_text(smallest.steps, found.window), end="", flush=True)


def _name(release: tuple[int, int]) -> str:
    return f"{release[0]}.{release[1]}"
