# SPDX-License-Identifier: GPL-2.0-only
"""How a command is declared: with a decorator, beside the function that does its work."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from msgspec import Struct


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    """Nothing to report."""
    FINDINGS = 1
    """Something was declined, differs, or went wrong for one of several files."""
    USAGE = 2
    """Wrong use, or nothing of the input can be read."""
    UNKNOWN = 3
    """Only verdicts that say `unknown` stand between this and OK."""


class UsageError(Exception):
    """Wrong use, or input that can't be read. `str()` is the one line that says so."""


class Argument(Struct, frozen=True):
    """One argument or option, as argparse's add_argument() takes it."""

    names: tuple[str, ...]
    settings: dict[str, Any]


def argument(*names: str, **settings: Any) -> Argument:
    """Declare an argument of a command."""
    return Argument(names, settings)


Work = Callable[[argparse.Namespace], Exit]


class Command(Struct, frozen=True):
    """One `premap NAME`."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    inputs: tuple[str, ...]
    """Arguments that name what the command reads; a crash is reported by them."""
    work: Work


COMMANDS: dict[str, Command] = {}
"""By name, in the order of their declaration."""


def command(
    name: str, summary: str, *arguments: Argument, inputs: tuple[str, ...]
) -> Callable[[Work], Work]:
    """Declare the decorated function to be `premap NAME`."""

    def declare(work: Work) -> Work:
        COMMANDS[name] = Command(name, summary, arguments, inputs, work)
        return work

    return declare
