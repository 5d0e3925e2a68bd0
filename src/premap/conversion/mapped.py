# SPDX-License-Identifier: GPL-2.0-only
"""Which ->open() calls of a hook become ->mapped(), and the edits of operations for that (S1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from tree_sitter import Node

from premap.conversion.effects import operations_of
from premap.conversion.layout import WIDTH
from premap.conversion.mentions import mentions
from premap.csource.heads import function_name
from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.idioms import r1_table
from premap.idioms.idiom import Declined, Hook
from premap.idioms.r1_table import advance
from premap.idioms.s1_mapped import headed, mapped, mapped_name
from premap.records import Edit

_Spans = Sequence[tuple[int, int]]
_WORD = re.compile(r"[A-Za-z_]\w*")
_OF_C = frozenset({"if", "else", "return", "goto", "sizeof", "struct", "unsigned", "int", "long"})
_INSTALLED = re.compile(r"->\s*vm_ops\s*=\s*&\s*(\w+)\s*;")


def opened(function: Function, vma: str) -> dict[str, str]:
    """Return the functions that a hook calls with its VMA and that its operations have as `open`.

    Each with the name of those operations, which this file defines.
    """
    tables = set(_INSTALLED.findall(function.source.text_of(function.body).decode("latin-1")))
    found = {}
    for call in calls_in(function.body):
        given = [text_of(unwrapped(argument)) for argument in arguments(call)]
        for table in tables:
            if given == [vma] and callee(call) == _member(function.source, table, "open"):
                found[str(callee(call))] = table
    return found


def edits(source: SourceFile, name: str, table: str, vma: str) -> list[Edit]:
    """Return the insertions of ->mapped() and of its entry in the operations. Raises Declined."""
    functions = source.functions.get(name, ())
    [initializer, *more] = list(_initializers(source, table))
    new = mapped_name(name)
    if len(functions) != 1 or more or not functions[0].static:
        raise Declined("keeps-state", f"{name}() or {table} has several definitions")
    if _member(source, table, "mapped") or any(mentions(source, new)):
        raise Declined("name-taken", f"there is a {new}() already")
    definition = f"{mapped(functions[0], vma)}\n\n"
    made = _defined(source, functions[0], table, new, definition)
    return [*made, _entry(source, initializer, "open", new)]


def added(hook: Hook, table: str, close: Function, definition: Callable[[str], str]) -> list[Edit]:
    """Return the insertions of ->mapped() and of its entry; `definition` makes one of its name.

    It comes before ->open(), or before ->close() where the operations have no other; before the
    hook, if what it names is declared only there.
    """
    source = hook.function.source
    opened = next(operations_of(hook, "open"), None)
    member = "open" if opened else "close"
    first = source.functions[opened][0] if opened in source.functions else close
    name = mapped_name(opened or close.name, member)
    text = definition(name)
    if not _declared(source, text.removeprefix(headed(name)), first, hook.function):
        first = hook.function
    made = _defined(source, first, table, name, text)
    return [*made, entry(source, table, member, name)]


def _declared(source: SourceFile, text: str, before: Function, last: Function) -> bool:
    """Tell whether what a body names is declared before a function, rather than before `last`."""
    at = before.node.start_byte
    known = _WORD.findall(source.code[:at].decode("latin-1"))
    words = {*_WORD.findall(text)}.difference(known, _OF_C)
    for node in source.root.children:
        if not at < node.start_byte < last.node.start_byte:
            continue
        head = function_name(node) if node.type == "function_definition" else None
        declaring = text_of(node if head is None else head[0])
        if not words.isdisjoint(_WORD.findall(declaring)):
            return False
    return True


def _defined(
    source: SourceFile, before: Function, table: str, name: str, definition: str
) -> list[Edit]:
    """Return the insertion of ->mapped() before a function, declared above its operations."""
    at = _above(before.node, source)
    made = [inserted(source, at, definition)]
    for initializer in _initializers(source, table):
        start = _declaration(initializer).start_byte
        if start < at:
            prototype = headed(name).rstrip("\n") + ";\n\n"
            made.insert(0, inserted(source, source.line_start(start), prototype))
    return made


def _above(node: Node, source: SourceFile) -> int:
    """Return where the lines of a function begin, with the comment that directly precedes it."""
    at = source.line_start(node.start_byte)
    above = node.prev_sibling
    while above is not None and above.type == "comment":
        start = source.line_start(above.start_byte)
        alone = not source.text[start : above.start_byte].strip()
        if not alone or source.text[above.end_byte : at].strip(b" \t\r") != b"\n":
            break
        at, above = start, above.prev_sibling
    return at


def _declaration(initializer: Node) -> Node:
    """Return the declaration that an initializer is of."""
    node = initializer
    while node.type != "declaration" and node.parent is not None:
        node = node.parent
    return node


def inserted(source: SourceFile, at: int, text: str) -> Edit:
    """Return the insertion of text before byte `at`."""
    return Edit(source.name, at, at, _encoded(text, source))


def entry(source: SourceFile, table: str, member: str, new: str) -> Edit:
    """Return the edit that puts `.mapped = new` before another member of the operations.

    Raises Declined.
    """
    [initializer, *more] = list(_initializers(source, table))
    if more or _member(source, table, "mapped") or any(mentions(source, new)):
        raise Declined("name-taken", f"{table} has a ->mapped() already, or there is a {new}()")
    return _entry(source, initializer, member, new)


def functions_of(source: SourceFile, table: str) -> Iterator[str]:
    """Yield what the members of the operations are set to."""
    for initializer in _initializers(source, table):
        for pair in find_all(initializer, "initializer_pair"):
            yield text_of(pair.child_by_field_name("value"))


def check_users(source: SourceFile, table: str, hooks: Iterable[Function]) -> None:
    """Raise Declined if anybody but the hooks may install the operations.

    ->mapped() is an error where the file has a legacy handler, and would take a second time what
    another hook takes itself.
    """
    bodies = [(each.body.start_byte, each.body.end_byte) for each in hooks]
    line = _line_elsewhere(source, table, [*bodies, *_heads(source, table)])
    if line is not None:
        raise Declined("keeps-state", f"others use {table}, too", line=line)
    if not all(is_static(_declaration(each)) for each in _initializers(source, table)):
        raise Declined("keeps-state", f"other files may use {table}, too")


def check_close(source: SourceFile, table: str, close: Function) -> None:
    """Raise Declined if a `close` that is about to return early is called otherwise as well.

    Mappings that others set up need not have private data.
    """
    tables = [(each.start_byte, each.end_byte) for each in _initializers(source, table)]
    head = (close.node.start_byte, close.body.start_byte)
    line = _line_elsewhere(source, close.name, [*tables, head])
    if line is not None:
        raise Declined("keeps-state", f"others use {close.name}(), too", line=line)


def _line_elsewhere(source: SourceFile, name: str, known: _Spans) -> int | None:
    """Return the line of the first mention that is no comment, no prototype, and not known."""
    for mention in mentions(source, name):
        inside = any(start <= mention.start < end for start, end in known)
        if not mention.comment and not inside and not _is_prototype(source, mention.start):
            return source.line_of(mention.start)
    return None


def _is_prototype(source: SourceFile, at: int) -> bool:
    """Tell whether a name stands in a declaration at file level, as what is declared."""
    node = source.root.descendant_for_byte_range(at, at)
    while node is not None and node.type != "declaration":
        if node.type in {"initializer_list", "init_declarator", "compound_statement"}:
            return False
        node = node.parent
    return node is not None and (node.parent is None or node.parent.type != "compound_statement")


def is_static(declaration: Node) -> bool:
    """Return whether a variable is declared to be static."""
    kinds = (each for each in declaration.children if each.type == "storage_class_specifier")
    return any(each.text == b"static" for each in kinds)


def _heads(source: SourceFile, table: str) -> _Spans:
    """Return where the definitions of a variable name it."""
    return [
        (declaration.start_byte, initializer.start_byte)
        for initializer in _initializers(source, table)
        for declaration in (_declaration(initializer),)
    ]


def _entry(source: SourceFile, initializer: Node, member: str, new: str) -> Edit:
    """Return the edit that puts `.mapped` before another member, in the same columns."""
    pair = _pair(initializer, member)
    if pair is None:
        raise AssertionError(member)
    old = source.text_of(pair).decode("latin-1")
    start = source.line_start(pair.start_byte)
    indent = source.text[start : pair.start_byte].decode("latin-1")
    if indent.strip():
        return _on_one_line(source, initializer, pair, new)
    found = re.fullmatch(rf"\.{member}(\s*)=(\s*)\w+", old)
    if found is None:
        raise Declined("keeps-state", f"`{old}` is no plain initializer", pair)
    left = advance(indent, 0)
    new_sign = ".mapped" + r1_table.filler(
        found[1], advance(".mapped", left), advance(f".{member}{found[1]}", left)
    )
    value_at = advance(f".{member}{found[1]}={found[2]}", left)
    new_sign += "="
    gap = r1_table.filler(found[2], advance(new_sign, left), value_at)
    entry = f"{new_sign}{gap}{new},\n{indent}"
    return Edit(source.name, pair.start_byte, pair.end_byte, _encoded(entry + old, source))


def _on_one_line(source: SourceFile, initializer: Node, pair: Node, new: str) -> Edit:
    """Return the edit for operations that share a line: they get one each where it is too long."""
    entry = f".mapped = {new}, "
    end = source.text.find(b"\n", pair.end_byte)
    line = source.text[source.line_start(pair.start_byte) : end].decode("latin-1")
    members = initializer.named_children
    many = initializer.start_point[0] != initializer.end_point[0]
    if many or advance(line, 0) + len(entry) <= WIDTH or any(m.type == "comment" for m in members):
        return Edit(source.name, pair.start_byte, pair.start_byte, entry.encode("latin-1"))
    texts = [source.text_of(each).decode("latin-1") for each in members]
    texts.insert(members.index(pair), entry.rstrip(", "))
    lines = "".join(f"\t{text},\n" for text in texts)
    return Edit(
        source.name,
        initializer.start_byte,
        initializer.end_byte,
        _encoded(f"{{\n{lines}}}", source),
    )


def _encoded(text: str, source: SourceFile) -> bytes:
    """Return text with the ends of lines that the file has."""
    if source.newline == b"\r\n":
        text = re.sub(r"(?<!\r)\n", "\r\n", text)
    return text.encode("latin-1")


def _member(source: SourceFile, table: str, member: str) -> str | None:
    for initializer in _initializers(source, table):
        pair = _pair(initializer, member)
        if pair is not None:
            return text_of(pair.child_by_field_name("value"))
    return None


def _pair(initializer: Node, member: str) -> Node | None:
    for pair in find_all(initializer, "initializer_pair"):
        if text_of(pair.child_by_field_name("designator")).lstrip(".") == member:
            return pair
    return None


def _initializers(source: SourceFile, table: str) -> Iterator[Node]:
    for declaration in source.declarations():
        for declarator in declaration.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            if value is None:
                continue
            if text_of(declarator.child_by_field_name("declarator")) == table:
                yield value
