# SPDX-License-Identifier: GPL-2.0-only
"""Which code of the model no scenario can reach, by rule: see mutants.py.

A name is out of reach that nothing but its own definition mentions, neither in the model nor in
what runs scenarios: numbers and helper functions that are there for the C that premap interprets,
and what only somebody who writes Python calls. A module that only tells people something is, too.
"""

from __future__ import annotations

import ast
from pathlib import Path

TELLING = frozenset({"maps.py", "obstacles.py"})
"""Text for people: /proc/PID/maps, and why something did not merge."""
_RUNNING = ("scenario", "uml")


def mentioned(package: Path) -> frozenset[str]:
    """Return the names that the model and what runs scenarios mention, definitions apart."""
    files = [path for path in (package / "model").glob("*.py") if path.name not in TELLING]
    files = [path for path in files if path.name != "__init__.py"]
    for room in _RUNNING:
        files += (package / room).glob("*.py")
    found: set[str] = set()
    for path in files:
        found |= _mentioned(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(found)


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


def out_of_reach(tree: ast.Module, names: frozenset[str]) -> set[int]:
    """Return the nodes (by id) of definitions that nothing mentions."""
    hidden: set[int] = set()
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
