# SPDX-License-Identifier: GPL-2.0-only
"""Which place in memory an expression names: what stands left of `=`, or behind `&`."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.ctypes import (
    ArrayType,
    CType,
    FunctionType,
    PointerType,
    StructType,
    UnknownType,
)
from premap.csource.meanings import meaning
from premap.csource.nodes import find_all
from premap.interp import (
    expansion,
    layouts,
    operators,
)
from premap.interp.conditions import compiled
from premap.interp.dispatch import evaluate, place_of, places, short
from premap.interp.inputs import Inputs
from premap.interp.machine import Frame, Machine
from premap.interp.operators import UNKNOWN, convert
from premap.interp.redefined import refuse_elsewhere, refuse_macro
from premap.interp.scalars import is_scalar, word_of
from premap.interp.syntax import child, only_child, part, text_of
from premap.interp.types import VM_OPS, member, member_path, member_type
from premap.interp.undefined import NullPointer
from premap.interp.values import (
    FunctionName,
    Index,
    Place,
    Pointer,
    Value,
    is_unknown,
    made_up_address,
    plain,
    to_signed,
)
from premap.model.constants import MAX_ERRNO
from premap.model.errors import NotModelled
from premap.model.words import PAGE_SIZE, U64_MAX


@places("parenthesized_expression")
def _parenthesized_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    return place_of(machine, frame, only_child(node))


@places("subscript_expression")
def _element_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    pointer = evaluate(machine, frame, child(node, "argument"))
    index = evaluate(machine, frame, child(node, "index"))
    return pointed(operators.binary(machine.inputs, "+", pointer, index))


@places("pointer_expression")
def _pointed_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    if text_of(node.children[0]) != "*":
        raise machine.failure(frame, node, f"`{short(node)}` is used as a place in memory")
    return pointed(evaluate(machine, frame, child(node, "argument")))


def read(machine: Machine, frame: Frame, place: Place, ctype: CType) -> Value:
    """Read a place; structures decay to where they are, arrays to their first element."""
    if isinstance(ctype, FunctionType):
        return Value(ctype, FunctionName(place.object.name))
    if isinstance(ctype, ArrayType):
        if isinstance(ctype.element, ArrayType) or (
            place.path and isinstance(place.path[-1], Index)
        ):
            raise NotModelled(f"{place} is an array of arrays")
        return Value(PointerType(ctype.element), Pointer(place, address_of(machine.inputs, place)))
    del frame
    return place.object.load(place.path, ctype)


def write(machine: Machine, place: Place, ctype: CType, value: Value) -> Value:
    """Write a place, converted to its type; return what it holds then."""
    stored = convert(machine.inputs, value, ctype)
    if isinstance(stored.data, Pointer) and not place.object.local:
        target = stored.data.place
        if target is not None and target.object.local:
            raise NotModelled(f"{place} is made to point to {target}")
    place.object.store(place.path, stored)
    machine.memory.note_write(place, stored)
    return stored


def address_of(inputs: Inputs, place: Place) -> int:
    """Return the address of a place as a word; a member's is made up, and not NULL.

    Where it is the same as another's is told by their places (`operators.same_place()`).
    """
    if not place.path:
        return place.object.address
    last = place.path[-1]
    if isinstance(last, Index):
        first = address_of(inputs, Place(place.object, place.path[:-1]))
        return operators.element_address(inputs, first, last.word, last.unit)
    name = f"&{place}"
    place.object.note_address(name, place.path)
    return made_up_address(inputs.apply(name, place.object.address))


def pointed(pointer: Value) -> tuple[Place, CType]:
    """Return the place that a pointer gives access to, and its type."""
    ctype = pointer.type.target if isinstance(pointer.type, PointerType) else UNKNOWN
    if not isinstance(pointer.data, Pointer) or pointer.data.place is None:
        known = plain(word_of(pointer)) if is_scalar(pointer) else None
        if known is not None and (known < PAGE_SIZE or known > U64_MAX - MAX_ERRNO):
            raise NullPointer(f"a pointer that is {to_signed(known)} is followed")
        raise NotModelled("what a computed address points to is not known")
    return operators.accessed(pointer.data.place, ctype), ctype


@places("identifier")
def _named_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return place_of(machine, outer, inner)
    local = frame.variable(name)
    if local is not None:
        return Place(local.object), local.type
    bodies = macro_bodies(machine, frame, name)
    if len(bodies) > 1:
        raise machine.failure(frame, node, f"the macro {name}, which has several definitions")
    if bodies:
        found = expansion.object_like(machine, frame, node, name, bodies.pop())
        return place_of(machine, found.frame, found.read.node)
    return global_place(machine, frame, name)


def global_place(machine: Machine, frame: Frame, name: str) -> tuple[Place, CType]:
    """Return the place of a file-scope variable, whose content is made up unless it is constant."""
    variable = frame.scope.variable(name)
    if variable is None:
        raise NotModelled(f"`{name}` is not declared in the file or its headers")
    if variable.type != VM_OPS:
        text = f"{name} begins with different values in the two versions"
        begins = "" if variable.initializer is None else short(variable.initializer, None)
        maker = child(variable.node, "type")
        if is_unknown(variable.type) and maker.type == "type_identifier":
            begins = f"{text_of(maker)} {begins}"  # as of `DEFINE_STATIC_KEY_TRUE(name)`
        fact = (
            begins,
            variable.const,
            variable.arms,
            meaning(frame.scope, " ".join((begins, *variable.arms))),
        )
        machine.memory.namer.agree(("initial", name), fact, text)
        if variable.initializer is not None and _is_positional(variable.initializer):
            layouts.agree(machine, frame.scope, variable.type)
    made = machine.memory.object(name, variable.type, nonnull=True)
    return Place(made), variable.type


def _is_positional(initializer: Node) -> bool:
    """Return whether values are given without the names of the members that they are for."""
    given = (
        each
        for values in find_all(initializer, "initializer_list")
        for each in values.named_children
    )
    return any(each.type not in _NAMED for each in given)


_NAMED = frozenset({"initializer_pair", "initializer_list", "comment"})
"""What is no value without a name: of a list in a list, its own values are asked."""


@places("field_expression")
def member_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    """Return the place that `a.b` or `a->b` names, and its type."""
    argument = child(node, "argument")
    name = text_of(child(node, "field"))
    if frame.scope.source.macros_of(name):
        _refuse_macro(machine, frame, node, name)
    if is_arrow(node):
        base, ctype = pointed(evaluate(machine, frame, argument))
    else:
        base, ctype = place_of(machine, frame, argument)
    if not base.path and name in base.object.embedded:
        return base.object.embedded[name], member_type(frame.scope, ctype, name)
    if isinstance(ctype, StructType):
        base.object.look_into(base.path, ctype)
    return member_of(machine, frame, base, ctype, name)


def _refuse_macro(machine: Machine, frame: Frame, node: Node, name: str) -> None:
    """Raise NotModelled where a member's name is a macro, called or not defined yet."""
    refuse_elsewhere(machine, frame, node, name)
    parent = node.parent
    called = parent is not None and parent.type == "call_expression"
    macros = frame.scope.source.macros_of(name)
    if called and any(each.parameters is not None for each in macros):
        raise machine.failure(frame, node, f"the member {name}, which is a macro")


