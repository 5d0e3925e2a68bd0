# SPDX-License-Identifier: GPL-2.0-only
"""Where code of a tree calls, tests or copies a subsystem's member (H10).

A call goes through a helper that takes either member; a test asks for either; a macro that copies
members by name is told of the twin. Anything else is a reason to leave the subsystem as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.callback import Callback
from premap.conversion.callback_member import Member
from premap.csource.ctypes import ArrayType, CType, PointerType, StructType, UnknownType
from premap.csource.errors import NotC, SourceError
from premap.csource.exprtypes import function_around, types_at
from premap.csource.nodes import (
    arguments,
    callee,
    calls_in,
    find_all,
    parse_expression,
    text_of,
)
from premap.csource.scope import Scope
from premap.csource.source import Function, Macro, SourceFile
from premap.csource.text import ASSIGNED, places
from premap.csource.tree import KernelTree
from premap.idioms.idiom import Declined, within

_HINTS = frozenset({"likely", "unlikely"})
_READS = frozenset({"READ_ONCE", "rcu_dereference"})
"""What may stand twice in a condition: it only reads."""
_TAKES_ALL = frozenset({"assignment_expression", "init_declarator", "return_statement"})
"""What a condition stands in without parentheses."""
_NULL = frozenset({"NULL", "0"})
_CHAIN = r"((?:\(\s*\w+\s*\)|\w+)(?:(?:->|\.)\w+)*)\s*(?:->|\.)\s*{}\b"
"""What stands before the parameter of a macro that it takes for a member's name."""


class Use(Struct, frozen=True, eq=False):
    """One place that names the member of a table, or of what may be one."""

    source: SourceFile
    node: Node
    """The field_expression; for a macro that is given the member's name, its call."""
    function: Function | None
    base: CType
    """Type of what the member is taken from."""
    macro: Macro | None = None


