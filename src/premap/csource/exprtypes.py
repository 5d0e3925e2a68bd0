# SPDX-License-Identifier: GPL-2.0-only
"""Types of expressions that lead to an object: names, members, calls, casts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tree_sitter import Node

from premap.csource import ctypes
from premap.csource.ctypes import CType
from premap.csource.declarators import declarators_of, declared_name
from premap.csource.nodes import arguments, callee, find_all, text_of
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile

_SAME_TYPE = frozenset({"READ_ONCE", "rcu_dereference", "smp_load_acquire"})
"""Macros with the type of what they read."""
MAX_DEPTH = 100
"""Nesting of an expression that is looked into."""
UNKNOWN = ctypes.UnknownType("?")


def local_types(scope: Scope, function: Node, before: int) -> dict[str, CType]:
    """Types of the parameters and local variables that a function declares before a byte.

    Of a name declared twice the later one counts.
    """
    found: dict[str, CType] = {}
    for node in find_all(function, "parameter_declaration", "declaration"):
        if node.start_byte > before:
            break
        if node.type == "parameter_declaration":
            _add(scope, found, node, node.child_by_field_name("declarator"))
            continue
        for declarator, _ in declarators_of(node):
            _add(scope, found, node, declarator)
    return found


def function_around(source: SourceFile, node: Node) -> Function | None:
    """Return the function of a file that a node is in."""
    for functions in source.functions.values():
        for function in functions:
            if function.node.start_byte <= node.start_byte < function.node.end_byte:
                return function
    return None


def types_at(scope: Scope, function: Function | None, node: Node) -> ExpressionTypes:
    """Return what expressions have as types where a node is: in a function, or in none."""
    names = {} if function is None else local_types(scope, function.node, node.start_byte)
    return ExpressionTypes(scope, names)


def _add(scope: Scope, found: dict[str, CType], node: Node, declarator: Node | None) -> None:
    name = declared_name(declarator)
    if name is not None:
        found[text_of(name)] = scope.type_of(node, declarator)


class ExpressionTypes:
    """Types of expressions, given those of local variables."""

    def __init__(self, scope: Scope, names: Mapping[str, CType]) -> None:
        self.scope = scope
        self.names = names

    def of(self, node: Node, depth: int = 0) -> CType:
        """Type of an expression; UnknownType where it can't be told."""
        reader = _READERS.get(node.type)
        if reader is None or depth > MAX_DEPTH:
            return UNKNOWN
        return reader(self, node, depth + 1)

    def _child(self, node: Node, name: str, depth: int) -> CType:
        child = node.child_by_field_name(name)
        return UNKNOWN if child is None else self.of(child, depth)

    def identifier(self, node: Node, _depth: int) -> CType:
        """Look up a local variable, one at file level, or a function."""
        name = text_of(node)
        if name in self.names:
            return self.names[name]
        variable = self.scope.variable(name)
        if variable is not None:
            return variable.type
        return self.scope.function_type(name) or UNKNOWN

    def field(self, node: Node, depth: int) -> CType:
        """Look up the member of `a.b` or `a->b`."""
        member = node.child_by_field_name("field")
        found = self.scope.field(self._child(node, "argument", depth), text_of(member))
        return UNKNOWN if found is None else found.type

    def pointer(self, node: Node, depth: int) -> CType:
        """Follow `*a`, or point with `&a`."""
        given = self._child(node, "argument", depth)
        if text_of(node.child_by_field_name("operator")) == "&":
            return ctypes.PointerType(given)
        return _target(given)

    def subscript(self, node: Node, depth: int) -> CType:
        """Take an element of an array, or of what a pointer points to."""
        return _target(self._child(node, "argument", depth))

    def call(self, node: Node, depth: int) -> CType:
        """Take a function's result."""
        name = callee(node)
        if name == "container_of":
            return self._container(node)
        if name in _SAME_TYPE:
            given = arguments(node)
            return self.of(given[0], depth) if len(given) == 1 else UNKNOWN
        called = self._child(node, "function", depth)
        function = called.target if isinstance(called, ctypes.PointerType) else called
        return function.result if isinstance(function, ctypes.FunctionType) else UNKNOWN

    def _container(self, node: Node) -> CType:
        """Read the type that container_of() names; tree-sitter sees it as an expression."""
        given = arguments(node)
        if len(given) != 3:
            return UNKNOWN
        return ctypes.PointerType(self.scope.type_argument(given[1]))

    def typed(self, node: Node, _depth: int) -> CType:
        """Read the type of a cast or a compound literal."""
        named = node.child_by_field_name("type")
        return UNKNOWN if named is None else self.scope.type_of(named)

    def group(self, node: Node, depth: int) -> CType:
        """Look into parentheses."""
        inner = [child for child in node.named_children if child.type != "comment"]
        return self.of(inner[-1], depth) if inner else UNKNOWN

    def assignment(self, node: Node, depth: int) -> CType:
        """Take the type of what is assigned to."""
        return self._child(node, "left", depth)

    def conditional(self, node: Node, depth: int) -> CType:
        """Take the type of the first choice that has one."""
        first = self._child(node, "consequence", depth)
        return self._child(node, "alternative", depth) if first == UNKNOWN else first


def _target(given: CType) -> CType:
    if isinstance(given, ctypes.PointerType):
        return given.target
    return given.element if isinstance(given, ctypes.ArrayType) else UNKNOWN


_READERS: dict[str, Callable[[ExpressionTypes, Node, int], CType]] = {
    "identifier": ExpressionTypes.identifier,
    "field_expression": ExpressionTypes.field,
    "pointer_expression": ExpressionTypes.pointer,
    "subscript_expression": ExpressionTypes.subscript,
    "call_expression": ExpressionTypes.call,
    "cast_expression": ExpressionTypes.typed,
    "compound_literal_expression": ExpressionTypes.typed,
    "parenthesized_expression": ExpressionTypes.group,
    "assignment_expression": ExpressionTypes.assignment,
    "conditional_expression": ExpressionTypes.conditional,
}
