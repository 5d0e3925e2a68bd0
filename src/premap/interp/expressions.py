# SPDX-License-Identifier: GPL-2.0-only
"""Evaluates C expressions, one small function a kind of node."""

from __future__ import annotations

import re

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
    VoidType,
)
from premap.csource.meanings import meaning, redefined
from premap.csource.nodes import text_of, unwrapped, walk
from premap.interp import (
    constants,
    expansion,
    layouts,
    operators,
    sequence,
    statictypes,
    strings,
    unknown,
)
from premap.interp import redefined as redefined_names
from premap.interp.conditions import compiled
from premap.interp.dispatch import PLACERS, PURE_NAMES, evaluate, evaluates, place_of, places, short
from premap.interp.inputs import Inputs
from premap.interp.machine import Frame, Machine
from premap.interp.operators import UNKNOWN, convert, is_scalar, of_truth, truth, word_of
from premap.interp.types import (
    VM_OPS,
    begins,
    member_type,
    named_type,
    occupies,
    sharing,
)
from premap.interp.undefined import NullPointer
from premap.interp.values import (
    BOOL,
    CHAR,
    INT,
    LONG,
    UINT,
    ULONG,
    Aggregate,
    FunctionName,
    Index,
    Place,
    Pointer,
    StructCopy,
    Value,
    made_up_address,
    normalise,
    plain,
    size_of,
    to_signed,
)
from premap.model.constants import MAX_ERRNO
from premap.model.errors import NotModelled
from premap.model.words import PAGE_SIZE, U64_MAX, select

_FUNCTION = FunctionType(UNKNOWN, ())


@places("parenthesized_expression")
def _parenthesized_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    return place_of(machine, frame, _only_child(node))


@places("subscript_expression")
def _element_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    pointer = evaluate(machine, frame, _child(node, "argument"))
    index = evaluate(machine, frame, _child(node, "index"))
    return pointed(operators.binary(machine.inputs, "+", pointer, index))


@places("pointer_expression")
def _pointed_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    if text_of(node.children[0]) != "*":
        raise machine.failure(frame, node, f"`{short(node)}` is used as a place in memory")
    return pointed(evaluate(machine, frame, _child(node, "argument")))


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
    return made_up_address(inputs.apply(f"&{place}", place.object.address))


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
    bodies = _bodies(machine, frame, name)
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
        fact = (begins, variable.const, variable.arms, meaning(frame.scope, begins))
        machine.memory.namer.agree(("initial", name), fact, text)
    made = machine.memory.object(name, variable.type, nonnull=True)
    return Place(made), variable.type


@places("field_expression")
def _member_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    argument = _child(node, "argument")
    name = text_of(_child(node, "field"))
    if _is_arrow(node):
        base, ctype = pointed(evaluate(machine, frame, argument))
    else:
        base, ctype = place_of(machine, frame, argument)
    if not base.path and name in base.object.embedded:
        return base.object.embedded[name], member_type(frame.scope, ctype, name)
    if isinstance(ctype, StructType):
        base.object.look_into(base.path, ctype)
    return member_of(machine, frame, base, ctype, name)


def _is_arrow(node: Node) -> bool:
    """Return whether a field_expression is `a->b`, not `a.b`."""
    operator = node.child_by_field_name("operator")
    return operator is not None and operator.type == "->"


def member_of(
    machine: Machine, frame: Frame, base: Place, ctype: CType, name: str
) -> tuple[Place, CType]:
    """Return the place of a structure's member, of which is noted what shares it, and its type."""
    place, made = base.field(name), base.object
    if place.path not in made.known_members:
        made.known_members[place.path] = declared = member_type(frame.scope, ctype, name)
        if isinstance(declared, UnknownType):
            layouts.agree_on_own(machine, frame.scope, ctype)
        others = sharing(frame.scope, ctype, name)
        if others:
            made.unions[place.path] = {base.field(o).path: same for o, same in others.items()}
        if begins(frame.scope, ctype, name):
            made.firsts.add(place.path)
        if occupies(frame.scope, member_type(frame.scope, ctype, name)):
            made.solid.add(place.path)
    return place, member_type(frame.scope, ctype, name)


def _bodies(machine: Machine, frame: Frame, name: str) -> set[str]:
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


@evaluates("parenthesized_expression")
def _parenthesized(machine: Machine, frame: Frame, node: Node) -> Value:
    return evaluate(machine, frame, _only_child(node))


_COUNTERS = ("__LINE__", "__COUNTER__")
"""Of these, those within macros are taken to be the same: they go into messages."""