class Uses:
    """All uses of one member in a tree."""

    def __init__(self, callback: Callback, member: Member, tree: KernelTree) -> None:
        self.callback = callback
        self.member = member
        self.tree = tree

    def files(self) -> Iterator[SourceFile]:
        """Yield the files that may use the member."""
        name = self.callback.member.encode()
        for file in self.tree.search.mentioning(self.callback.member, ""):
            if not _may_read(self.tree.bytes_of(file), name):
                continue
            try:
                source = self.tree.open(file)
            except SourceError:
                continue
            if _may_read(source.code, name):
                yield source

    def found(self) -> Iterator[Use]:
        """Yield the uses, file by file. Raises Declined for one that can't be understood."""
        for source in self.files():
            with within(source):
                yield from self._in_file(source)

    def _in_file(self, source: SourceFile) -> Iterator[Use]:
        scope = Scope(source, self.tree)
        sees = self.member.source in scope.files
        for node in _fields(source, self.callback.member):
            yield from self._typed(node, scope, sees=sees)
        if b"offsetof" in source.code:
            self._check_offsets(source)
        if sees:
            yield from self._named_to_macros(scope)
            self._check_macros(source)

    def _typed(self, node: Node, scope: Scope, *, sees: bool) -> Iterator[Use]:
        """Yield a use of the member, if the expression is one."""
        parent = node.parent
        site = parent is not None and _is_assigned(node, parent)
        if site and not _is_taken_away(parent):
            return
        base = node.child_by_field_name("argument")
        if base is None:
            return
        function = function_around(scope.source, node)
        ctype = struct_of(types_at(scope, function, node).of(base))
        if isinstance(ctype, StructType) and ctype.tag == self.callback.tag:
            if site:
                raise Declined("callback-use", f"`{_short(node)}` is taken away here", node)
            yield Use(scope.source, node, function, ctype)
        elif isinstance(ctype, UnknownType) and sees and self._may_be(node):
            message = f"whose member `{_short(node)}` is could not be told"
            raise Declined("callback-use", message, node)

    def _may_be(self, node: Node) -> bool:
        """Tell whether something of unknown type may be the member, by how it is called."""
        call = _call_of(node)
        return call is None or len(arguments(call)) == len(self.member.parameters)

    def _named_to_macros(self, scope: Scope) -> Iterator[Use]:
        """Yield calls of macros that are given the member's name as an argument."""
        for call in calls_in(scope.source.root):
            name = callee(call)
            given = arguments(call)
            at = [i for i, each in enumerate(given) if text_of(each) == self.callback.member]
            if not at or name is None or given[at[0]].type != "identifier":
                continue
            for macro in scope.macro(name):
                self._check_offset_of(macro, at[0], call)
                base = self._macro_base(macro, at[0], call, scope)
                if base is not None:
                    yield Use(scope.source, call, function_around(scope.source, call), base, macro)

    def _macro_base(self, macro: Macro, at: int, call: Node, scope: Scope) -> CType | None:
        """Return the type of the table that a macro takes the named member from."""
        names = macro.parameters or ()
        if at >= len(names) or names[at] == "...":
            return None
        given = dict(zip(names, map(text_of, arguments(call)), strict=False))
        function = function_around(scope.source, call)
        for match in re.finditer(_CHAIN.format(re.escape(names[at])), macro.body):
            text = re.sub(r"(?<![.>\w])\w+", lambda m: f"({given.get(m[0], m[0])})", match[1])
            try:
                node = parse_expression(text)
            except NotC:
                continue
            ctype = struct_of(types_at(scope, function, call).of(node))
            if isinstance(ctype, StructType) and ctype.tag == self.callback.tag:
                return ctype
        return None

    def _check_offsets(self, source: SourceFile) -> None:
        """Raise Declined where code asks for the place of the member in its table."""
        for node in find_all(source.root, "offsetof_expression"):
            names = [text_of(each) for each in node.named_children]
            if names[-1:] == [self.callback.member] and self.callback.tag in names[0].split():
                raise Declined("callback-use", f"`{_short(node)}` stands for the member", node)

    def _check_offset_of(self, macro: Macro, at: int, call: Node) -> None:
        """Raise Declined for a macro that asks for the place of the member it is given."""
        names = macro.parameters or ()
        if at >= len(names):
            return
        table, name = re.escape(str(self.callback.tag)), re.escape(names[at])
        if re.search(rf"\b{table}\s*,\s*{name}\s*\)", macro.body):
            raise Declined("callback-use", f"`{_short(call)}` stands for the member", call)

    def _check_macros(self, source: SourceFile) -> None:
        """Raise Declined for a macro of the file whose body takes a member of that name."""
        pattern = re.compile(rf"->\s*{re.escape(self.callback.member)}\b(?!\s*=[^=])")
        for macro in source.macro_list:
            if pattern.search(macro.body):
                message = f"the macro {macro.name} takes a member {self.callback.member}"
                raise Declined("callback-use", message, line=macro.line)


def _may_read(text: bytes, member: bytes) -> bool:
    """Tell whether a text may read a member, or give its name to a macro."""
    for at in places(member, text):
        before = text[:at].rstrip()
        if before.endswith((b"->", b".")):
            if not ASSIGNED.match(text, at + len(member)):
                return True
        elif before.endswith((b"(", b",")) and _GIVEN.match(text, at + len(member)):
            return True
    return False


_GIVEN = re.compile(rb"\s*[,)]")


def _fields(source: SourceFile, member: str) -> Iterator[Node]:
    """Yield the `a.member` and `a->member` of a file, without a look at the rest of it."""
    word = member.encode()
    for at in places(word, source.code):
        name = source.root.descendant_for_byte_range(at, at + len(word))
        node = None if name is None else name.parent
        if node is None or node.type != "field_expression":
            continue
        if node.child_by_field_name("field") == name:
            yield node


def _is_assigned(node: Node, parent: Node) -> bool:
    """Tell whether an expression is given a value."""
    assigned = parent.type == "assignment_expression"
    return assigned and parent.child_by_field_name("left") == node


def _is_taken_away(assignment: Node | None) -> bool:
    """Tell whether the value is NULL: the object may have the twin, which would stay."""
    value = None if assignment is None else assignment.child_by_field_name("right")
    return value is not None and text_of(value) in _NULL


def struct_of(ctype: CType) -> CType:
    """Return what a pointer points to, or an array has; other types as they are."""
    if isinstance(ctype, PointerType):
        return ctype.target
    return ctype.element if isinstance(ctype, ArrayType) else ctype


