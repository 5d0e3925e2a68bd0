# SPDX-License-Identifier: GPL-2.0-only
"""Compiles what premap converts in a 7.3 tree, for x86_64, and looks for new warnings.

    python bench/compile_converted.py WORK_FOLDER [--jobs N]

WORK_FOLDER (on the file system of the tree, 3 GB) gets a copy of the tree made of hard links, in
which converted files are replaced, and a build with allmodconfig. Each object is compiled with W=1
before and after; warnings are compared without their line numbers. Objects that this configuration
does not build are left out. Needs flex, bison, bc, libelf-dev and libssl-dev. Exit code 1 if a
converted file does not compile or has a new warning.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from upstream_pairs import NEW, tree_of
from whole_tree import files

from premap.conversion import apply, convert_file
from premap.csource.tree import KernelTree

WARNING = re.compile(
    r"^(?:\S+?/)?((?:\w[\w.-]*/)+[\w.-]+\.[ch]):\d+:\d+: (warning|error): (.*)$", re.MULTILINE
)
FOREIGN = re.compile(r"arch/(?!x86/)|virt/")


def make(work: Path, *targets: str, jobs: int = 2) -> str:
    command = [
        "make",
        "-k",
        f"-j{jobs}",
        f"O={work / 'build'}",
        "W=1",
        "KCFLAGS=-Wno-error",
        *targets,
    ]
    done = subprocess.run(
        command, cwd=work / "tree", capture_output=True, text=True, errors="replace", check=False
    )
    return done.stdout + done.stderr


def copy_of(tree: KernelTree, work: Path) -> None:
    if not (work / "tree").exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-al", str(tree.root), str(work / "tree")], check=True)
    if not (work / "build/.config").exists():
        make(work, "allmodconfig")
    make(work, "modules_prepare")


def replace_file(path: Path, text: bytes) -> None:
    """Write a new file, so that the tree that shares the old one stays as it is."""
    path.unlink()
    path.write_bytes(text)


def converted(tree: KernelTree) -> dict[str, bytes]:
    """New texts of all files that change, headers among them."""
    conversions = [c for name in files(tree) for c in convert_file(tree.open(name), tree, NEW)]
    names = {edit.file for c in conversions for edit in c.edits if not FOREIGN.match(edit.file)}
    return {name: apply(conversions, tree.open(name)) for name in names}


def build(work: Path, names: list[str], jobs: int) -> tuple[set[str], Counter[tuple[str, ...]]]:
    """Return the objects that were built, and the warnings."""
    for name in names:
        (work / "build" / name).with_suffix(".o").unlink(missing_ok=True)
    log = make(work, *(name[:-2] + ".o" for name in names), jobs=jobs)
    built = {name for name in names if (work / "build" / name).with_suffix(".o").exists()}
    return built, Counter(found for found in WARNING.findall(log))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    tree, work = tree_of(NEW), given.work.resolve()
    texts = converted(tree)
    names = sorted(name for name in texts if name.endswith(".c"))
    copy_of(tree, work)
    for name in texts:
        replace_file(work / "tree" / name, tree.open(name).text)
    before, old = build(work, names, given.jobs)
    for name, text in texts.items():
        replace_file(work / "tree" / name, text)
    after, new = build(work, sorted(before), given.jobs)
    print(f"{len(names)} files converted, {len(before)} of them build, {len(after)} do afterwards")
    print("\n".join(f"no longer compiles: {name}" for name in sorted(before - after)))
    print("\n".join(f"new: {' '.join(warning)}" for warning in new - old))
    return 1 if before - after or new - old else 0


if __name__ == "__main__":
    sys.exit(main())
