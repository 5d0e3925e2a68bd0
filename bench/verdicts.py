# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on the handlers that upstream converted between 6.12 and 7.3, and how long they take.

    python bench/verdicts.py             premap's own conversions of the 6.12 source
    python bench/verdicts.py --upstream  the 6.12 handler against upstream's hook in 7.3
    python bench/verdicts.py --runs 2000 also runs what is equivalent on plain numbers

Prints a line a pair, how often each verdict was given, and the median and the 95th percentile of
the time (seconds of the processor, the solver included).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from upstream_pairs import NEW, OLD, Pair, pairs, tree_of

from premap.conversion import convert_file
from premap.csource.tree import KernelTree
from premap.equivalence.api import NoSuchHook, hook, sides_of
from premap.equivalence.compare import compare
from premap.equivalence.comparison import verify
from premap.equivalence.outcome import Side, run
from premap.equivalence.setting import RandomCall, every_setting
from premap.interp.naming import Namer
from premap.model.errors import KernelBug, NotModelled
from premap.records import Verdict

Sides = Callable[[Pair, KernelTree, KernelTree], "tuple[Side, Side] | str"]


def own_conversion(pair: Pair, old: KernelTree, new: KernelTree) -> tuple[Side, Side] | str:
    """Return the old hook and premap's conversion, or why there is none."""
    del new
    source = old.open(pair.file)
    for conversion in convert_file(source, old, NEW, only=pair.handler.name):
        if conversion.reason is not None:
            return f"declined: {conversion.reason.id}"
        return sides_of(conversion, source, old)
    return "no such handler"


def upstream(pair: Pair, old: KernelTree, new: KernelTree) -> tuple[Side, Side] | str:
    """Return the old hook and upstream's own conversion, with all else that changed on the way."""
    try:
        return (
            hook(old.open(pair.file), pair.handler.name, old),
            hook(new.open(pair.file), pair.new, new),
        )
    except NoSuchHook as error:
        return str(error)


def told(verdict: Verdict) -> str:
    """Return a verdict on one line."""
    ids = ", ".join(difference.id for difference in verdict.differences)
    return " ".join(part for part in (verdict.status, ids, verdict.reason) if part)


TRIES = 20
"""How many runs are tried for one that comes to its end."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What came of runs of both versions on plain numbers."""

    ended: int
    """Runs that both versions came to the end of."""
    disagreement: str | None
    """What differs in the first that do not agree."""


def runs_of_both(old: Side, new: Side, runs: int) -> Runs:
    """Have both versions come to their end that often, in all settings by turns, and agree.

    A run that does not come to its end asks for memory that is not there, or is not modelled; many
    more are tried for those, but not for ever.
    """
    kinds, ended = tuple(every_setting()), 0
    for seed in range(TRIES * runs):
        if ended == runs:
            break
        setting, inputs, namer = kinds[seed % len(kinds)], RandomCall(seed), Namer()
        try:
            outcomes = [run(side, setting, inputs, namer) for side in (old, new)]
        except (NotModelled, KernelBug):
            continue
        ended += 1
        found = [each for each in compare(*outcomes) if not each.accepted]
        if found:
            return Runs(ended, f"run {seed} ({setting}): {found[0].what}")
    return Runs(ended, None)


def main() -> int:
    """Print the table; return 1 if a run contradicts a proof."""
    parser = argparse.ArgumentParser(description="verdicts on what upstream converted")
    parser.add_argument("--upstream", action="store_true", help="judge upstream's own conversions")
    parser.add_argument("--runs", type=int, default=0, help="concrete runs of what is equivalent")
    given = parser.parse_args()
    sides: Sides = upstream if given.upstream else own_conversion
    old, new = tree_of(OLD), tree_of(NEW)
    seconds: list[float] = []
    counts: Counter[str] = Counter()
    wrong = 0
    for pair in pairs(old, new):
        began = time.process_time()
        found = sides(pair, old, new)
        if isinstance(found, str):
            print(f"{pair.file}: {pair.handler.name:<28} {found}", flush=True)
            continue
        verdict = verify(*found)
        seconds.append(time.process_time() - began)
        counts[verdict.status] += 1
        print(f"{pair.file}: {pair.handler.name:<28} {told(verdict)[:150]}", flush=True)
        if verdict.status.startswith("equivalent"):
            contradiction = runs_of_both(*found, given.runs).disagreement
            wrong += contradiction is not None
            print(f"    {contradiction}\n" * (contradiction is not None), end="")
    print(", ".join(f"{count} {status}" for status, count in counts.most_common()))
    late = statistics.quantiles(seconds, n=20)[-1]
    print(f"median {statistics.median(seconds):.2f} s, 95th percentile {late:.2f} s (processor)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
