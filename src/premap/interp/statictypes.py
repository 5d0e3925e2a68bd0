# SPDX-License-Identifier: GPL-2.0-only
"""Types that code names (`typeof()` among them), and those of expressions that are not evaluated.

`c ? a : b` has the type of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec.structs import replace
from tree_sitter import Node

from premap.csource.ctypes import (
    ArrayType,
    CType,
    EnumType,
    FunctionType,
    IntType,
    PointerType,
    StructType,
    UnknownType,
)
from premap.csource.declarators import decayed, declarators_of, declared_name
from premap.csource.lengths import characters
from premap.csource.readable import TYPEOF, readable_expression
from premap.interp import layouts
from premap.interp.dispatch import evaluate
from premap.interp.machine import Block, Frame, Machine
from premap.interp.operators import COMPARISONS, common_type, promoted
from premap.interp.redefined import refuse_macro
from premap.interp.syntax import inner_of, part, text_of
from premap.interp.types import member_type, named_type, settled
from premap.interp.values import CHAR, INT, LONG, ULONG
from premap.model.errors import NotModelled

UNTOLD = UnknownType("?")
_LITERALS = frozenset({"number_literal", "char_literal", "true", "false", "null"})
Typer = Callable[[Machine, Frame, Node], CType]
_NAMED = re.compile(r"((?:\w+\s+)*?(\w+))\s*([\s*]*)")


def declared_type(
    machine: Machine, frame: Frame, node: Node, declarator: Node | None = None
) -> CType:
    """Return the type that a declaration or a type_descriptor gives to `declarator`.

    Without one, to its first or only one. `typeof (x)` and a macro's parameter may name it.
    """
    specifier = part(node, "type")
    base = None if specifier is None else _special_type(machine, frame, specifier)
    if base is None:
        if specifier is not None and specifier.type == "type_identifier":
            _refuse_twofold(frame, text_of(specifier))
        found = settled(frame.scope.type_of(node, declarator))
        layouts.agree_on_unknown(machine, frame.scope, found)
        return found
    inner = declarator or part(node, "declarator")
    return settled(frame.scope.types.declared(base, inner))


def _refuse_twofold(frame: Frame, name: str) -> None:
    """Raise NotModelled if a name is that of a type and of a macro: which holds hangs on where."""
    source = frame.scope.source
    if source.macros_of(name) and name in frame.scope.own_typedefs(source):
        refuse_macro(frame.scope, name, "the type")


def _special_type(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return the type that a name stands for which is no type's; None of a type's name."""
    mark = frame.marks.get(node.start_byte)
    if mark is not None:
        return _marked_type(machine, frame, mark)
    if node.type in ("type_identifier", "identifier") and text_of(node) in frame.macros:
        inner, outer = frame.macros[text_of(node)]
        return type_argument(machine, outer, inner)
    return None


def _marked_type(machine: Machine, frame: Frame, mark: str) -> CType:
    if TYPEOF not in mark:
        return named_type(frame.scope, mark)
    operand = mark[mark.index("(") + 1 : mark.rindex(")")].strip()
    named = _NAMED.fullmatch(operand)
    if named is not None and not _is_value(frame, named[2]):
        found = _operand_type(machine, frame, named)
        if not isinstance(found, UnknownType):
            return found
    read = readable_expression(operand)
    if read is None:
        return UNTOLD
    return type_of(machine, replace(frame, marks=read.marks), read.node)


def _operand_type(machine: Machine, frame: Frame, named: re.Match[str]) -> CType:
    """Return the type that the operand of typeof() names, which may be a macro's parameter."""
    if named[1] not in frame.macros:
        return named_type(frame.scope, named[0])
    inner, outer = frame.macros[named[1]]
    found = operand_type(machine, outer, inner)
    for _ in range(named[3].count("*")):
        found = PointerType(found)
    return found


def _is_value(frame: Frame, name: str) -> bool:
    """Return whether a name is that of a variable, not of a type."""
    if name in frame.macros:
        return False
    return frame.variable(name) is not None or frame.scope.variable(name) is not None


