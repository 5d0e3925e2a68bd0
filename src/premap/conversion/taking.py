# SPDX-License-Identifier: GPL-2.0-only
"""Which statements of a hook take something for its mapping: those that ->mapped() can have (S2).

They move together, as they stand: calls that take, counts, the tests of what may fail, the lock
that is held meanwhile. Whatever else is among them, or is told of the mapping, is left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.effects import takes
from premap.csource.cleanups import locks
from premap.csource.keeping import GIVES_BACK
from premap.csource.nodes import arguments, callee, calls_in, find_all, identifiers_in, text_of
from premap.idioms.idiom import Hook
from premap.idioms.messages import MESSAGE
from premap.idioms.population import is_desc_only

LOCKED = re.compile(r"\b\w*(?:lock|down_read|down_write|enter|guard)\w*\s*\(")
"""A call that takes or releases a lock, by its name."""
ERRNO = re.compile(r"-\s*E[A-Z0-9]+")
_HIDES = ("goto_statement", "labeled_statement", "preproc_if", "preproc_ifdef", "case_statement")
"""What makes the order of statements less plain."""


class Taking(Struct, frozen=True):
    """The statements, in order."""

    statements: tuple[Node, ...]
    nodes: tuple[Node, ...]
    """The same, with the comments that are about them."""
    result: str | None = None
    """Local variable that holds what a call returned."""
    fails: bool = False
    """Whether one of them leaves the hook with an error."""
    count: int = 1
    """How many of them take something."""
    answer: Node | None = None
    """The return at the end whose value is ->mapped()'s then, and 0 here."""

    @property
    def is_plain(self) -> bool:
        """Whether it is one call, whose result nobody looks at."""
        [first, *more] = self.statements
        inner = first.named_children[0] if first.named_children else first
        return not more and inner.type == "call_expression"

    def names(self) -> set[str]:
        """Return the names that they use, the variable left out."""
        named = set[str]().union(*(identifiers_in(each) for each in self.statements))
        return named - {self.result}


def gives_back(statement: Node) -> bool:
    """Tell whether something in a statement gives something back, or counts down."""
    changes = find_all(statement, "update_expression", "assignment_expression")
    down = any(text_of(n.child_by_field_name("operator")) in {"--", "-="} for n in changes)
    return down or any(GIVES_BACK.fullmatch(callee(call) or "") for call in calls_in(statement))


def find(hook: Hook) -> Taking | None:
    """Return what of a hook's own block takes something; None if it is nothing, or not plain."""
    body = hook.function.body
    statements = [each for each in body.named_children if each.type != "comment"]
    at = [i for i, each in enumerate(statements) if takes_something(each, hook)]
    if not at:
        return None
    first, last = _extended(statements, at[0], at[-1])
    region = [each for each in statements[first : last + 1] if not is_desc_only(each, hook)]
    result = result_of(region)
    others = [each for each in statements if each not in region]
    if any(find_all(body, *_HIDES)) or not all(_moves(each, result, hook) for each in region):
        return None
    if any(LOCKED.search(hook.text(each)) for each in others):
        return None  # what is taken may need the lock, or what was seen under it
    if any(gives_back(each) for each in others):
        return None  # what is undone there would be undone before it is done
    if result is not None and not _is_ours(result, others, hook):
        return None
    fails = any(True for each in region for _ in find_all(each, "return_statement"))
    nodes = tuple(with_comments(region, hook))
    return Taking(tuple(region), nodes, result, fails, len(at))


def takes_something(statement: Node, hook: Hook) -> bool:
    """Tell whether a statement takes something, or counts."""
    if statement.type == "declaration":
        return False
    if any(takes(call, hook) for call in calls_in(statement)):
        return True
    return _counts(statement)


def _counts(statement: Node) -> bool:
    """Tell whether a statement is `object->member++;`, or adds to such a member."""
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    operator = text_of(inner.child_by_field_name("operator"))
    target = inner.child_by_field_name("argument")
    if inner.type == "assignment_expression":
        target = inner.child_by_field_name("left")
    adds = (inner.type, operator) in {("update_expression", "++"), ("assignment_expression", "+=")}
    return adds and target is not None and target.type == "field_expression"


def _extended(statements: Sequence[Node], first: int, last: int) -> tuple[int, int]:
    """Return the first and the last of the statements that belong together.

    The test of a result comes along, and the lock that is taken before and released behind.
    """
    following = statements[last + 1] if last + 1 < len(statements) else None
    result = _assigned_by(statements[last])
    tests = following is not None and following.type == "if_statement"
    if following is not None and tests and result is not None:
        condition = following.child_by_field_name("condition")
        if condition is not None and result in identifiers_in(condition):
            last += 1
    for at in range(first - 1, -1, -1):
        locked = locked_by(statements[at])
        released = [i for i in range(last + 1, len(statements)) if _call(statements[i]) == locked]
        if locked is not None and released:
            return at, released[0]
    return first, last


