# SPDX-License-Identifier: GPL-2.0-only
"""Where a `.mmap` hook populates the mapping, and what it does with the result.

An action is only recorded by the new hook and performed after it; so nothing that matters may
come after the population, and what the old hook made of an error has to be said in advance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from premap.csource.nodes import (
    arguments,
    block_macro_body,
    callee,
    calls_in,
    find_all,
    identifiers_in,
    text_of,
    unwrapped,
)
from premap.idioms.idiom import Declined, Hook
from premap.idioms.messages import is_message, message_of

REMAPS = frozenset({"remap_pfn_range", "io_remap_pfn_range"})
PAGES = frozenset({"vm_map_pages", "vm_map_pages_zero", "vm_insert_pages"})
POPULATIONS = frozenset({"vm_iomap_memory", *REMAPS, *PAGES})

_UNLOCK = re.compile(r"\w*unlock\w*|up_read|up_write|up|\w+_exit|\w+_leave")
_LOCK = re.compile(r"\b\w*(?:lock|down_read|down_write|enter)\w*\s*\(|\bguard\s*\(")
_LOOKUP = re.compile(r"\b(\w+)\s*=\s*\w+\([^;]*\b(?:vm_pgoff|vma_start_pgoff)\b[^;]*;")
_LOOPS = frozenset({"for_statement", "while_statement", "do_statement"})
_BRANCHES = frozenset({"if_statement", "switch_statement"})
_OTHER_ARMS = frozenset({"comment", "preproc_else", "preproc_elif", "preproc_elifdef"})
_SEQUENCES = frozenset(
    {"compound_statement", "case_statement", "preproc_ifdef", "preproc_if", *_OTHER_ARMS}
)
_ERRNO = re.compile(r"-\s*(E[A-Z0-9]+)")
_MEMBERS = frozenset({"vm_ops", "vm_private_data"})
_SETS_FLAGS = frozenset({"vm_flags_set", "vma_set_flags"})
_COW_FLAGS = re.compile(r"\bVMA?_(SHARED|MAYWRITE)")
_SCOPED = re.compile(r"\bguard\s*\(|\b__free\s*\(")


@dataclass(eq=False)
class Site:
    """One population, and the statements around it that deal with its result."""

    call: Node
    """The call_expression."""
    statements: list[Node]
    """What becomes the action: the statement of the call, and the check of its result."""
    errno: str | None = None
    """ "EAGAIN", if every failure is turned into that."""
    ignored: bool = False
    """Nobody looks at the result."""
    returns: bool = False
    """The call's statement is a `return`."""
    result: str | None = None
    """Variable that held the result."""
    moved: list[Node] = field(default_factory=list)
    """Statements after it that have to come before the action, with their comments."""
    last_return: Node | None = None
    """`return result;` at the end of the path, which becomes `return 0;`."""
    told: list[Node] = field(default_factory=list)
    """Those of them that are messages about a success."""
    dropped: list[Node] = field(default_factory=list)
    """Messages about a failure that go."""
    told_only: bool = False
    """A failure leads to these messages, and then where a success does."""


def sites(hook: Hook) -> list[Site]:
    """Return every population of the function by one of POPULATIONS.

    Raises Declined if one of them can't be an action that is performed after the hook.
    """
    return [_site(call, hook) for call in calls_in(hook.function.body) if _populates(call, hook)]


def check_helpers(hook: Hook) -> None:
    """Check the calls of helpers that record an action: nothing that matters may follow.

    Raises Declined.
    """
    for call in calls_in(hook.function.body):
        if callee(call) in hook.acting or hook.member_called(call):
            site = _site(call, hook)
            if site.errno or site.ignored or site.dropped:
                name = callee(call) or text_of(call.child_by_field_name("function"))
                raise Declined(
                    "errno-of-helper",
                    f"the result of {name}(), which maps memory, is not passed on",
                    call,
                )


