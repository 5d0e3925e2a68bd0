# SPDX-License-Identifier: GPL-2.0-only
"""Declares local variables and gives them their first values."""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, CType, StructType
from premap.csource.declarators import declarators_of, declared_name
from premap.csource.lengths import characters, completed
from premap.csource.meanings import meaning
from premap.csource.nodes import find_all
from premap.interp import cleanup
from premap.interp.dispatch import evaluate, evaluates, places, short
from premap.interp.lvalues import member_of, read, write
from premap.interp.machine import Frame, Machine, Variable
from premap.interp.operators import accessed
from premap.interp.redefined import refuse_macro
from premap.interp.scalars import is_scalar, word_of
from premap.interp.statictypes import declared_type
from premap.interp.syntax import of_syntax, part, text_of, unwrapped
from premap.interp.values import INT, Place, Value, plain, size_of, unit_of
from premap.model.errors import NotModelled

_WRAPPERS = ("array_declarator", "parenthesized_declarator", "attributed_declarator")


_TYPES = frozenset({"struct_specifier", "union_specifier", "enum_specifier"})


def declare(machine: Machine, frame: Frame, node: Node) -> None:
    """Execute a declaration within a function."""
    specifiers = _specifiers(node)
    if "extern" in specifiers:
        return
    static = "static" in specifiers
    for declarator, inner, value in _declarators(node):
        ctype = declared_type(machine, frame, node, inner)
        ctype = completed(ctype, value, frame.scope.constant)
        if static:
            _declare_static(machine, frame, inner, ctype, value)
            continue
        name = _declared(inner)
        refuse_macro(frame.scope, name, "the variable")
        variable = frame.blocks[-1][name] = machine.new_local(name, ctype)
        if value is not None:
            initialise(machine, frame, variable, value)
        for mark in _marks(frame, node, declarator):
            cleanup.clean_up_variable(frame, node, name, variable, mark)


@of_syntax
def _specifiers(node: Node) -> Sequence[str]:
    """Return what stands before the declarators of a declaration, and more of its text."""
    given = part(node, "type")
    if given is not None and given.type in _TYPES and part(given, "body"):
        tag = part(given, "name")
        if tag is not None or given.type == "enum_specifier":
            raise NotModelled(f"{text_of(given).partition('{')[0].strip()} of a function's own")
    return [text_of(child) for child in node.children]


@of_syntax
def _declarators(node: Node) -> Sequence[tuple[Node, Node, Node | None]]:
    """Return the declarators of a declaration: each whole, without its value, and the value."""
    found: list[tuple[Node, Node, Node | None]] = []
    for declarator in node.children_by_field_name("declarator"):
        if declarator.type == "init_declarator":
            inner = _required(part(declarator, "declarator"))
            found.append((declarator, inner, part(declarator, "value")))
        else:
            found.append((declarator, declarator, None))
    return found


def _declare_static(
    machine: Machine, frame: Frame, declarator: Node, ctype: CType, value: Node | None
) -> None:
    """Declare a variable that keeps what earlier calls left in it: that is made up.

    One of the hook itself is told by that, as the hook's own name changes when it is converted;
    those of one name in one function, by their order.
    """
    name = _declared(declarator)
    owner = "hook" if machine.depth == 1 else frame.function.name
    before = _declared_before(frame, declarator, name) if frame.outer is None else 0
    owner += f"#{before + 1}" if before else ""
    begins = "0" if value is None else short(value, None)
    text = f"{name} begins with different values in the two versions"
    fact = (begins, meaning(frame.scope, begins))
    machine.memory.namer.agree(("initial", f"{owner}::{name}"), fact, text)
    made = machine.memory.object(f"{owner}::{name}", ctype, nonnull=True)
    frame.blocks[-1][name] = Variable(made, ctype)


def _declared_before(frame: Frame, declarator: Node, name: str) -> int:
    """Return how many static variables of this name the function declares before one."""
    earlier = (
        node
        for node in find_all(frame.function.body, "declaration")
        if node.start_byte < declarator.start_byte and node.end_byte <= declarator.start_byte
    )
    return sum(
        any(text_of(child) == "static" for child in node.children)
        and any(text_of(declared_name(each)) == name for each, _ in declarators_of(node))
        for node in earlier
    )