def _call(statement: Node) -> tuple[str, str] | None:
    """Return the function that a statement calls with one argument, and the argument."""
    if statement.type != "expression_statement" or not statement.named_children:
        return None
    inner = statement.named_children[0]
    if inner.type != "call_expression" or len(arguments(inner)) != 1:
        return None
    return callee(inner) or "", text_of(arguments(inner)[0])


def locked_by(statement: Node) -> tuple[str, str] | None:
    """Return the call that releases the lock which a statement takes."""
    called = _call(statement)
    if called is None or called[0] not in locks():
        return None
    return locks()[called[0]], called[1]


def _assigned_by(statement: Node) -> str | None:
    """Return the variable that a statement sets to what a call returns."""
    if statement.type != "expression_statement" or not statement.named_children:
        return None
    inner = statement.named_children[0]
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    plain = text_of(inner.child_by_field_name("operator")) == "="
    if inner.type != "assignment_expression" or not plain or left is None or right is None:
        return None
    called = left.type == "identifier" and right.type == "call_expression"
    return text_of(left) if called else None


def result_of(region: Sequence[Node]) -> str | None:
    """Return the variable that is set first to what a call returns."""
    return next((name for each in region if (name := _assigned_by(each)) is not None), None)


def _moves(statement: Node, result: str | None, hook: Hook) -> bool:
    """Tell whether a statement may stand in ->mapped() as it is, and does nothing but take."""
    if {hook.vma, hook.file} & identifiers_in(statement):
        return False
    if statement.type == "expression_statement":
        called = _call(statement)
        lock = called is not None and called[0] in {*locks(), *locks().values()}
        return lock or (
            takes_something(statement, hook) and _assigned_by(statement) in {None, result}
        )
    return statement.type == "if_statement" and _leaves(statement, result, hook)


def _leaves(check: Node, result: str | None, hook: Hook) -> bool:
    """Tell whether an `if` leaves with an error, and undoes nothing but what was taken before."""
    condition = check.child_by_field_name("condition")
    body = check.child_by_field_name("consequence")
    if condition is None or body is None or check.child_by_field_name("alternative") is not None:
        return False
    if any(find_all(condition, "assignment_expression", "update_expression")):
        return False
    called = (call for call in calls_in(condition) if not takes(call, hook))
    known = all(MESSAGE.fullmatch(callee(call) or "") for call in called)
    inner = [body] if body.type != "compound_statement" else body.named_children
    inner = [each for each in inner if each.type != "comment"]
    if not known or not inner or inner[-1].type != "return_statement":
        return False
    value = text_of(inner[-1].named_children[0]) if inner[-1].named_children else ""
    error = ERRNO.fullmatch(value) is not None or (result is not None and value == result)
    return error and all(_undoes(each) for each in inner[:-1])


def _undoes(statement: Node) -> bool:
    """Tell whether a statement gives something back, releases a lock, or writes to the log."""
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    name = callee(inner) if inner.type == "call_expression" else None
    if name is None:
        return inner.type == "update_expression"
    kinds = (GIVES_BACK, MESSAGE)
    return name in locks().values() or any(kind.fullmatch(name) is not None for kind in kinds)


def _is_ours(result: str, others: Sequence[Node], hook: Hook) -> bool:
    """Tell whether no other statement knows the variable, and all it has is its declaration."""
    for each in others:
        if each.type != "declaration" and result in identifiers_in(each):
            return False
    declared = [d for each in others for d in each.children_by_field_name("declarator")]
    names = [text_of(each.child_by_field_name("declarator") or each) for each in declared]
    plain = [each for each in declared if each.type == "identifier" and text_of(each) == result]
    return names.count(result) == len(plain) == 1 and result not in {hook.vma, hook.file}


def with_comments(region: Sequence[Node], hook: Hook) -> Iterator[Node]:
    """Yield the statements, and the comments above and behind them."""
    rows = {row for each in region for row in (each.start_point[0] - 1, each.end_point[0])}
    remarks = [
        each
        for each in hook.function.body.named_children
        if each.type == "comment"
        and (each.end_point[0] in rows or each.start_point[0] in {n.end_point[0] for n in region})
        and not _behind_another(each, region)
    ]
    yield from sorted([*region, *remarks], key=lambda node: node.start_byte)


def _behind_another(comment: Node, region: Sequence[Node]) -> bool:
    """Tell whether a comment stands behind a statement that stays, on its line."""
    before = comment.prev_named_sibling
    same_line = before is not None and before.end_point[0] == comment.start_point[0]
    return same_line and before not in region
