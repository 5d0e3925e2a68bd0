# SPDX-License-Identifier: GPL-2.0-only
"""What a model says to people, and refuses to programs, where a kernel does neither: mutants.py."""

from __future__ import annotations

import ast

REFUSALS = frozenset({"AttributeError", "IndexError", "ValueError", "NotModelled", "KernelBug"})
REFUSING = frozenset({"_enter", "_immutable", "_write_only"})
TOLD = frozenset({"warn", "event", "vma_event"})

SHOWN_TO_PEOPLE = frozenset({"__repr__", "__str__", "flag_names"})
LISTS = frozenset({"__slots__", "__all__"})
"""Names of lists of names."""


def is_told(node: ast.AST) -> bool:
    """Say whether a statement refuses what no kernel is asked, warns, or logs."""
    if isinstance(node, ast.If):
        refuses = all(is_told(part) for part in node.body) and not node.orelse
        return refuses or ".log is not None" in ast.unparse(node.test)
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in REFUSALS
    if isinstance(node, ast.Return):
        return node.value is not None and ast.unparse(node.value) == "NotImplemented"
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith(".log"):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    return name in TOLD | REFUSING


def told_in(tree: ast.AST) -> set[int]:
    """Return the nodes (by id) of all such statements, of texts for people, and lists of names."""
    return {
        id(part)
        for node in ast.walk(tree)
        if is_told(node) or _is_shown(node)
        for part in ast.walk(node)
    }


def _is_shown(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in SHOWN_TO_PEOPLE
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in LISTS for target in targets)
