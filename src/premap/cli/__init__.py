# SPDX-License-Identifier: GPL-2.0-only
"""The command line. Modules here import what is heavy where it is needed, so that help is quick."""

from __future__ import annotations

import gc
import os
import signal
import sys

from premap.cli import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAVE_NOTHING = frozenset({"check"})
"""Commands that have put away all they used when they return."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run premap as if called with `arguments`; returns the exit code.

    Ctrl-C ends it in one line at any time, while modules are still loaded, too.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given) if arguments is not None else _run_to_the_end(given)
    except BaseException as problem:
        if arguments is None:  # the process ends now, and another Ctrl-C has nothing to add
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not interrupts.came_of_one(problem):
            raise
        print("premap: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


def _run_to_the_end(given: list[str]) -> int:
    """Run premap in a process that has nothing else to do.

    Where it can, that ends here: to free what it holds takes a sixth of a short run.
    """
    interrupts.never_lose()
    gc.disable()  # until the command begins: nothing that is loaded is garbage
    code = _run(given)
    if _LEAVE_NOTHING.isdisjoint(given[:1]):
        return code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(given: list[str]) -> int:
    from premap.cli import kbuild

    if given[:1] == ["check"] and kbuild.FLAG in given:
        return kbuild.check(given[1:])
    from premap.cli.dispatch import run

    return run(given)


__all__ = ["main"]
