# SPDX-License-Identifier: GPL-2.0-only
"""What a hook takes for its mapping moves into ->mapped(), which ->close() tolerates (S2, S3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from msgspec import Struct
from tree_sitter import Node

from premap.conversion import mapped, taking, unwinding
from premap.conversion.effects import has_table, installed, operations_of
from premap.conversion.mentions import mentions
from premap.conversion.taking import Taking, gives_back
from premap.csource.keeping import GIVES_BACK
from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of
from premap.csource.source import Function
from premap.idioms.idiom import Hook
from premap.idioms.messages import MESSAGE
from premap.idioms.s1_mapped import MEMBERS, OWN_NAMES, headed
from premap.idioms.twins import TWINS
from premap.records import Edit

_FILE = "file"
_LOOKS = frozenset(("likely", "unlikely", "is_cow_mapping", "capable", "file_inode"))
"""Functions that change nothing, besides those with a twin."""
_GIVEN = ("vm_file", "vm_start", "vm_end")
"""Members of the VMA that no hook changes before ->mapped() is given them."""
_WORD = re.compile(r"\w+")
USES_OF_FILE = re.compile(rf"\b{_FILE}\b(?!->|\))|(?<!file_inode\()\b{_FILE}\)")
"""Of the file, which ->mapped() is given as const, other than a member or file_inode(file)."""


class Taken(Struct, frozen=True):
    """Statements of a hook that its operations' `close` undoes."""

    taking: Taking
    table: str
    """Name of the operations."""
    close: Function
    declarations: tuple[str, ...]
    """What ->mapped() has to declare for it, in order."""
    mark: str | None = None
    """What ->mapped() leaves as private data, where `close` has to tell."""


def find(hook: Hook, *, acts: bool) -> Taken | None:
    """Return what a hook takes, if it is plain that ->mapped() can take it; `acts`: if it maps."""
    if not hook.release.mapped:
        return None
    plain = _found(taking.find(hook), hook, acts=acts)
    return plain or _found(unwinding.find(hook), hook, acts=acts)


def _found(found: Taking | None, hook: Hook, *, acts: bool) -> Taken | None:
    statements = [each for each in hook.function.body.named_children if each.type != "comment"]
    tables = {table for each in statements for table in installs(each, hook)}
    if found is None or len(tables) != 1:
        return None
    if acts and not found.is_plain:
        return None  # what it keeps may be gone by the time that the pages are mapped
    table = tables.pop()
    close = _close(hook)
    declared_ = declared(found.names(), hook, found.statements[0])
    if close is None or declared_ is None or not _only_succeeds(statements, found.statements[-1]):
        return None
    if found.count > _given_back(close):
        return None
    marked = acts or found.fails
    mark = _mark(hook, table, declared_) if marked else None
    if marked and (mark is None or not may_return_early(close)):
        return None
    texts = [text for _, text in declared_]
    if found.result is not None:
        result = _result(found.result, hook)
        if result is None:
            return None
        texts.append(result)
    return Taken(found, table, close, tuple(texts), mark)