def is_desc_only(statement: Node, hook: Hook) -> bool:
    """Tell whether a statement changes nothing but what an action never looks at.

    That is `vm_ops`, the private data, and flags other than those that tell copy-on-write.
    """
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    if inner.type == "assignment_expression":
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        return (
            left is not None
            and hook.member(left) in _MEMBERS
            and text_of(inner.child_by_field_name("operator")) == "="
            and right is not None
            and not any(calls_in(right))
        )
    return (
        inner.type == "call_expression"
        and hook.wrappers.get(callee(inner) or "", callee(inner)) in _SETS_FLAGS
        and _COW_FLAGS.search(text_of(inner)) is None
    )


def _populates(call: Node, hook: Hook) -> bool:
    given = arguments(call)
    return callee(call) in POPULATIONS and bool(given) and hook.is_vma(given[0])


def _site(call: Node, hook: Hook) -> Site:
    _check_scopes(call, hook)
    outer = hook.outer(call)
    parent = hook.parent(outer)
    if parent is None:
        raise AssertionError(callee(call))
    if parent.type == "return_statement":
        return Site(call, [parent], returns=True)
    if parent.type == "expression_statement":
        return _finished(Site(call, [parent], ignored=True), hook)
    if parent.type == "init_declarator":
        return _initialised(call, parent, hook)
    if parent.type == "assignment_expression":
        return _assigned(call, parent, hook)
    condition = _condition_of(outer, parent, hook)
    if condition is not None and condition.type == "if_statement":
        return _tested(Site(call, [condition]), condition, hook)
    if condition is not None:
        leaving = hook.parent(hook.outer(condition))
        errno = _errno_or_zero(condition)
        if errno is not None and leaving is not None and leaving.type == "return_statement":
            return Site(call, [leaving], errno, returns=True)
    raise Declined(
        "population-result-used",
        f"the result of {callee(call)}() is used in a way of its own",
        call,
    )


def _check_scopes(call: Node, hook: Hook) -> None:
    here = hook.parent(call)
    while here is not None and here.id != hook.function.node.id:
        macro = _block_macro(here, hook)
        if here.type in _LOOPS or "for_each" in macro:
            raise Declined("several-ranges", "a loop maps range after range", call)
        if macro:
            raise _locked(f"{macro}() is left after mapping", call, hook)
        here = hook.parent(here)
    if any(_SCOPED.search(hook.text(statement)) for statement in _before(call, hook)):
        raise _locked("a guard that was taken before is held while mapping", call, hook)


def _before(node: Node, hook: Hook) -> Iterator[Node]:
    """Yield what comes before `node` in the blocks around it, blocks that have ended left out."""
    here: Node | None = node
    while here is not None and here.id != hook.function.node.id:
        parent = hook.parent(here)
        for sibling in parent.named_children if parent is not None else ():
            if sibling.end_byte <= here.start_byte and not _is_block(sibling):
                yield sibling
        here = parent


def _is_block(node: Node) -> bool:
    return node.type == "compound_statement" or node.type in _LOOPS | _BRANCHES


def _block_macro(node: Node, hook: Hook) -> str:
    """Return the macro that a statement is the body of, such as list_for_each_entry(); or ""."""
    parent = hook.parent(node)
    for sibling in parent.named_children if parent is not None else ():
        if block_macro_body(sibling) == node:
            return callee(sibling.named_children[0]) or "a macro"
    return ""


def _assigned(call: Node, parent: Node, hook: Hook) -> Site:
    """Look at `result = remap…;`, and at the test or the return behind it."""
    statement = hook.parent(parent)
    target = parent.child_by_field_name("left")
    if (
        statement is None
        or statement.type != "expression_statement"
        or target is None
        or target.type != "identifier"
        or text_of(parent.child_by_field_name("operator")) != "="
    ):
        raise _no_statement(call)
    return _looked_at(Site(call, [statement], result=text_of(target)), statement, hook)


