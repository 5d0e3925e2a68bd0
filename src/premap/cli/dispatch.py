# SPDX-License-Identifier: GPL-2.0-only
"""`premap COMMAND …`: reads the arguments, runs the command, and turns failures into one line."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import premap
from premap.cli.command import COMMANDS, Command, Exit, UsageError
from premap.cli.interrupts import came_of_one
from premap.cli.options import COLOR, DEBUG
from premap.report.printable import printable
from premap.settings.errors import BadSettings

MODULES = (
    "convert",
    "check",
    "verify",
    "survey",
    "run",
    "replay",
    "conform",
    "explain",
    "lsp",
)
"""Each declares the command of its name; help lists them in this order."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, where argparse prints the usage as well."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{printable(message)} (see {self.prog} --help)")
        raise SystemExit(Exit.USAGE)


def run(given: Sequence[str]) -> int:
    """Run premap as if called with these arguments.

    Returns the exit code; never raises, but for `SystemExit` from wrong arguments and help, and
    KeyboardInterrupt.
    """
    named = given[:1] if set(given[:1]) & set(MODULES) else MODULES
    options = _parser(named).parse_args(given)
    command: Command = options.command
    gc.enable()
    try:
        code = command.work(options)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return 128 + signal.SIGPIPE
    except (UsageError, BadSettings) as problem:
        _complain(printable(str(problem)))
        return Exit.USAGE
    except OSError as problem:
        return _failed(options, printable(_told(problem)), Exit.USAGE)
    except Exception as problem:
        if came_of_one(problem):
            raise
        what = f"{type(problem).__name__}: {problem}"
        inputs = ", ".join(_inputs(options))
        return _failed(options, printable(f"internal error on {inputs}: {what}"), Exit.FINDINGS)
    return code


def _parser(modules: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of some commands: the one that is asked for, or all."""
    for module in modules:
        importlib.import_module(f"premap.cli.{module}")
    parser = _Parser(
        prog="premap",
        description="Converts Linux mmap handlers to mmap_prepare, and compares old and new.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"premap {premap.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for name, command in COMMANDS.items():
        summary = command.summary
        sub = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        for each in (*command.arguments, COLOR, DEBUG):
            sub.add_argument(*each.names, **each.settings)
        sub.set_defaults(command=command)
    return parser


def _inputs(options: argparse.Namespace) -> list[str]:
    """Return what the command was asked to read."""
    found: list[str] = []
    for name in options.command.inputs:
        value = getattr(options, name)
        found += map(str, value) if isinstance(value, list) else [str(value)]
    return found


def _told(problem: OSError) -> str:
    """Say what the operating system refused, without Python's numbers."""
    parts = [*filter(None, (problem.filename, problem.filename2)), problem.strerror or str(problem)]
    return ": ".join(map(str, parts))


def _failed(options: argparse.Namespace, message: str, code: Exit) -> Exit:
    if options.debug or os.environ.get("PREMAP_DEBUG"):
        import traceback

        traceback.print_exc()
    _complain(message)
    _discard_output()
    return code


def _complain(message: str) -> None:
    print(f"premap: {message}", file=sys.stderr)


def _discard_output() -> None:
    """Keep Python from failing once more, at exit, on output that nobody takes."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