@evaluates("identifier")
def _identifier(machine: Machine, frame: Frame, node: Node) -> Value:
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return evaluate(machine, outer, inner)
    local = frame.variable(name)
    if local is not None:
        return read(machine, frame, Place(local.object), local.type)
    if name in ("__func__", "__FUNCTION__"):
        made = machine.memory.object(name, ArrayType(CHAR, None), nonnull=True)
        return Value(PointerType(CHAR), Pointer(Place(made), made.address))
    if name in _COUNTERS and frame.outer is None and machine.memory.namer.compares:
        raise machine.failure(frame, node, f"{name}, another number in each version")
    if name == "current":
        return machine.memory.named("current", PointerType(StructType("struct", "task_struct")))
    known = None if redefined_names.is_own(frame.scope, name) else constants.kernel_constant(name)
    if known is None and not frame.scope.source.macros_of(name):
        known = constants.of_architecture(machine, name)
    if known is not None:
        return known
    return _file_scope_name(machine, frame, node, name)


def _file_scope_name(machine: Machine, frame: Frame, node: Node, name: str) -> Value:
    bodies = _bodies(machine, frame, name)
    if bodies:
        redefined_names.refuse_elsewhere(machine, frame, node, name)
    if len(bodies) > 1:
        if redefined(frame.scope.own_macro(name)):
            raise machine.failure(frame, node, f"{name}, which is defined again")
        return constants.made_up_constant(machine, name, {*bodies, *meaning(frame.scope, name)})
    if bodies:
        found = expansion.object_like(machine, frame, node, name, bodies.pop())
        return evaluate(machine, found.frame, found.read.node)
    number = frame.scope.enum_constant(name)
    if number is not None:
        return Value(_literal_type(abs(number), "", decimal=False), number & U64_MAX)
    enumerator = frame.scope.enumerator(name)
    if enumerator is not None:
        written = str(enumerator)
        return constants.made_up_constant(machine, name, {written, *meaning(frame.scope, written)})
    if frame.scope.function(name) or name in frame.scope.source.prototypes:
        return Value(_FUNCTION, FunctionName(name))
    variable = frame.scope.variable(name)
    if variable is not None:
        place, ctype = global_place(machine, frame, name)
        return read(machine, frame, place, ctype)
    if constants.looks_constant(name):
        return constants.made_up_constant(machine, name)
    raise machine.failure(frame, node, f"`{name}` is not declared in the file or its headers")


@evaluates("number_literal")
def _number(machine: Machine, frame: Frame, node: Node) -> Value:
    text = text_of(node).replace("'", "")
    match = re.fullmatch(r"(-?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)", text)
    if match is None:
        raise machine.failure(frame, node, f"number {text}")
    digits, suffix = match[2], match[3].lower()
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(digits, 8) if octal else int(digits, 0)
    decimal = digits.isdigit() and not octal
    literal = Value(_literal_type(number, suffix, decimal=decimal), number)
    return operators.unary(machine.inputs, "-", literal) if match[1] else literal


def _literal_type(number: int, suffix: str, *, decimal: bool) -> IntType:
    candidates = [INT, UINT, LONG, ULONG]
    if "u" in suffix:
        candidates = [UINT, ULONG]
    elif decimal:
        candidates = [INT, LONG, ULONG]
    if "l" in suffix:
        candidates = [candidate for candidate in candidates if candidate.width == 64]
    for candidate in candidates:
        if number < 1 << (candidate.width - candidate.signed):
            return candidate
    return ULONG


_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34, "a": 7, "b": 8}


@evaluates("char_literal")
def _character(machine: Machine, frame: Frame, node: Node) -> Value:
    text = text_of(node)[1:-1]
    if len(text) == 1:
        return Value(INT, ord(text))
    if len(text) == 2 and text[0] == "\\" and text[1] in _ESCAPES:
        return Value(INT, _ESCAPES[text[1]])
    raise machine.failure(frame, node, f"character {text_of(node)}")


@evaluates("true", "false", "null")
def _keyword(machine: Machine, frame: Frame, node: Node) -> Value:
    del machine, frame
    if node.type == "null":
        return Value(PointerType(VoidType()), Pointer(None, 0))
    return Value(BOOL, int(node.type == "true"))


@evaluates("string_literal", "concatenated_string")
def _string(machine: Machine, frame: Frame, node: Node) -> Value:
    text = strings.spelled(machine, frame, node)
    made = machine.memory.object(text, ArrayType(CHAR, None), nonnull=True)
    return Value(PointerType(CHAR), Pointer(Place(made), made.address))


