# SPDX-License-Identifier: GPL-2.0-only
"""Runs on plain numbers of everything that the tests find equivalent.

    python bench/equivalents.py [--runs N] [PATH…]

Runs the tests (those of tests/equivalence, if no path is given), notes each pair of hooks that was
judged `equivalent` or `equivalent-except` on the way, each once, and runs it until N runs came to
their end, 2,000 if nobody says otherwise, in all settings by turns. Prints how many pairs and runs
there were, and each run that contradicts a proof; returns 1 if one does.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from dataclasses import dataclass, field

import pytest
from verdicts import runs_of_both

from premap.equivalence import comparison
from premap.equivalence.compare import compare
from premap.equivalence.outcome import Side
from premap.records import Verdict


def text_of(side: Side) -> str:
    """Return what tells versions of hooks apart: name, kind, and the text of their files."""
    files = dict.fromkeys(each.source.text for each in side.functions)
    digest = hashlib.sha256(b"\0".join(files)).hexdigest()
    return f"{side.name} {side.member} {digest}"


@dataclass(slots=True)
class Collected:
    """The pairs that the tests found equivalent."""

    pairs: dict[tuple[str, str], tuple[Side, Side, str]] = field(default_factory=dict)
    test: str = ""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember which test runs."""
        self.test = item.nodeid

    def listen(self) -> None:
        """Note every verdict from now on."""
        original = comparison._Comparison.verdict  # noqa: SLF001 - every comparison ends there

        def verdict(judged: comparison._Comparison) -> Verdict:
            found = original(judged)
            if judged.candidates is compare and found.status.startswith("equivalent"):
                key = text_of(judged.old), text_of(judged.new)
                self.pairs.setdefault(key, (judged.old, judged.new, self.test))
            return found

        comparison._Comparison.verdict = verdict  # type: ignore[method-assign]  # noqa: SLF001


def main() -> int:
    """Run the tests, then the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", default=["tests/equivalence"])
    parser.add_argument("--runs", type=int, default=2000)
    given = parser.parse_args()
    collected = Collected()
    collected.listen()
    failed = pytest.main(["-q", "-p", "no:cacheprovider", *given.paths], plugins=[collected])
    print(f"{len(collected.pairs)} pairs that were judged equivalent", flush=True)
    wrong, began, ended = 0, time.process_time(), []
    for old, new, test in collected.pairs.values():
        found = runs_of_both(old, new, given.runs)
        ended.append(found.ended)
        if found.disagreement is not None:
            wrong += 1
            print(f"{test}: {found.disagreement}", flush=True)
        elif found.ended < given.runs:
            print(f"{test}: only {found.ended} runs came to their end", flush=True)
    seconds = time.process_time() - began
    print(f"{sum(ended)} runs came to their end in both versions, {min(ended)} at least of a pair")
    print(f"{wrong} pairs contradict their proof ({seconds:.0f} s)")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
