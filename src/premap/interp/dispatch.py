# SPDX-License-Identifier: GPL-2.0-only
"""Which function evaluates or executes which kind of node; the modules beside fill it in.

C's constructs contain each other in every way, so no module of them could import the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from msgspec import Struct
from tree_sitter import Node

from premap.csource.ctypes import CType
from premap.interp.machine import Frame, Machine
from premap.interp.syntax import text_of
from premap.interp.values import Place, Value
from premap.model.errors import NotModelled
from premap.symbolic.errors import LimitReached


class Jump(Struct, frozen=True):
    """Control leaves a statement other than at its end."""

    kind: Literal["return", "break", "continue", "goto"]
    value: Value | None = None
    label: str = ""


Outcome = Jump | None


class Left(Exception):
    """A macro that is used as a statement returns or jumps."""

    def __init__(self, use: Node, outcome: Jump) -> None:
        super().__init__()
        self.use = use
        self.outcome = outcome


Evaluator = Callable[[Machine, Frame, Node], Value]
Executor = Callable[[Machine, Frame, Node], Outcome]
Placer = Callable[[Machine, Frame, Node], tuple[Place, CType]]
T = TypeVar("T")

EVALUATORS: dict[str, Evaluator] = {}
EXECUTORS: dict[str, Executor] = {}
PLACERS: dict[str, Placer] = {}
PURE_NAMES: set[str] = set()
"""Functions and macros that only compute, so that a call of them can be part of a term."""


def evaluates(*kinds: str) -> Callable[[Evaluator], Evaluator]:
    """Make a function the evaluator of these kinds of node."""
    return _register(EVALUATORS, kinds)


def executes(*kinds: str) -> Callable[[Executor], Executor]:
    """Make a function the executor of these kinds of node."""
    return _register(EXECUTORS, kinds)


def places(*kinds: str) -> Callable[[Placer], Placer]:
    """Make a function the one that finds the place that these kinds of node name."""
    return _register(PLACERS, kinds)


def _register(table: dict[str, T], kinds: tuple[str, ...]) -> Callable[[T], T]:
    def register(function: T) -> T:
        table.update(dict.fromkeys(kinds, function))
        return function

    return register


def evaluate(machine: Machine, frame: Frame, node: Node) -> Value:
    """Return the value of an expression; raise NotModelled, with the line, if it has none here."""
    return _do(EVALUATORS, machine, frame, node)


def execute(machine: Machine, frame: Frame, node: Node) -> Outcome:
    """Execute a statement; return how control left it, None at its end."""
    return _do(EXECUTORS, machine, frame, node)


def place_of(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    """Return the place that an lvalue names, and its type."""
    return _do(PLACERS, machine, frame, node)


def _do(
    table: dict[str, Callable[[Machine, Frame, Node], T]],
    machine: Machine,
    frame: Frame,
    node: Node,
) -> T:
    function = table.get(node.type)
    if function is None:
        raise machine.failure(frame, node, f"{node.type.replace('_', ' ')} `{short(node)}`")
    try:
        machine.step(frame, node)
        return function(machine, frame, node)
    except NotModelled as error:
        if error.line is None:
            error.file, error.line = frame.function.source.name, frame.line(node)
        raise
    except LimitReached as error:
        error.where = error.where or f"{frame.function.source.name}:{frame.line(node)}"
        raise


def short(node: Node, length: int | None = 60) -> str:
    """Return the beginning of a node's text, on one line."""
    return " ".join(text_of(node).split())[:length]
