# SPDX-License-Identifier: GPL-2.0-only
"""Functions whose text is no C without the preprocessor, as something a C parser can read.

What stands in the way is replaced by C of the same length, so that every offset stays what it
was, and `Readable.marks` says what is there in truth. The replacements, by an example each:

    scoped_guard(mutex, &a->lock) {    while       (mutex, &a->lock) {
    struct foo *a __free(kfree) =      struct foo *a               =
    case FIRST ... LAST:               case FIRST ?:  LAST:
    min_t(unsigned long, a, b)         min_t(unsigned_long, a, b)
    typeof(*p) x = *p;                 typeof____ x = *p;
    (size) - n * 2                      size  - n * 2

Only the interpreter reads functions in this way: everyone else sees the errors of the parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct, field
from tree_sitter import Node

from premap.csource.declarators import declarators_of, declared_name
from premap.csource.nodes import find_all, parse, parse_range
from premap.csource.source import Function
from premap.csource.text import code_view, matching, without_directives

_LOOP = b"while"
_CALLED = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*(\()")
_KEYWORDS = frozenset(
    b"if while for switch return case else do goto sizeof typeof __typeof__ __typeof typeof_unqual"
    b" __attribute__ __attribute asm __asm__ alignof _Alignas _Static_assert defined".split()
)
_BEFORE_STATEMENT = re.compile(rb"(?:[;{}):]|\belse|\bdo)\s*\Z")
_STATEMENT = re.compile(rb"\s*(?:\{|([A-Za-z_]\w*))")
_CLEANUP = re.compile(rb"\b(__free|__cleanup)\s*\(\s*\w+\s*\)")
_RANGE = re.compile(rb"\bcase\b[^:;{}?]*?(\.\.\.)")
_WORD = rb"(?:unsigned|signed|long|int|short|char)"
_TYPE_ARGUMENT = re.compile(
    rb"(?:\b(\w+)[ \t]*\(|,)\s*("
    rb"(?:(?:const\s+)?(?:struct|union|enum)\s+\w+|" + _WORD + rb"(?:\s+" + _WORD + rb")*|\w+)"
    rb"(?:\s*\*)+|" + _WORD + rb"(?:\s+" + _WORD + rb")+)\s*(?=[,)])"
)
_TYPE_OPERATORS = _KEYWORDS - {b"defined"}
_TYPEOF = re.compile(rb"\b(?:__)?typeof(?:_unqual)?(?:__)?\s*(\()")
_GROUPED = re.compile(rb"\((\s*(\w+)\s*)\)(?=\s*[+*&-](?![+&=>-]))")
"""A name in parentheses before an operator: of two operands, or of one that is cast."""
_NOT_GROUPED = re.compile(rb"(?:[)\]]|(?<!\breturn)(?<!\bcase)(?<=\w))\s*\Z")
"""What stands before it where they are no such parentheses, but those of a call."""
_NEAR = 80
"""Bytes before it that are looked at."""
TYPEOF = "typeof"
"""What is in the mark of every `typeof (…)`, and of nothing else."""


class Readable(Struct, frozen=True):
    """A piece of C, parsed, and what of it had to be replaced: the true text, by byte offset."""

    node: Node
    marks: Mapping[int, str] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def readable(function: Function) -> Readable:
    """Return the body of a function, with what is no C replaced where that lets it be read.

    A loop that a macro makes is no error to the parser where it looks like an old function.
    """
    source, node = function.source, function.node
    start, end = node.start_byte, node.end_byte
    rewritten = _Rewriting(source.seen[start:end], source.code[start:end], start, _locals(function))
    if not rewritten.marks and not rewritten.changed:
        return Readable(function.body)
    text = bytes(start) + bytes(rewritten.text)
    root = parse_range(text, start, end, source.line_of(start))
    for found in find_all(root, "function_definition"):
        body = found.child_by_field_name("body")
        if body is not None:
            return Readable(body, rewritten.marks)
    return Readable(function.body)


def readable_statement(text: str) -> Readable | None:
    """Return one statement, such as a macro's loop with its body; None if it can't be read."""
    read = readable_statements(text)
    return None if read is None or _closes(read.node) else read


@lru_cache(maxsize=2048)
def readable_statements(text: str, values: frozenset[bytes] = frozenset()) -> Readable | None:
    """Return one statement, or the block of several, such as a macro's body; None if unreadable.

    `values` are names in it that are no types.
    """
    read = _in_function(b"", text, b"\n}", values)
    if read is None:
        return None
    inner = [child for child in read.node.named_children if child.type != "comment"]
    return Readable(inner[0], read.marks) if len(inner) == 1 else read


@lru_cache(maxsize=2048)
def readable_expression(text: str, values: frozenset[bytes] = frozenset()) -> Readable | None:
    """Return one expression, such as the body of a macro; None if it isn't one.

    `values` are names in it that are no types.
    """
    read = _in_function(b"(", text, b"\n);}", values)
    statements = [] if read is None else read.node.named_children
    if read is None or len(statements) != 1 or statements[0].type != "expression_statement":
        return None
    grouped = statements[0].named_children[0]
    inner = [child for child in grouped.named_children if child.type != "comment"]
    if grouped.type != "parenthesized_expression" or len(inner) != 1:
        return None
    return Readable(inner[0], read.marks)


def _locals(function: Function) -> frozenset[bytes]:
    """Return the names of a function's parameters and variables, if they matter to a parser."""
    node, code = function.node, function.source.code
    if _GROUPED.search(code, node.start_byte, node.end_byte) is None:
        return frozenset()
    named = {parameter.name.encode("latin-1") for parameter in function.parameters}
    for declaration in find_all(node, "declaration"):
        for declarator, _ in declarators_of(declaration):
            name = declared_name(declarator)
            named |= set() if name is None or name.text is None else {name.text}
    return frozenset(named)