@evaluates("field_expression")
def _field(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = unwrapped(_child(node, "argument"))
    dotted = not _is_arrow(node)
    if dotted and not _names_place(frame, argument):
        return _member_of_value(machine, frame, argument, text_of(_child(node, "field")))
    place, ctype = _member_place(machine, frame, node)
    return read(machine, frame, place, ctype)


def _names_place(frame: Frame, node: Node) -> bool:
    """Return whether an expression may be an lvalue: calls are, where they are uses of macros."""
    if node.type != "call_expression":
        return node.type in PLACERS
    name = text_of(node.child_by_field_name("function"))
    if frame.scope.function(name):
        return False
    return any(macro.parameters is not None for macro in frame.scope.macro(name))


def _member_of_value(machine: Machine, frame: Frame, argument: Node, name: str) -> Value:
    """Return a member of a structure that is no place, such as what a function returned."""
    whole = evaluate(machine, frame, argument)
    if not isinstance(whole.data, StructCopy | Aggregate):
        raise NotModelled(f"a member of `{short(argument)}`")
    held = machine.new_local("returned", whole.type)
    held.object.store((), whole)
    place = Place(held.object).field(name)
    return read(machine, frame, place, member_type(frame.scope, whole.type, name))


@evaluates("subscript_expression")
def _subscript(machine: Machine, frame: Frame, node: Node) -> Value:
    place, ctype = place_of(machine, frame, node)
    return read(machine, frame, place, ctype)


@evaluates("pointer_expression")
def _pointer(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = _child(node, "argument")
    if text_of(node.children[0]) == "*":
        pointer = evaluate(machine, frame, argument)
        if isinstance(pointer.data, FunctionName):
            return pointer
        place, ctype = pointed(pointer)
        return read(machine, frame, place, ctype)
    if argument.type == "identifier":
        name = text_of(argument)
        known_here = frame.variable(name) or name in frame.macros
        if not known_here and frame.scope.variable(name) is None and frame.scope.function(name):
            return Value(PointerType(_FUNCTION), FunctionName(name))
    place, ctype = place_of(machine, frame, argument)
    return Value(PointerType(ctype), Pointer(place, address_of(machine.inputs, place)))


@evaluates("binary_expression")
def _binary(machine: Machine, frame: Frame, node: Node) -> Value:
    operator = text_of(_child(node, "operator"))
    left_node, right_node = _child(node, "left"), _child(node, "right")
    ctype = cast_type(machine, frame, left_node) if operator in ("+", "-", "*") else None
    if ctype is not None:
        return convert(machine.inputs, _cast_operand(machine, frame, operator, right_node), ctype)
    left = evaluate(machine, frame, left_node)
    if operator in ("&&", "||"):
        return _logical(machine, frame, operator, left, right_node)
    right = evaluate(machine, frame, right_node)
    return operators.binary(machine.inputs, operator, left, right)


def _cast_operand(machine: Machine, frame: Frame, operator: str, node: Node) -> Value:
    """Return what is cast in `(u64)-x`, `(u64)+x` or `(u64)*x`, which look like two operands."""
    if node.type == "binary_expression":  # the cast binds closer
        raise machine.failure(frame, node, f"`{short(node)}` after a cast")
    value = evaluate(machine, frame, node)
    if operator == "*":
        return read(machine, frame, *pointed(value))
    return operators.unary(machine.inputs, operator, value)


def cast_type(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return the type of `(u64)` that was parsed as an expression: before `(x)`, `-x` or `*x`."""
    if node.type != "parenthesized_expression" or node.named_child_count != 1:
        return None
    inner = node.named_children[0]
    return _named_type(machine, frame, inner) if inner.type == "identifier" else None


def cast_types(machine: Machine, frame: Frame, node: Node) -> list[CType]:
    """Return the types of `(u64)(u32)`, parsed as a call: that which is cast to first in front.

    None at all, if it is something else.
    """
    if node.type != "call_expression":
        ctype = cast_type(machine, frame, node)
        return [] if ctype is None else [ctype]
    given = [each for each in _child(node, "arguments").named_children if each.type != "comment"]
    if len(given) != 1 or given[0].type != "identifier":
        return []
    inner = _named_type(machine, frame, given[0])
    outer = cast_types(machine, frame, _child(node, "function"))
    return [] if inner is None or not outer else [inner, *outer]


def _named_type(machine: Machine, frame: Frame, node: Node) -> CType | None:
    """Return the type that an identifier names, None if it names something else."""
    name = text_of(node)
    if node.start_byte in frame.marks:
        return statictypes.type_argument(machine, frame, node)
    if name in frame.macros:
        given, outer = frame.macros[name]
        return None if given.type != "identifier" else _named_type(machine, outer, given)
    if frame.variable(name) is not None:
        return None
    ctype = named_type(frame.scope, name)
    return None if isinstance(ctype, UnknownType) else ctype


def _logical(machine: Machine, frame: Frame, operator: str, left: Value, right: Node) -> Value:
    condition = truth(left)
    decisive = operator == "||"
    if not isinstance(condition, bool) and has_effects(machine, frame, right):
        condition = machine.decide(frame, right, condition)
    if not isinstance(condition, bool):
        known = _guarded(machine, frame, right)
        if known is not None:
            other = truth(known)
            return of_truth(condition | other if decisive else condition & other)
        condition = machine.decide(frame, right, condition)
    if condition is decisive:
        return of_truth(decisive)
    return of_truth(truth(evaluate(machine, frame, right)))


def _guarded(machine: Machine, frame: Frame, node: Node) -> Value | None:
    """Return what an expression without effects gives, whether or not what guards it holds.

    None where it can't be told, for it may be that the guard keeps it from being evaluated.
    """
    try:
        return evaluate(machine, frame, node)
    except NotModelled:
        return None


_EFFECTS = frozenset({"assignment_expression", "update_expression", "compound_statement"})


def has_effects(machine: Machine, frame: Frame, node: Node) -> bool:
    """Return whether evaluating the expression may do more than compute: then it is not a term."""
    for inner in walk(node):
        if inner.type in _EFFECTS or _may_be_undefined(frame, inner):
            return True
        if inner.type == "call_expression":
            function = _child(inner, "function")
            if cast_type(machine, frame, function) is None and not _is_pure(
                frame, text_of(function)
            ):
                return True
        if inner.type == "identifier" and text_of(inner) in frame.macros:
            bound, outer = frame.macros[text_of(inner)]
            if has_effects(machine, outer, bound):
                return True
    return False


_PARTIAL = frozenset({"/", "%", "<<", ">>"})


def _may_be_undefined(frame: Frame, node: Node) -> bool:
    """Return whether an operation is defined for some right operands only.

    What guards it (`n && size / n`) has to be decided first.
    """
    if node.type != "binary_expression" or text_of(_child(node, "operator")) not in _PARTIAL:
        return False
    right = _child(node, "right")
    names = [text_of(each) for each in walk(right) if each.type == "identifier"]
    if any(frame.variable(name) is not None or name in frame.macros for name in names):
        return True
    if names and all(constants.kernel_constant(name) is not None for name in names):
        return False
    return frame.scope.constant(right) is None


def _is_pure(frame: Frame, name: str) -> bool:
    """Return whether calling the name only computes."""
    if name in frame.macros or frame.scope.own_functions(name):
        return False
    entry = unknown.table().get(name)
    return name in PURE_NAMES or (entry is not None and entry.effect in ("pure", "reads"))


@evaluates("unary_expression")
def _unary(machine: Machine, frame: Frame, node: Node) -> Value:
    value = evaluate(machine, frame, _child(node, "argument"))
    return operators.unary(machine.inputs, text_of(_child(node, "operator")), value)


@evaluates("conditional_expression")
def _conditional(machine: Machine, frame: Frame, node: Node) -> Value:
    test = evaluate(machine, frame, _child(node, "condition"))
    condition = truth(test)
    consequence = node.child_by_field_name("consequence")
    alternative = _child(node, "alternative")
    if not isinstance(condition, bool):
        term = _as_term(machine, frame, condition, consequence, alternative)
        if term is not None:
            return term
        condition = machine.decide(frame, node, condition)
    chosen, other = consequence, alternative
    if not condition:
        chosen, other = alternative, consequence or _child(node, "condition")
    value = test if chosen is None else evaluate(machine, frame, chosen)
    return _in_common(machine, value, statictypes.type_of(machine, frame, other))


def _in_common(machine: Machine, value: Value, other: CType) -> Value:
    """Return what was chosen, in the type that the choice has."""
    if isinstance(value.type, IntType | EnumType) and isinstance(other, IntType | EnumType):
        return convert(machine.inputs, value, operators.common_type(value.type, other))
    return value


def _as_term(
    machine: Machine,
    frame: Frame,
    condition: bool,  # noqa: FBT001
    then: Node | None,
    otherwise: Node,
) -> Value | None:
    """Return `c ? a : b` as one term where both sides are plain numbers, else None."""
    if then is None or has_effects(machine, frame, then) or has_effects(machine, frame, otherwise):
        return None
    a, b = _guarded(machine, frame, then), _guarded(machine, frame, otherwise)
    if a is None or b is None or not (_is_number(a) and _is_number(b)):
        return None
    ctype = operators.common_type(a.type, b.type)
    word_a, word_b = normalise(word_of(a), ctype), normalise(word_of(b), ctype)
    return Value(ctype, select(condition, word_a, word_b))


def _is_number(value: Value) -> bool:
    return isinstance(value.type, IntType) and not isinstance(value.data, Pointer)


@evaluates("assignment_expression")
def _assignment(machine: Machine, frame: Frame, node: Node) -> Value:
    operator, target = text_of(_child(node, "operator")), _child(node, "left")
    sequence.refuse_unordered(machine, frame, node, target)
    right = evaluate(machine, frame, _child(node, "right"))
    place, ctype = place_of(machine, frame, target)
    if operator != "=":
        left = read(machine, frame, place, ctype)
        right = operators.binary(machine.inputs, operator[:-1], left, right)
    stored = write(machine, place, ctype, right)
    if machine.observer is not None:
        machine.observer("write", frame, node, (place, stored))
    return stored


@evaluates("update_expression")
def _update(machine: Machine, frame: Frame, node: Node) -> Value:
    argument = _child(node, "argument")
    sequence.refuse_unordered(machine, frame, node, argument)
    place, ctype = place_of(machine, frame, argument)
    before = read(machine, frame, place, ctype)
    operator = "+" if "++" in text_of(_child(node, "operator")) else "-"
    after = operators.binary(machine.inputs, operator, before, Value(INT, 1))
    stored = write(machine, place, ctype, after)
    if machine.observer is not None:
        machine.observer("write", frame, node, (place, stored))
    prefix = node.children[0].type in ("++", "--")
    return stored if prefix else before


@evaluates("comma_expression")
def _comma(machine: Machine, frame: Frame, node: Node) -> Value:
    evaluate(machine, frame, _child(node, "left"))
    return evaluate(machine, frame, _child(node, "right"))


@evaluates("cast_expression")
def _cast(machine: Machine, frame: Frame, node: Node) -> Value:
    ctype = statictypes.declared_type(machine, frame, _child(node, "type"))
    if statictypes.misread_cast(ctype, node):
        raise machine.failure(frame, node, f"`{short(node)}`, which is misread as a cast")
    return convert(machine.inputs, evaluate(machine, frame, _child(node, "value")), ctype)


@evaluates("sizeof_expression")
def _sizeof(machine: Machine, frame: Frame, node: Node) -> Value:
    descriptor = node.child_by_field_name("type")
    if descriptor is not None:
        ctype = statictypes.declared_type(machine, frame, descriptor)
    else:
        ctype = statictypes.operand_type(machine, frame, _child(node, "value"))
    return size_value(machine, frame, ctype)


def size_value(machine: Machine, frame: Frame, ctype: CType) -> Value:
    """Return `sizeof (type)`, in bytes; made up where it hangs on a layout."""
    size = size_of(ctype)
    if size is None or isinstance(ctype, UnknownType):
        layouts.agree(machine, frame.scope, ctype)
        return Value(ULONG, machine.inputs.word(_size_name(machine, ctype)))
    return Value(ULONG, size)


def _size_name(machine: Machine, ctype: CType) -> str:
    """Return by which name the size of a type is made up."""
    name = f"sizeof({ctype})"
    if ctype == UNKNOWN:
        raise NotModelled("the size of an expression whose type was not found")
    if isinstance(ctype, ArrayType) and not ctype.length_text:
        raise NotModelled("the size of an array whose length was not found")
    if isinstance(ctype, StructType) and ctype.tag is None:
        text = f"{name} may be of different types"
        machine.memory.namer.agree(("size", name), ctype.origin, text)
    return name


def _child(node: Node, field: str) -> Node:
    found = node.child_by_field_name(field)
    if found is None:
        raise NotModelled(f"incomplete {node.type.replace('_', ' ')}")
    return found


def _only_child(node: Node) -> Node:
    inner = [child for child in node.named_children if child.type != "comment"]
    if len(inner) != 1:
        raise NotModelled(f"incomplete {node.type.replace('_', ' ')}")
    return inner[0]
