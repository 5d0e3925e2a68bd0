# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on the handlers that upstream converted between 6.12 and 7.3, and how long they take.

    python bench/verdicts.py             premap's own conversions of the 6.12 source
    python bench/verdicts.py --upstream  the 6.12 handler against upstream's hook in 7.3

Prints a line a pair, how often each verdict was given, and the median and the 95th percentile of
the time (seconds, the solver included, sources in the page cache).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable

from upstream_pairs import NEW, OLD, Pair, pairs, tree_of

from premap.conversion import convert_file
from premap.csource.tree import KernelTree
from premap.equivalence import NoSuchHook, verify_conversion, verify_functions
from premap.records import Verdict

Judge = Callable[[Pair, KernelTree, KernelTree], Verdict | str]


def own_conversion(pair: Pair, old: KernelTree, new: KernelTree) -> Verdict | str:
    """Return the verdict on premap's conversion, or why there is none."""
    del new
    source = old.open(pair.file)
    for conversion in convert_file(source, old, NEW, only=pair.handler.name):
        if conversion.reason is not None:
            return f"declined: {conversion.reason.id}"
        return verify_conversion(conversion, source, old, NEW)
    return "no such handler"


def upstream(pair: Pair, old: KernelTree, new: KernelTree) -> Verdict | str:
    """Return the verdict on upstream's own conversion, with all else that changed on the way."""
    before, after = old.open(pair.file), new.open(pair.file)
    try:
        return verify_functions((before, pair.handler.name), (after, pair.new), old, new)
    except NoSuchHook as error:
        return str(error)


def told(verdict: Verdict | str) -> str:
    """Return a verdict on one line."""
    if isinstance(verdict, str):
        return verdict
    ids = ", ".join(difference.id for difference in verdict.differences)
    return " ".join(part for part in (verdict.status, ids, verdict.reason) if part)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="verdicts on what upstream converted")
    parser.add_argument("--upstream", action="store_true", help="judge upstream's own conversions")
    judge: Judge = upstream if parser.parse_args().upstream else own_conversion
    old, new = tree_of(OLD), tree_of(NEW)
    seconds: list[float] = []
    counts: Counter[str] = Counter()
    for pair in pairs(old, new):
        began = time.perf_counter()
        verdict = judge(pair, old, new)
        if isinstance(verdict, Verdict):
            seconds.append(time.perf_counter() - began)
            counts[verdict.status] += 1
        print(f"{pair.file}: {pair.handler.name:<28} {told(verdict)[:150]}", flush=True)
    print(", ".join(f"{count} {status}" for status, count in counts.most_common()))
    late = statistics.quantiles(seconds, n=20)[-1]
    print(f"median {statistics.median(seconds):.2f} s, 95th percentile {late:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
