# SPDX-License-Identifier: GPL-2.0-only
"""Converts every file of a kernel tree that has a `.mmap` member, and checks what came out.

    python bench/whole_tree.py [RELEASE] [--target RELEASE] [--diff FILE] [--log FILE]

One record a site, no crash, `git apply --check` of the combined diff, no parse error that was not
there before, and no use of the VMA left in a converted function. Exit code 1 if any of this fails.
No verdicts here: those are `premap convert`'s.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from upstream_pairs import tree_of

from premap.conversion import apply, convert_file
from premap.conversion.program import Program
from premap.csource.handlers import find_handlers
from premap.csource.nodes import find_all
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.text import code_view
from premap.csource.tree import KernelTree
from premap.csource.unified import unified_diff
from premap.records import Conversion

MEMBER = re.compile(rb"(?:\.|->)\s*mmap\s*=")
MAX_SECONDS = 5
"""Of the processor, for one file; the first that asks who in the tree names a function reads it."""
VMA = re.compile(r"(?<![.>\w])vma\b")


def files(tree: KernelTree) -> Iterator[str]:
    for suffix in ("*.c", "*.h"):
        for path in sorted(tree.root.rglob(suffix)):
            if path.is_file() and MEMBER.search(path.read_bytes()):
                yield tree.relative(path)


class Run:
    """What came of a tree."""

    def __init__(self, tree: KernelTree, target: str) -> None:
        self.tree = tree
        self.target = target
        self.conversions: list[Conversion] = []
        self.diff = b""
        self.problems: list[str] = []

    def convert(self, name: str) -> None:
        source = self.tree.open(name)
        started = time.process_time()
        found = convert_file(source, self.tree, self.target)
        seconds = time.process_time() - started
        if seconds > MAX_SECONDS:
            self.problems.append(f"{name}: took {seconds:.1f} s")
        sites = [h for h in find_handlers(source, Scope(source, self.tree)) if h.member == "mmap"]
        if [c.handler for c in found] != sites:
            self.problems.append(f"{name}: {len(found)} records for {len(sites)} sites")
        self.conversions += found

    def apply(self) -> None:
        """Make every edit, of files that only helpers or prototypes are in, too."""
        for name in sorted({edit.file for c in self.conversions for edit in c.edits}):
            source = self.tree.open(name)
            after = SourceFile(name, apply(self.conversions, source))
            self.diff += unified_diff(name, source.text, after.text)
            self._check(source, after)

    def _check(self, before: SourceFile, after: SourceFile) -> None:
        if errors(after) > errors(before):
            self.problems.append(f"{after.name}: new parse errors")
        for name in {c.new_name for c in self.conversions if c.new_name}:
            for function in after.functions.get(name, ()):
                code = code_view(after.text_of(function.node)).decode("latin-1")
                if VMA.search(code):
                    self.problems.append(f"{after.name}: {name}() still uses a VMA")

    def check_diff(self) -> None:
        checked = subprocess.run(
            ["git", "apply", "--check", "-"],
            cwd=self.tree.root,
            input=self.diff,
            capture_output=True,
            check=False,
        )
        if checked.returncode:
            self.problems.append(f"git apply: {checked.stderr.decode()}")

    def log(self) -> str:
        return "\n".join(
            f"{c.handler.file}:{c.handler.line}: {c.handler.name} ({c.handler.ops}): "
            + (f"{c.reason.id}: {c.reason.message} @{c.reason.line}" if c.reason else "converted ")
            + " ".join([*c.idioms, *(note.id for note in c.notes)])
            for c in self.conversions
        )


def errors(source: SourceFile) -> int:
    return sum(1 for _ in find_all(source.root, "ERROR"))


def distinct(conversions: list[Conversion], tree: KernelTree, *, converted: bool) -> int:
    """Distinct handlers of struct file_operations: functions, in however many tables."""
    return len(
        {
            (_defining(c, tree), c.handler.name)
            for c in conversions
            if c.handler.ops == "struct file_operations"
            and c.handler.name != "NULL"
            and (c.reason is None or not converted)
        }
    )


def _defining(conversion: Conversion, tree: KernelTree) -> str:
    """Return the file that defines a handler; its table's, if none does."""
    source = tree.open(conversion.handler.file)
    found = Program(source, tree).definitions(conversion.handler.name, source, far=True)
    return found[0].source.name if found else source.name


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", nargs="?", default="7.3")
    parser.add_argument("--target")
    parser.add_argument("--diff", type=Path)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    run = Run(tree_of(given.release), given.target or given.release)
    names = list(files(run.tree))
    started = time.perf_counter()
    for name in names:
        run.convert(name)
    seconds = time.perf_counter() - started
    run.apply()
    run.check_diff()
    if given.diff:
        given.diff.write_bytes(run.diff)
    if given.log:
        given.log.write_text(run.log(), "latin-1")
    counted = Counter(c.reason.id if c.reason else "converted" for c in run.conversions)
    print(f"{len(names)} files, {len(run.conversions)} sites, {seconds:.1f} s")
    for id_, count in counted.most_common():
        print(f"{count:5} {id_}")
    print(
        f"struct file_operations: {distinct(run.conversions, run.tree, converted=True)} of "
        f"{distinct(run.conversions, run.tree, converted=False)} distinct handlers converted"
    )
    print("\n".join(run.problems))
    return 1 if run.problems else 0


if __name__ == "__main__":
    sys.exit(main())