def type_argument(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type that an argument of a macro names; it parses as an expression."""
    found = _special_type(machine, frame, node)
    return settled(frame.scope.type_argument(node)) if found is None else found


def operand_type(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of what is a type's name or an expression, as sizeof and typeof take it."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    if node.type == "identifier":
        name = text_of(node)
        if name in frame.macros and node.start_byte not in frame.marks:
            inner, outer = frame.macros[name]
            return operand_type(machine, outer, inner)
        if not _is_value(frame, name):
            found = type_argument(machine, frame, node)
            if isinstance(found, StructType) or not isinstance(found, UnknownType):
                return found
    return type_of(machine, frame, node)


def type_of(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of an expression; UnknownType where it can't be told."""
    if node.type in _LITERALS:
        return evaluate(machine, frame, node).type
    typer = TYPERS.get(node.type)
    return UNTOLD if typer is None else typer(machine, frame, node)


def _child(machine: Machine, frame: Frame, node: Node, name: str) -> CType:
    child = part(node, name)
    return UNTOLD if child is None else type_of(machine, frame, child)


def common(one: CType, other: CType) -> CType:
    """Return the type of a choice between two numbers; UnknownType of others."""
    if isinstance(one, IntType | EnumType) and isinstance(other, IntType | EnumType):
        return common_type(one, other)
    return UNTOLD


def _inner(machine: Machine, frame: Frame, node: Node) -> CType:
    inner = inner_of(node)
    return type_of(machine, frame, inner[-1]) if inner else UNTOLD


def _identifier(machine: Machine, frame: Frame, node: Node) -> CType:
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return type_of(machine, outer, inner)
    local = frame.variable(name)
    if local is not None:
        return local.type
    try:
        found = evaluate(machine, frame, node).type
    except NotModelled:
        return UNTOLD
    variable = frame.scope.variable(name) if isinstance(found, PointerType) else None
    return found if variable is None else settled(variable.type)  # an array, which decays


def _string(_machine: Machine, _frame: Frame, node: Node) -> CType:
    length = len(characters(node) or []) or None
    return ArrayType(CHAR, length, "" if length is None else str(length))


def _binary(machine: Machine, frame: Frame, node: Node) -> CType:
    operator = text_of(part(node, "operator"))
    if operator in COMPARISONS or operator in ("&&", "||"):
        return INT
    left, right = _child(machine, frame, node, "left"), _child(machine, frame, node, "right")
    if operator in ("<<", ">>") and isinstance(left, IntType | EnumType):
        return promoted(left)
    return _counted(operator, left, right) or common(left, right)


def _counted(operator: str, left: CType, right: CType) -> CType | None:
    """Return the type of `p + n`, `n + p`, `p - n` or `p - q`; None of other operands."""
    one, other = decayed(left), decayed(right)
    if operator == "-" and isinstance(one, PointerType) and isinstance(other, PointerType):
        return LONG
    if isinstance(one, PointerType) and isinstance(other, IntType | EnumType):
        return one if operator in ("+", "-") else None
    if isinstance(one, IntType | EnumType) and isinstance(other, PointerType):
        return other if operator == "+" else None
    return None


def _unary(machine: Machine, frame: Frame, node: Node) -> CType:
    if text_of(part(node, "operator")) == "!":
        return INT
    given = _child(machine, frame, node, "argument")
    return promoted(given) if isinstance(given, IntType | EnumType) else UNTOLD


def _conditional(machine: Machine, frame: Frame, node: Node) -> CType:
    name = "consequence" if part(node, "consequence") else "condition"
    return common(_child(machine, frame, node, name), _child(machine, frame, node, "alternative"))


def _cast(machine: Machine, frame: Frame, node: Node) -> CType:
    named = part(node, "type")
    ctype = UNTOLD if named is None else declared_type(machine, frame, named)
    return UNTOLD if misread_cast(ctype, node) else ctype


def misread_cast(ctype: CType, node: Node) -> bool:
    """Return whether a cast to this type is none, but two operands: the parser knows no types.

    C has no casts to functions and arrays, and `(a) - b` may be a difference, with all that this
    means for what is around it.
    """
    if node.type != "cast_expression":
        return False
    value = part(node, "value")
    ambiguous = value is not None and value.type in ("unary_expression", "pointer_expression")
    if ambiguous and isinstance(ctype, UnknownType | StructType):
        return text_of(value)[:1] in "-+&*"
    return isinstance(ctype, FunctionType | ArrayType)


def _statement_expression(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of `({ … })`: that of its last expression, given what it declares."""
    inner = replace(frame, blocks=[*frame.blocks, Block()])
    for declaration in (each for each in node.named_children if each.type == "declaration"):
        for declarator, _ in declarators_of(declaration):
            name = declared_name(declarator)
            if name is not None:
                ctype = declared_type(machine, inner, declaration, declarator)
                inner.blocks[-1][text_of(name)] = machine.new_local(text_of(name), ctype)
    last = node.named_children[-1] if node.named_children else None
    if last is None or last.type != "expression_statement" or not last.named_children:
        return UNTOLD
    return type_of(machine, inner, last.named_children[0])


def _field(machine: Machine, frame: Frame, node: Node) -> CType:
    base = _child(machine, frame, node, "argument")
    if any(child.type == "->" for child in node.children):
        base = _target(base)
    return member_type(frame.scope, base, text_of(part(node, "field")))


def _pointer(machine: Machine, frame: Frame, node: Node) -> CType:
    given = _child(machine, frame, node, "argument")
    return _target(given) if text_of(node.children[0]) == "*" else PointerType(given)


def _element(machine: Machine, frame: Frame, node: Node) -> CType:
    return _target(_child(machine, frame, node, "argument"))


def _target(ctype: CType) -> CType:
    if isinstance(ctype, PointerType):
        return ctype.target
    return ctype.element if isinstance(ctype, ArrayType) else UNTOLD


def _argument(machine: Machine, frame: Frame, node: Node) -> CType:
    return _child(machine, frame, node, "argument")


def _left(machine: Machine, frame: Frame, node: Node) -> CType:
    return _child(machine, frame, node, "left")


def _right(machine: Machine, frame: Frame, node: Node) -> CType:
    return _child(machine, frame, node, "right")


def _size(_machine: Machine, _frame: Frame, _node: Node) -> CType:
    return ULONG


TYPERS: dict[str, Typer] = {
    "assignment_expression": _left,
    "binary_expression": _binary,
    "cast_expression": _cast,
    "compound_literal_expression": _cast,
    "concatenated_string": _string,
    "comma_expression": _right,
    "compound_statement": _statement_expression,
    "conditional_expression": _conditional,
    "field_expression": _field,
    "identifier": _identifier,
    "parenthesized_expression": _inner,
    "pointer_expression": _pointer,
    "sizeof_expression": _size,
    "string_literal": _string,
    "subscript_expression": _element,
    "unary_expression": _unary,
    "update_expression": _argument,
}
"""Which function tells the type of which kind of node; those of calls are found beside them."""
