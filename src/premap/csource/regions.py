# SPDX-License-Identifier: GPL-2.0-only
"""Finds definitions in a header without parsing it: by text first, then only the region.

Everything works on the code view of a file, so comments and strings are never mistaken for code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.declarators import declared_name
from premap.csource.nodes import find_all, parse_range, text_of
from premap.csource.source import Function, SourceFile, function_of
from premap.csource.strstr import says
from premap.csource.text import directives_replaced, places

MAX_SITES = 2000
"""Occurrences of a name in one file that are looked at."""
_BACK = 4000
"""Bytes that the head of a function definition may have."""


def _word(word: bytes) -> bytes:
    r"""Return a pattern for a word: one that began with \b would be tried at each byte."""
    return rb"%b(?<!\w%b)\b" % (word, word)


_TYPEDEF = re.compile(_word(b"typedef"))
_TYPEDEF_STOP = re.compile(rb"[;{]")
_ENUM = re.compile(_word(b"enum") + rb"\s*([A-Za-z_]\w*)?\s*(?::\s*\w+\s*)?\{")
_BODY_FOLLOWS = re.compile(rb"\s*(?:_*[A-Za-z]\w*\s*(?:\([^(){};]*\)\s*)?){0,6}\{")
_DECLARATION_ENDS = re.compile(
    rb"\s*(?:_*[A-Za-z]\w*\s*(?:\((?:[^(){};]|\([^(){};]*\))*\)\s*)?){0,6};"
)
_HEAD = re.compile(rb"[\w\s*(),\"]*[\w*)]\s*\Z")
_BRACKET = re.compile(rb"\s*\(")
_PARAMETERS = re.compile(rb"[\s\\]*(?:\)[\s\\]*)*\(")
_NO_HEAD = re.compile(
    rb"(?:(?<!\w)(?:if|while|for|switch|return|else|do|case|sizeof)[ \t]*\(?"
    rb"|[!&|=,?:;{+\-/%<>~^\[][ \t]*\(?)[ \t]*\Z"
)
"""What stands on a line before a name that is called there, and before no function's own."""
_PART_OF_NAME = re.compile(rb"[\w.>]")
"""What stands before a name that is the end of another one, or a member."""
_NO_TYPE = {b"else", b"do", b"return", b"case", b"goto", b"sizeof"}
_SPECIFIERS = rb"(?:\s|__attribute__\s*\(\(.*?\)\)|__\w+(?:\([^()]*\))?)"
_OPENS = re.compile(rb"\s*(?:\{|/[*/])")


def struct_braces(source: SourceFile, kind: str, tag: str) -> Iterator[int]:
    """Offsets of the opening braces of the definitions of `struct tag` (or `union tag`)."""
    if not tag or not _opens(source.text, tag.encode()):
        return
    name = re.escape(tag.encode())
    pattern = rb"%b%b*%b\b\s*\{" % (_word(kind.encode()), _SPECIFIERS, name)
    for match in re.finditer(pattern, source.code):
        if source.macro_at(match.start()) is None:
            yield match.end() - 1


def _opens(text: bytes, tag: bytes) -> bool:
    """Whether a brace may follow a tag: most headers only name it, and need no code view."""
    at = text.find(tag) if tag else -1
    while at >= 0:
        if _OPENS.match(text, at + len(tag)):
            return True
        at = text.find(tag, at + len(tag))
    return False


def functions_named(source: SourceFile, name: str) -> Iterator[Function]:
    """Definitions of a function, found by text; only they are parsed."""
    code = source.code
    for at, close in _heads(source, name):
        brace = _BODY_FOLLOWS.match(code, close + 1)
        start = _declaration_start(code, at)
        if brace is None or start is None:
            continue
        end = source.closing(brace.end() - 1)
        if end is None:
            continue
        root = parse_range(source.seen, start, end + 1, source.line_of(start))
        for node in find_all(root, "function_definition"):
            function = function_of(source, node)
            if function is not None and function.name == name:
                yield function
                break


def prototypes_named(source: SourceFile, name: str) -> Iterator[Node]:
    """Yield declaration nodes of prototypes of a function, found by text; only they are parsed."""
    code = source.code
    for at, close in _heads(source, name):
        end = _DECLARATION_ENDS.match(code, close + 1)
        start = _declaration_start(code, at)
        if end is None or start is None:
            continue
        yield from _declarations(source, start, close + 1, name)


def variables_named(source: SourceFile, name: str) -> Iterator[Node]:
    """Yield declaration nodes of `extern` variables of a header."""
    pattern = _word(b"extern") + rb"[^;{}()=]*\b%b\b[^;{}()=]*;" % re.escape(name.encode())
    for match in re.finditer(pattern, source.code):
        yield from _declarations(source, match.start(), match.end() - 1, name)


