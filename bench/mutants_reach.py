# SPDX-License-Identifier: GPL-2.0-only
"""Which code of the model no scenario can reach, by rule: see mutants.py.

A name is out of reach that nothing but its own definition mentions, neither in the model nor in
what runs scenarios: numbers and helper functions that are there for the C that premap interprets,
and what only somebody who writes Python calls. So is what a parameter is where it is left out, if
no call leaves it out. A module that only tells people something is, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TELLING = frozenset({"maps.py", "obstacles.py"})
"""Text for people: /proc/PID/maps, and why something did not merge."""
_RUNNING = ("scenario", "uml")


@dataclass(frozen=True)
class Reach:
    """What the model and what runs scenarios mention, definitions apart, and what they call."""

    names: frozenset[str]
    calls: Mapping[str, Sequence[ast.Call]]


def reached(package: Path) -> Reach:
    """Read what is mentioned and called where a scenario runs."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _running(package)]
    calls: dict[str, list[ast.Call]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                calls.setdefault(_called(node.func), []).append(node)
    return Reach(frozenset().union(*map(_mentioned, trees)), calls)


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _running(package: Path) -> list[Path]:
    files = [path for path in (package / "model").glob("*.py") if path.name not in TELLING]
    files = [path for path in files if path.name != "__init__.py"]
    for room in _RUNNING:
        files += (package / room).glob("*.py")
    return files


def _mentioned(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and len(node.args) == 3:
            found |= _prefixed(node)
    return found


def _prefixed(call: ast.Call) -> set[str]:
    """Return what `_names(module, "MAP_", "SHARED PRIVATE")` looks up."""
    texts = [arg.value for arg in call.args[1:] if isinstance(arg, ast.Constant)]
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        return set()
    return {str(texts[0]) + word for word in str(texts[1]).split()}


def out_of_reach(tree: ast.Module, reach: Reach) -> set[int]:
    """Return the nodes (by id) of definitions that nothing mentions, and of unused defaults."""
    names = reach.names
    hidden: set[int] = set()
    for function, name, bound in _definitions(tree):
        for default in _unused_defaults(function, reach.calls.get(name, ()), bound=bound):
            hidden.update(id(part) for part in ast.walk(default))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            alone = node.name not in names and not node.name.startswith("__")
        elif isinstance(node, ast.Assign) and node in tree.body:
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
            alone = bool(targets) and not names.intersection(targets)
        else:
            continue
        if alone:
            hidden.update(id(part) for part in ast.walk(node))
    return hidden


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str, bool]]:
    """Yield functions and methods, the name by which each is called, and whether it has a self."""
    for part in tree.body:
        if isinstance(part, ast.FunctionDef):
            yield part, part.name, False
        if isinstance(part, ast.ClassDef):
            for method in part.body:
                if isinstance(method, ast.FunctionDef):
                    made = method.name == "__init__"
                    yield method, part.name if made else method.name, True


def _unused_defaults(
    function: ast.FunctionDef, calls: Sequence[ast.Call], *, bound: bool
) -> Iterator[ast.expr]:
    """Yield the defaults of parameters that every call gives, if there is a call."""
    if not calls:
        return
    given = function.args.args[bound:]
    first = len(given) - len(function.args.defaults)
    for place, default in enumerate(function.args.defaults, first):
        if not any(_leaves_out(call, given[place].arg, place) for call in calls):
            yield default
    for name, only in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if only is not None and not any(_leaves_out(call, name.arg, None) for call in calls):
            yield only


def _leaves_out(call: ast.Call, name: str, place: int | None) -> bool:
    """Say whether a call leaves a parameter to its default, or may do so."""
    if any(keyword.arg in (name, None) for keyword in call.keywords):
        return any(keyword.arg is None for keyword in call.keywords)
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    return place is None or place >= len(call.args)
