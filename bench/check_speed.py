#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of a processor `premap check` takes for single files of a kernel tree.

    python bench/check_speed.py TREE [FILE…]
    python bench/check_speed.py --all TREE

Prints seconds of processor time, start-up included: the least and the median of several runs, for
`check` without what earlier runs kept and with it, and for `check --kbuild`. Budgets: 0.25 s a
file, 0.12 s where nothing maps memory. With --all: one run over every file that sets an mmap
member, as `premap survey` lists them, on two cores; 40 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
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


def premap(*arguments: str) -> bytes:
    """Run premap; return what it prints."""
    command = [sys.executable, "-m", "premap", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=False, env=ENVIRONMENT).stdout


def everything(tree: Path) -> None:
    """Check all files that have an mmap member, once."""
    listed = json.loads(premap("survey", "--format", "json", str(tree)))
    files = sorted({str(tree / each["file"]) for each in listed["handlers"]})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    found = json.loads(premap("check", "--no-cache", "--jobs", "2", "--format", "json", *files))
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{len(files)} files: {took:.1f} s, {used:.1f} s of processors, "
        f"{len(found['findings'])} findings"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="all files that have such members")
    parser.add_argument("tree", type=Path)
    parser.add_argument("files", nargs="*", default=FILES, help="in the tree")
    given = parser.parse_args()
    if given.all:
        everything(given.tree)
        return
    for name in given.files:
        for options in (("--no-cache",), (), ("--kbuild",)):
            times = seconds(*options, str(given.tree / name))
            shown = " ".join(("check", *options))
            print(f"{shown:17} least {times[0]:.3f} s, median {times[RUNS // 2]:.3f} s  {name}")


if __name__ == "__main__":
    main()
