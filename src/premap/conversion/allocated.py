# SPDX-License-Identifier: GPL-2.0-only
"""What a hook allocates for its mapping is allocated by ->mapped(), which ->close() tolerates (S4).

That is private data of the slab allocator: allocated, set up, and given to the VMA by statements of
the hook's own body, from what the file and the mapping's range tell. Whatever is less plain is left
to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tree_sitter import Node

from premap.conversion import mapped, taken
from premap.conversion.effects import has_table, operations_of
from premap.csource.keeping import FREES, SETS, SLAB
from premap.csource.nodes import (
    arguments,
    callee,
    calls_in,
    find_all,
    identifiers_in,
    text_of,
    unwrapped,
    walk,
)
from premap.csource.source import Function
from premap.idioms.idiom import Declined, Hook
from premap.idioms.s1_mapped import headed, on_vma
from premap.records import Edit

_FAILS = re.compile(r"return -E[A-Z]+;")
_PLAIN = "return 0;"
_HIDE = ("goto_statement", "labeled_statement", "preproc_if", "preproc_ifdef")
"""What makes the order of statements less plain."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """Statements of a hook that allocate its mapping's private data, and fill it in."""

    statements: tuple[Node, ...]
    """In order: the allocation, its test, what fills it in, and what gives it to the VMA."""
    variable: str
    table: str
    """Name of the operations."""
    close: Function
    declarations: tuple[str, ...]
    """What ->mapped() has to declare, in order."""


def find(hook: Hook) -> Allocated | None:
    """Return what a hook allocates, if it is plain that ->mapped() can do that."""
    body = hook.function.body
    statements = [each for each in body.named_children if each.type != "comment"]
    places = [at for at, each in enumerate(statements) if _allocation(each, hook) is not None]
    hidden = any(
        find_all(body, "goto_statement", "labeled_statement", "preproc_if", "preproc_ifdef")
    )
    if len(places) != 1 or hidden or not hook.release.mapped or hook.compat:
        return None
    variable = str(_allocation(statements[places[0]], hook))
    before, rest = statements[: places[0]], statements[places[0] :]
    moved = _moved(rest, variable, hook)
    tables = {table for each in statements for table in taken.installs(each, hook)}
    close = _close(hook)
    if moved is None or close is None or len(tables) != 1 or _is_used(variable, before):
        return None
    table = tables.pop()
    declarations = _declarations(moved, variable, hook)
    if declarations is None or not has_table(hook.function.source, table):
        return None
    return Allocated(moved, variable, table, close, declarations)


def edits(found: Allocated, hook: Hook) -> list[Edit]:
    """Return the insertions of ->mapped(), of its entry, and of the test in ->close()."""
    made = mapped.added(hook, found.table, found.close, partial(_definition, found, hook))
    return [*made, taken.test(found.close)]


def _allocation(statement: Node, hook: Hook) -> str | None:
    """Return the local variable that a statement sets to new memory."""
    if statement.type == "expression_statement" and statement.named_children:
        inner = statement.named_children[0]
        target, value = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        plain = text_of(inner.child_by_field_name("operator")) == "="
        if inner.type != "assignment_expression" or not plain:
            return None
    elif statement.type == "declaration":
        [declarator, *more] = statement.children_by_field_name("declarator")
        value = declarator.child_by_field_name("value")
        target = declarator.child_by_field_name("declarator")
        target = target.child_by_field_name("declarator") if target is not None else None
        if more:
            return None
    else:
        return None
    if target is None or value is None or target.type != "identifier":
        return None
    call = unwrapped(value)
    name = callee(call) if call.type == "call_expression" else None
    known = text_of(target) in taken.local_names(hook)
    return text_of(target) if known and name and name in SLAB else None


def _moved(rest: Sequence[Node], variable: str, hook: Hook) -> tuple[Node, ...] | None:
    """Return the statements that move, of those from the allocation on; None if that is not plain.

    All others are run before them, so nothing may leave the function but the last.
    """
    [allocation, *following] = rest
    if len(following) < 2 or not _tests(following[0], variable):
        return None
    moved, given = [allocation, following[0]], False
    [*others, last] = following[1:]
    if " ".join(text_of(last).split()) != _PLAIN:
        return None
    for each in others:
        if _gives(each, variable, hook):
            if given:
                return None
            given = True
            moved.append(each)
        elif variable not in identifiers_in(each):
            if any(find_all(each, "return_statement")):
                return None
        elif _fills(each, variable):
            moved.append(each)
        else:
            return None
    remarks = [n for n in find_all(hook.function.body, "comment") if _beside(n, moved)]
    return None if not given or remarks else tuple(moved)


def _beside(comment: Node, moved: Sequence[Node]) -> bool:
    """Tell whether a comment is about one of the statements, by its place."""
    first = min(each.start_point[0] for each in moved) - 1
    last = max(each.end_point[0] for each in moved)
    return first <= comment.end_point[0] and comment.start_point[0] <= last


def _tests(statement: Node, variable: str) -> bool:
    """Tell whether a statement is `if (!variable) return -ENOMEM;`."""
    condition = statement.child_by_field_name("condition")
    body = statement.child_by_field_name("consequence")
    if statement.type != "if_statement" or condition is None or body is None:
        return False
    inner = taken.listed(body)
    return (
        text_of(unwrapped(condition)) in (f"!{variable}", f"{variable} == NULL")
        and statement.child_by_field_name("alternative") is None
        and len(inner) == 1
        and _FAILS.fullmatch(text_of(inner[0])) is not None
    )


