# SPDX-License-Identifier: GPL-2.0-only
"""`premap check` on one file. Runs in a worker's process."""

from __future__ import annotations

from dataclasses import dataclass, field

from premap import rules
from premap.cli.engine import open_source, tree_of
from premap.cli.inputs import MENTIONED, Input
from premap.csource.errors import SourceError
from premap.records import Checked


@dataclass(frozen=True, slots=True)
class CheckTask:
    """One file, and the release that it is checked for."""

    input: Input
    target: str


@dataclass(frozen=True, slots=True)
class FileChecked:
    """What came of one file."""

    input: Input
    checked: Checked = field(default_factory=Checked)
    problem: str | None = None
    """Why the file could not be checked."""
    readable: bool = True


def check_input(task: CheckTask) -> FileChecked:
    """Check what one file holds."""
    tree = tree_of(task.input)
    try:
        source = open_source(task.input, tree)
    except SourceError as problem:
        return FileChecked(task.input, problem=problem.detail or problem.why, readable=False)
    if MENTIONED not in source.text:
        return FileChecked(task.input)
    return FileChecked(task.input, rules.check_file(source, tree, task.target))
