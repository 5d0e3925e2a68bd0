# SPDX-License-Identifier: GPL-2.0-only
"""`premap verify`: whether two versions of a handler do the same."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.cli.location import Location
    from premap.records import Verdict

_EXIT = {
    "equivalent": Exit.OK,
    "equivalent-except": Exit.OK,
    "different": Exit.FINDINGS,
    "unknown": Exit.UNKNOWN,
}


@command(
    "verify",
    "say whether two versions of a handler do the same, with a counter-example where not",
    argument("versions", nargs="+", metavar="FILE[:FUNCTION]", help="the old one and the new one"),
    argument(
        "--git",
        metavar="REV..REV",
        help="compare two revisions of the one file that is named",
    ),
    argument("--old-tree", metavar="DIR", type=Path, help="kernel tree of the old version"),
    argument("--new-tree", metavar="DIR", type=Path, help="kernel tree of the new version"),
    argument(
        "--time-limit",
        type=options.positive,
        metavar="SECONDS",
        help="give up a proof that takes more work than these seconds stand for (default: 10)",
    ),
    options.TREE,
    options.FORMAT,
    inputs=("versions",),
)
def verify(given: argparse.Namespace) -> Exit:
    """Run both versions on the model, with symbolic arguments, and compare what comes of it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="premap-") as scratch:
        old, new = _opened(given, Path(scratch))
        verdict = _compared(old, new, given.time_limit)
    if given.format == "json":
        from premap.report import documents

        print(documents.dumps(documents.verdict(verdict)))
    else:
        from premap.report import text

        text.print_verdict(verdict, text.console(given.color, sys.stdout))
    return _EXIT[verdict.status]


def _opened(given: argparse.Namespace, scratch: Path) -> tuple[Location, Location]:
    from premap.cli.location import open_location

    if given.git is not None:
        return _from_git(given, scratch)
    if len(given.versions) != 2:
        raise UsageError("verify takes two versions, OLD and NEW (or --git REV..REV and one file)")
    old, new = given.versions
    old_tree, new_tree = given.old_tree or given.tree, given.new_tree or given.tree
    return open_location(old, old_tree), open_location(new, new_tree)


def _from_git(given: argparse.Namespace, scratch: Path) -> tuple[Location, Location]:
    from premap.cli.location import open_location, split_location
    from premap.cli.revisions import check_out, parse_range, repository_of

    if len(given.versions) != 1:
        raise UsageError("verify --git takes one file")
    path, function = split_location(given.versions[0])
    repository, name = repository_of(path)
    opened = []
    for side, revision in zip(("old", "new"), parse_range(given.git), strict=True):
        file = check_out(repository, revision, name, scratch / side)
        opened.append(open_location(f"{file}:{function}" if function else str(file), None))
    return opened[0], opened[1]


def _compared(old: Location, new: Location, time_limit: int | None) -> Verdict:
    from premap import equivalence  # loads the solver

    limit = {} if time_limit is None else {"time_limit": float(time_limit)}
    try:
        return equivalence.verify_functions(
            (old.source, old.function), (new.source, new.function), old.tree, new.tree, **limit
        )
    except equivalence.NoSuchHook as problem:
        raise UsageError(str(problem)) from problem
