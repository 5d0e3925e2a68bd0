#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of a processor `premap check` takes for single files of a kernel tree.

    python bench/check_speed.py TREE [FILE…]
    python bench/check_speed.py --all TREE
    python bench/check_speed.py --each N TREE

Prints seconds of processor time, start-up included: the least and the median of several runs, for
`check` without what earlier runs kept and with it, and for `check --kbuild`. Budgets: 0.25 s a
file, 0.12 s where nothing maps memory. With --all: one run over every file that sets an mmap
member, as `premap survey` lists them, on two cores; 40 s. With --each: a run of its own, nothing
kept, for each of N such files, drawn with a fixed seed: how many are within the budget, and those
that take the longest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

FILES = ("drivers/char/hpet.c", "drivers/char/mem.c", "fs/ext4/file.c", "drivers/char/nvram.c")
"""With a hook, with two, with one that asks much; and one where nothing maps memory."""
RUNS = 9
BUDGET = 0.25
"""Seconds."""
SEED = 29112026
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Who installs premap has its modules compiled; to compile them again takes twice the time."""


def seconds(*arguments: str, runs: int = RUNS) -> list[float]:
    """Processor time of each run, in order of length."""
    taken = []
    for _ in range(runs):
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


def with_members(tree: Path) -> list[str]:
    """Return the files that have an mmap member, by name."""
    listed = json.loads(premap("survey", "--format", "json", str(tree)))
    return sorted({each["file"] for each in listed["handlers"]})


def singly(tree: Path, count: int) -> None:
    """Check some files that have an mmap member, each in runs of its own."""
    files = with_members(tree)
    drawn = random.Random(SEED).sample(files, min(count, len(files)))
    taken = sorted((seconds("--no-cache", str(tree / name), runs=3)[0], name) for name in drawn)
    times = [each for each, _ in taken]
    within = sum(each <= BUDGET for each in times)
    print(
        f"{len(times)} of {len(files)} files: median {times[len(times) // 2]:.2f} s, "
        f"95 % within {times[len(times) * 95 // 100]:.2f} s, {within} within {BUDGET} s"
    )
    for each, name in reversed(taken[-10:]):
        print(f"  {each:.2f} s  {name}")


def everything(tree: Path) -> None:
    """Check all files that have an mmap member, once."""
    files = [str(tree / name) for name in with_members(tree)]
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
    parser.add_argument("--each", type=int, metavar="N", help="so many of them, one by one")
    parser.add_argument("tree", type=Path)
    parser.add_argument("files", nargs="*", default=FILES, help="in the tree")
    given = parser.parse_args()
    if given.all:
        everything(given.tree)
        return
    if given.each:
        singly(given.tree, given.each)
        return
    for name in given.files:
        for options in (("--no-cache",), (), ("--kbuild",)):
            times = seconds(*options, str(given.tree / name))
            shown = " ".join(("check", *options))
            print(f"{shown:17} least {times[0]:.3f} s, median {times[RUNS // 2]:.3f} s  {name}")


if __name__ == "__main__":
    main()