def _initialised(call: Node, declarator: Node, hook: Hook) -> Site:
    """Look at `int result = remap…;`, which goes with the variable, and at what tests that."""
    declaration = hook.parent(declarator)
    target = declarator.child_by_field_name("declarator")
    if (
        declaration is None
        or declaration.type != "declaration"
        or len(declaration.children_by_field_name("declarator")) != 1
        or target is None
        or target.type != "identifier"
    ):
        raise _no_statement(call)
    site = _looked_at(Site(call, [declaration], result=text_of(target)), declaration, hook)
    known = [*site.statements, *([site.last_return] if site.last_return else [])]
    for use in find_all(hook.function.body, "identifier"):
        if text_of(use) == site.result and not any(
            node.start_byte <= use.start_byte < node.end_byte for node in known
        ):
            raise Declined("population-result-used", f"`{site.result}` is used again", use)
    return site


def _no_statement(call: Node) -> Declined:
    message = f"{callee(call)}() is not a statement of its own"
    return Declined("population-result-used", message, call)


def _looked_at(site: Site, statement: Node, hook: Hook) -> Site:
    """Look at the test, or the return, behind the statement that keeps the result."""
    following = _next_statement(statement, hook)
    if following is not None and following.type == "if_statement":
        condition = following.child_by_field_name("condition")
        if condition is not None and is_failure(unwrapped(condition), site.result):
            site.statements.append(following)
            return _tested(site, following, hook)
    return _finished(site, hook)


def is_failure(condition: Node, result: str | None) -> bool:
    """Tell whether it is `result`, `result != 0` or `result < 0`."""
    if condition.type == "identifier":
        return text_of(condition) == result
    return (
        condition.type == "binary_expression"
        and text_of(condition.child_by_field_name("left")) == result
        and text_of(condition.child_by_field_name("operator")) in {"!=", "<"}
        and text_of(condition.child_by_field_name("right")) == "0"
    )


def _condition_of(outer: Node, parent: Node, hook: Hook) -> Node | None:
    """Return the `if`, or the `?:`, whose condition is the call, or the call compared with 0."""
    node = outer
    if parent.type == "binary_expression":
        operator = text_of(parent.child_by_field_name("operator"))
        right = text_of(parent.child_by_field_name("right"))
        if operator not in {"!=", "<"} or right != "0":
            return None
        node = hook.outer(parent)
    above = hook.parent(node)
    if above is None or above.type not in {"if_statement", "conditional_expression"}:
        return None
    return above if above.child_by_field_name("condition") == node else None


def _errno_or_zero(choice: Node) -> str | None:
    """Return "EAGAIN" of `failed ? -EAGAIN : 0`."""
    then = text_of(choice.child_by_field_name("consequence"))
    otherwise = text_of(choice.child_by_field_name("alternative"))
    found = _ERRNO.fullmatch(then)
    return found[1] if found is not None and otherwise == "0" else None


def _tested(site: Site, check: Node, hook: Hook) -> Site:
    """Look at the `if` that leaves with an error, or only tells of it."""
    body = check.child_by_field_name("consequence")
    otherwise = check.child_by_field_name("alternative")
    if body is None or (otherwise is not None and not _is_success(otherwise)):
        raise Declined("code-after-population", "there is an `else` to its failure", check)
    *messages, last = _statements(body)
    site.told_only = _is_message(last, hook)
    if site.told_only:
        messages.append(last)
    for message in messages:
        if not _is_message(message, hook):
            raise _undoes(message, hook)
    site.dropped = messages
    if not site.told_only:
        site.errno = _error_of(last, site.result, hook)
    if otherwise is None:
        return _finished(site, hook)
    if site.told_only:
        raise Declined("code-after-population", "there is an `else` to its failure", check)
    site.returns = True
    return site