def outer(node: Node) -> Node:
    """Return the outermost parentheses around an expression, or itself."""
    while node.parent is not None and node.parent.type == "parenthesized_expression":
        above = node.parent.parent
        if above is not None and above.type in {"if_statement", "while_statement"}:
            break
        node = node.parent
    return node


def _call_of(node: Node) -> Node | None:
    """Return the call of the member, if it is called there."""
    whole = outer(node)
    parent = whole.parent
    if parent is not None and parent.type == "call_expression":
        return parent if parent.child_by_field_name("function") == whole else None
    return None


def call_of(use: Use) -> Node | None:
    """Return the call of the member, if that is what the use is."""
    return None if use.macro is not None else _call_of(use.node)


def tested(use: Use, twin: str, stands: Node) -> tuple[Node, str] | None:
    """Return the node that asks whether the member is set, and what asks for either member.

    `stands` is what stands for the member there: the use itself, or a variable that holds it.
    """
    node = outer(stands)
    text = text_of(use.node)
    other = text[: text.rindex(use_member(use))] + twin
    parent = node.parent
    if any(callee(call) not in _READS for call in calls_in(use.node)):
        return None  # would be called twice
    if parent is not None and _is_hint(parent):
        return node, f"{text} || {other}"
    if parent is not None and parent.type == "unary_expression":
        return (parent, _grouped(parent, f"!{text} && !{other}", "||"))
    if parent is not None and parent.type == "binary_expression":
        operator = text_of(parent.child_by_field_name("operator"))
        right = text_of(parent.child_by_field_name("right"))
        if operator in {"==", "!="} and right in _NULL:
            new = f"!{text} && !{other}" if operator == "==" else f"{text} || {other}"
            return (parent, _grouped(parent, new, "||" if operator == "==" else "&&"))
    if _is_condition(node):
        return node, _grouped(node, f"{text} || {other}", "&&")
    return (node, f"{text} || {other}") if _becomes_bool(node, use.function) else None


def _becomes_bool(node: Node, function: Function | None) -> bool:
    """Tell whether an expression's value is kept in a local `bool`, so only whether it is zero."""
    parent = node.parent
    if parent is None or function is None:
        return False
    if parent.type == "init_declarator":
        inner, above = parent.child_by_field_name("declarator"), parent.parent
        plain = inner is not None and inner.type == "identifier"
        return plain and above is not None and _is_bool(above)
    name = parent.child_by_field_name("left")
    plain = text_of(parent.child_by_field_name("operator")) == "="
    if parent.type != "assignment_expression" or not plain or name is None or name == node:
        return False
    declared = [
        declaration
        for declaration in find_all(function.body, "declaration")
        for each in declaration.children_by_field_name("declarator")
        if text_of(each.child_by_field_name("declarator") or each) == text_of(name)
    ]
    return bool(declared) and all(_is_bool(each) for each in declared)


def _is_bool(declaration: Node) -> bool:
    return text_of(declaration.child_by_field_name("type")) in {"bool", "_Bool"}


def use_member(use: Use) -> str:
    """Return the name of the member that is used."""
    return text_of(use.node.child_by_field_name("field"))


def _is_hint(node: Node) -> bool:
    """Tell whether this is the argument of likely() or unlikely()."""
    return node.type == "argument_list" and callee(node.parent or node) in _HINTS


def _grouped(node: Node, new: str, other: str) -> str:
    """Return the new condition in parentheses where what is around it binds as strongly."""
    parent = node.parent
    if parent is None or parent.type in {"parenthesized_expression", "argument_list"}:
        return new
    same = parent.type == "binary_expression" and (
        text_of(parent.child_by_field_name("operator")) != other
        and text_of(parent.child_by_field_name("operator")) in {"&&", "||"}
    )
    plain = same or parent.type in _TAKES_ALL
    return new if plain else f"({new})"


def _is_condition(node: Node) -> bool:
    """Tell whether an expression's value is only asked to be zero or not."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "parenthesized_expression":
        above = parent.parent
        return above is not None and above.type in {"if_statement", "while_statement"}
    if parent.type == "binary_expression":
        return text_of(parent.child_by_field_name("operator")) in {"&&", "||"}
    if parent.type == "conditional_expression":
        return parent.child_by_field_name("condition") == node
    return False


def _short(node: Node) -> str:
    return " ".join(text_of(node).split())[:60]
