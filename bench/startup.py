# SPDX-License-Identifier: GPL-2.0-only
"""How long `premap --help` takes: the budget is 0.2 s, the best of several runs counts."""

from __future__ import annotations

import subprocess
import sys
import time

RUNS = 20
BUDGET = 0.2


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    taken = {
        what: sorted(_seconds(*arguments) for _ in range(RUNS))
        for what, arguments in {
            "python alone": ("-c", ""),
            "premap --help": ("-m", "premap", "--help"),
            "premap convert --help": ("-m", "premap", "convert", "--help"),
        }.items()
    }
    for what, times in taken.items():
        print(f"{what:24} best {times[0]:.3f} s, median {times[RUNS // 2]:.3f} s")
    return int(taken["premap --help"][0] > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
