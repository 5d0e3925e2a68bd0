# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe by their very form: see mutants.py.

- `del name` is dropped: who read the name afterwards would get an exception.
- A function no longer ends with `return 0` (or False, or None), so that it returns None; and
  whoever calls it asks whether there is an error (`if err:`, `or`, `not`), hands the answer on to
  somebody who only asks that, or does not look at it. Comparing with a number is another thing.
  Functions are told apart by their name; of one that begins with an underscore only its own file
  counts, where every other file that names it has its own, and does not import it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

NAMES_GO = "a name that is deleted is not read afterwards"
TRUTH = "who calls it only asks whether it is true, and so do those who get the answer from them"
NOTHING = "a function that ends returns None"
_FALSE = ("return 0", "return False")
_NOTHING = ("return None", "return")


class Callers:
    """Who calls the functions of a package, and what becomes of what they return."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.uses: dict[str, list[ast.AST]] = {}
        self.files: dict[ast.AST, str] = {}
        self.own: dict[str, set[str]] = {}
        self.imported: set[str] = set()
        for file in files:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            self.own[file.name] = {
                part.name for part in tree.body if isinstance(part, ast.FunctionDef)
            }
            for node in ast.walk(tree):
                self.files[node] = file.name
                if isinstance(node, ast.ImportFrom):
                    self.imported.update(alias.name for alias in node.names)
                for child in ast.iter_child_nodes(node):
                    self.parents[child] = node
                name = _name(node)
                if name is not None:
                    self.uses.setdefault(name, []).append(node)

    def only_truth(
        self, function: str, file: str = "", asked: frozenset[str] = frozenset()
    ) -> bool:
        """Say whether of what functions of this name return only the truth is asked.

        `file` is that of the function, where it is known.
        """
        uses: Sequence[ast.AST] = self.uses.get(function, ())
        which = function
        if self._private(function, file):
            uses = [node for node in uses if self.files[node] == file]
            which = f"{file}: {function}"
        if which in asked:
            return True
        return bool(uses) and all(
            self._is_called(node) and self._asked(self.parents[node], asked | {which})
            for node in uses
        )

    def _private(self, function: str, file: str) -> bool:
        """Say whether other files that name a function mean one of their own."""
        if not function.startswith("_") or function in self.imported:
            return False
        others = {self.files[node] for node in self.uses.get(function, ())} - {file}
        named = any(isinstance(node, ast.Attribute) for node in self.uses.get(function, ()))
        return not named and all(function in self.own.get(other, ()) for other in {*others, file})

    def _is_called(self, node: ast.AST) -> bool:
        """Say whether a name is that of a call, and not handed on."""
        parent = self.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def _asked(self, node: ast.AST, asked: frozenset[str]) -> bool:
        """Say whether of this expression's value only the truth is asked."""
        parent = self.parents[node]
        if isinstance(parent, ast.Expr):
            return True
        if isinstance(parent, (ast.If, ast.While)) or (
            isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
        ):
            return True
        if isinstance(parent, ast.IfExp):
            return node is parent.test or self._asked(parent, asked)
        if isinstance(parent, ast.BoolOp):
            passed_over = isinstance(parent.op, ast.Or) and node is not parent.values[-1]
            return passed_over or self._asked(parent, asked)
        if isinstance(parent, ast.Return):
            return self.only_truth(self._function(parent).name, self.files[parent], asked)
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            return isinstance(target, ast.Name) and self._kept(parent, target.id, asked)
        return False

    def _kept(self, where: ast.AST, name: str, asked: frozenset[str]) -> bool:
        """Say the same of a value that is kept under a name of the function."""
        uses = [
            node
            for node in ast.walk(self._function(where))
            if isinstance(node, ast.Name) and node.id == name
        ]
        reads = [node for node in uses if isinstance(node.ctx, ast.Load)]
        if not self._repeated(where):  # what is read before it, or after the next, is not this
            again = [node.lineno for node in uses if isinstance(node.ctx, ast.Store)]
            here = getattr(where, "lineno", 0)
            next_one = self._certain(where, [line for line in again if line > here])
            reads = [node for node in reads if here < node.lineno <= next_one]
        return all(self._where_true(node) or self._asked(node, asked) for node in reads)

    def _repeated(self, node: ast.AST) -> bool:
        """Say whether a statement is in a loop."""
        while not isinstance(node, ast.FunctionDef):
            if isinstance(node, (ast.For, ast.While)):
                return True
            node = self.parents[node]
        return False

    def _certain(self, where: ast.AST, lines: list[int]) -> float:
        """Return the first of these lines that is a statement beside this one, or behind it all."""
        beside = getattr(self.parents[where], "body", [])
        return min((part.lineno for part in beside if part.lineno in lines), default=1e9)

    def _where_true(self, node: ast.Name) -> bool:
        """Say whether a name is read within `if name:` or `x if name else y`, where it is true."""
        child: ast.AST = node
        while (parent := self.parents.get(child)) is not None:
            if isinstance(parent, (ast.If, ast.IfExp)) and _is_name(parent.test, node.id):
                body = parent.body if isinstance(parent.body, list) else [parent.body]
                if child in body:
                    return True
            child = parent
        return False

    def _function(self, node: ast.AST) -> ast.FunctionDef:
        while not isinstance(node, ast.FunctionDef):
            node = self.parents[node]
        return node


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _name(node: ast.AST) -> str | None:
    """Return the name that a node reads, if it reads one."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def means_nothing(
    callers: Callers, function: ast.FunctionDef | None, before: str, file: str = ""
) -> str:
    """Return why a statement may be dropped, if that follows from its form.

    `function` is the one whose last statement it is, if it is the last of one.
    """
    if before.startswith("del ") and "[" not in before and "." not in before:
        return NAMES_GO
    if function is None:
        return ""
    if before in _NOTHING:
        return NOTHING
    return TRUTH if before in _FALSE and callers.only_truth(function.name, file) else ""
