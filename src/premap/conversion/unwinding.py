# SPDX-License-Identifier: GPL-2.0-only
"""A hook that takes something, tests more, and gives back where that fails: ->mapped() has it all.

That is the rest of the hook's own block, from what takes on: tests that leave with an error or jump
forward to a label, what is counted or given back, and only then, on every path, what describes the
mapping. The former moves as it stands, labels and all; the latter stays. Whatever is less plain is
left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from premap.conversion.effects import takes
from premap.conversion.taking import (
    ERRNO,
    LOCKED,
    Taking,
    gives_back,
    locked_by,
    result_of,
    takes_something,
    with_comments,
)
from premap.csource.cleanups import locks
from premap.csource.keeping import GIVES_BACK, SETS
from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of, unwrapped
from premap.idioms.idiom import Hook
from premap.idioms.messages import MESSAGE
from premap.idioms.population import is_desc_only, is_failure

_NUMBER = re.compile(rf"0|{ERRNO.pattern}")
_READS = re.compile(r"(?:atomic(?:64|_long)?|refcount|kref)_read")
_PROTECTION = re.compile(r"pgprot_\w+|vm_get_page_prot|vma_get_page_prot")
_MOVE = frozenset(
    (
        *("expression_statement", "if_statement", "compound_statement"),
        *("goto_statement", "labeled_statement", "return_statement"),
    )
)
"""Kinds of statement that may move."""


def find(hook: Hook) -> Taking | None:
    """Return what of a hook's own block takes something and may give it back; None if not plain."""
    body = hook.function.body
    statements = [each for each in body.named_children if each.type != "comment"]
    first = next((i for i, each in enumerate(statements) if takes_something(each, hook)), 0)
    if not first or any(find_all(body, "preproc_if", "preproc_ifdef", "case_statement")):
        return None
    while locked_by(statements[first - 1]) is not None:
        first -= 1
    *rest, last = statements[first:]
    moved = [each for each in rest if not _describes(each, hook)]
    before, behind = statements[:first], rest[len(moved) :]
    answer = last if _returned(last) else None
    result = _returned(last) or result_of(moved)
    if not moved or rest[: len(moved)] != moved or (answer is None and not _is_zero(last)):
        return None
    if any(LOCKED.search(hook.text(each)) for each in (*before, *behind)):
        return None  # what is taken may need the lock, or what was seen under it
    if any(gives_back(each) for each in before):
        return None
    if result is not None and not _is_ours(result, before, behind, hook):
        return None
    if not all(_moves(each, result, hook) for each in moved) or not _are_inside(moved, hook):
        return None
    if not _unwinds(moved, result, hook):
        return None
    nodes = tuple(with_comments(moved, hook))
    count = _count(moved, hook)
    return Taking(tuple(moved), nodes, result, fails=True, count=count, answer=answer)


def _count(moved: Sequence[Node], hook: Hook) -> int:
    """Return how many things are taken, or counted up."""
    calls = sum(takes(call, hook) for each in moved for call in calls_in(each))
    kinds = ("update_expression", "assignment_expression")
    changes = [node for each in moved for node in find_all(each, *kinds)]
    return calls + sum(text_of(n.child_by_field_name("operator")) in {"++", "+="} for n in changes)


def _unwinds(moved: Sequence[Node], result: str | None, hook: Hook) -> bool:
    """Tell whether something is taken on every path, and given back where it then fails.

    It need not be where taking it is what fails.
    """
    labels = {text_of(n.child_by_field_name("label")): n for n in moved}
    for branch in (node for each in moved for node in find_all(each, "if_statement")):
        condition, body = (branch.child_by_field_name(x) for x in ("condition", "consequence"))
        if condition is None or body is None or _count([body], hook):
            return False
        if branch.child_by_field_name("alternative") is not None:
            return False
        refused = any(takes(call, hook) for call in calls_in(condition))
        if refused and ({"&&", "||"} & _operators(condition)):
            return False
        if refused or is_failure(unwrapped(condition), result):
            continue
        jumps = find_all(body, "goto_statement")
        ends = [labels[text_of(each.child_by_field_name("label"))] for each in jumps]
        left = any(find_all(body, "return_statement"))
        behind = [n for end in ends for n in moved if n.start_byte >= end.start_byte]
        if (ends or left) and not any(gives_back(each) for each in (body, *behind)):
            return False
    return True


def _operators(value: Node) -> set[str]:
    expressions = find_all(value, "binary_expression")
    return {text_of(each.child_by_field_name("operator")) for each in expressions}


def _returned(last: Node) -> str | None:
    """Return the variable that is all of a return."""
    if last.type != "return_statement" or not last.named_children:
        return None
    value = unwrapped(last.named_children[0])
    return text_of(value) if value.type == "identifier" else None


def _is_zero(last: Node) -> bool:
    return " ".join(text_of(last).split()) == "return 0;"


def _describes(statement: Node, hook: Hook) -> bool:
    """Tell whether a statement does nothing but describe the mapping, in the descriptor's words."""
    if any(hook.member(each) is None for each in find_all(statement, "field_expression")):
        return False  # what is read there may have changed meanwhile
    if is_desc_only(statement, hook):
        return True
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    if inner.type == "call_expression":
        return hook.changes_flags(inner) is not None
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if inner.type != "assignment_expression" or left is None or right is None:
        return False
    named = all(_PROTECTION.fullmatch(callee(call) or "") for call in calls_in(right))
    return hook.member(left) == "vm_page_prot" and named and _is_of_vma(right, hook)


