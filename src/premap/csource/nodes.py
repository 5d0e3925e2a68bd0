# SPDX-License-Identifier: GPL-2.0-only
"""tree-sitter for C: parse text, and walk what came of it.

Nothing here recurses: a megabyte of brackets is a tree of a million levels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from premap.csource.errors import NotC
from premap.csource.text import parser_view

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Range, Tree

MAX_LEVELS = 5000
"""Nesting beyond which a tree is not looked into for one byte; kernel code has under 100."""
KEPT_TREES = 2048
"""Bodies of macros that are kept parsed; the same ones are asked for again and again."""
_EXPRESSION_HEAD = b"void f(void){("
_STATEMENT_HEAD = b"void f(void){"


@functools.cache
def _language() -> Language:
    import tree_sitter_c  # noqa: PLC0415 - to know that a file maps nothing takes no parser
    from tree_sitter import Language  # noqa: PLC0415

    return Language(tree_sitter_c.language())


def _parser(ranges: list[Range] | None = None) -> Parser:
    from tree_sitter import Parser  # noqa: PLC0415

    return Parser(_language(), included_ranges=ranges)


def parse(text: bytes, code: bytes | None = None) -> Node:
    """Parse a whole file, whose code view is `code`. Annotations are hidden from the parser.

    Node offsets are those of `text`; errors in it stay local.
    """
    return _parser().parse(parser_view(text, code)).root_node


def parse_again(view: bytes, before: Tree | None) -> Tree:
    """Parse what parser_view() gave, by a tree of what it was before, if that is at hand."""
    return _parser().parse(view) if before is None else _parser().parse(view, before)


def parse_range(text: bytes, start: int, end: int, line: int) -> Node:
    """Parse only the bytes [start, end) of `text`, which begin on `line` (from 1).

    Node offsets are those of the whole text. Costs no more than the range.
    """
    view = parser_view(text[start:end])
    padded = bytes(start) + view
    from tree_sitter import Range  # noqa: PLC0415

    only = Range((line - 1, 0), (line - 1 + view.count(b"\n"), 0), start, end)
    return _parser([only]).parse(padded).root_node


def parse_without(text: bytes, code: bytes, gaps: Sequence[tuple[int, int]]) -> Node:
    """Parse a whole file, whose code view is `code`, as if the bytes [start, end) were not there.

    Node offsets, lines and columns are those of the whole text.
    """
    from tree_sitter import Range  # noqa: PLC0415

    starts, ends = (0, *(end for _, end in gaps)), (*(start for start, _ in gaps), len(text))
    kept = list(zip(starts, ends, strict=True))
    joined = parser_view(
        b"".join(text[start:end] for start, end in kept),
        b"".join(code[start:end] for start, end in kept),
    )
    view = bytearray(len(text))
    ranges = []
    done = row = 0
    for (start, end), last in zip(kept, (0, *ends), strict=False):
        view[start:end] = joined[done : done + end - start]
        done += end - start
        first = row + text.count(b"\n", last, start)
        row = first + text.count(b"\n", start, end)
        columns = (byte - (text.rfind(b"\n", 0, byte) + 1) for byte in (start, end))
        points = zip((first, row), columns, strict=True)
        ranges.append(Range(next(points), next(points), start, end))
    return _parser(ranges).parse(bytes(view)).root_node


@functools.lru_cache(maxsize=KEPT_TREES)
def parse_expression(text: str | bytes) -> Node:
    """Parse one C expression, such as the body of a macro.

    Raises NotC if it isn't one. Offsets of the node are of no use; its `text` is.
    """
    given = text.encode("latin-1") if isinstance(text, str) else text
    root = parse(_EXPRESSION_HEAD + given + b"\n);}")
    body = _only_statement(root)
    if body is not None and body.type == "expression_statement" and not root.has_error:
        grouped = body.named_children[0]
        inner = [child for child in grouped.named_children if child.type != "comment"]
        if grouped.type == "parenthesized_expression" and len(inner) == 1:
            return inner[0]
    raise NotC("expression", given.decode("latin-1"))


@functools.lru_cache(maxsize=KEPT_TREES)
def parse_statement(text: str | bytes) -> Node:
    """Parse C statements, such as the body of a macro: one, or a compound_statement of several.

    Raises NotC if they aren't. A macro's body that lacks its semicolon gets one.
    """
    given = text.encode("latin-1") if isinstance(text, str) else text
    for tail in (b"\n}", b"\n;}"):
        root = parse(_STATEMENT_HEAD + given + tail)
        if not root.has_error and (found := _only_statement(root)) is not None:
            return found
    raise NotC("statement", given.decode("latin-1"))


def _only_statement(root: Node) -> Node | None:
    """Return the statement in the body of the one function of `root`; the body if several."""
    if len(root.named_children) != 1:
        return None
    body = root.named_children[0].child_by_field_name("body")
    if body is None:
        return None
    inner = [child for child in body.named_children if child.type != "comment"]
    return inner[0] if len(inner) == 1 else body


def walk(node: Node, *, into: Callable[[Node], bool] | None = None) -> Iterator[Node]:
    """Every node of the subtree, `node` first, in the order of the text.

    Children of a node for which `into` is false are left out.
    """
    cursor = node.walk()
    while True:
        here = cursor.node
        if here is None:
            return
        yield here
        if (into is None or into(here)) and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def path_to(root: Node, byte: int) -> list[Node]:
    """Nodes that hold `byte`, from `root` to the leaf.

    Use this to climb: `Node.parent` starts at the root each time. Ends after MAX_LEVELS nodes.
    """
    cursor = root.walk()
    path: list[Node] = []
    while (here := cursor.node) is not None and here.start_byte <= byte < here.end_byte:
        path.append(here)
        if len(path) >= MAX_LEVELS:
            break
        if cursor.goto_first_child_for_byte(byte) is None:
            break
    return path


def text_of(node: Node | None) -> str:
    """Text of a node, byte for byte (Latin-1); "" without one."""
    text = None if node is None else node.text
    return "" if text is None else text.decode("latin-1")


def find_all(node: Node, *types: str) -> Iterator[Node]:
    """Nodes of these types in the subtree."""
    return (found for found in walk(node) if found.type in types)


def calls_in(node: Node, name: str | None = None) -> Iterator[Node]:
    """call_expression nodes in the subtree; only those of the function `name`, if given."""
    for call in find_all(node, "call_expression"):
        if name is None or callee(call) == name:
            yield call


def callee(call: Node) -> str | None:
    """Name of the function that a call_expression calls; None if it is no plain name."""
    function = call.child_by_field_name("function")
    return text_of(function) if function is not None and function.type == "identifier" else None


def arguments(call: Node) -> list[Node]:
    """Arguments of a call_expression, without comments."""
    listed = call.child_by_field_name("arguments")
    if listed is None:
        return []
    return [child for child in listed.named_children if child.type != "comment"]


def block_macro_body(statement: Node) -> Node | None:
    """Return the statement that a macro such as list_for_each_entry() is put before.

    tree-sitter sees such a loop as a call whose semicolon is missing, and then a statement.
    None if `statement` is nothing of that kind.
    """
    if statement.type != "expression_statement" or not statement.children:
        return None
    end = statement.children[-1]
    if not end.is_missing or statement.children[0].type != "call_expression":
        return None
    return statement.next_named_sibling


_TYPE_WORDS = frozenset({"unsigned", "signed", "long", "int", "short", "char"})


def misread(node: Node) -> bool:
    """Tell whether there are parse errors in a subtree that may hide what the code says.

    Two kinds hide nothing: the semicolon that a macro such as list_for_each_entry() has not, and
    a basic type of several words that is an argument: min_t(unsigned long, a, b).
    """
    return first_misread(node) is not None


def first_misread(node: Node) -> Node | None:
    """Return the first of these errors in a subtree."""
    if not node.has_error:
        return None
    inner = walk(node, into=lambda each: each.has_error)
    return next((found for found in inner if _hides_code(found)), None)


def _hides_code(node: Node) -> bool:
    if node.is_missing:
        return node.parent is None or block_macro_body(node.parent) is None
    if node.type != "ERROR":
        return False
    listed = node.parent is not None and node.parent.type == "argument_list"
    return not listed or not _TYPE_WORDS.issuperset(text_of(node).split())


def identifiers_in(node: Node) -> set[str]:
    """Names used in the subtree; field names, labels and type names are not among them."""
    return {text_of(found) for found in find_all(node, "identifier")}


def unwrapped(node: Node) -> Node:
    """Return the expression within parentheses."""
    while node.type == "parenthesized_expression":
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def specifier_text(node: Node) -> str:
    """Return the type that a declaration's specifiers name; "" where they name none.

    tree-sitter takes the macro in `STATIC int f(void)` for the type, and `int` for an error.
    """
    specifier = node.child_by_field_name("type")
    if specifier is None:
        return ""
    after = specifier.next_named_sibling
    words = [text_of(specifier)]
    if specifier.type == "type_identifier" and after is not None and after.type == "ERROR":
        words += [text_of(child) for child in after.named_children if child.type == "identifier"]
    named = [word for word in words if not word.startswith("__")]
    return " ".join((named or words)[-1].split())