def _is_success(otherwise: Node) -> bool:
    """Tell whether an `else` does nothing but return 0."""
    [*inner] = _statements(otherwise.named_children[-1])
    plain = " ".join(text_of(inner[0]).split()) == "return 0;"
    return plain and len(inner) == 1 and not any(find_all(otherwise, "comment"))


def _statements(body: Node) -> list[Node]:
    if body.type != "compound_statement":
        return [body]
    inner = [child for child in body.named_children if child.type != "comment"]
    return inner or [body]


def _error_of(last: Node, result: str | None, hook: Hook) -> str | None:
    """Return the errno that a failure is turned into; None if it is passed on."""
    if last.type == "goto_statement":
        last = _labelled(_label(last, hook))
    if last.type != "return_statement":
        raise _undoes(last, hook)
    value = last.named_children[0] if last.named_children else last
    if result is not None and text_of(unwrapped(value)) == result:
        return None
    found = _ERRNO.fullmatch(text_of(unwrapped(value)))
    if found is None:
        raise Declined(
            "errno-not-constant", "a failure becomes something else than one constant errno", last
        )
    return found[1]


def _finished(site: Site, hook: Hook) -> Site:
    """Look at everything that the old hook does after a success."""
    first = site.statements[0]
    block = hook.parent(first)
    moving = block is not None and block.type == "compound_statement"
    for statement in _path_after(site.statements[-1], hook):
        if statement.type == "return_statement":
            if any(_populates(call, hook) for call in calls_in(statement)):
                raise _after(statement, hook)
            _check_return(statement, site)
        elif is_desc_only(statement, hook) and site.result not in identifiers_in(statement):
            moving = moving and hook.parent(statement) == block and not _commented(statement, hook)
            if moving:
                site.moved.append(statement)
        elif _is_message(statement, hook) and site.result not in identifiers_in(statement):
            moving = moving and hook.parent(statement) == block
            if not moving:
                raise _after(statement, hook)
            site.moved.append(statement)
            site.told.append(statement)
        elif statement.type in {"goto_statement", "break_statement"}:
            moving = False
        else:
            raise _after(statement, hook)
    looked_at = len(site.statements) > 1 and not site.told_only
    if site.last_return is None and (site.told_only or (site.result is not None and not looked_at)):
        site.ignored = True
    return site


def _commented(statement: Node, hook: Hook) -> bool:
    """Tell whether a comment stands before the statement, or behind it on its line."""
    parent = hook.parent(statement)
    around = parent.named_children if parent is not None else []
    return any(
        sibling.type == "comment"
        and (
            sibling.end_point[0] in {statement.start_point[0], statement.start_point[0] - 1}
            or sibling.start_point[0] == statement.end_point[0]
        )
        for sibling in around
    )


def _check_return(statement: Node, site: Site) -> None:
    returned = unwrapped(statement.named_children[0]) if statement.named_children else statement
    value = text_of(returned)
    if value == "0":
        return
    if returned.type == "conditional_expression" and site.errno is None:
        condition = returned.child_by_field_name("condition")
        if condition is not None and is_failure(unwrapped(condition), site.result):
            site.errno = _errno_or_zero(returned)
            if site.errno is not None:
                site.last_return = statement
                return
    if site.result is None or value != site.result:
        raise Declined(
            "code-after-population", f"the hook returns `{value}` after mapping", statement
        )
    site.last_return = statement


def _path_after(node: Node, hook: Hook) -> Iterator[Node]:
    """Statements that run after `node`, up to the return, in order. Raises Declined in a loop."""
    seen: set[int] = set()
    here: Node | None = node
    while here is not None and here.id != hook.function.body.id and here.id not in seen:
        seen.add(here.id)
        jump = None
        for sibling in _siblings_after(here, hook):
            statement = _labelled(sibling)
            yield statement
            if statement.type == "return_statement":
                return
            if statement.type in {"goto_statement", "break_statement"}:
                jump = statement
                break
        if jump is not None and jump.type == "goto_statement":
            here = _label(jump, hook)
            yield _labelled(here)
            if _labelled(here).type == "return_statement":
                return
        else:
            here = _around(here, hook, out_of_switch=jump is not None)


