# SPDX-License-Identifier: GPL-2.0-only
"""How many legacy handlers of a kernel tree can be run through, and what stops the others.

    python bench/run_through.py [RELEASE] [--only TEXT]

Each distinct `->mmap` of a `struct file_operations` (one that another file defines counts once) is
compared with premap's own conversion of it, or with itself where the conversion declines: a handler
that the interpreter can't follow to the end on every path is `unknown`. Prints a line a handler,
then how often each construct or call stopped one, and the CPU time (median, 95th percentile, the
slowest).
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from upstream_pairs import tree_of
from whole_tree import files

from premap.conversion import convert_file
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence import NoSuchHook, hook, verify, verify_conversion
from premap.records import Conversion, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one handler."""

    name: str
    against: str
    """"conversion", or "itself"."""
    verdict: Verdict
    seconds: float


def conversions(tree: KernelTree, only: str) -> Iterator[tuple[SourceFile, Conversion]]:
    """Yield each distinct handler of a struct file_operations once, with its conversion."""
    seen = set()
    for name in files(tree):
        try:
            source = tree.open(name)
        except SourceError:
            continue
        for each in convert_file(source, tree, tree.release):
            handler = each.handler
            wanted = handler.ops == "struct file_operations" and handler.member == "mmap"
            key = (handler.file if handler.name in source.functions else "", handler.name)
            named = f"{handler.file}:{handler.name}"
            if wanted and handler.name != "NULL" and key not in seen and only in named:
                seen.add(key)
                yield source, each


def judge(tree: KernelTree, source: SourceFile, conversion: Conversion) -> Result:
    """Compare a handler with its conversion, or with itself."""
    began = time.process_time()
    if conversion.reason is None:
        verdict = verify_conversion(conversion, source, tree)
    else:
        verdict = _with_itself(tree, source, conversion.handler.name)
    against = "conversion" if conversion.reason is None else "itself"
    name = f"{conversion.handler.file}:{conversion.handler.name}"
    return Result(name, against, verdict, time.process_time() - began)


def _with_itself(tree: KernelTree, source: SourceFile, name: str) -> Verdict:
    try:
        return verify(hook(source, name, tree), hook(source, name, tree))
    except NoSuchHook as problem:
        return Verdict("unknown", reason=str(problem))


def cause(reason: str) -> str:
    """Return a reason without what differs from handler to handler: file, line, names."""
    text = re.sub(r"^[\w./-]+:\d+: ", "", reason.split(";", maxsplit=1)[0])
    return re.sub(r"`[^`]*`", "`…`", text)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", nargs="?", default="7.3")
    parser.add_argument("--only", default="", help="handlers whose FILE:FUNCTION has this in it")
    given = parser.parse_args()
    tree = tree_of(given.release)
    results = []
    for source, conversion in conversions(tree, given.only):
        result = judge(tree, source, conversion)
        results.append(result)
        told = result.verdict.reason or ", ".join(d.id for d in result.verdict.differences)
        print(
            f"{result.name} ({result.against}): {result.verdict.status} "
            f"{result.seconds:.2f} s {told}",
            flush=True,
        )
    summary(results)
    return 0


def summary(results: list[Result]) -> None:
    """Print counts: verdicts, causes, seconds."""
    print()
    for against in ("conversion", "itself"):
        counts = Counter(r.verdict.status for r in results if r.against == against)
        print(f"against {against}: " + ", ".join(f"{n} {s}" for s, n in counts.most_common()))
    through = sum(result.verdict.status != "unknown" for result in results)
    print(f"run through: {through} of {len(results)}")
    causes = Counter(cause(r.verdict.reason or "") for r in results if r.verdict.reason)
    for text, count in causes.most_common():
        print(f"{count:5} {text}")
    seconds = [result.seconds for result in results]
    if len(seconds) > 1:
        late = statistics.quantiles(seconds, n=20)[-1]
        print(
            f"CPU seconds a handler: median {statistics.median(seconds):.2f}, "
            f"95th percentile {late:.2f}, slowest {max(seconds):.2f}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"memory: {peak} MiB at most, for all in one process")


if __name__ == "__main__":
    sys.exit(main())