def _result(name: str, hook: Hook) -> str | None:
    """Return the declaration of the variable that holds what a call returned; None if it stays."""
    for declaration in find_all(hook.function.body, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            if name_of(declarator) == name and not mapped.is_static(declaration):
                return _declaration(declaration, declarator, hook)
    return None


def edits(taken: Taken, hook: Hook) -> list[Edit]:
    """Return the insertions of ->mapped(), of its entry, and of the test in ->close()."""
    made = mapped.added(hook, taken.table, taken.close, partial(_definition, taken, hook))
    return made if taken.mark is None else [*made, test(taken.close)]


def installs(statement: Node, hook: Hook) -> Iterator[str]:
    """Yield the operations that a statement of the body itself installs."""
    if statement.type == "expression_statement":
        assigned = [each for each in installed(hook) if f"= &{each};" in hook.text(statement)]
        yield from (each for each in assigned if has_table(hook.function.source, each))


def listed(body: Node) -> list[Node]:
    """Return the statements of a block, or the one that stands for it."""
    if body.type != "compound_statement":
        return [body]
    return [each for each in body.named_children if each.type != "comment"]


def _close(hook: Hook) -> Function | None:
    """Return the one function of the file that is `close`."""
    names = list(operations_of(hook, "close"))
    found = hook.function.source.functions.get(names[0], []) if len(names) == 1 else []
    if len(found) != 1 or not found[0].static or vma_of(found[0]) is None:
        return None
    return found[0]


def _given_back(close: Function) -> int:
    """Return how many things a function gives back, by its calls, and where it counts down."""
    called = (text_of(call.child_by_field_name("function")) for call in calls_in(close.body))
    downs = (
        text_of(each.child_by_field_name("operator"))
        for each in find_all(close.body, "update_expression", "assignment_expression")
    )
    calls = sum(GIVES_BACK.fullmatch(name) is not None for name in called)
    return calls + sum(each in {"--", "-="} for each in downs)


def vma_of(close: Function) -> str | None:
    """Return the name of the VMA that a `close` is given."""
    names = (each.name for each in close.parameters if "vm_area_struct" in each.type_text)
    return next((name for name in names if name), None)


def _only_succeeds(statements: list[Node], taken: Node) -> bool:
    """Tell whether nothing behind a statement gives back, or leaves with an error of its own."""
    behind = [each for each in statements if each.start_byte > taken.start_byte]
    left = [each for part in behind for each in find_all(part, "return_statement")]
    jumps = any(True for part in behind for _ in find_all(part, "goto_statement"))
    undone = any(gives_back(each) for each in behind)
    return not jumps and not undone and all(_is_last(each, behind) for each in left)


def _is_last(statement: Node, behind: list[Node]) -> bool:
    return bool(behind) and statement == behind[-1]


def declared(named: AbstractSet[str], hook: Hook, first: Node) -> list[tuple[str, str]] | None:
    """Return names and declarations of the locals that what names these needs, in order.

    None if one of them has not one value, got from the file alone, that is the same where what
    begins with `first` stands.
    """
    needed = set(named)
    changed = set(_changed_members(hook))
    disturbed = _calls_others(hook, first)
    found: list[tuple[str, str]] = []
    declarations = [
        each for each in hook.function.body.named_children if each.type == "declaration"
    ]
    for declaration in reversed(declarations):
        for declarator in declaration.children_by_field_name("declarator"):
            name = name_of(declarator)
            if name not in needed:
                continue
            value = declarator.child_by_field_name("value")
            if value is None or _assigned(name, hook) or mapped.is_static(declaration):
                return None
            if not _gives_same(declarator, value) or _members(value) & changed:
                return None
            if disturbed and _keeps(declarator, value, hook):
                return None
            needed |= identifiers_in(value)
            found.insert(0, (name, _declaration(declaration, declarator, hook)))
    names = {name for name, _ in found}
    known = names | {hook.file or "", hook.vma}
    foreign = (needed & local_names(hook)) - known
    texts = [text for _, text in found]
    plain = not any(USES_OF_FILE.search(text) or hook.vma in _WORD.findall(text) for text in texts)
    return None if foreign or not plain or names & OWN_NAMES else found


def _calls_others(hook: Hook, end: Node) -> bool:
    """Tell whether code that is not known runs before a statement: it may change any member."""
    body = hook.function.body.named_children
    before = [n for n in body if n.end_byte <= end.start_byte and n.type != "declaration"]
    names = {callee(call) or "" for each in before for call in calls_in(each)}
    return not all(
        name in TWINS or name.isupper() or name in _LOOKS or MESSAGE.fullmatch(name)
        for name in names
    )


def _keeps(declarator: Node, value: Node, hook: Hook) -> bool:
    """Tell whether a number is kept that a member of the driver's own had at the beginning."""
    inner = declarator.child_by_field_name("declarator")
    pointer = inner is not None and inner.type == "pointer_declarator"
    reads = find_all(value, "field_expression", "subscript_expression", "pointer_expression")
    return not pointer and any(hook.member(each) is None for each in reads)


def _gives_same(declarator: Node, value: Node) -> bool:
    """Tell whether a value is plainly the same, and does nothing, where it is said a second time.

    A function that finds an object does; any other may count, or do something. Macros in capitals
    compute, such as PAGE_ALIGN().
    """
    inner = declarator.child_by_field_name("declarator")
    found = inner is not None and inner.type == "pointer_declarator"
    return found or all((callee(call) or "").isupper() for call in calls_in(value))


def _members(value: Node) -> set[str]:
    accesses = find_all(value, "field_expression")
    return {text_of(each.child_by_field_name("field")) for each in accesses}


def _changed_members(hook: Hook) -> Iterator[str]:
    """Yield the names of members that the function writes, or by which it finds what it writes."""
    for node in find_all(hook.function.body, "assignment_expression", "update_expression"):
        target = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if target is not None:
            yield from _members(target)


def local_names(hook: Hook) -> set[str]:
    """Return the variables that the function's own block declares."""
    parts = (each for each in hook.function.body.named_children if each.type == "declaration")
    return {name_of(each) for part in parts for each in part.named_children}


def _declaration(declaration: Node, declarator: Node, hook: Hook) -> str:
    first = declaration.children_by_field_name("declarator")[0]
    head = hook.between(declaration.start_byte, first.start_byte)
    text = " ".join(f"{head}{hook.text(declarator)};".split())
    for member in _GIVEN:
        name = re.escape(f"{hook.vma}->{member}")
        text = re.sub(rf"(?<![.>\w]){name}\b", MEMBERS[member], text)
    return re.sub(rf"(?<![.>\w]){re.escape(hook.file)}\b", _FILE, text) if hook.file else text


def name_of(declarator: Node) -> str:
    """Return what a declarator declares."""
    inner: Node | None = declarator
    while inner is not None and inner.type != "identifier":
        inner = inner.child_by_field_name("declarator")
    return text_of(inner)


def _assigned(name: str, hook: Hook) -> bool:
    """Tell whether a variable is given a value after its declaration, or may be."""
    return any(
        text_of(use) == name and (hook.written(use) or hook.addressed(use))
        for use in find_all(hook.function.body, "identifier")
    )


def _mark(hook: Hook, table: str, declared: list[tuple[str, str]]) -> str | None:
    """Return a pointer that is no NULL, where nothing uses the private data of the mapping."""
    source = hook.function.source
    if any(not each.comment for each in mentions(source, "vm_private_data")):
        return None
    if not all(name in source.functions for name in mapped.functions_of(source, table)):
        return None  # what another file's function does with private data is not known
    followed = [text for _, text in declared]
    return next(
        (
            name
            for name, text in declared
            if f"*{name} " in text and any(f"{name}->" in other for other in followed)
        ),
        next((name for name, text in declared if f"*{name} " in text), None),
    )


def may_return_early(close: Function) -> bool:
    """Tell whether a `close` begins with declarations that call nothing."""
    leading = [each for each in close.body.named_children if each.type == "declaration"]
    return close.return_type == "void" and not any(True for each in leading for _ in calls_in(each))


def _definition(taken: Taken, hook: Hook, name: str) -> str:
    lines = [f"\t{each}\n" for each in taken.declarations]
    lines += ["\n"] if lines else []
    lines.append(moved_text(taken.taking.nodes, hook))
    mark = [f"\t*vm_private_data = {taken.mark};\n"] if taken.mark else []
    answer = taken.taking.answer
    lines += ["\n"] if mark and answer is not None else []
    lines += mark
    last = "return 0;" if answer is None else hook.text(answer)
    return f"{headed(name)}{{\n{''.join(lines)}\n\t{last}\n}}\n\n"


def moved_text(nodes: Sequence[Node], hook: Hook) -> str:
    """Return lines with statements and comments of the hook's block, parted as they are there."""
    lines: list[str] = []
    for each in nodes:
        start = hook.function.source.line_start(each.start_byte)
        if lines and hook.between(start, each.start_byte).strip():
            lines[-1] += f" {hook.text(each)}"
            continue
        apart = re.search(r"\n[ \t\r]*\n\Z", hook.between(max(start - 80, 0), start))
        lines += [""] if lines and apart else []
        indent = "" if each.type == "labeled_statement" else "\t"
        lines.append(f"{indent}{hook.text(each)}")
    return "".join(f"{line}\n" for line in lines)


def test(close: Function) -> Edit:
    """Return the edit by which ->close() returns for a mapping without the mark."""
    source, vma = close.source, vma_of(close)
    leading = [each for each in close.body.named_children if each.type == "declaration"]
    after = leading[-1] if leading else close.body.children[0]
    at = source.text.find(b"\n", after.end_byte) + 1
    before = "\n" if leading else ""
    blank = "" if source.text[at : at + 1] == b"\n" else "\n"
    text = (
        f"{before}\t/* The mapping failed before ->mapped() ran. */\n"
        f"\tif (!{vma}->vm_private_data)\n\t\treturn;\n{blank}"
    )
    return mapped.inserted(source, at, text)
