# SPDX-License-Identifier: GPL-2.0-only
"""The command line. Modules here import what is heavy where it is needed, so that help is quick."""

from __future__ import annotations

import signal
import sys

from premap.cli import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run premap as if called with `arguments`; returns the exit code.

    Ctrl-C ends it in one line at any time, while modules are still loaded, too.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments is None:
            interrupts.never_lose()
        return _run(given)
    except BaseException as problem:
        if arguments is None:  # the process ends now, and another Ctrl-C has nothing to add
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not interrupts.came_of_one(problem):
            raise
        print("premap: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


def _run(given: list[str]) -> int:
    from premap.cli import kbuild

    if given[:1] == ["check"] and kbuild.FLAG in given:
        return kbuild.check(given[1:])
    from premap.cli.dispatch import run

    return run(given)


__all__ = ["main"]
