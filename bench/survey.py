# SPDX-License-Identifier: GPL-2.0-only
"""Times `premap survey` on a tree, beside ripgrep and Coccinelle where they are installed.

    python bench/survey.py [RELEASE] [--deep]

Each run is a process of its own: cold (an empty cache of premap's, the tree in the page cache),
then warm. Prints seconds on the clock, seconds of the processors, and the largest process.
Candidates are the C files that say mmap: they are found as the survey finds them, once alone and
once with what the survey reads from their text meanwhile; Python's start-up is in the next lines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from upstream_pairs import tree_of

from premap.survey.looking import look_at
from premap.survey.textfacts import text_facts

RULE = "@@ identifier ops, fn; @@\nstruct file_operations ops = {\n* .mmap = fn,\n};\n"


def timed(what: str, command: Sequence[str], cache: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": cache},
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{what:28} {seconds:7.2f} s {cpu:7.2f} s of processors, "
        f"largest so far {after.ru_maxrss >> 10} MiB, exit code {done.returncode}",
        flush=True,
    )


def find(root: str, jobs: int, *, told: bool) -> None:
    """Find the candidates of a tree of which nothing is known; print the seconds."""
    began = time.perf_counter()
    looks = look_at(Path(root), {}, jobs, text_facts if told else lambda _name, _text: None)
    read = sum(len(looked.read) for looked in looks)
    seconds = time.perf_counter() - began
    used = os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    what = "candidates and their text" if told else "candidates"
    print(f"{what:28} {seconds:7.2f} s {cpu:7.2f} s of processors, {read} files", flush=True)


def in_a_process(work: Callable[[], None]) -> None:
    """Do something in a process of its own, as what a process used is counted at its end."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", nargs="?", default="7.3")
    parser.add_argument("--deep", action="store_true", help="convert, compare and check, too")
    given = parser.parse_args()
    root = str(tree_of(given.release).root)
    load = os.getloadavg()[0]
    print(f"{root}, {os.cpu_count()} processors, load {load:.1f} before the runs")
    with tempfile.TemporaryDirectory() as cache:
        rule = Path(cache) / "rule.cocci"
        rule.write_text(RULE)
        if shutil.which("rg"):
            timed("ripgrep", ["rg", "-l", "mmap", "-g", "*.[ch]", root], cache)
        for told in (False, True):
            in_a_process(partial(find, root, os.cpu_count() or 1, told=told))
        survey = [sys.executable, "-m", "premap", "survey", root, "--format", "json"]
        for state in ("cold", "warm"):
            timed(f"find and classify, {state}", [*survey, "--no-convert"], cache)
        if given.deep:
            for state in ("cold", "warm"):
                timed(f"convert and compare, {state}", survey, cache)
        if shutil.which("spatch"):
            coccinelle = ["spatch", "-j", "2", "--sp-file", str(rule), "--dir", root]
            timed("Coccinelle", coccinelle, cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())
