# SPDX-License-Identifier: GPL-2.0-only
"""The command line. Modules here import what is heavy where it is needed, so that help is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from premap.cli import kbuild


def main(arguments: Sequence[str] | None = None) -> int:
    """Run premap as if called with `arguments`; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["check"] and kbuild.FLAG in given:
        return kbuild.check(given[1:])
    from premap.cli.main import main as run

    return run(given)


__all__ = ["main"]
