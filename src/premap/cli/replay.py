# SPDX-License-Identifier: GPL-2.0-only
"""`premap replay`: runs a scenario on the model or a kernel, or compares recorded ones with it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli.backends import BACKENDS, opened
from premap.cli.command import Exit, UsageError, argument, command
from premap.report.printable import printable

if TYPE_CHECKING:
    from premap.scenario import Backend, Scenario

AGREE = "agree"


@command(
    "replay",
    "run a scenario on the model; where results are recorded with it, compare",
    argument("file", metavar="FILE", type=Path, help="scenario: .jsonl or .jsonl.gz"),
    argument(
        "--on", choices=tuple(BACKENDS), default="model", help="what runs it (default: model)"
    ),
    argument(
        "--kernel",
        metavar="TREE",
        type=Path,
        help="the tree that --on uml builds (default: PREMAP_KERNEL)",
    ),
    argument("--html", metavar="PAGE", type=Path, help="write a page that steps through it"),
    inputs=("file",),
)
def replay(given: argparse.Namespace) -> Exit:
    """Write one result a line; of recorded scenarios, write what differs."""
    from premap import scenario

    try:
        scenarios = scenario.read(given.file)
    except scenario.ScenarioError as problem:
        raise UsageError(str(problem)) from problem
    with opened(given.on, given) as backend:
        if given.html:
            return _write_picture(scenarios[0], backend, given.html)
        if scenarios[0].results is None:
            return max(_run(each, backend) for each in scenarios)
        return _compare(scenarios, backend)


def _run(scenario: Scenario, backend: Backend) -> Exit:
    """Print the results, as far as the backend knows every step."""
    from premap.model.errors import NotModelled
    from premap.scenario import BackendError, MissingStep, run

    done = 0
    try:
        for result in run(scenario, backend):
            print(json.dumps(result), flush=True)
            done += 1
    except (BackendError, MissingStep, NotModelled) as problem:
        print(f"premap: {_place(scenario, done)}: {printable(str(problem))}", file=sys.stderr)
        return Exit.FINDINGS
    return Exit.OK


def _write_picture(scenario: Scenario, backend: Backend, page: Path) -> Exit:
    """Write the page that --html asks for, of the first scenario of a file."""
    from premap.report.picture import picture_page
    from premap.report.scenario import scenario_side
    from premap.scenario import run

    side = scenario_side(scenario.path, scenario.steps, list(run(scenario, backend)))
    page.write_text(picture_page(Path(scenario.path).name, "A scenario", [side]), "utf-8")
    return Exit.OK


def _place(scenario: Scenario, step: int) -> str:
    return f"{printable(scenario.path)}:{scenario.lines[step]}"


def _compare(scenarios: list[Scenario], backend: Backend) -> Exit:
    """Print every first difference, and how many scenarios agree how far."""
    went = Counter(_compared(scenario, backend) for scenario in scenarios)
    agree = went.pop(AGREE, 0)
    told = [f"{agree} agree", *(f"{count} {what}" for what, count in sorted(went.items()))]
    print(f"{len(scenarios)} scenarios: {'; '.join(told)}", file=sys.stderr)
    return Exit.FINDINGS if went else Exit.OK


def _compared(scenario: Scenario, backend: Backend) -> str:
    """Say in a few words how one scenario went; print what differs."""
    from premap.model.errors import NotModelled
    from premap.scenario import BackendError
    from premap.scenario import replay as replayed

    try:
        outcome = replayed(scenario, backend)
    except (BackendError, NotModelled) as problem:
        print(f"{printable(scenario.path)}:{scenario.line}: {printable(str(problem))}")
        return "not modelled" if isinstance(problem, NotModelled) else "not run"
    found = outcome.disagreement
    if found is not None:
        print(f"{_place(scenario, found.step)}: step {found.step + 1} (seed {scenario.seed})")
        print(f"  recorded: {found.expected}\n  got:      {found.got}")
        return "disagree"
    return AGREE if outcome.missing is None else f"agree until {outcome.missing} (no such step)"