def _is_of_vma(value: Node, hook: Hook) -> bool:
    """Tell whether a value is made of the VMA's alone."""
    called = {callee(call) or "" for call in calls_in(value)}
    return identifiers_in(value) - called <= {hook.vma}


def _moves(statement: Node, result: str | None, hook: Hook) -> bool:
    """Tell whether a statement may stand in ->mapped() as it is, with all that is in it."""
    if {hook.vma, hook.file} & identifiers_in(statement) or statement.type not in _MOVE:
        return False
    if statement.type == "return_statement":
        return _fails(statement, result, hook)
    if statement.type == "expression_statement":
        return _acts(statement, result, hook)
    condition = statement.child_by_field_name("condition")
    if condition is not None and not _tests(condition, hook):
        return False
    inner = [each for each in statement.named_children if each != condition]
    parts = [each for each in inner if each.type not in {"comment", "statement_identifier"}]
    return statement.type == "goto_statement" or all(_moves(each, result, hook) for each in parts)


def _fails(statement: Node, result: str | None, hook: Hook) -> bool:
    """Tell whether a return is one of an error: a constant, or a result that was just tested."""
    value = statement.named_children[0] if statement.named_children else statement
    if ERRNO.fullmatch(text_of(value)):
        return True
    branch = hook.parent(statement)
    if branch is not None and branch.type == "compound_statement":
        branch = hook.parent(branch)
    condition = None if branch is None else branch.child_by_field_name("condition")
    tested = condition is not None and is_failure(unwrapped(condition), result)
    inside = None if branch is None else branch.child_by_field_name("consequence")
    sets = inside is not None and any(find_all(inside, "assignment_expression"))
    return result is not None and text_of(value) == result and tested and not sets


def _acts(statement: Node, result: str | None, hook: Hook) -> bool:
    """Tell whether a statement takes, counts, gives back, tells the log, or sets the result."""
    inner = statement.named_children[0] if statement.named_children else statement
    if inner.type == "update_expression":
        target = inner.child_by_field_name("argument")
        return target is not None and target.type == "field_expression"
    if inner.type == "call_expression":
        return _is_known(inner, hook)
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    if inner.type != "assignment_expression" or left is None or right is None:
        return False
    plain = text_of(inner.child_by_field_name("operator")) == "="
    if left.type == "identifier":
        called = right.type == "call_expression" and _is_known(right, hook)
        return plain and text_of(left) == result and (called or _is_number(right))
    plain = plain and _is_plain(right) and result not in identifiers_in(right)
    return plain and left.type == "field_expression" and not any(calls_in(right))


def _is_number(value: Node) -> bool:
    return _NUMBER.fullmatch(text_of(unwrapped(value))) is not None


def _tests(condition: Node, hook: Hook) -> bool:
    return _is_plain(condition) and all(
        takes(call, hook) or _READS.fullmatch(callee(call) or "") is not None
        for call in calls_in(condition)
    )


def _is_plain(value: Node) -> bool:
    return not any(find_all(value, "assignment_expression", "update_expression"))


def _is_known(call: Node, hook: Hook) -> bool:
    name = callee(call) or ""
    if takes(call, hook) or name in {*locks(), *locks().values()}:
        return True
    return any(kind.fullmatch(name) is not None for kind in (GIVES_BACK, SETS, MESSAGE))


def _are_inside(moved: Sequence[Node], hook: Hook) -> bool:
    """Tell whether jumps lead forward, from what moves to a label of the block that does, too."""
    labels = {
        text_of(each.child_by_field_name("label")): each.start_byte
        for each in moved
        if each.type == "labeled_statement"
    }
    jumps = list(find_all(hook.function.body, "goto_statement"))
    all_labels = list(find_all(hook.function.body, "labeled_statement"))
    ours = all(
        any(each.start_byte <= n.start_byte < each.end_byte for each in moved) for n in jumps
    )
    forward = all(
        labels.get(text_of(jump.child_by_field_name("label")), 0) > jump.start_byte
        for jump in jumps
    )
    return ours and forward and len(all_labels) == len(labels) and _are_locked(moved)


def _are_locked(moved: Sequence[Node]) -> bool:
    """Tell whether every lock that is taken is released, as what it is, and no other is."""
    calls = [call for each in moved for call in calls_in(each)]
    named = [(callee(call) or "", text_of(call.child_by_field_name("arguments"))) for call in calls]
    taken = {(locks()[name], given) for name, given in named if name in locks()}
    return taken == {each for each in named if each[0] in locks().values()}


def _is_ours(result: str, before: Sequence[Node], behind: Sequence[Node], hook: Hook) -> bool:
    """Tell whether nothing else knows the variable, but for a declaration with a number."""
    declared = []
    for each in (*before, *behind):
        if result not in identifiers_in(each):
            continue
        if each.type != "declaration":
            return False
        declared += list(_declarators(each, result))
    return len(declared) == 1 and result not in {hook.vma, hook.file}


def _declarators(declaration: Node, name: str) -> Iterator[Node]:
    """Yield the declarators of a variable that has no value yet, or a number."""
    for each in declaration.children_by_field_name("declarator"):
        value = each.child_by_field_name("value")
        inner = each.child_by_field_name("declarator") or each
        if text_of(inner) == name and (value is None or _is_number(value)):
            yield each
