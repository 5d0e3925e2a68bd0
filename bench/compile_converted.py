# SPDX-License-Identifier: GPL-2.0-only
"""Compiles what premap converts in a 7.3 tree, for x86_64, and looks for new warnings.

    python bench/compile_converted.py WORK_FOLDER [--jobs N]

WORK_FOLDER gets a copy of the tree made of links, in which converted files are replaced, and a
build with allmodconfig, as `premap convert --build` makes them. Each object is compiled with W=1
before and after; warnings are compared without their line numbers. Objects that this configuration
does not build are left out. Needs flex, bison, bc, libelf-dev and libssl-dev. Exit code 1 if a
converted file does not compile or has a new warning.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from upstream_pairs import NEW, tree_of
from whole_tree import files

from premap.conversion import apply, convert_file
from premap.csource.tree import KernelTree
from premap.kbuild import Built

FOREIGN = re.compile(r"arch/(?!x86/)|virt/")


def converted(tree: KernelTree) -> dict[str, bytes]:
    """New texts of all files that change, headers among them."""
    conversions = [c for name in files(tree) for c in convert_file(tree.open(name), tree, NEW)]
    names = {edit.file for c in conversions for edit in c.edits if not FOREIGN.match(edit.file)}
    return {name: apply(conversions, tree.open(name)) for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    tree = tree_of(NEW)
    texts = converted(tree)
    names = sorted(name for name in texts if name.endswith(".c"))
    built = Built(tree.root, given.work.resolve(), given.jobs)
    built.prepare(names)
    compiled = built.compile(texts)
    count = len(names) - len(compiled.unbuilt)
    print(f"{len(names)} files converted, {count} of them build, ", end="")
    print(f"{count - len(compiled.broken)} do afterwards")
    print("\n".join(f"no longer compiles: {name}" for name in sorted(compiled.broken)))
    print("\n".join(f"new: {said.file}:{said.line}: {said.text}" for said in compiled.new))
    return 1 if compiled.broken or compiled.new else 0


if __name__ == "__main__":
    sys.exit(main())
