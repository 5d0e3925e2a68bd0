# SPDX-License-Identifier: GPL-2.0-only
"""Executes C statements, one small function a kind of node."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tree_sitter import Node

from premap.csource.ctypes import VoidType
from premap.csource.nodes import find_all
from premap.interp import cleanup, loops, operators
from premap.interp.conditions import condition, defined
from premap.interp.dispatch import (
    Executor,
    Jump,
    Left,
    Outcome,
    evaluate,
    evaluates,
    execute,
    executes,
)
from premap.interp.initializers import declare
from premap.interp.machine import Block, Frame, Machine
from premap.interp.scalars import truth
from premap.interp.syntax import callee, inner_of, of_syntax, part, text_of, unwrapped
from premap.interp.values import Value
from premap.model.words import lnot

_BREAK = Jump("break")
_CONTINUE = Jump("continue")
VOID = Value(VoidType(), 0)


def execute_body(machine: Machine, frame: Frame, body: Node) -> Value:
    """Execute a function's body and return what it returns."""
    if body.has_error:
        raise machine.failure(frame, body, "the function could not be parsed completely")
    outcome = execute(machine, frame, body)
    if outcome is None or outcome.value is None:
        return VOID
    return outcome.value


@evaluates("compound_statement")
def _statement_expression(machine: Machine, frame: Frame, body: Node) -> Value:
    """Evaluate `({ … })`: the value of its last expression."""
    statements = inner_of(body)
    with _Entered(machine, frame):
        for statement in statements[:-1]:
            frame.blocks[-1].latest = statement.start_byte
            if execute(machine, frame, statement) is not None:
                raise machine.failure(frame, statement, "a jump out of a statement expression")
        last = statements[-1] if statements else None
        if last is None or last.type != "expression_statement" or not last.named_children:
            raise machine.failure(frame, body, "a statement expression without a value")
        try:
            return evaluate(machine, frame, last.named_children[0])
        except Left:
            message = "a jump out of a statement expression"
            raise machine.failure(frame, last, message) from None


class _Entered:
    """Enter a block; when control leaves it, clean up. Where a run ends, nothing is."""

    __slots__ = ("_block", "_blocks", "_machine")

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine = machine
        self._blocks = frame.blocks
        self._block = Block()

    def __enter__(self) -> None:
        self._blocks.append(self._block)

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                cleanup.leave(self._machine, self._block)
                for variable in self._block.values():
                    variable.object.end()
        finally:
            self._blocks.pop()


@executes("compound_statement")
def _compound(machine: Machine, frame: Frame, node: Node) -> Outcome:
    with _Entered(machine, frame):
        return _sequence(machine, frame, inner_of(node))


def _sequence(
    machine: Machine, frame: Frame, statements: Sequence[Node], label: str = ""
) -> Outcome:
    """Execute statements in order, from `label` on if one is given; follow `goto` within them."""
    position = _position(statements, label) if label else 0
    jumps = 0
    _refuse_to_skip(machine, frame, statements[:position])
    while position is not None and position < len(statements):
        statement = statements[position]
        frame.blocks[-1].latest = statement.start_byte
        outcome = _enter(machine, frame, statement, label) if label else None
        if not label:
            outcome = execute(machine, frame, statement)
        label = ""
        if outcome is None:
            position += 1
            continue
        if outcome.kind != "goto":
            return outcome
        target = _position(statements, outcome.label)
        if target is None:
            return outcome
        _refuse_to_skip(machine, frame, statements[position + 1 : target])
        cleanup.leave(machine, frame.blocks[-1], statements[target].start_byte)
        jumps += 1
        machine.iterate(frame, statement, jumps, jumps)
        position, label = target, outcome.label
    return None


def _refuse_to_skip(machine: Machine, frame: Frame, statements: Sequence[Node]) -> None:
    """Refuse a jump past declarations that are cleaned up: C leaves that undefined."""
    for statement in statements:
        if cleanup.declares(frame, statement):
            raise machine.failure(frame, statement, "a jump past something that is cleaned up")


def _position(statements: Sequence[Node], label: str) -> int | None:
    for position, statement in enumerate(statements):
        if label in _labels_in(statement):
            return position
    return None


@of_syntax
def _labels_in(statement: Node) -> frozenset[str]:
    """Return the labels within a statement."""
    return frozenset(map(_label, find_all(statement, "labeled_statement")))


def _enter(machine: Machine, frame: Frame, statement: Node, label: str) -> Outcome:
    """Execute a statement from a label within it."""
    if statement.type == "labeled_statement" and _label(statement) == label:
        return _labeled(machine, frame, statement)
    if statement.type == "compound_statement":
        with _Entered(machine, frame):
            return _sequence(machine, frame, inner_of(statement), label)
    raise machine.failure(frame, statement, f"a jump into a block, to label {label}")


