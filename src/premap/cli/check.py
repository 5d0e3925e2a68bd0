# SPDX-License-Identifier: GPL-2.0-only
"""`premap check`: mistakes in mmap hooks, new and legacy."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.cli.checked import FileChecked
    from premap.records import Checked, Reason
    from premap.settings.files import Settings

_GARBAGE = 50_000
"""Objects that may be made before garbage is looked for; Python's 700 cost a twentieth of a run."""


@command(
    "check",
    "find mistakes in mmap hooks, new and legacy",
    argument("paths", nargs="*", metavar="PATH", type=Path, help="C file, or folder of them"),
    argument(
        "--format",
        choices=("text", "json", "sarif", "github"),
        default="text",
        help="text for people, or one document for machines",
    ),
    argument("--patch", metavar="FILE", help="check what a patch or mail changes (- for stdin)"),
    argument("--level", choices=("error", "warning", "note"), help="report nothing milder"),
    argument("--select", action="append", metavar="RULE", help="report only this rule"),
    argument("--ignore", action="append", metavar="RULE", help="do not report this rule"),
    argument("--baseline", metavar="FILE", type=Path, help="do not report what is in this file"),
    argument("--write-baseline", metavar="FILE", type=Path, help="write what is found to a file"),
    argument(
        "--kbuild",
        action="store_true",
        help='for make C=2 CHECK="premap check --kbuild": the compiler\'s arguments may follow',
    ),
    argument("--no-cache", action="store_true", help="neither use nor keep results of other runs"),
    argument("--for-make", action="store_true", help=argparse.SUPPRESS),
    options.TARGET,
    options.TREE,
    options.JOBS,
    inputs=("paths",),
)
def check(given: argparse.Namespace) -> Exit:
    """Check every file that the paths name, or that a patch changes."""
    gc.set_threshold(_GARBAGE)
    from premap.settings.files import read_settings

    if not given.paths and given.patch is None:
        raise UsageError("check: name files, folders, or a --patch")
    first = given.paths[0] if given.paths else Path.cwd()
    settings = _told(read_settings(first if first.is_dir() else first.parent), given)
    results = _results(given, settings)
    if given.write_baseline is not None:
        return _write_baseline(given.write_baseline, results, settings)
    shown = _chosen(results, settings)
    _report(shown, settings, given)
    return _exit_code(shown)


def _told(settings: Settings, given: argparse.Namespace) -> Settings:
    """Return the settings of files with those of the command line in their place."""
    from msgspec.structs import replace

    from premap.settings.files import known_rules

    if given.select:
        settings = replace(settings, select=known_rules(given.select, "--select"))
    if given.ignore:
        settings = replace(settings, ignore=settings.ignore | known_rules(given.ignore, "--ignore"))
    return replace(
        settings,
        target=given.target or settings.target,
        level=given.level or settings.level,
        baseline=given.baseline or settings.baseline,
    )


def _results(given: argparse.Namespace, settings: Settings) -> list[FileChecked]:
    """Check what the command line names."""
    from premap.cli import checking

    if given.patch is not None:
        return checking.check_patch(given.patch, given.tree, settings.target, given.jobs)
    return checking.check_paths(
        given.paths, given.tree, settings.target, given.jobs, cached=not given.no_cache
    )


def _chosen(results: list[FileChecked], settings: Settings) -> list[FileChecked]:
    """Drop what the settings ask not to report."""
    from premap.settings.choosing import chosen

    kept = chosen((each.checked for each in results), settings)
    return [each._replace(checked=one) for each, one in zip(results, kept, strict=True)]


def _write_baseline(path: Path, results: list[FileChecked], settings: Settings) -> Exit:
    from msgspec.structs import replace

    from premap.report.findings import counted
    from premap.settings.baseline import write_baseline

    found = _chosen(results, replace(settings, baseline=None))
    count = write_baseline(path, (each.checked for each in found))
    print(f"{counted(count, 'finding')} written to {path}", file=sys.stderr)
    return Exit.OK


def _report(results: list[FileChecked], settings: Settings, given: argparse.Namespace) -> None:
    checked = [each.checked for each in results]
    errors = [(each.name, each.problem) for each in results if each.problem is not None]
    if given.format == "json":
        from premap.report import documents

        print(documents.dumps(documents.check(checked, errors, _target(results, settings))))
    elif given.format == "sarif":
        from premap.report import documents
        from premap.report.sarif import sarif
        from premap.rules import EXPLANATIONS, RULES

        levels = {rule.id: rule.level for rule in RULES.values()}
        print(documents.dumps(sarif(checked, errors, EXPLANATIONS, levels)))
    elif given.format == "github":
        from premap.report.github import workflow_commands

        sys.stdout.writelines(f"{line}\n" for line in workflow_commands(checked, errors))
    if given.format in ("text", "github"):
        _for_people(checked, errors, given)


def _for_people(
    checked: list[Checked], errors: list[tuple[str, Reason]], given: argparse.Namespace
) -> None:
    from premap.report.findings import FindingsText, summary

    out = sys.stderr if given.for_make else sys.stdout
    if given.format == "text":
        FindingsText(given.color, out).print(checked)
        out.flush()
    FindingsText(given.color, sys.stderr).print_errors(errors)
    if not given.for_make:
        print(summary(checked, len(errors)), file=sys.stderr)


def _target(results: list[FileChecked], settings: Settings) -> str | None:
    targets = {each.target for each in results}
    return targets.pop() if len(targets) == 1 else settings.target


def _exit_code(results: list[FileChecked]) -> Exit:
    if results and not any(each.readable for each in results):
        return Exit.USAGE
    found = any(each.checked.findings or each.problem for each in results)
    return Exit.FINDINGS if found else Exit.OK
