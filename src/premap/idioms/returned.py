# SPDX-License-Identifier: GPL-2.0-only
"""Whether `return result;` after a population returns 0 on every path that leads there."""

from __future__ import annotations

from collections.abc import Collection

from tree_sitter import Node

from premap.csource.nodes import find_all, identifiers_in, text_of, unwrapped
from premap.idioms.idiom import Hook
from premap.idioms.population import Site, is_desc_only


def is_zero(returned: Node, sites: Collection[Site], hook: Hook) -> bool:
    """Tell whether a population's result is what is returned, whatever path was taken.

    Then the hook, which has no result yet, returns 0 there. `sites` are those that end there.
    """
    ends = {site.statements[-1].id for site in sites}
    block = hook.parent(returned)
    if block in (hook.parent(site.statements[0]) for site in sites):
        return True
    result = next(site.result for site in sites if site.result)
    if block is not None and block.type == "compound_statement":
        before = [each for each in block.named_children if each.end_byte <= returned.start_byte]
        if _ends(before, ends, result, hook):
            return True
    return _never_else(sites, result, hook)


def _ends(statements: list[Node], ends: Collection[int], result: str, hook: Hook) -> bool:
    """Tell whether the last of the statements always is such a population, or a return."""
    last = None
    for last in reversed(statements):
        plain = is_desc_only(last, hook) and result not in identifiers_in(last)
        if last.type != "comment" and not plain:
            break
    if last is None:
        return False
    if last.id in ends or last.type == "return_statement":
        return True
    if last.type == "compound_statement":
        return _ends(last.named_children, ends, result, hook)
    if last.type != "if_statement":
        return False
    arms = [last.child_by_field_name(name) for name in ("consequence", "alternative")]
    return all(
        arm is not None
        and _ends(arm.named_children if arm.type == "else_clause" else [arm], ends, result, hook)
        for arm in arms
    )


def _never_else(sites: Collection[Site], result: str, hook: Hook) -> bool:
    """Tell whether the variable begins as 0, and only such populations give it a value."""
    known = [statement for site in sites for statement in site.statements]
    begins = False
    for use in find_all(hook.function.body, "identifier"):
        if text_of(use) != result or any(
            node.start_byte <= use.start_byte < node.end_byte for node in known
        ):
            continue
        parent = hook.parent(use)
        if parent is None:
            return False
        if parent.type == "init_declarator" and parent.child_by_field_name("declarator") == use:
            value = parent.child_by_field_name("value")
            begins = value is not None and text_of(unwrapped(value)) == "0"
            if not begins:
                return False
        elif parent.type != "return_statement":
            return False
    return begins
