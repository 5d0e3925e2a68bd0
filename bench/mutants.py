# SPDX-License-Identifier: GPL-2.0-only
"""Plants mistakes in a copy of the model, one at a time, and counts how many the tests find.

    python bench/mutants.py [--count 100] [--seed 1] [--by tests|conform] [--only NUMBER] [--list] …

A mistake is one change of the code: an operator or a comparison replaced by its neighbour, `and`
by `or`, add() by sub(), a constant by another, a statement dropped, the branches of an `if`
swapped. All places in src/premap/model where one is possible are listed in order, and `--count` of
them drawn by `--seed`. Each is written into a copy of the package in a temporary directory, and the
tests of tests/model, and recorded and random scenarios, run on that, up to the first failure.
Survivors are printed with their change; those in bench/mutants_equivalent.py change nothing that
can be observed, which is shown there by hand. The exit status is 1 if fewer than 95 %
of the others are found.

Left out is what a model has and a kernel has not: refusals of what only Python could ask for
(AttributeError, ValueError, NotModelled, KernelBug) and their conditions, warnings, the log, and
how failures are asked for. The tests see to those. So is, by rule, what no scenario can reach: see
bench/mutants_reach.py; `--everything` mutates that as well.

`--by conform` asks instead what `premap conform` finds within 20,000 steps of seed 0, or of that
which `--scenarios` says. A model with a mistake makes up the same steps as one without, up to the
first whose result differs: so the scenarios are made once, on the model as it is, and replayed on
each mutant, as far as they enter the changed function (mutants_replay.py: a hundred take half a
minute). That the model as it is agrees with a kernel on just these is what `premap conform --kernel
TREE --seed 0` says.
With `--kernel TREE` it is said first; and on what replaying does not find, `premap conform` itself
is run: numbers that go to the kernel as well (MAP_, MADV_) are seen only there.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mutants_equivalent import why_equivalent
from mutants_form import Callers, means_nothing
from mutants_reach import TELLING, Reach, out_of_reach, reached
from mutants_replay import PACKAGE, Replayed
from mutants_told import is_told, told_in

ROOT = Path(__file__).resolve().parent.parent
MODEL = Path("src/premap/model")
COPIED = ("src", "tests", "examples", "docs", "pyproject.toml")
TESTS = ("tests/scenario/test_replay.py", "tests/scenario/test_random.py", "tests/model")
WANTED = 0.95
STEPS = 20_000
MACHINERY = frozenset({"errors.py", "inject.py", "trace.py"})

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
WORDS = "add, sub, umax, umin"
FUNCTIONS = {"add": "sub", "sub": "add", "umin": "umax", "umax": "umin", "min": "max", "max": "min"}
SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Delete, ast.Raise)


@dataclass(frozen=True)
class Mutant:
    """One change: in a file of `model`, at a node (in the order of ast.walk()), of a kind."""

    model: Path
    file: str
    node: int
    kind: str
    detail: int

    @property
    def changed(self) -> tuple[str, str, int]:
        """The statement before and after, on a line each, and its line."""
        tree = parse(self.model / self.file)
        line = getattr(list(ast.walk(tree))[self.node], "lineno", 0)
        before, after = ast.unparse(tree).splitlines(), self._changed().splitlines()
        same = 0
        while same < min(len(before), len(after)) and before[same] == after[same]:
            same += 1
        last = -1
        while before[last] == after[last] and len(before) + last > same < len(after) + last:
            last -= 1
        end = None if last == -1 else last + 1
        return _joined(before[same:end]), _joined(after[same:end]), line

    @property
    def context(self) -> str:
        """The line before the changed statement."""
        before = ast.unparse(parse(self.model / self.file)).splitlines()
        after = self._changed().splitlines()
        pairs = enumerate(zip(before, after, strict=False))
        first = next((place for place, (old, new) in pairs if old != new), 0)
        return before[first - 1].strip() if first else ""

    @property
    def function(self) -> str:
        """The name of the innermost function around the change."""
        tree = parse(self.model / self.file)
        place = list(ast.walk(tree))[self.node]
        around = [
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and any(part is place for part in ast.walk(node))
        ]
        return around[-1] if around else ""

    @property
    def ended(self) -> ast.FunctionDef | None:
        """The function whose last statement is dropped, None for another change."""
        node = list(ast.walk(parse(self.model / self.file)))[self.node]
        last = isinstance(node, ast.FunctionDef) and self.detail == len(node.body) - 1
        return node if last and self.kind == "drop body" else None  # type: ignore[return-value]

    def source(self) -> str:
        """The text of the file with the change in it, and what that needs."""
        needed = self.kind == "function" and self.file != "words.py"
        return self._changed() + (f"\nfrom premap.model.words import {WORDS}\n" if needed else "")

    def _changed(self) -> str:
        tree = parse(self.model / self.file)
        change(list(ast.walk(tree))[self.node], self)
        return ast.unparse(ast.fix_missing_locations(tree))


def _joined(lines: list[str]) -> str:
    return " / ".join(line.strip() for line in lines)


def parse(path: Path) -> ast.Module:
    """Parse a file; drop what says nothing about what it does: annotations and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _says_nothing(part)] or [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
    return tree


def _says_nothing(part: ast.AST) -> bool:
    if isinstance(part, ast.Expr):
        return isinstance(part.value, ast.Constant)
    if isinstance(part, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == "__all__" for t in part.targets)
    if isinstance(part, ast.If):
        return isinstance(part.test, ast.Name) and part.test.id == "TYPE_CHECKING"
    return False


def mutants(model: Path, file: str, reach: Reach | None = None) -> Iterator[Mutant]:
    """Every change that can be made to a file; with `reach`, to what a scenario can."""
    tree = parse(model / file)
    hidden = _hidden(tree)
    if reach is not None:
        hidden |= out_of_reach(tree, reach)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in hidden:
            continue
        for kind, detail in kinds(node, hidden):
            yield Mutant(model, file, number, kind, detail)


def _hidden(tree: ast.Module) -> set[int]:
    """Nodes that are not changed: lists of names, what is for people only, imports."""
    hidden = told_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
            hidden.update(id(part) for part in ast.walk(node))
    return hidden


def kinds(node: ast.AST, hidden: Container[int] = ()) -> Iterator[tuple[str, int]]:
    """What can be done to a node: the kind of change, and which of several operands.

    `hidden`: statements (by id) that are not dropped.
    """
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in OPERATORS:
        yield "operator", 0
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            if type(op) in OPERATORS:
                yield "comparison", place
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", 0
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS:
        yield "function", 0
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "constant", 0
    if isinstance(node, (ast.If, ast.IfExp)):
        yield "branches", 0
    body = getattr(node, "body", None)
    if isinstance(body, list) and not isinstance(node, (ast.Module, ast.ClassDef)):
        for name in ("body", "orelse"):
            for place, part in enumerate(getattr(node, name, [])):
                if isinstance(part, SIMPLE) and id(part) not in hidden and not is_told(part):
                    yield f"drop {name}", place


def change(node: ast.AST, mutant: Mutant) -> None:
    """Make the change, in place."""
    kind, detail = mutant.kind, mutant.detail
    if kind == "operator":
        node.op = OPERATORS[type(node.op)]()  # type: ignore[attr-defined]
    elif kind == "comparison":
        node.ops[detail] = OPERATORS[type(node.ops[detail])]()  # type: ignore[attr-defined]
    elif kind == "not":
        node.op = ast.UAdd()  # type: ignore[attr-defined]
        node.operand = ast.Call(ast.Name("bool"), [node.operand], [])  # type: ignore[attr-defined]
    elif kind == "function":
        node.func.id = FUNCTIONS[node.func.id]  # type: ignore[attr-defined]
    elif kind == "constant":
        value = node.value  # type: ignore[attr-defined]
        node.value = (not value) if isinstance(value, bool) else value + 1  # type: ignore[attr-defined]
    elif kind == "branches":
        node.test = ast.UnaryOp(ast.Not(), copy.deepcopy(node.test))  # type: ignore[attr-defined]
    else:
        getattr(node, kind.split()[1])[detail] = ast.Pass()


def drawn(model: Path, count: int, seed: int, reach: Reach | None) -> list[Mutant]:
    """Draw so many of all changes."""
    left_out = MACHINERY if reach is None else MACHINERY | TELLING
    files = sorted(path.name for path in model.glob("*.py") if path.name not in left_out)
    every = [mutant for file in files for mutant in mutants(model, file, reach)]
    print(f"{len(every):,} changes are possible; {count} are drawn by seed {seed}", flush=True)
    return random.Random(seed).sample(every, count)


Finder = Callable[[Mutant], str]
"""Says what finds a mistake, or nothing."""


def _run(copied: Path, timeout: float, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run Python on the copy; None if it takes too long."""
    with tempfile.TemporaryDirectory() as compiled:
        # What was compiled of another mutant may look as if it were of this one.
        environment = {"PYTHONPATH": str(copied / "src"), "PYTHONPYCACHEPREFIX": compiled}
        try:
            return subprocess.run(
                [sys.executable, *arguments],
                cwd=copied,
                env=os.environ | environment,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None


@dataclass(frozen=True)
class ByReplaying:
    """Replays what conform makes up."""

    replayed: Replayed

    def __call__(self, mutant: Mutant) -> str:
        """Return what the first difference is, or nothing."""
        tree = parse(mutant.model / mutant.file)
        node = list(ast.walk(tree))[mutant.node]
        places = self.replayed.places(mutant.file, tree, node)
        return self.replayed.find(mutant.file, mutant.source(), places)


@dataclass(frozen=True)
class OnKernel:
    """Replays, and asks `premap conform` where that finds nothing."""

    replaying: Finder
    copied: Path
    tree: Path
    seed: int

    def __call__(self, mutant: Mutant) -> str:
        """Return what the first difference is, or nothing."""
        return self.replaying(mutant) or self.really(mutant)

    def really(self, mutant: Mutant | None = None) -> str:
        """Run `premap conform`; return what the first difference is, or nothing."""
        options = ("--kernel", str(self.tree), "--steps", str(STEPS), "--seed", str(self.seed))
        with written(mutant, self.copied):
            done = _run(self.copied, 600, "-m", "premap", "conform", *options)
        if done is None:
            return "conform takes too long"
        if done.returncode == 0:
            return ""
        said = [line for line in done.stderr.splitlines() if "differs" in line]
        return said[0][:150] if said else f"conform ends with {done.returncode}"


class ByTests:
    """Runs the tests, up to the first that fails."""

    def __init__(self, copied: Path) -> None:
        self.copied = copied
        self.timeout = 600.0
        began = time.monotonic()
        failing = self.first_failing()
        if failing:
            raise SystemExit(f"something fails without a mistake: {failing}")
        self.timeout = 20 + 5 * (time.monotonic() - began)

    def __call__(self, mutant: Mutant) -> str:
        """Return the first test that fails, or nothing."""
        with written(mutant, self.copied):
            return self.first_failing()

    def first_failing(self) -> str:
        """Run the tests on the copy as it is."""
        options = ("-x", "-q", "--no-header", "-p", "no:cacheprovider")
        done = _run(self.copied, self.timeout, "-m", "pytest", *options, *TESTS)
        if done is None:
            return "it takes too long"
        if done.returncode == 0:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(_FAILING)]
        return failed[0].split(" - ")[0] if failed else f"pytest ends with {done.returncode}"


_FAILING = ("FAILED", "ERROR")


def copy_of_package(folder: Path) -> Path:
    """Copy what the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@contextmanager
def written(mutant: Mutant | None, copied: Path) -> Iterator[None]:
    """Write a mistake into the copy, and take it out again."""
    if mutant is None:
        yield
        return
    path = copied / MODEL / mutant.file
    original = path.read_text(encoding="utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()
    path.write_text(mutant.source(), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(original, encoding="utf-8")


def main() -> int:
    """Draw, try each, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--by", choices=("tests", "conform"), default="tests")
    parser.add_argument("--scenarios", type=int, default=0, help="the seed of conform")
    parser.add_argument("--kernel", type=Path, metavar="TREE", help="ask it what is not found")
    parser.add_argument("--only", type=int, action="append", help="numbers of those drawn")
    parser.add_argument("--list", action="store_true", help="print the changes, try none")
    parser.add_argument("--everything", action="store_true", help="what is out of reach, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copied = copy_of_package(Path(folder))
        # The changes are drawn from a copy of their own: the code may change meanwhile.
        model = Path(shutil.copytree(copied / MODEL, Path(folder) / "original"))
        reach = None if given.everything else reached(copied / "src/premap")
        chosen = list(enumerate(drawn(model, given.count, given.seed, reach)))
        if given.only:
            chosen = [(number, mutant) for number, mutant in chosen if number in given.only]
        if not given.list:
            compileall.compile_dir(copied / "src", quiet=1)
            return count_found(chosen, _finder(given, copied))
        for number, mutant in chosen:
            before, after, line = mutant.changed
            print(f"{number}: {mutant.file}:{line}: {before}  ->  {after}")
        return 0


def _finder(given: argparse.Namespace, copied: Path) -> Finder:
    if given.by == "tests":
        return ByTests(copied)
    replaying = ByReplaying(Replayed(copied / "src" / PACKAGE, STEPS, given.scenarios))
    if given.kernel is None:
        return replaying
    finder = OnKernel(replaying, copied, given.kernel.resolve(), given.scenarios)
    failing = finder.really()
    if failing:
        raise SystemExit(f"something fails without a mistake: {failing}")
    return finder


def _shown(mutant: Mutant, before: str, after: str) -> str:
    """Return why a change can't be observed, if that follows from its form, or has been shown."""
    form = ""
    if mutant.kind.startswith("drop"):
        form = means_nothing(_callers(mutant.model), mutant.ended, before, mutant.file)
    return form or why_equivalent(mutant.file, mutant.function, before, after, mutant.context)


@cache
def _callers(model: Path) -> Callers:
    """Read who calls the functions of a model, in the copy that mistakes are drawn from."""
    return Callers([*model.glob("*.py"), *(ROOT / "src/premap/scenario").glob("*.py")])


def count_found(chosen: list[tuple[int, Mutant]], finder: Finder) -> int:
    """Try the mutants one after the other."""
    found = same = 0
    for number, mutant in chosen:
        before, after, line = mutant.changed
        what = finder(mutant)
        reason = "" if what else _shown(mutant, before, after)
        found += bool(what)
        same += bool(reason)
        verdict = what or (f"the same, because {reason}" if reason else "SURVIVES")
        print(f"{number}: {mutant.file}:{line}: {before}  ->  {after}\n    {verdict}", flush=True)
    real = len(chosen) - same
    print(f"{found} of {real} mistakes are found, {found / max(real, 1):.0%}; {same} are none")
    return 0 if found >= WANTED * real else 1


if __name__ == "__main__":
    sys.exit(main())
