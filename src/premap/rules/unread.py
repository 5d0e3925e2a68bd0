# SPDX-License-Identifier: GPL-2.0-only
"""Whether what a statement assigns to a local variable is ever looked at."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import callee, find_all, text_of

_LISTS = frozenset({"compound_statement", "if_statement", "else_clause"})
"""What a statement may lie in so that those after it are known."""


def is_unread(body: Node, statement: Node, name: str) -> bool:
    """Whether a function never looks at what a statement gives to its variable `name`.

    To print it is not to look at it. Said only where it is sure: not within loops and switches,
    nor of variables whose address is taken, nor where control jumps.
    """
    taken = (text_of(each).replace(" ", "") for each in find_all(body, "pointer_expression"))
    if f"&{name}" in taken or not _is_local(body, name):
        return False
    for following in _following(body, statement):
        if following is None:
            return False
        read = _read(following, name)
        if read is not None:
            return not read
    return True


def _is_local(body: Node, name: str) -> bool:
    declared = (each for each in find_all(body, "declaration") if "static" not in text_of(each))
    return any(text_of(each) == name for one in declared for each in find_all(one, "identifier"))


def _following(body: Node, statement: Node) -> Iterator[Node | None]:
    """Yield the statements that come after one; None where that is not known."""
    here = statement
    while here != body:
        parent = here.parent
        if parent is None or parent.type not in _LISTS:
            yield None
            return
        after = here.next_named_sibling if parent.type == "compound_statement" else None
        while after is not None:
            yield after
            after = after.next_named_sibling
        here = parent


def _read(statement: Node, name: str) -> bool | None:
    """Return whether a statement looks at a variable; False if it ends its use, None for neither.

    What may jump to where the variable is looked at counts as looking.
    """
    said = [each for each in find_all(statement, "identifier") if text_of(each) == name]
    if any(True for _ in find_all(statement, "goto_statement", "labeled_statement")):
        return True
    if not said:
        return False if statement.type == "return_statement" else None
    if _only_prints(statement):
        return None
    inner = statement.named_children[0] if statement.type == "expression_statement" else None
    if inner is None:
        return True
    if inner.type == "assignment_expression":
        plain = text_of(inner.child_by_field_name("operator")) == "=" and len(said) == 1
        return not (plain and inner.child_by_field_name("left") == said[0])
    name = (callee(inner) or "") if inner.type == "call_expression" else ""
    return None if _prints(name) else True


def _only_prints(statement: Node) -> bool:
    """Whether a statement prints at most, whatever it asks for that: `if (err) dev_err(…);`."""
    inner = [each for each in statement.named_children if each.type != "comment"]
    if statement.type in ("compound_statement", "else_clause"):
        return all(map(_only_prints, inner))
    if statement.type == "if_statement":
        changes = find_all(inner[0], "assignment_expression", "update_expression")
        return not any(True for _ in changes) and all(map(_only_prints, inner[1:]))
    if statement.type != "expression_statement" or len(inner) != 1:
        return False
    return inner[0].type == "call_expression" and _prints(callee(inner[0]) or "")


def _prints(name: str) -> bool:
    from premap.idioms.messages import MESSAGE  # noqa: PLC0415  few files get here

    return MESSAGE.fullmatch(name) is not None or name.startswith("trace_")