def _gives(statement: Node, variable: str, hook: Hook) -> bool:
    """Tell whether a statement makes the variable the VMA's private data."""
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    return (
        inner.type == "assignment_expression"
        and left is not None
        and hook.member(left) == "vm_private_data"
        and text_of(inner.child_by_field_name("operator")) == "="
        and text_of(right) == variable
    )


def _fills(statement: Node, variable: str) -> bool:
    """Tell whether a statement sets a member of the new memory, and does nothing else."""
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    inner = statement.named_children[0]
    if inner.type == "assignment_expression":
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        member = re.fullmatch(rf"{re.escape(variable)}->[\w.]+", text_of(left))
        plain = text_of(inner.child_by_field_name("operator")) == "="
        return (
            member is not None
            and plain
            and right is not None
            and not any(calls_in(right))
            and not any(find_all(right, "assignment_expression", "update_expression"))
        )
    if inner.type != "call_expression" or not _sets_up(callee(inner) or ""):
        return False
    [first, *more] = arguments(inner) or [inner]
    member = re.fullmatch(rf"&{re.escape(variable)}->[\w.]+", text_of(first))
    return member is not None and not any(call for each in more for call in calls_in(each))


def _sets_up(name: str) -> bool:
    """Whether a function makes something of memory that nobody else knows."""
    begins = name.startswith(("INIT_", "init_"))
    return begins or name.endswith("_init") or SETS.fullmatch(name) is not None


def _is_used(variable: str, statements: Sequence[Node]) -> bool:
    """Tell whether a variable is more than declared by these statements."""
    for each in statements:
        if each.type != "declaration":
            if variable in identifiers_in(each):
                return True
            continue
        for declarator in each.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            if value is not None and variable in identifiers_in(declarator):
                return True
    return False


def _close(hook: Hook) -> Function | None:
    """Return the one function of the file that is `close`, if it frees, and may return early."""
    source = hook.function.source
    names = list(operations_of(hook, "close"))
    found = source.functions.get(names[0], []) if len(names) == 1 else []
    if len(found) != 1 or not found[0].static or not taken.may_return_early(found[0]):
        return None
    reached = [found[0]]
    for name in identifiers_in(found[0].body):
        reached += source.functions.get(name, ())
    frees = any(callee(call) in FREES for f in reached for call in calls_in(f.body))
    return found[0] if frees and _declares_only(found[0]) else None


def _declares_only(close: Function) -> bool:
    """Tell whether the declarations that `close` begins with follow no private data."""
    vma = taken.vma_of(close)
    for declaration in (each for each in close.body.named_children if each.type == "declaration"):
        for access in find_all(declaration, "field_expression", "subscript_expression"):
            path = re.sub(r"\s|->", ".", text_of(access)).strip("(&*")
            if not re.fullmatch(rf"{vma}\.(vm_private_data|vm_file(\.[\w.]+)?|vm_\w+)", path):
                return False
        if any(find_all(declaration, "pointer_expression")):
            return False
    return True


def _declarations(moved: Sequence[Node], variable: str, hook: Hook) -> tuple[str, ...] | None:
    """Return what ->mapped() declares: what the statements need, and the variable itself."""
    needed = set[str]().union(*(identifiers_in(each) for each in moved)) - {variable}
    known = taken.declared(needed - {hook.file or "", hook.vma}, hook, moved[0])
    if known is None:
        return None
    texts = [text for name, text in known if name != variable]
    if moved[0].type == "declaration":
        return (*texts, " ".join(_text(moved[0], hook).split()))
    for declaration in find_all(hook.function.body, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            if taken.name_of(declarator) == variable:
                first = declaration.children_by_field_name("declarator")[0]
                head = hook.between(declaration.start_byte, first.start_byte)
                return (*texts, " ".join(f"{head}{hook.text(declarator)};".split()))
    return None


def _definition(found: Allocated, hook: Hook, name: str) -> str:
    lines = [f"\t{each}\n" for each in found.declarations] + ["\n"]
    moved = list(found.statements)
    if moved[0].type == "declaration":
        del moved[0]
    source = hook.function.source
    for index, each in enumerate(moved):
        before = source.text[: source.line_start(each.start_byte)]
        apart = re.search(rb"\n[ \t\r]*\n\Z", before) is not None
        lines += ["\n"] if apart and index else []
        lines.append(f"\t{_text(each, hook)}\n")
    return f"{headed(name)}{{\n{''.join(lines)}\n\treturn 0;\n}}\n\n"


def _text(node: Node, hook: Hook) -> str:
    """Return a statement as ->mapped() has it. Raises Declined."""
    text, at = "", node.start_byte
    for start, end, new in _replaced(node, hook):
        text += hook.between(at, start) + new
        at = end
    text += hook.between(at, node.end_byte)
    if taken.USES_OF_FILE.search(text):
        raise Declined("allocates", "->mapped() is given the file as const", node)
    return text


def _replaced(node: Node, hook: Hook) -> Iterator[tuple[int, int, str]]:
    """Yield what is named otherwise in ->mapped(): members of the VMA, and the file."""
    inside = 0
    for each in walk(node):
        if each.start_byte < inside:
            continue
        if each.type == "field_expression" and hook.member(each) is not None:
            inside = each.end_byte
            yield each.start_byte, each.end_byte, on_vma(each)
        elif each.type == "identifier" and text_of(each) == hook.vma:
            raise Declined("allocates", "what is allocated is told of the VMA itself", each)
        elif each.type == "identifier" and text_of(each) == hook.file:
            yield each.start_byte, each.end_byte, "file"