def _label(node: Node) -> str:
    return text_of(part(node, "label"))


@executes("labeled_statement")
def _labeled(machine: Machine, frame: Frame, node: Node) -> Outcome:
    inner = [child for child in node.named_children[1:] if child.type != "comment"]
    return execute(machine, frame, inner[0]) if inner else None


@executes("expression_statement")
def _expression(machine: Machine, frame: Frame, node: Node) -> Outcome:
    for child in node.named_children:
        name = callee(child) if child.type == "call_expression" else None
        if name in STATEMENTS and name is not None:
            return STATEMENTS[name](machine, frame, child)
        if child.type != "comment" and not _falls_through(frame, child):
            try:
                evaluate(machine, frame, child)
            except Left as left:
                if left.use != child:
                    raise machine.failure(frame, child, "a jump out of an expression") from None
                return left.outcome
    return None


def _falls_through(frame: Frame, node: Node) -> bool:
    """Return whether a statement is `fallthrough;` of a kernel whose headers are not there."""
    name = text_of(node) if node.type == "identifier" else ""
    if name != "fallthrough" or frame.variable(name) is not None:
        return False
    return not frame.scope.plain_macro(name) and frame.scope.variable(name) is None


def _rest(machine: Machine, frame: Frame, node: Node) -> Outcome:
    """Execute the statement that follows a macro which makes a loop of it.

    It sees what the macro declares, such as the variable of a `for` in it.
    """
    inner: Frame | None = frame
    declared = [*frame.blocks]
    while inner is not None and inner.body is None:
        inner = inner.outer
        declared = [*(inner.blocks if inner else ()), *declared]
    if inner is None or inner.body is None:
        raise machine.failure(frame, node, "a loop's body outside of its macro")
    body, outer = inner.body
    outer.blocks.append(Block({name: each for block in declared for name, each in block.items()}))
    try:
        return execute(machine, outer, body)
    finally:
        outer.blocks.pop()


STATEMENTS: dict[str, Executor] = {"return_ptr": cleanup.returned_pointer, loops.BODY: _rest}
"""Calls that are statements: control may leave them other than at their end."""


@executes("declaration")
def _declaration(machine: Machine, frame: Frame, node: Node) -> Outcome:
    declare(machine, frame, node)
    return None


@executes("return_statement")
def _return(machine: Machine, frame: Frame, node: Node) -> Outcome:
    values = inner_of(node)
    result = evaluate(machine, frame, values[0]) if values else VOID
    if machine.observer is not None:
        machine.observer("return", frame, node, result)
    return Jump("return", result)


@executes("break_statement")
def _break(machine: Machine, frame: Frame, node: Node) -> Outcome:
    del machine, frame, node
    return _BREAK


@executes("continue_statement")
def _continue(machine: Machine, frame: Frame, node: Node) -> Outcome:
    del machine, frame, node
    return _CONTINUE


@executes("goto_statement")
def _goto(machine: Machine, frame: Frame, node: Node) -> Outcome:
    del machine, frame
    return Jump("goto", label=_label(node))


@executes("if_statement")
def _if(machine: Machine, frame: Frame, node: Node) -> Outcome:
    test = _field(machine, frame, node, "condition")
    if machine.decide(frame, test, truth(evaluate(machine, frame, test))):
        return execute(machine, frame, _field(machine, frame, node, "consequence"))
    alternative = part(node, "alternative")
    return None if alternative is None else execute(machine, frame, alternative)


@executes("else_clause")
def _else(machine: Machine, frame: Frame, node: Node) -> Outcome:
    inner = inner_of(node)
    return execute(machine, frame, inner[0]) if inner else None


@executes("while_statement")
def _while(machine: Machine, frame: Frame, node: Node) -> Outcome:
    test = _field(machine, frame, node, "condition")
    body = _field(machine, frame, node, "body")
    name = frame.marks.get(node.start_byte)
    if name is not None:
        return loops.expand(machine, frame, node, name, body)
    return _loop(machine, frame, node, test, body, None)


@executes("for_statement")
def _for(machine: Machine, frame: Frame, node: Node) -> Outcome:
    with _Entered(machine, frame):
        start = part(node, "initializer")
        if start is not None and start.type == "declaration":
            declare(machine, frame, start)
        elif start is not None:
            evaluate(machine, frame, start)
        test = part(node, "condition")
        body = _field(machine, frame, node, "body")
        return _loop(machine, frame, node, test, body, part(node, "update"))