def may_define_variable(header: SourceFile, name: str) -> bool:
    """Tell whether a header may have a variable of its own, all of which are `static`."""
    word = name.encode("latin-1", "replace")
    if not says(header.text, b"static"):
        return False
    code = header.code
    for at in places(word, code):
        low = max(0, at - _BACK)
        begin = max(low, *(code.rfind(cut, low, at) for cut in (b";", b"{", b"}", b"=")))
        if b"static" in code[begin:at]:
            return True
    return False


def may_define_function(source: SourceFile, name: str) -> bool:
    """Tell whether a file may have a `static` function of this name: most only call it, or name it.

    Behind the name of one are its parameters; before it is a type, or its line begins there.
    """
    word = name.encode("latin-1", "replace")
    return says(source.text, word) and any(
        _may_be_head(source.code, at, at + len(word)) and source.macro_at(at) is None
        for at in places(word, source.code)
    )


def _may_be_head(code: bytes, start: int, end: int) -> bool:
    if _PARAMETERS.match(code, end) is None:
        return False
    return not _NO_HEAD.search(code[code.rfind(b"\n", 0, start) + 1 : start])


def _declarations(source: SourceFile, start: int, end: int, name: str) -> Iterator[Node]:
    """Parse [start, end) as one declaration; attributes behind it are left out."""
    text = source.seen[start:end] + b";"
    root = parse_range(bytes(start) + text, start, start + len(text), source.line_of(start))
    for node in find_all(root, "declaration"):
        for declarator in node.children_by_field_name("declarator"):
            found = declared_name(declarator)
            if found is not None and text_of(found) == name:
                yield node
                return


def _heads(source: SourceFile, name: str) -> Iterator[tuple[int, int]]:
    """Places of `name(...)` outside macros: offset of the name, and of the closing bracket.

    None of an empty name, which the parser gives to what is missing.
    """
    code = source.code
    word = name.encode()
    at = count = 0
    while word and count < MAX_SITES and (start := code.find(word, at)) >= 0:
        at = start + len(word)
        bracket = _BRACKET.match(code, at)
        if bracket is None or (start and _PART_OF_NAME.match(code, start - 1)):
            continue
        count += 1
        close = source.closing(bracket.end() - 1)
        if close is not None and source.macro_at(start) is None:
            yield start, close


def _declaration_start(code: bytes, at: int) -> int | None:
    """Where the declaration begins whose name is at `at`; None if no type comes before it."""
    low = max(0, at - _BACK)
    window = directives_replaced(code[low:at])
    cut = max(window.rfind(c) for c in (b";", b"{", b"}")) + 1
    head = window[cut:]
    words = re.findall(rb"\w+", head)
    if not words or words[0] in _NO_TYPE or words[-1] in _NO_TYPE or not _HEAD.match(head):
        return None
    return low + cut + len(head) - len(head.lstrip())


def typedefs(source: SourceFile) -> dict[str, list[tuple[int, int]]]:
    """Byte ranges of the typedefs of a file, by the name that each defines."""
    found: dict[str, list[tuple[int, int]]] = {}
    code = source.code
    at = 0
    while (match := _TYPEDEF.search(code, at)) is not None:
        end = _typedef_end(source, match.end())
        at = match.end()
        if end is None or source.macro_at(match.start()) is not None:
            continue
        name = _typedef_name(code[match.end() : end])
        if name is not None:
            found.setdefault(name, []).append((match.start(), end + 1))
        at = end
    return found


def _typedef_end(source: SourceFile, at: int) -> int | None:
    while (stop := _TYPEDEF_STOP.search(source.code, at)) is not None:
        if stop.group() == b";":
            return stop.start()
        close = source.closing(stop.start())
        if close is None:
            return None
        at = close + 1
    return None


def _typedef_name(text: bytes) -> str | None:
    """Return the name that `typedef text;` defines: in `(*name)`, or the last word."""
    tail = text[text.rfind(b"}") + 1 :]
    pointer = re.search(rb"\(\s*(?:\w+\s+)?\*\s*(?:const\s+)?(\w+)\s*\)", tail)
    if pointer is not None:
        return pointer[1].decode()
    tail = re.sub(rb"\[[^\]]*\]|__attribute__\s*\(\(.*?\)\)|\b__\w+\([^()]*\)", b"", tail)
    called = re.match(rb"[^()]*\b(\w+)\s*\(", tail)
    if called is not None:
        return called[1].decode()
    words = [w for w in re.findall(rb"[A-Za-z_]\w*", tail) if w not in _ATTRIBUTES]
    return words[-1].decode() if words else None


_ATTRIBUTES = {b"__packed", b"__bitwise", b"__may_alias", b"__randomize_layout"}


def enums(source: SourceFile) -> list[tuple[str | None, int, int]]:
    """Tag, and offsets of both braces, of every enum that a file defines."""
    found = []
    for match in _ENUM.finditer(source.code):
        close = source.closing(match.end() - 1)
        if close is not None:
            tag = match[1].decode() if match[1] else None
            found.append((tag, match.end() - 1, close))
    return found