def _around(here: Node, hook: Hook, *, out_of_switch: bool) -> Node | None:
    """Return the statement around `here`; the whole switch for a `break`."""
    parent = hook.parent(here)
    while out_of_switch and parent is not None and parent.type != "switch_statement":
        parent = hook.parent(parent)
    return parent


def _siblings_after(node: Node, hook: Hook) -> Iterator[Node]:
    """Statements behind `node` in its block; other arms of an `#if` are not among them."""
    parent = hook.parent(node)
    if parent is None or parent.type not in _SEQUENCES:
        return
    for sibling in parent.named_children:
        if sibling.start_byte >= node.end_byte and sibling.type not in _OTHER_ARMS:
            yield sibling


def _next_statement(node: Node, hook: Hook) -> Node | None:
    return next(_siblings_after(node, hook), None)


def _label(jump: Node, hook: Hook) -> Node:
    name = text_of(jump.child_by_field_name("label"))
    for labelled in find_all(hook.function.body, "labeled_statement"):
        if text_of(labelled.child_by_field_name("label")) == name:
            return labelled
    raise Declined("code-after-population", f"the label {name} is nowhere", jump)


def _labelled(node: Node) -> Node:
    """Return the statement under its labels."""
    while node.type == "labeled_statement":
        inner = [
            c for c in node.named_children if c.type not in {"statement_identifier", "comment"}
        ]
        if not inner:
            break
        node = inner[-1]
    return node


def _is_message(statement: Node, hook: Hook) -> bool:
    call = message_of(statement)
    return call is not None and is_message(call, hook.function.source)


def _after(statement: Node, hook: Hook) -> Declined:
    """Say what is wrong with code after the population."""
    names = [callee(call) or "" for call in calls_in(statement)]
    if any(_populates(call, hook) for call in calls_in(statement)):
        return Declined("several-actions", "another range is mapped after it", statement)
    if any(_UNLOCK.fullmatch(name) for name in names):
        return _locked("a lock is released only after the mapping is populated", statement, hook)
    set_ = {hook.member(left) for left in _targets(statement)}
    if set_ & {"vm_pgoff", "vm_start", "vm_end"}:
        return Declined("range-restored", "offset or range are put back after mapping", statement)
    if "vm_page_prot" in set_:
        return Declined(
            "prot-after-population", "the page protection is changed after it was used", statement
        )
    return Declined("code-after-population", "code runs after the mapping is populated", statement)


def _targets(statement: Node) -> Iterator[Node]:
    """Yield what a statement assigns to."""
    for assignment in find_all(statement, "assignment_expression"):
        left = assignment.child_by_field_name("left")
        if left is not None:
            yield left


def _undoes(statement: Node, hook: Hook) -> Declined:
    """Say what is wrong with what is undone where the population fails."""
    declined = _after(statement, hook)
    name = next((callee(call) for call in calls_in(statement)), None)
    if declined.id != "code-after-population" or name is None:
        return declined
    message = f"{name}() runs where mapping fails, which is after the hook now"
    return Declined("keeps-state", message, statement)


def _locked(message: str, node: Node, hook: Hook) -> Declined:
    """Say what is wrong with a lock that is held while the mapping is populated.

    What is looked up by the mapping's offset under it is there only as long as it is held.
    """
    text = hook.text(hook.function.body)
    before = text[: node.start_byte - hook.function.body.start_byte]
    locked = _LOCK.search(before)
    looked_up = _LOOKUP.search(before, locked.start()) if locked else None
    if looked_up is None:
        return Declined("lock-over-population", message, node)
    found = f"`{looked_up[1]}` is looked up by the offset, and only the lock keeps it"
    return Declined("lock-keeps-object", f"{message}; {found}", node)