def is_arrow(node: Node) -> bool:
    """Return whether a field_expression is `a->b`, not `a.b`."""
    operator = part(node, "operator")
    return operator is not None and operator.type == "->"


def member_of(
    machine: Machine, frame: Frame, base: Place, ctype: CType, name: str
) -> tuple[Place, CType]:
    """Return the place of a structure's member, and its type; a macro may stand for the member."""
    path = member_path(frame.scope, ctype, name)
    if not path:
        raise NotModelled(f"the member {name} of {ctype}, of which a macro makes something else")
    place = base
    for step in path:
        place, ctype = _noted(machine, frame, place, ctype, step)
    return place, ctype


def _noted(
    machine: Machine, frame: Frame, base: Place, ctype: CType, name: str
) -> tuple[Place, CType]:
    """Return the place of a member, of which is noted what shares it, and its type."""
    place, made, known = base.field(name), base.object, member(frame.scope, ctype, name)
    if place.path not in made.known_members:
        if isinstance(ctype, StructType) and ctype.tag is not None:
            refuse_macro(frame.scope, ctype.tag, ctype.kind)
        made.known_members[place.path] = known.type
        made.within[place.path] = ctype, frame.scope
        if isinstance(known.type, ArrayType | PointerType):
            text = f"{place} is an array in one version, and a pointer in the other"
            fact = isinstance(known.type, ArrayType)
            machine.memory.namer.agree(("array", str(place)), fact, text)
        if isinstance(known.type, UnknownType):
            layouts.agree_on_own(machine, frame.scope, ctype)
        if known.sharing:
            made.unions[place.path] = {
                base.field(o).path: same for o, same in known.sharing.items()
            }
        if known.begins:
            made.firsts.add(place.path)
        if known.occupies:
            made.solid.add(place.path)
    return place, known.type


def macro_bodies(machine: Machine, frame: Frame, name: str) -> set[str]:
    """Return what a macro without parameters may stand for; nothing, if there is none.

    Where the file, in other `#if` arms, has something else of that name, the run splits here.
    """
    if name in frame.expanding:
        return set()
    macros = frame.scope.plain_macro(name)
    own = frame.scope.own_plain_macro(name)
    if frame.scope.includer is not None:
        macros = [*macros, *own]
    if any(macro.arms for macro in own) and _is_something_else(frame, name):
        macros = [macro for macro in own if compiled(machine, macro.source, macro.arms)]
    return {macro.body.strip() for macro in macros}


def _is_something_else(frame: Frame, name: str) -> bool:
    """Return whether a name of a macro is also a function's, a variable's or a constant's."""
    source, scope = frame.scope.source, frame.scope
    known = scope.own_variable(name) or scope.own_enumerator(name) or source.functions_of(name)
    return bool(known)
