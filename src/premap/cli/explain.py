# SPDX-License-Identifier: GPL-2.0-only
"""`premap explain`: what an id of a report means, or a name of the mmap_prepare interface.

Each room that makes ids up exports `EXPLANATIONS`, a mapping of ids to `records.Explanation`.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from premap.cli import options
from premap.cli.command import Exit, UsageError, argument, command

if TYPE_CHECKING:
    from premap.records import Explanation

ROOMS = (
    "premap.idioms",
    "premap.conversion",
    "premap.equivalence",
    "premap.rules",
    "premap.reference.explanations",
    "premap.cli.reasons",
)


@command(
    "explain",
    "say what an id of a report, or a name such as vma_desc_test, means",
    argument("id", metavar="ID", help="such as R1, what stands in brackets, or VMA_IO_BIT"),
    options.FORMAT,
    inputs=("id",),
)
def explain(given: argparse.Namespace) -> Exit:
    """Print the explanation of one id."""
    found = _find(given.id, explanations())
    if given.format == "json":
        import json

        from msgspec.structs import asdict

        print(json.dumps(asdict(found), indent=2))
        return Exit.OK
    from premap.report import text

    text.print_explanation(found, text.console(given.color, sys.stdout))
    return Exit.OK


def explanations() -> dict[str, Explanation]:
    """Return everything that can be explained, by id."""
    found: dict[str, Explanation] = {}
    for room in ROOMS:
        table: Mapping[str, Explanation] = importlib.import_module(room).EXPLANATIONS
        found.update(table)
    return found


def _find(wanted: str, known: Mapping[str, Explanation]) -> Explanation:
    """Return the explanation of `wanted`, in either case. Raises UsageError with what is close."""
    by_lower = {name.lower(): explanation for name, explanation in known.items()}
    if wanted.lower() in by_lower:
        return by_lower[wanted.lower()]
    close = difflib.get_close_matches(wanted.lower(), by_lower, n=4, cutoff=0.5)
    hint = f"; close: {', '.join(by_lower[name].id for name in close)}" if close else ""
    raise UsageError(f"nothing is called {wanted!r}{hint}")
