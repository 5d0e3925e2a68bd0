# SPDX-License-Identifier: GPL-2.0-only
"""From C declarations to types: specifier first, then the declarator from outside to the name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.csource import ctypes
from premap.csource.ctypes import CType
from premap.csource.nodes import specifier_text, text_of

MAX_DEPTH = 100
"""Deeper declarators than this are nobody's code."""


class TypeReader(Struct, frozen=True):
    """Reads types out of parse trees, asking others about names.

    `typedef` says what a name stands for, `constant` what an array's length is, `anonymous` makes
    a type of a struct_specifier or union_specifier that has a body and no tag, `enum` one of an
    enum_specifier.
    """

    typedef: Callable[[str], CType | None]
    constant: Callable[[Node], int | None]
    anonymous: Callable[[Node], CType]
    enum: Callable[[Node], CType]

    def type_of(self, node: Node, declarator: Node | None = None) -> CType:
        """Return the type that a declaration gives to `declarator`, one of its declarators.

        Without `declarator` the declaration's first one counts; a type_descriptor has only one.
        """
        base = self.base(node)
        if declarator is None:
            declarator = node.child_by_field_name("declarator")
        return self.declared(base, declarator)

    def base(self, node: Node) -> CType:
        """Return the type of the specifiers of a declaration, without its declarators."""
        specifier = node.child_by_field_name("type")
        if specifier is None:
            return ctypes.UnknownType("?")
        if specifier.type == "macro_type_specifier":
            return ctypes.UnknownType(text_of(specifier))
        if specifier.type in {"struct_specifier", "union_specifier"}:
            return self._struct(specifier)
        if specifier.type == "enum_specifier":
            return self.enum(specifier)
        return self.named(specifier_text(node))

    def named(self, name: str) -> CType:
        """Return the type that a name, or C's own words, stand for."""
        return ctypes.basic_type(name) or self.typedef(name) or ctypes.UnknownType(name)

    def _struct(self, node: Node) -> CType:
        tag = node.child_by_field_name("name")
        if tag is None:
            return self.anonymous(node)
        return ctypes.StructType(node.type.removesuffix("_specifier"), text_of(tag))

    def declared(self, base: CType, declarator: Node | None) -> CType:
        """Return what `declarator` makes of the type `base`."""
        built = base
        for _ in range(MAX_DEPTH):
            if declarator is None:
                return built
            kind = declarator.type.removeprefix("abstract_")
            if kind == "pointer_declarator":
                built = ctypes.PointerType(built)
            elif kind == "array_declarator":
                built = self._array(built, declarator)
            elif kind == "function_declarator":
                built = self._function(built, declarator)
            declarator = _inner(declarator)
        return ctypes.UnknownType("?")

    def _array(self, element: CType, declarator: Node) -> CType:
        size = declarator.child_by_field_name("size")
        if size is None:
            return ctypes.ArrayType(element, None)
        return ctypes.ArrayType(element, self.constant(size), text_of(size))

    def _function(self, result: CType, declarator: Node) -> CType:
        listed = declarator.child_by_field_name("parameters")
        children = [] if listed is None else listed.named_children
        types = tuple(
            decayed(self.type_of(child))
            for child in children
            if child.type == "parameter_declaration"
        )
        if types == (ctypes.VOID,):
            types = ()
        variadic = any(child.type == "variadic_parameter" for child in children)
        return ctypes.FunctionType(result, types, variadic)


def decayed(given: CType) -> CType:
    """Return what a parameter of a type really is: arrays and functions are passed as pointers."""
    if isinstance(given, ctypes.ArrayType):
        return ctypes.PointerType(given.element)
    if isinstance(given, ctypes.FunctionType):
        return ctypes.PointerType(given)
    return given


def _inner(declarator: Node) -> Node | None:
    inner = declarator.child_by_field_name("declarator")
    if inner is not None:
        return inner
    return next(
        (child for child in declarator.named_children if child.type.endswith("_declarator")), None
    )


def declared_name(declarator: Node | None) -> Node | None:
    """Return the node with the name that a declarator declares; None for abstract ones."""
    for _ in range(MAX_DEPTH):
        if declarator is None:
            return None
        if declarator.type in {"identifier", "field_identifier", "type_identifier"}:
            return declarator
        inner = declarator.child_by_field_name("declarator")
        if inner is None:
            inner = next(
                (
                    c
                    for c in declarator.named_children
                    if "declarator" in c.type or c.type in _NAMES
                ),
                None,
            )
        declarator = inner
    return None


_NAMES = {"identifier", "field_identifier", "type_identifier"}


def declarators_of(node: Node) -> Iterator[tuple[Node, Node | None]]:
    """Yield the declarators of a declaration, each with its initializer."""
    for declarator in node.children_by_field_name("declarator"):
        if declarator.type == "init_declarator":
            inner = declarator.child_by_field_name("declarator")
            if inner is not None:
                yield inner, declarator.child_by_field_name("value")
        else:
            yield declarator, None
