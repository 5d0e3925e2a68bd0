# SPDX-License-Identifier: GPL-2.0-only
"""Compiles what premap converts in a 7.3 tree, for x86_64, and looks for new warnings.

    python bench/compile_converted.py WORK_FOLDER [--jobs N] [--callback "struct X.member"]...

WORK_FOLDER gets a copy of the tree made of links, in which converted files are replaced, and a
build with allmodconfig, as `premap convert --build` makes them. Each object is compiled with W=1
before and after; warnings are compared without their line numbers. Objects that this configuration
does not build are left out. --callback converts what subsystems' own members hold instead, with
their dispatchers. Needs flex, bison, bc, libelf-dev and libssl-dev. Exit code 1 if a
converted file does not compile or has a new warning.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from callbacks import conversions
from upstream_pairs import NEW, tree_of
from whole_tree import files

from premap.conversion import apply, callback_named, convert_file, planned, target_release
from premap.csource.tree import KernelTree
from premap.kbuild import Built
from premap.records import Conversion

FOREIGN = re.compile(r"arch/(?!x86/)")


def of_files(tree: KernelTree) -> list[Conversion]:
    """What becomes of the hooks of files."""
    return [c for name in files(tree) for c in convert_file(tree.open(name), tree, NEW)]


def of_member(tree: KernelTree, name: str) -> list[Conversion]:
    """What becomes of what a subsystem's member holds."""
    callback = planned(callback_named(name), tree, target_release(NEW, tree))
    return list(conversions(tree, callback))


def texts_of(tree: KernelTree, found: list[Conversion]) -> dict[str, bytes]:
    """New texts of all files that change, headers among them."""
    edited = {edit.file for c in found for edit in c.edits}
    names = [name for name in edited if name[-2:] in {".c", ".h"} and not FOREIGN.match(name)]
    return {name: apply(found, tree.open(name)) for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--callback", action="append", metavar="MEMBER")
    given = parser.parse_args()
    tree = tree_of(NEW)
    members = given.callback or []
    found = [of_member(tree, member) for member in members] or [of_files(tree)]
    changes = [texts_of(tree, each) for each in found]
    names = sorted({name for texts in changes for name in texts if name.endswith(".c")})
    built = Built(tree.root, given.work.resolve(), given.jobs)
    built.prepare(names)
    good = [report(built, texts) for texts in changes]
    return 0 if all(good) else 1


def report(built: Built, texts: dict[str, bytes]) -> bool:
    """Compile what changes together; print what came of it."""
    names = [name for name in texts if name.endswith(".c")]
    compiled = built.compile(texts)
    count = len(names) - len(compiled.unbuilt)
    print(f"{len(names)} files converted, {count} of them build, ", end="")
    print(f"{count - len(compiled.broken)} do afterwards", flush=True)
    for name in sorted(compiled.broken):
        print(f"no longer compiles: {name}")
    for said in compiled.new:
        print(f"new: {said.file}:{said.line}: {said.text}")
    return not (compiled.broken or compiled.new)


if __name__ == "__main__":
    sys.exit(main())