def _loop(
    machine: Machine, frame: Frame, node: Node, test: Node | None, body: Node, update: Node | None
) -> Outcome:
    splits = 0
    endless = test is None or _is_literal(test)
    for count in itertools.count():
        machine.iterate(frame, node, count, splits)
        before = machine.splits
        if test is not None:
            condition = truth(evaluate(machine, frame, test))
            splits += not isinstance(condition, bool)
            if not machine.decide(frame, test, condition):
                return None
        outcome = execute(machine, frame, body)
        if outcome is not None and outcome.kind == "break":
            return None
        if outcome is not None and outcome.kind != "continue":
            return outcome
        splits += endless and machine.splits > before
        if update is not None:
            evaluate(machine, frame, update)
    return None


def _is_literal(test: Node) -> bool:
    """Return whether a loop never ends by its condition: `while (1)`."""
    return unwrapped(test).type in ("number_literal", "true", "false")


@executes("do_statement")
def _do(machine: Machine, frame: Frame, node: Node) -> Outcome:
    body = _field(machine, frame, node, "body")
    test = _field(machine, frame, node, "condition")
    splits = 0
    endless = _is_literal(test)
    for count in itertools.count():
        machine.iterate(frame, node, count, splits)
        before = machine.splits
        outcome = execute(machine, frame, body)
        if outcome is not None and outcome.kind == "break":
            return None
        if outcome is not None and outcome.kind != "continue":
            return outcome
        splits += endless and machine.splits > before
        condition = truth(evaluate(machine, frame, test))
        splits += not isinstance(condition, bool)
        if not machine.decide(frame, test, condition):
            return None
    return None


@executes("switch_statement")
def _switch(machine: Machine, frame: Frame, node: Node) -> Outcome:
    subject = evaluate(machine, frame, _field(machine, frame, node, "condition"))
    cases = inner_of(_field(machine, frame, node, "body"))
    if any(case.type != "case_statement" for case in cases):
        raise machine.failure(frame, node, "a switch with statements outside its cases")
    chosen = _chosen_case(machine, frame, subject, cases)
    if chosen is None:
        return None
    with _Entered(machine, frame):
        for case in cases[:chosen]:
            _refuse_to_skip(machine, frame, _case_body(case))
        for case in cases[chosen:]:
            outcome = _sequence(machine, frame, _case_body(case))
            if outcome is not None:
                return None if outcome.kind == "break" else outcome
        return None


def _chosen_case(
    machine: Machine, frame: Frame, subject: Value, cases: Sequence[Node]
) -> int | None:
    default = None
    for position, case in enumerate(cases):
        label = part(case, "value")
        if label is None:
            default = position
            continue
        if machine.decide(frame, case, _is_case(machine, frame, subject, label)):
            return position
    return default


def _is_case(machine: Machine, frame: Frame, subject: Value, label: Node) -> bool:
    """Return whether a switch goes to `case label:`, which may be a range, `case A ... B:`."""
    ends = inner_of(label)
    question = next((child for child in label.children if child.type == "?"), None)
    if question is None or question.start_byte not in frame.marks:
        return _compare(machine, "==", subject, evaluate(machine, frame, label))
    low, high = (evaluate(machine, frame, end) for end in (ends[0], ends[-1]))
    return _compare(machine, ">=", subject, low) & _compare(machine, "<=", subject, high)


def _compare(machine: Machine, operator: str, subject: Value, label: Value) -> bool:
    return truth(operators.binary(machine.inputs, operator, subject, label))


def _case_body(case: Node) -> Sequence[Node]:
    label = part(case, "value")
    body = inner_of(case)
    return body[1:] if label is not None else body


@executes("preproc_ifdef", "preproc_if", "preproc_elif")
def _conditional(machine: Machine, frame: Frame, node: Node) -> Outcome:
    name = part(node, "name")
    if name is not None:
        holds = defined(machine, frame.scope, text_of(name))
        if node.children[0].type == "#ifndef":
            holds = lnot(holds)
    else:
        text = text_of(part(node, "condition"))
        holds = condition(machine, frame.scope, text)
    alternative = part(node, "alternative")
    if machine.decide(frame, node, holds):
        first = 1
        inner = [child for child in inner_of(node)[first:] if child != alternative]
        return _sequence(machine, frame, inner)
    return None if alternative is None else execute(machine, frame, alternative)


@executes("preproc_else")
def _preproc_else(machine: Machine, frame: Frame, node: Node) -> Outcome:
    return _sequence(machine, frame, inner_of(node))


@executes(";", "attributed_statement", "preproc_def", "preproc_function_def", "preproc_call")
def _nothing(machine: Machine, frame: Frame, node: Node) -> Outcome:
    if node.named_children and node.type == "attributed_statement":
        rest = [each for each in node.named_children if each.type != "attribute_declaration"]
        return _sequence(machine, frame, rest)
    return None


def _field(machine: Machine, frame: Frame, node: Node, name: str) -> Node:
    found = part(node, name)
    if found is None:
        raise machine.failure(frame, node, f"incomplete {node.type.replace('_', ' ')}")
    return found
