# SPDX-License-Identifier: GPL-2.0-only
"""`premap survey`: every handler of a tree, what it is, whether it converts, what holds it back."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.report.site import Pictured
    from premap.survey import Plan, Survey
    from premap.survey.engine import Engine
    from premap.survey.records import Site

TIME_LIMIT = 300
"""Seconds that one file may take, unless the user says otherwise."""


@command(
    "survey",
    "list every mmap handler of a tree: what it is, whether it converts, what holds it back",
    argument("root", metavar="TREE", type=Path, help="root of a kernel tree, or any folder of C"),
    argument(
        "--no-convert",
        action="store_true",
        help="only find and classify: no conversion, verdicts or findings",
    ),
    argument(
        "--compare",
        metavar="OTHER",
        type=Path,
        help="say what moved since an earlier state: another tree, or the JSON of its survey",
    ),
    argument("--html", metavar="DIR", type=Path, help="write a site that needs no network"),
    argument(
        "--scheduler",
        metavar="ADDRESS",
        help="work on a cluster of dask.distributed (premap[cluster]) that sees the same files",
    ),
    argument("--no-cache", action="store_true", help="neither use nor keep results of other runs"),
    argument(
        "--cache-size",
        metavar="MIB",
        type=options.positive,
        default=2048,
        help="keep at most so much, dropping what was used longest ago (default: 2048)",
    ),
    argument(
        "--retry",
        metavar="N",
        type=options.positive,
        default=0,
        help="try a file so often again whose process died or took too long",
    ),
    argument(
        "--time-limit",
        metavar="SECONDS",
        type=options.positive,
        default=TIME_LIMIT,
        help=f"give a file up after this time of the processor (default: {TIME_LIMIT})",
    ),
    argument(
        "--format",
        choices=("text", "json", "jsonl"),
        default="text",
        help="text for people, one JSON document, or one record a line as soon as it is complete",
    ),
    options.TARGET,
    options.JOBS,
    inputs=("root",),
)
def survey(given: argparse.Namespace) -> Exit:
    """Survey a tree, and print what came of it."""
    from premap import survey as surveys
    from premap.releases import UnknownRelease

    if not given.root.is_dir():
        raise UsageError(f"{given.root}: no such folder")
    before = _earlier(given.compare) if given.compare and given.compare.is_file() else None
    try:
        with _engine(given) as engine:
            done = _surveyed(_plan(given, given.root, engine), given, told=True)
            if given.compare and before is None:
                if not given.compare.is_dir():
                    raise UsageError(f"{given.compare}: no such tree or file")
                other = _surveyed(_plan(given, given.compare, engine), given, told=False)
                before = other.document["handlers"]
    except UnknownRelease as problem:
        raise UsageError(str(problem)) from problem
    if before is not None:
        moved = surveys.compare(before, done.document["handlers"])
        done.document["moved"] = [each.document() for each in moved]
    if given.html:
        _write_site(done, given.html)
    _report(done, given)
    return Exit.FINDINGS if done.document["errors"] else Exit.OK


def _plan(given: argparse.Namespace, root: Path, engine: Engine | None) -> Plan:
    from premap.cache.store import Store, folder
    from premap.survey import Plan

    return Plan(
        root=root,
        target=given.target,
        deep=not given.no_convert,
        jobs=given.jobs,
        store=Store(None if given.no_cache else folder("survey")),
        limit=given.cache_size << 20,
        time_limit=given.time_limit,
        retries=given.retry,
        engine=engine,
    )


@contextlib.contextmanager
def _engine(given: argparse.Namespace) -> Iterator[Engine | None]:
    if not given.scheduler:
        yield None
        return
    from premap.survey.cluster import ClusterError, cluster

    try:
        with cluster(given.scheduler, given.time_limit) as engine:
            yield engine
    except ClusterError as problem:
        raise UsageError(str(problem)) from problem


def _surveyed(plan: Plan, given: argparse.Namespace, *, told: bool) -> Survey:
    from premap import survey as surveys
    from premap.report.progress import Bar, Lines

    streams = told and given.format == "jsonl"
    with Bar(given.color, sys.stderr) as bar:
        progress = Lines(bar, sys.stdout) if streams else bar
        return surveys.survey(plan, progress)


def _earlier(path: Path) -> list[Site]:
    """Return the handlers of an earlier survey's JSON."""
    try:
        text = path.read_text("utf-8")
        first = json.loads(text.partition("\n")[0]) if path.suffix == ".jsonl" else None
        if first is not None:
            lines = (json.loads(line) for line in text.splitlines() if line)
            found = [line for line in lines if "handler" in line]
        else:
            found = json.loads(text)["handlers"]
        for site in found:
            site["file"], site["ops"], site["table"], site["arms"], site["hook"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"{path}: no JSON of premap survey ({problem})") from problem
    return list(found)


def _report(done: Survey, given: argparse.Namespace) -> None:
    from premap.report import documents

    if given.format == "json":
        print(documents.dumps(done.document))
    elif given.format == "jsonl":
        rest = {key: value for key, value in done.document.items() if key != "handlers"}
        print(json.dumps(rest))
    else:
        from premap.report.surveytext import print_survey
        from premap.report.text import console

        print_survey(done.document, console(given.color, sys.stdout))


def _write_site(done: Survey, folder: Path) -> None:
    from premap.cli.explain import explanations
    from premap.report.site import write_site
    from premap.survey.classes import pattern_classes

    titles = {each.id: each.title for each in explanations().values()}
    titles |= {each.id: each.title for each in pattern_classes().values()}
    pictures = dict(_pictures(done))
    index = write_site(done.document, done.patches, titles, pictures, folder)
    print(f"premap: wrote {index}", file=sys.stderr)


def _pictures(done: Survey) -> Iterator[tuple[str, Pictured]]:
    from premap.report.picture import Side, picture
    from premap.report.site import Pictured, source_lines

    root = Path(done.document["tree"])
    for site in done.document["handlers"]:
        key = f"{site['file']}:{site['line']}"
        run = done.runs.get(key)
        if run is not None and run["steps"]:
            code = source_lines(root, site["defined_in"])
            side = Side(site["handler"], run["member"], site["file"], run, code)
            yield key, Pictured(picture([side]), run["state"])