def initialise(machine: Machine, frame: Frame, variable: Variable, value: Node) -> None:
    """Give a new variable its initializer's value."""
    _initialise_place(machine, frame, Place(variable.object), variable.type, value)


@places("compound_literal_expression")
def _literal_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    ctype = declared_type(machine, frame, _required(part(node, "type")))
    variable = machine.new_local("literal", ctype)
    frame.blocks[-1][f"literal {len(machine.locals)}"] = variable  # its life ends with the block's
    initialise(machine, frame, variable, _required(part(node, "value")))
    return Place(variable.object), ctype


@evaluates("compound_literal_expression")
def _compound_literal(machine: Machine, frame: Frame, node: Node) -> Value:
    place, ctype = _literal_place(machine, frame, node)
    return read(machine, frame, place, ctype)


def _initialise_place(
    machine: Machine, frame: Frame, place: Place, ctype: CType, value: Node
) -> None:
    if isinstance(ctype, ArrayType) and value.type != "initializer_list":
        _spell(machine, place, ctype, value)
        return
    if value.type != "initializer_list":
        given = evaluate(machine, frame, value)
        if not isinstance(ctype, StructType) or not is_scalar(given):
            write(machine, place, ctype, given)
        elif plain(word_of(given)) != 0:  # the 0 of `{ 0 }` says that all is
            raise NotModelled("an initializer of a structure without its braces")
        return
    place.object.fill(zeroed=True)
    position = 0
    for item in value.named_children:
        if item.type == "comment":
            continue
        if item.type == "initializer_pair":
            _designated(machine, frame, place, ctype, item)
        elif isinstance(ctype, ArrayType):
            element = accessed(place.element(position, unit_of(ctype.element)), ctype.element)
            _initialise_place(machine, frame, element, ctype.element, item)
        elif not (text_of(item) == "0" and position == 0):
            raise NotModelled("an initializer without the names of its members")
        position += 1


def _spell(machine: Machine, place: Place, ctype: ArrayType, value: Node) -> None:
    """Fill an array with the bytes of a string, and zeroes."""
    given = characters(unwrapped(value))
    if given is None or size_of(ctype.element) != 1:
        raise NotModelled(f"an array that begins with `{short(value)}`")
    place.object.fill(zeroed=True)
    for position, byte in enumerate(given[: ctype.length]):
        element = accessed(place.element(position, unit_of(ctype.element)), ctype.element)
        write(machine, element, ctype.element, Value(INT, byte))


def _designated(machine: Machine, frame: Frame, place: Place, ctype: CType, item: Node) -> None:
    for designator in item.children_by_field_name("designator"):
        of_old = designator.type == "field_identifier"  # `member: value`
        if not (of_old or designator.type == "field_designator") or not isinstance(
            ctype, StructType
        ):
            raise NotModelled(f"initializer {text_of(designator)}")
        name = text_of(designator if of_old else designator.named_children[0])
        place, ctype = member_of(machine, frame, place, ctype, name)
    _initialise_place(machine, frame, place, ctype, _required(part(item, "value")))


@of_syntax
def _declared(declarator: Node) -> str:
    node: Node | None = declarator
    while node is not None and node.type != "identifier":
        node = part(node, "declarator") or (
            node.named_children[0] if node.type in _WRAPPERS and node.named_children else None
        )
    if node is None:
        raise NotModelled(f"declaration of `{text_of(declarator)[:60]}`")
    return text_of(node)


def _marks(frame: Frame, node: Node, declarator: Node) -> list[str]:
    """Return the `__free(x)` that stand after a declarator: it ends where the next one begins."""
    if not frame.marks:
        return []
    others = [each.start_byte for each in node.children_by_field_name("declarator")]
    first = declarator.start_byte
    end = min((each for each in others if each > first), default=node.end_byte)
    found = (mark for at, mark in frame.marks.items() if first <= at < end)
    return [mark for mark in found if mark.startswith(cleanup.ATTRIBUTES)]


def _required(node: Node | None) -> Node:
    if node is None:
        raise NotModelled("an incomplete declaration")
    return node
