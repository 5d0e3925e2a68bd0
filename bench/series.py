# SPDX-License-Identifier: GPL-2.0-only
"""Writes the series of a whole tree, and holds it to what kernel people would.

    python bench/series.py [RELEASE] [--build WORK_FOLDER] [--dual]

git am takes every patch; the tree's checkpatch.pl finds no error in a file that it did not find
before; and a second run over the patched tree converts nothing. With --build, the files of each
patch are compiled when it and those before it are applied (as bench/compile_converted.py does it),
with no new warning. Exit code 1 if any of this fails.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from upstream_pairs import tree_of

from premap.kbuild import Built, farm

TOPS = (
    "arch block crypto drivers fs init io_uring ipc kernel lib mm net samples security sound virt"
)
ERROR = re.compile(r"^ERROR:(\w+): .*\n#.*\n(?:#.*\n)?\+(.*)$", re.MULTILINE)


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, check=False
    )
    if done.returncode and command[0] == "git":
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape")


def convert(root: Path, *options: str) -> str:
    """Return what premap says of a whole tree."""
    tops = [top for top in TOPS.split() if (root / top).is_dir()]
    command = [sys.executable, "-m", "premap", "convert", "--no-verify", *options, *tops]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    print(done.stderr.splitlines()[-1])
    return done.stdout


class Series:
    """A series, and a repository of the files that it touches."""

    def __init__(self, root: Path, work: Path, options: list[str]) -> None:
        self.root = root
        self.repository = work / "repository"
        self.problems: list[str] = []
        convert(root, *options, "--mbox", str(work / "series"))
        self.patches = sorted((work / "series").glob("*.patch"))
        self.files = {path: touched(path) for path in self.patches}
        for name in {name for names in self.files.values() for name in names}:
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repository / name).write_bytes((root / name).read_bytes())
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            run("git", *command, folder=self.repository)

    def apply(self, built: Built | None) -> None:
        for path in self.patches:
            run("git", "am", "-q", path, folder=self.repository)
            if built is not None:
                texts = {name: self.text(name) for name in self.touched() if self.changed(name)}
                compiled = built.compile(texts, self.files[path])
                self.problems += [f"{path.name}: {name} is broken" for name in compiled.broken]
                self.problems += [f"{path.name}: {new.file}: {new.text}" for new in compiled.new]

    def touched(self) -> list[str]:
        return sorted({name for names in self.files.values() for name in names})

    def text(self, name: str) -> bytes:
        return (self.repository / name).read_bytes()

    def changed(self, name: str) -> bool:
        return self.text(name) != (self.root / name).read_bytes()

    def checkpatch(self) -> None:
        for name in self.touched():
            before, after = (self.errors(folder / name) for folder in (self.root, self.repository))
            self.problems += [f"{name}: {error}" for error in after - before]

    def errors(self, path: Path) -> Counter[str]:
        script = ["perl", "scripts/checkpatch.pl", "--no-tree", "--show-types", "--no-summary"]
        said = run(*script, "-f", path, folder=self.root)
        return Counter(kind for kind, _ in ERROR.findall(said))

    def convert_again(self, work: Path) -> None:
        copy = work / "copy"
        farm.link(self.root, copy)
        for _ in farm.written(copy, {name: self.text(name) for name in self.touched()}):
            pass
        if convert(copy):
            self.problems.append("a second run changes something")


def touched(patch: Path) -> list[str]:
    text = patch.read_text("utf-8", "surrogateescape")
    return re.findall(r"^--- a/(\S+)$", text, re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", nargs="?", default="7.3")
    parser.add_argument("--build", type=Path)
    parser.add_argument("--dual", action="store_true")
    given = parser.parse_args()
    root = tree_of(given.release).root
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        series = Series(root, work, ["--dual"] if given.dual else [])
        built = Built(root, given.build.resolve(), 2) if given.build else None
        if built is not None:
            built.prepare([name for name in series.touched() if name.endswith(".c")])
        series.apply(built)
        series.checkpatch()
        series.convert_again(work)
    print(f"{len(series.patches)} patches of {len(series.touched())} files")
    print("\n".join(series.problems))
    return 1 if series.problems else 0


if __name__ == "__main__":
    sys.exit(main())