def _in_function(
    before: bytes, text: str, after: bytes, values: frozenset[bytes]
) -> Readable | None:
    """Return the body of a function with this text; None if that can't be read completely."""
    given = b"void f(void){" + before + text.encode("latin-1") + after
    rewritten = _Rewriting(given, code_view(given), 0, values)
    root = parse(bytes(rewritten.text))
    if root.has_error or len(root.named_children) != 1:
        return None
    body = root.named_children[0].child_by_field_name("body")
    return None if body is None else Readable(body, rewritten.marks)


def _closes(node: Node) -> bool:
    """Return whether a node is the body of the function around a text, not within it."""
    return node.parent is not None and node.parent.type == "function_definition"


class _Rewriting:
    """A text in which what is no C is being replaced; `offset` is where it begins in its file."""

    def __init__(self, text: bytes, code: bytes, offset: int, values: frozenset[bytes]) -> None:
        self.text = bytearray(text)
        self.offset = offset
        self.marks: dict[int, str] = {}
        self._code = without_directives(code)
        self.changed = self._values(values)
        self._typeofs()
        self._types()
        self._loops()
        self._cleanups()
        self._ranges()

    def _replace(self, start: int, end: int, by: bytes) -> None:
        self.marks[self.offset + start] = self.text[start:end].decode("latin-1")
        self.text[start:end] = by.ljust(end - start)

    def _values(self, values: frozenset[bytes]) -> bool:
        """Take the parentheses off names that are no types, where they might make a cast."""
        changed = False
        for match in _GROUPED.finditer(self._code) if values else ():
            before = max(0, match.start() - _NEAR), match.start()
            if match[2] in values and not _NOT_GROUPED.search(self._code, *before):
                self.text[match.start() : match.end()] = b" " + match[1] + b" "
                changed = True
        return changed

    def _typeofs(self) -> None:
        code = bytearray(self._code)
        end = 0
        for match in _TYPEOF.finditer(self._code):
            close = matching(self._code, match.start(1)) if match.start() >= end else None
            if close is None:
                continue
            start, end = match.start(), close + 1
            name = b"typeof".ljust(end - start - 1, b"_")
            joined = self._code[end : end + 1]
            name += b" " if joined.isalnum() or joined == b"_" else b"_"
            code[start:end] = name
            self._replace(start, end, name)
        self._code = bytes(code)

    def _types(self) -> None:
        for match in _TYPE_ARGUMENT.finditer(self._code):
            if match[1] not in _TYPE_OPERATORS:
                start, end = match.span(2)
                self._replace(start, end, re.sub(rb"[\s*]", b"_", match[2]))

    def _loops(self) -> None:
        for start, end in _block_macros(self._code):
            self._replace(start, end, _LOOP)

    def _cleanups(self) -> None:
        for match in _CLEANUP.finditer(self._code):
            self._replace(*match.span(), b"")

    def _ranges(self) -> None:
        for match in _RANGE.finditer(self._code):
            self._replace(*match.span(1), b"?:")


def _block_macros(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the names of macros stand that a statement follows, as it follows `while ()`."""
    for match in _CALLED.finditer(code):
        start, end = match.span(1)
        if match[1] in _KEYWORDS or end - start < len(_LOOP):
            continue
        close = matching(code, match.start(2))
        if close is None or not _BEFORE_STATEMENT.search(code, max(0, start - 200), start):
            continue
        follows = _STATEMENT.match(code, close + 1)
        if follows is not None and follows[1] not in (b"else", b"while"):
            yield start, end
