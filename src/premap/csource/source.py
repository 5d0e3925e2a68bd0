# SPDX-License-Identifier: GPL-2.0-only
"""One file of C: its text, its parse tree, and what it defines."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import accumulate, count
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from premap.csource import errors
from premap.csource.heads import Parameter, function_name, parameters_of, return_type
from premap.csource.nodes import find_all, parse, path_to, text_of, walk
from premap.csource.text import (
    GAP,
    GONE,
    VERSION,
    Conditionals,
    blank_directives,
    code_view,
    directives,
    matching,
    pairs,
    places,
    without_comments,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from premap.csource.gist import Gist
    from premap.csource.versions import Hidden

MAX_BYTES = 16 << 20
"""Larger files are refused; the largest .c file of a kernel has under 2 MiB."""
_MORE = 1 << 16
"""Bytes that are read at once beyond what a file is said to have."""

_NEAR = 1 << 12
"""Bytes within which a closing bracket is looked for before all of them are paired."""
_FEW_FAR = 4
"""Brackets that close further away, and are looked for one by one."""

_OPENED = re.compile(rb"\b([A-Za-z_]\w*)\s*\{")
_DEFINE = re.compile(
    rb"^[ \t]*#[ \t]*define" + GAP + rb"([A-Za-z_]\w*)(\([^()\n]*(?:\\\r?\n[^()\n]*)*\))?"
    rb"((?:[^\n\\]|\\(?:\r?\n|.)?)*)",
    re.MULTILINE,
)
_UNDEF = re.compile(rb"#[ \t]*undef" + GAP + rb"([A-Za-z_]\w*)")
_DEFINE_BEGINS = re.compile(rb"#[ \t]*define")
_WORDS = bytes(c if re.match(rb"\w", bytes([c])) else 0x20 for c in range(256))
"""Translates what is no part of a word to a space."""
_FILE_LEVEL = frozenset(
    {"function_definition", "declaration", "preproc_def", "preproc_function_def"}
)
_FEW_FUNCTIONS = 8
"""Functions that are looked for one by one; an index of all costs about as much."""
_FEW_LINES = 8
"""Lines that are counted one by one; an index of all costs about as much."""
_IN_WORD = re.compile(rb"\w")
"""Looked for before a match: to begin a pattern with \\b takes ten times as long."""
_CONTINUATION = re.compile(rb"\\\r?\n")


class Function(Struct, frozen=True, eq=False, dict=True):
    """One definition of a function; a name has several where `#if` arms define it twice."""

    name: str
    source: SourceFile
    node: Node
    """The function_definition. Its offsets are those of the file."""
    parameters: tuple[Parameter, ...]
    return_type: str
    """As written, with the stars and without storage class and qualifiers."""
    body: Node
    """The compound_statement."""
    arms: tuple[str, ...]
    """Conditions of the `#if` arms around it, outermost first."""

    @property
    def line(self) -> int:
        """Line of its first byte, from 1."""
        return self.source.line_of(self.node.start_byte)

    @property
    def name_node(self) -> Node:
        """The identifier of its declarator."""
        found = function_name(self.node)
        if found is None:
            raise AssertionError(self.name)
        return found[0]

    @cached_property
    def static(self) -> bool:
        """Whether it has internal linkage: asked at every call of it."""
        return any(
            child.type == "storage_class_specifier" and child.text == b"static"
            for child in self.node.children
        )


class Prototype(Struct, frozen=True, eq=False):
    """A declaration of a function without its body."""

    name: str
    source: SourceFile
    node: Node
    """The declaration; it may declare other things, too."""
    name_node: Node
    parameters: tuple[Parameter, ...]
    return_type: str
    arms: tuple[str, ...]


class Macro(Struct, frozen=True, eq=False):
    """One `#define`."""

    name: str
    parameters: tuple[str, ...] | None
    """None for an object-like macro; "..." stands for the variable ones."""
    body: str
    """Replacement text, without comments, line continuations joined."""
    line: int
    source: SourceFile
    start: int
    """Byte offset of the line with the `#`."""
    end: int
    """Byte offset after the body."""
    body_start: int = 0
    """Byte offset where the body begins."""
    arms: tuple[str, ...] = ()

    @property
    def raw_body(self) -> bytes:
        """The body as it lies in the file."""
        return self.source.text[self.body_start : self.end]


class SourceFile:
    """One file of C, as bytes: any encoding and line ends will do.

    Parsing and indexing happen when first asked for.
    """

    def __init__(self, name: str, text: bytes, place: Path | str | None = None) -> None:
        self.name = name
        """Relative to the root of its tree, or as given."""
        self.text = text
        self._place = place
        self.linked = False
        """Whether it may call functions of other files (`link`)."""
        self._counted = 0
        self._far = 0
        self._found_in: dict[tuple[int, str], list[Node]] = {}
        self.matter: tuple[bytes, ...] = ()
        """Words without which a function matters little (Gist); none: all of them matter."""

    def __repr__(self) -> str:
        return f"SourceFile({self.name!r})"

    @cached_property
    def path(self) -> Path | None:
        """Where it lies, if it does; made when it is asked for, as of most headers it never is."""
        return None if self._place is None else Path(self._place)

    @cached_property
    def newline(self) -> bytes:
        """What ends its lines, by majority: LF or CR LF."""
        crlf = self.text.count(b"\r\n")
        return b"\r\n" if crlf * 2 > self.text.count(b"\n") else b"\n"

    @cached_property
    def root(self) -> Node:
        """The translation_unit of tree-sitter; annotations (`__user`) are spaces in it."""
        return parse(self.seen, self.code)

    @cached_property
    def undirected(self) -> Node:
        """The same without its preprocessor lines: initializer lists that they cut are whole."""
        return parse(blank_directives(self.seen, self.code))

    @cached_property
    def _gist(self) -> Gist | None:
        if not self.matter or "root" in self.__dict__:
            return None
        from premap.csource.gist import Gist  # noqa: PLC0415 - a survey alone needs it

        gist = Gist(self.seen, self.code, self.matter)
        return gist if gist.gaps else None

    def tree_around(self, byte: int) -> Node:
        """Return a translation_unit that has what is around a byte; other functions may be empty.

        In one that is of the file's `matter`, or asked for, nothing is missing.
        """
        gist = self._gist
        return self.root if gist is None or gist.leaves_out(byte) else gist.root

    @cached_property
    def hidden(self) -> tuple[Hidden, ...]:
        """The `#if`s that decide for every kernel with the new hook, and what they leave out."""
        if VERSION not in self.text and not any(name in self.text for name in GONE):
            return ()
        from premap.csource.versions import hidden  # noqa: PLC0415 - few files need it

        return hidden(self.text, code_view(self.text))

    @cached_property
    def seen(self) -> bytes:
        """The text with spaces for what no such kernel compiles; same offsets."""
        return self._without_hidden(self.text)

    @cached_property
    def code(self) -> bytes:
        """What is seen, with spaces for comments and for what strings hold; same offsets."""
        return self._without_hidden(code_view(self.text))

    def _without_hidden(self, text: bytes) -> bytes:
        if not self.hidden:
            return text
        from premap.csource.versions import seen  # noqa: PLC0415 - few files need it

        return seen(text, self.hidden)

    @cached_property
    def words(self) -> frozenset[bytes]:
        """Every word of the text, those of comments included: whether a name is worth a search."""
        return words_of(self.text)

    @cached_property
    def opened(self) -> frozenset[bytes]:
        """Every word that a brace follows: the tags of what the file defines are among them."""
        return frozenset(_OPENED.findall(self.code))

    @cached_property
    def conditionals(self) -> Conditionals:
        """The `#if` arms by byte offset."""
        return Conditionals(self.code)

    @cached_property
    def _line_starts(self) -> list[int]:
        ends = accumulate(map(len, self.text.split(b"\n")))
        return [0, *map(add, ends, count(1))][:-1]

    def line_of(self, byte: int) -> int:
        """Line that holds the byte, from 1; the first few are counted."""
        if self._counted < _FEW_LINES and byte >= 0:
            self._counted += 1
            return self.text.count(b"\n", 0, byte) + 1
        return bisect_right(self._line_starts, byte)

    def line_start(self, byte: int) -> int:
        """Offset of the first byte of the line that holds the byte."""
        return self._line_starts[self.line_of(byte) - 1]

    def line_span(self, line: int) -> tuple[int, int]:
        """Offsets of what a line (from 1) says, without the spaces around it."""
        starts = self._line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        said = self.text[starts[line - 1] : end]
        start = starts[line - 1] + len(said) - len(said.lstrip())
        return start, start + len(said.strip())

    def arms_at(self, byte: int) -> tuple[str, ...]:
        """Conditions of the `#if` arms around the byte, outermost first."""
        return self.conditionals.at(byte)

    def text_of(self, node: Node) -> bytes:
        """Text of a node as it lies in the file, annotations included."""
        return self.seen[node.start_byte : node.end_byte]

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        """Every function definition, by name; those of all `#if` arms."""
        named = ((name, self.functions_of(name)) for name in self._function_nodes)
        return {name: found for name, found in named if found}

    def link(self, functions: Mapping[str, list[Function]]) -> None:
        """Let the file call functions of others; those that it defines itself come first."""
        self.linked = True
        for name, found in functions.items():
            if name not in self.functions:
                self.functions[name] = self._functions_of[name] = found

    def functions_of(self, name: str) -> list[Function]:
        """Return the definitions of one function; the others are not looked into."""
        if name not in self._functions_of:
            made = (function_of(self, node) for node in self._nodes_of(name))
            self._functions_of[name] = [function for function in made if function is not None]
        return self._functions_of[name]

    def _nodes_of(self, name: str) -> list[Node]:
        """Return the definitions of a name; the first few are looked for in the text."""
        many = len(self._functions_of) >= _FEW_FUNCTIONS and self._gist is None
        if many or "_function_nodes" in self.__dict__:
            return self._function_nodes.get(name, [])
        found = (
            self._defined_at(at) for at in places(name.encode("latin-1", "replace"), self.code)
        )
        return [node for node in found if node is not None]

    def _defined_at(self, byte: int) -> Node | None:
        """Return the definition at file level whose name begins at a byte."""
        outer = self._definition_around(byte)
        named = None if outer is None else function_name(outer)
        return outer if named is not None and named[0].start_byte == byte else None

    def nodes_in(self, function: Function, kind: str) -> list[Node]:
        """Return the nodes of a kind in the body of one of the file's functions; kept."""
        key = (function.body.start_byte, kind)
        if key not in self._found_in:
            self._found_in[key] = list(find_all(function.body, *kind.split()))
        return self._found_in[key]

    def function_at(self, byte: int) -> Function | None:
        """Return the function definition at file level that holds a byte."""
        outer = self._definition_around(byte)
        return None if outer is None else function_of(self, outer)

    def _definition_around(self, byte: int) -> Node | None:
        found = _definition_at(self.tree_around(byte), byte)
        body = None if found is None else found.child_by_field_name("body")
        if (
            body is not None
            and self._gist is not None
            and self._gist.leaves_out(body.start_byte + 1)
        ):
            return _definition_at(self.root, byte)
        return found

    @cached_property
    def _functions_of(self) -> dict[str, list[Function]]:
        return {}

    @cached_property
    def _function_nodes(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self._file_level:
            named = function_name(node) if node.type == "function_definition" else None
            if named is not None:
                found.setdefault(text_of(named[0]), []).append(node)
        return found

    @cached_property
    def prototypes(self) -> dict[str, list[Prototype]]:
        """Every declaration of a function at file level, by name."""
        found: dict[str, list[Prototype]] = {}
        for node in self.declarations():
            for prototype in _prototypes(self, node):
                found.setdefault(prototype.name, []).append(prototype)
        return found

    @cached_property
    def macros(self) -> dict[str, list[Macro]]:
        """Every `#define`, by name, in the order of the file."""
        return {name: self.macros_of(name) for name in self._defined}

    def macros_of(self, name: str) -> list[Macro]:
        """Return the `#define`s of one name; the others are not looked into."""
        return [self._macro(index) for index in self._defined.get(name, ())]

    @property
    def defined(self) -> Collection[str]:
        """The names that it has a `#define` of."""
        return self._defined.keys()

    @cached_property
    def macro_list(self) -> list[Macro]:
        """Every `#define` in the order of the file."""
        return [self._macro(index) for index in range(len(self._defines))]

    def _macro(self, index: int) -> Macro:
        if index not in self._macros:
            self._macros[index] = _macro(self, self._defines[index])
        return self._macros[index]

    @cached_property
    def _macros(self) -> dict[int, Macro]:
        return {}

    @cached_property
    def _defined(self) -> dict[str, list[int]]:
        """Which of `_defines` there are of each name."""
        found: dict[str, list[int]] = {}
        for index, match in enumerate(self._defines):
            found.setdefault(match[1].decode(), []).append(index)
        return found

    @cached_property
    def undefined(self) -> dict[str, list[int]]:
        """Where there are `#undef`s, by the names that they are of: offsets of the directives."""
        found: dict[str, list[int]] = {}
        for match in _UNDEF.finditer(self.code):
            found.setdefault(match[1].decode(), []).append(match.start())
        return found

    @cached_property
    def _defines(self) -> list[re.Match[bytes]]:
        return list(directives(_DEFINE, _DEFINE_BEGINS, self.code))

    def closing(self, byte: int) -> int | None:
        """Offset of the bracket that closes the one at `byte` of the code view, if one does."""
        if "_pairs" not in self.__dict__:
            near = matching(self.code, byte, _NEAR)
            if near is not None:
                return near
            self._far += 1
            if self._far <= _FEW_FAR:
                return matching(self.code, byte, len(self.code))
        return self._pairs.get(byte)

    @cached_property
    def _pairs(self) -> dict[int, int]:
        return pairs(self.code)

    def macro_at(self, byte: int) -> Macro | None:
        """Return the `#define` whose text holds the byte."""
        index = bisect_right(self._defines, byte, key=re.Match.start) - 1
        if index < 0 or byte >= _end_of(self._defines[index]):
            return None
        return self._macro(index)

    @cached_property
    def _file_level(self) -> list[Node]:
        """Definitions and declarations outside functions; within ERROR nodes, too."""
        return _at_file_level(self.root)

    @cached_property
    def _declared(self) -> list[Node]:
        """The same, where what functions have in their bodies is of no interest."""
        gist = self._gist
        return self._file_level if gist is None else _at_file_level(gist.root)

    def functions_saying(self, word: bytes) -> list[Function]:
        """Return the definitions that have a word, head or body; the others are not looked into."""
        return [
            function
            for name, nodes in self._function_nodes.items()
            if any(word in self.code[node.start_byte : node.end_byte] for node in nodes)
            for function in self.functions_of(name)
        ]

    def calls_to(self, names: str) -> list[Node]:
        """Return the calls of functions whose name matches a regular expression, in order.

        They are found by text first: to walk the whole tree takes twenty times as long.
        """
        code = self.code
        pattern = re.compile(rb"(?:%b)\s*\(" % names.encode())
        found = [match.start() for match in pattern.finditer(code)]
        starts = (at for at in found if not at or not _IN_WORD.match(code, at - 1))
        return [call for start in starts if (call := self._call_at(start)) is not None]

    def _call_at(self, start: int) -> Node | None:
        """Return the call whose function's name begins at a byte."""
        path = path_to(self.root, start)
        call = next((node for node in reversed(path) if node.type == "call_expression"), None)
        function = None if call is None else call.child_by_field_name("function")
        return call if function is not None and function.start_byte == start else None

    def declarations(self) -> Iterator[Node]:
        """Yield the declaration nodes at file level."""
        return (node for node in self._declared if node.type == "declaration")


def _at_file_level(root: Node) -> list[Node]:
    return [
        node
        for node in walk(root, into=lambda node: node.type not in _FILE_LEVEL)
        if node.type in {"function_definition", "declaration"}
    ]


def _definition_at(root: Node, byte: int) -> Node | None:
    """Return the function_definition at file level that holds a byte."""
    path = path_to(root, byte)
    outer = next((node for node in path if node.type in _FILE_LEVEL), None)
    return None if outer is None or outer.type != "function_definition" else outer


def words_of(text: bytes) -> frozenset[bytes]:
    """Return every word of a text."""
    return frozenset(text.translate(_WORDS).split())


def read_source(
    place: Path | str, name: str | None = None, status: os.stat_result | None = None
) -> SourceFile:
    """Read a file. Raises a SourceError that says why it can't be used.

    `status` is what the file system said of it, where that was asked just before.
    """
    shown = str(place) if name is None else name
    try:
        if status is None:
            status = os.stat(place)  # noqa: PTH116 - asked of a thousand headers, as what follows
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISDIR(status.st_mode):
                raise errors.DirectorySource(shown)
            raise errors.UnreadableSource(shown, "is no regular file")
        if status.st_size > MAX_BYTES:
            raise errors.LargeSource(shown, f"is too large ({status.st_size} bytes)")
        text = _whole(place, status.st_size)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise errors.MissingSource(shown) from error
    except OSError as error:
        raise errors.UnreadableSource(shown, f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise errors.MissingSource(shown, "is no file name") from error
    return source_of(shown, text, place)


def _whole(place: Path | str, size: int) -> bytes:
    """Return what a file has, which is said to be so many bytes: fewer and more will do."""
    file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(file, size + 1)
        while size < len(text) <= MAX_BYTES and (more := os.read(file, _MORE)):
            text += more
    finally:
        os.close(file)
    return text


def source_of(name: str, text: bytes, place: Path | str | None) -> SourceFile:
    """Return a file with this text. Raises a SourceError that says why it can't be used."""
    if len(text) > MAX_BYTES:
        raise errors.LargeSource(name, f"is too large ({len(text)} bytes)")
    if b"\0" in text:
        raise errors.BinarySource(name)
    return SourceFile(name, text, place)


def function_of(source: SourceFile, node: Node) -> Function | None:
    """Return the Function of a function_definition node of `source`; None if it defines none."""
    named = function_name(node)
    body = node.child_by_field_name("body")
    if named is None or body is None or body.type != "compound_statement":
        return None
    name, declarator = named
    return Function(
        text_of(name),
        source,
        node,
        parameters_of(declarator),
        return_type(node, node.child_by_field_name("declarator"), declarator),
        body,
        source.arms_at(node.start_byte),
    )


def _prototypes(source: SourceFile, node: Node) -> Iterator[Prototype]:
    for declarator in node.children_by_field_name("declarator"):
        inner: Node | None = declarator
        while inner is not None and inner.type == "pointer_declarator":
            inner = inner.child_by_field_name("declarator")
        if inner is None or inner.type != "function_declarator":
            continue
        name = inner.child_by_field_name("declarator")
        if name is None or name.type != "identifier":
            continue
        yield Prototype(
            text_of(name),
            source,
            node,
            name,
            parameters_of(inner),
            return_type(node, declarator, inner),
            source.arms_at(node.start_byte),
        )


def _end_of(define: re.Match[bytes]) -> int:
    """Return the offset after a macro's body."""
    return define.start(3) + len(define[3].rstrip())


def _macro(source: SourceFile, match: re.Match[bytes]) -> Macro:
    parameters: tuple[str, ...] | None = None
    if match[2] is not None:
        inner = _CONTINUATION.sub(b" ", match[2])[1:-1].decode("latin-1").strip()
        parameters = tuple(part.strip() for part in inner.split(",")) if inner else ()
    end = _end_of(match)
    body = without_comments(source.seen[match.start(3) : end])
    return Macro(
        match[1].decode(),
        parameters,
        _CONTINUATION.sub(b" ", body).decode("latin-1").strip(),
        source.line_of(match.start()),
        source,
        match.start(),
        end,
        match.start(3),
        source.arms_at(match.start()),
    )
