# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on made-up hooks, against what gcc's code does; scripts/fuzz-verify tries other ones."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.equivalence.made_up import Pair

RUNS = 500
CLAIMED = (10, 20, 25, 31, 46, 60, 61, 65, 66, 72, 99, 116)
"""Seeds whose pair premap took for equivalent when this was written; most others are different."""
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler: gcc")


def pair_of(seed: int, folder: Path) -> Pair:
    """Return the first pair of a seed that is C."""
    source = random.Random(f"pair {seed}")
    while True:
        pair = Pair.drawn(source)
        if pair.programs(folder) is not None:
            return pair


@needs_gcc
@pytest.mark.parametrize("seed", CLAIMED)
def test_what_is_equivalent_does_the_same(seed: int, tmp_path: Path) -> None:
    pair = pair_of(seed, tmp_path)
    verdict = pair.judge(time_limit=2)
    if verdict.status.startswith("equivalent"):
        assert pair.differs(tmp_path, RUNS) is None, pair


@needs_gcc
class TestDiffers:
    """The comparison with gcc's code sees what unknown code could see."""

    def pair(self, old: str, new: str) -> Pair:
        """Return two functions with these bodies."""
        texts = (f"long m(long a, long b, long c)\n{{\n{body}\n}}\n" for body in (old, new))
        return Pair("m", *texts, mask=1)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("return a;", "return b >> 12;"),
            ("state.number = 1; return 0;", "return 0;"),
            ("ext(1); return 0;", "ext(2); return 0;"),
            ("struct node x = { 0 }; fill(&x); return x.number;", "return 0;"),
            (
                "struct node x = { 0 }; x.leaf.low = 3; fill(&x); return 0;",
                "struct node x = { 0 }; x.leaf.low = 4; fill(&x); return 0;",
            ),
            (
                "struct node x = { 0 }; remember(&x); x.number = 0; ext(1); return x.number;",
                "struct node x = { 0 }; remember(&x); x.number = 0; ext(1); return 0;",
            ),
        ],
    )
    def test_a_difference(self, old: str, new: str, tmp_path: Path) -> None:
        pair = self.pair(old, new)
        assert pair.differs(tmp_path, RUNS) is not None
        assert pair.judge().status == "different"

    def test_none(self, tmp_path: Path) -> None:
        pair = self.pair("return ext(a & 3);", "u32 v = a; return ext(v % 4);")
        assert pair.differs(tmp_path, RUNS) is None
        assert pair.judge().status == "equivalent"
        assert replace(pair, new=pair.old).judge().status == "equivalent"
