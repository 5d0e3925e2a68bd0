#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of a processor `premap check` takes for single files of a kernel tree.

    python bench/check_speed.py TREE [FILE…]

Prints seconds of processor time, start-up included: the least and the median of several runs, for
`check` without what earlier runs kept and with it, and for `check --kbuild`. Budgets: 0.25 s a
file, 0.12 s where nothing maps memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

FILES = ("drivers/char/hpet.c", "drivers/char/mem.c", "fs/ext4/file.c", "drivers/char/nvram.c")
"""With a hook, with two, with one that asks much; and one where nothing maps memory."""
RUNS = 9
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Who installs premap has its modules compiled; to compile them again takes twice the time."""


def seconds(*arguments: str) -> list[float]:
    """Processor time of each run, in order of length."""
    taken = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "premap", "check", *arguments]
        subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return sorted(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("files", nargs="*", default=FILES, help="in the tree")
    given = parser.parse_args()
    for name in given.files:
        for options in (("--no-cache",), (), ("--kbuild",)):
            times = seconds(*options, str(given.tree / name))
            shown = " ".join(("check", *options))
            print(f"{shown:17} least {times[0]:.3f} s, median {times[RUNS // 2]:.3f} s  {name}")


if __name__ == "__main__":
    main()
