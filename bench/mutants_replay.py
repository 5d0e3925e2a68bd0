# SPDX-License-Identifier: GPL-2.0-only
"""Replays what conform makes up on models with a mistake, each in a process of its own: mutants.py.

The modules of the package are compiled once, before anything is tried; a process that has forked
off imports them anew, with one of them changed. Only scenarios that enter the changed function are
replayed, up to the first step whose result differs.
"""

from __future__ import annotations

import ast
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import count
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

PACKAGE = "premap"
SHORTEST = 30
"""Seconds of processor that a replay has at least; the scenarios take a few."""
MEMORY = 4 << 30
"""Bytes of address space that a replay may take."""
WRITTEN = 1000
"""Bytes of what a process says at most."""


class Frozen(MetaPathFinder, Loader):
    """Imports a package from code that was compiled earlier: its files may change meanwhile."""

    def __init__(self, package: Path) -> None:
        self.codes: dict[str, CodeType] = {}
        self.packages: set[str] = set()
        for path in sorted(package.rglob("*.py")):
            parts = (PACKAGE, *path.relative_to(package).with_suffix("").parts)
            name = ".".join(parts).removesuffix(".__init__")
            self.codes[name] = compile(path.read_bytes(), str(path), "exec")
            if path.name == "__init__.py":
                self.packages.add(name)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find a module of the package."""
        del path, target
        if name not in self.codes:
            return None
        return ModuleSpec(name, self, is_package=name in self.packages)

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code."""
        exec(self.codes[module.__name__], module.__dict__)

    def import_anew(self) -> None:
        """Forget what was imported of the package; import from here from now on."""
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)


class Replayed:
    """The scenarios of a conform run of so many steps, with the right results.

    `entered` says of each function of the model which scenarios get into it, by place.
    """

    def __init__(self, package: Path, steps: int, seed: int) -> None:
        self.frozen = Frozen(package)
        self.timeout = SHORTEST
        self.always: set[tuple[str, int]] = set()
        self.entered: dict[tuple[str, int], list[int]] = {}
        self.frozen.import_anew()
        for module in ("conform", "generate", "replay", "families", "model_backend"):
            with _Entered() as functions:
                importlib.import_module(f"{PACKAGE}.scenario.{module}")
            self.always |= functions
        self.scenarios = list(_made_up(steps, seed))
        began = time.process_time()
        for place in range(len(self.scenarios)):
            with _Entered() as functions:
                wrong = self.replay([place])
            if wrong:
                raise SystemExit(f"without a mistake, {wrong}")
            for function in functions:
                self.entered.setdefault(function, []).append(place)
        self.timeout = max(SHORTEST, 3 * int(time.process_time() - began))

    def places(self, file: str, source: ast.Module, node: ast.AST) -> Sequence[int]:
        """Return which scenarios a change at a node can matter to."""
        function = next((each for each in _functions(source) if node in ast.walk(each)), None)
        if function is None:
            return range(len(self.scenarios))
        decorators = [each.lineno for each in function.decorator_list]
        key = file, min([function.lineno, *decorators])
        return range(len(self.scenarios)) if key in self.always else self.entered.get(key, [])

    def find(self, file: str, changed: str, places: Sequence[int]) -> str:
        """Return what the first difference of a changed file is, or nothing."""
        if not places:
            return ""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._tell(file, changed, places, writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8", errors="replace") as said:
            found = said.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return "it takes too long"
        return found

    def _tell(self, file: str, changed: str, places: Sequence[int], writing: int) -> None:
        """In a process of its own: say what is different, and end."""
        signal.setitimer(signal.ITIMER_PROF, self.timeout)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            name = f"{PACKAGE}.model.{file.removesuffix('.py')}".removesuffix(".__init__")
            self.frozen.codes[name] = compile(changed, file, "exec")
            self.frozen.import_anew()
            said = self.replay(places)
        except BaseException as problem:  # noqa: BLE001 - whatever comes of a mistake finds it
            said = f"{type(problem).__name__}: {problem}"
        os.write(writing, said.encode()[:WRITTEN])
        os._exit(0)

    def replay(self, places: Sequence[int]) -> str:
        """Replay scenarios on the model as it is imported now; return the first difference."""
        conform = importlib.import_module(f"{PACKAGE}.scenario.conform")
        families = importlib.import_module(f"{PACKAGE}.scenario.families").FAMILIES
        backend = importlib.import_module(f"{PACKAGE}.scenario.model_backend").ModelBackend
        replay = importlib.import_module(f"{PACKAGE}.scenario.replay").replay
        for place in places:
            scenario = self.scenarios[place]
            found = replay(scenario, backend(tree=conform.tree_of(place, len(families))))
            if not found.agrees:
                return f"step {found.disagreement.step + 1} of {scenario.seed} is different"
        return ""


def _made_up(steps: int, seed: int) -> Iterator[Any]:
    """Yield the scenarios of `premap conform --kernel TREE`, with the model's results."""
    conform = importlib.import_module(f"{PACKAGE}.scenario.conform")
    families = list(importlib.import_module(f"{PACKAGE}.scenario.families").FAMILIES)
    backend = importlib.import_module(f"{PACKAGE}.scenario.model_backend").ModelBackend
    generate = importlib.import_module(f"{PACKAGE}.scenario.generate").generate
    done = 0
    for place in count():
        if done >= steps:
            return
        model = backend(tree=conform.tree_of(place, len(families)))
        family = families[place % len(families)]
        made = generate(f"{seed}:{place}", conform.SCENARIO_STEPS, family, model=model, turn=place)
        yield made
        done += len(made.steps)


def _functions(source: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions and methods of a module, but none within a function."""
    for part in source.body:
        body = part.body if isinstance(part, ast.ClassDef) else [part]
        yield from (each for each in body if isinstance(each, ast.FunctionDef))


class _Entered:
    """Collects which functions of the model are entered: by file, and first line."""

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()

    def __enter__(self) -> set[tuple[str, int]]:
        self.functions: set[tuple[str, int]] = set()
        sys.setprofile(self._called)
        return self.functions

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        for code in self.codes:
            path = Path(code.co_filename)
            if path.parent.name == "model":
                self.functions.add((path.name, code.co_firstlineno))

    def _called(self, frame: FrameType, event: str, argument: object) -> None:
        del argument
        if event == "call":
            self.codes.add(frame.f_code)
