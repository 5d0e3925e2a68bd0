# SPDX-License-Identifier: GPL-2.0-only
"""Calls: which code runs when C names a function, a macro, or calls through a pointer.

In this order: macros that need their arguments' nodes, functions of the model, the kernel's own
arithmetic vocabulary, functions and macros of the file, the table of functions, inline functions
and macros of headers; anything else is unknown code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

from msgspec import Struct
from tree_sitter import Node

from premap.csource.ctypes import (
    CType,
    EnumType,
    FunctionType,
    IntType,
    PointerType,
    UnknownType,
    VoidType,
)
from premap.csource.includes import of_kernel
from premap.csource.nodes import walk
from premap.csource.readable import Readable, readable
from premap.csource.scope import Scope
from premap.csource.source import Function, Macro
from premap.interp import (
    arity,
    callees,
    cleanup,
    expansion,
    generic,
    handover,
    layouts,
    model_calls,
    overflow,
    pasting,
    redefined,
    unknown,
    varargs,
    whole,
)
from premap.interp.casts import cast_type, cast_types
from premap.interp.conditions import compiled
from premap.interp.dispatch import (
    Jump,
    Left,
    evaluate,
    evaluates,
    execute,
    place_of,
    places,
    short,
)
from premap.interp.headers import HEAVY, function_like, worth_executing
from premap.interp.kernel_macros import COMPUTED, SPECIAL
from premap.interp.lvalues import write
from premap.interp.machine import CALL_DEPTH, Frame, Machine, Undefined
from premap.interp.operators import convert
from premap.interp.scalars import is_scalar, word_of
from premap.interp.statements import VOID, execute_body
from premap.interp.statictypes import TYPERS, UNTOLD, type_argument, type_of
from premap.interp.syntax import arguments_of, callee, part, text_of
from premap.interp.types import parameter_types, return_type, settled
from premap.interp.values import FunctionName, Place, Pointer, Value, plain
from premap.model.errors import NotModelled
from premap.symbolic import Explorer


@evaluates("call_expression")
def call(machine: Machine, frame: Frame, node: Node) -> Value:
    """Evaluate a call expression."""
    function = part(node, "function")
    arguments = arguments_of(node)
    if function is None:
        raise machine.failure(frame, node, "incomplete call")
    if function.type == "call_expression":
        chain = cast_types(machine, frame, function)
        if len(chain) > 1 and len(arguments) == 1:
            value = evaluate(machine, frame, arguments[0])
            for each in chain:
                value = convert(machine.inputs, value, each)
            return value
        return cleanup.open_scoped(machine, frame, node, function)
    ctype = cast_type(machine, frame, function)
    if ctype is not None and len(arguments) == 1:
        return convert(machine.inputs, evaluate(machine, frame, arguments[0]), ctype)
    if function.type != "identifier" or frame.variable(text_of(function)) is not None:
        return _indirect(machine, frame, node, function, arguments)
    name = text_of(function)
    outer = frame
    while name in outer.macros:
        function, outer = outer.macros[name]
        name = text_of(function)
        if function.type != "identifier" or outer.variable(name) is not None:
            target = evaluate(machine, outer, function)
            given = [evaluate(machine, frame, argument) for argument in arguments]
            return _call_target(machine, frame, node, target, given)
    name = _renamed(frame, name)
    if name in SPECIAL or name in COMPUTED or name in model_calls.MODEL:
        redefined.refuse(machine, frame.scope, name)
        if not arity.fits(name, len(arguments)):
            raise machine.failure(frame, node, f"{name}() is given {len(arguments)} arguments")
    if name in SPECIAL:
        return SPECIAL[name](machine, frame, node, arguments)
    macro = _macro(machine, frame, name)
    if macro is not None:
        return _evaluate_macro(machine, frame, node, macro, arguments)
    entry = unknown.table().get(name)
    if entry is not None and entry.assigns:
        _assign(machine, frame, name, [arguments[index] for index in entry.assigns])
    if unknown.may_be_skipped(name):
        given = unknown.evaluated_seldom(machine, frame, node, arguments)
    else:
        given = [evaluate(machine, frame, argument) for argument in arguments]
    return call_named(machine, frame, node, name, given)


def _renamed(frame: Frame, name: str) -> str:
    """Return which name the file's own macros without parameters make of a function's."""
    for _ in range(_MOST_NAMES):
        macros = [each for each in frame.scope.own_macro(name) if each.parameters is None]
        bodies = {each.body.strip() for each in macros}
        if not bodies or bodies == {name} or name in frame.expanding:
            return name
        body = bodies.pop()
        if bodies or macros[0].arms or not body.isidentifier():
            raise NotModelled(f"{name}, a macro, is called")
        name = body
    return name


_MOST_NAMES = 8
"""Macros that stand for each other which are followed."""


def _type_of_call(machine: Machine, frame: Frame, node: Node) -> CType:
    """Return the type of a call that is not evaluated."""
    function = part(node, "function")
    cast = None if function is None else cast_type(machine, frame, function)
    if function is None or cast is not None:
        return cast or UNTOLD
    if function.type == "call_expression":
        return next(reversed(cast_types(machine, frame, function)), UNTOLD)
    name, given = text_of(function), arguments_of(node)
    if name in _TYPED:
        return _TYPED[name](machine, frame, given)
    if name in COMPUTED:
        ctype = _computed_type(machine, frame, name, given)
        return _declared_type(frame, name) if ctype == UNTOLD else ctype
    macro = _macro(machine, frame, name) if name not in SPECIAL else None
    if macro is not None:
        found = expansion.expand(machine, frame, node, macro, given)
        return UNTOLD if found.statement else type_of(machine, found.frame, found.read.node)
    return _declared_type(frame, name)


def _declared_type(frame: Frame, name: str) -> CType:
    known = frame.scope.function_type(name)
    return UNTOLD if known is None else settled(known.result)


_TYPED: dict[str, Callable[[Machine, Frame, Sequence[Node]], CType]] = {
    "min_t": lambda machine, frame, given: type_argument(machine, frame, given[0]),
    "max_t": lambda machine, frame, given: type_argument(machine, frame, given[0]),
    "container_of": lambda machine, frame, given: PointerType(
        type_argument(machine, frame, given[1])
    ),
}


def _computed_type(machine: Machine, frame: Frame, name: str, given: Sequence[Node]) -> CType:
    """Return the type of what a function of the vocabulary gives: it depends on types only."""
    kinds = [type_of(machine, frame, each) for each in given]
    if any(not isinstance(each, IntType | EnumType | PointerType) for each in kinds):
        return UNTOLD
    ones = [Value(each, Pointer(None, 1) if isinstance(each, PointerType) else 1) for each in kinds]
    try:
        return COMPUTED[name](machine, ones).type
    except NotModelled:
        return UNTOLD


TYPERS["call_expression"] = _type_of_call
TYPERS["generic_expression"] = generic.type_of_choice
evaluates("generic_expression")(generic.choose)
SPECIAL.update(overflow.MACROS)
SPECIAL.update(varargs.MACROS)
SPECIAL.update(whole.MACROS)


def _assign(machine: Machine, frame: Frame, name: str, targets: Sequence[Node]) -> None:
    """Let a macro of the table assign to its arguments: what, is made up."""
    for target in targets:
        place, ctype = place_of(machine, frame, target)
        made = machine.memory.named(f"{name}({place.path})@{machine.memory.history}", ctype)
        write(machine, place, ctype, made)


def call_named(
    machine: Machine, frame: Frame, node: Node, name: str, given: Sequence[Value]
) -> Value:
    """Call a function by name, with evaluated arguments."""
    if machine.observer is None:
        return _called(machine, frame, node, name, given)
    machine.observer("call", frame, node, (name, given))
    result = _called(machine, frame, node, name, given)
    machine.observer("called", frame, node, result)
    return result


def _called(machine: Machine, frame: Frame, node: Node, name: str, given: Sequence[Value]) -> Value:
    if name in model_calls.MODEL:
        return model_calls.MODEL[name](machine, frame, node, given)
    if name in COMPUTED:
        return COMPUTED[name](machine, given)
    own = frame.scope.own_functions(name)
    if own:
        machine.memory.namer.executed.add(name)
        return _follow(
            machine,
            frame,
            node,
            own,
            given,
            lambda: call_function(machine, frame, configured(machine, own), given),
        )
    where = f"{frame.function.source.name}:{frame.line(node)}"
    if name not in unknown.table():
        inline = [found for found in frame.scope.function(name) if found.static]
        moved = name in machine.memory.namer.executed
        if inline and (moved or worth_executing(frame.scope, inline)):
            return _follow(
                machine,
                frame,
                node,
                inline,
                given,
                lambda: _call_inline(machine, frame, node, inline, given),
            )
        elsewhere = _elsewhere(machine, frame, name, given)
        if elsewhere:
            return call_function(machine, frame, configured(machine, elsewhere), given)
    return unknown.call_unknown(machine, frame, name, given, where)


def _follow(
    machine: Machine,
    frame: Frame,
    node: Node,
    found: Sequence[Function],
    given: Sequence[Value],
    execute_it: Callable[[], Value],
) -> Value:
    """Execute a function, or take it as unknown code where it is closed."""
    function, explorer = found[0], Explorer.current()
    closed = function.name in machine.closed
    labelled = explorer is None or explorer.label is not None
    if (labelled and not closed) or len(found) > 1:
        return execute_it()
    if not _stands_apart(machine, frame, function, given):
        return execute_it()
    if closed:
        return _call_closed(machine, frame, node, function, given)
    with explorer.at(function.name) if explorer is not None else nullcontext():
        try:
            return execute_it()
        except NotModelled as error:
            error.helper = function.name
            raise


def _call_closed(
    machine: Machine, frame: Frame, node: Node, function: Function, given: Sequence[Value]
) -> Value:
    """Take a function as unknown code; one that only computes, as an unknown computation."""
    name = function.name
    machine.assume(f"{name}(), which both versions have, does the same where it is called alike")
    scope = _scope_of(frame, function, machine)
    returns = return_type(scope, function)
    numbers = all(isinstance(value.type, IntType | EnumType) for value in given)
    if numbers and scope.once("computes", function, lambda: _computes(scope, function)):
        types = parameter_types(scope, function)
        pairs = zip(given, types, strict=True)
        words = [word_of(convert(machine.inputs, value, ctype)) for value, ctype in pairs]
        return unknown.computed(machine, name, words, returns)
    where = f"{frame.function.source.name}:{frame.line(node)}"
    return unknown.call_unknown(machine, frame, name, given, where, returns)


def _computes(scope: Scope, function: Function) -> bool:
    """Return whether a function's body hangs on its parameters and constants only."""
    own = {parameter.name for parameter in function.parameters}
    for node in walk(function.body):
        if node.type in HEAVY or node.type in _OUTSIDE or node.has_error:
            return False
        if node.type == "identifier" and text_of(node) not in own and scope.constant(node) is None:
            return False
    return True


_OUTSIDE = frozenset(
    {
        "call_expression",
        "declaration",
        "field_expression",
        "pointer_expression",
        "subscript_expression",
    }
)
"""What may reach beyond the parameters, or what a body that computes does without."""


def _stands_apart(
    machine: Machine, frame: Frame, function: Function, given: Sequence[Value]
) -> bool:
    """Return whether a call can be told by its arguments, its result and driver state alone.

    It is given no part of the mapping, nothing of its caller's but numbers, and gives no pointer.
    """
    if function.name in unknown.table():
        return False
    returns = return_type(_scope_of(frame, function, machine), function)
    return isinstance(returns, VoidType | IntType | EnumType) and all(
        _is_number_or_state(machine, value) for value in given
    )


def _is_number_or_state(machine: Machine, value: Value) -> bool:
    if not isinstance(value.data, Pointer):
        return isinstance(value.type, IntType | EnumType) and is_scalar(value)
    place = value.data.place
    if place is None:
        return plain(value.data.address) is not None
    if not (place.object.local or machine.bindings.is_mapping(place.object)):
        return True
    return isinstance(place.object.type, IntType | EnumType) and not place.path


def _elsewhere(
    machine: Machine, frame: Frame, name: str, given: Sequence[Value]
) -> Sequence[Function]:
    """Return the function of another file of the tree that is given the mapping.

    Without its code nothing could be told any more, where the mapping can't be handed over; other
    functions are unknown code.
    """
    if machine.handing_over is not None:
        return ()
    if not any(handover.mapping_in(value) is not None for value in given):
        return ()
    if frame.scope.function_type(name) is None:
        return ()  # of another release: no search of the whole tree will find it
    found = machine.bindings.defining(name, frame.scope.source)
    return found[0].functions[name] if len(found) == 1 else ()


def call_function(
    machine: Machine, frame: Frame | None, function: Function, given: Sequence[Value]
) -> Value:
    """Execute a function's body with these arguments; return its result."""
    scope = _scope_of(frame, function, machine)
    known = scope.once("called", function, partial(_prepared, scope, function))
    parameters, rest = known.parameters, known.rest
    if len(given) < len(parameters) or (len(given) > len(parameters) and not rest):
        message = f"{function.name}() is called with {len(given)} arguments"
        raise NotModelled(message, function.source.name, function.line)
    if machine.depth >= CALL_DEPTH:
        message = f"calls nested more than {CALL_DEPTH} deep"
        raise NotModelled(message, function.source.name, function.line)
    begun = len(machine.locals)
    inner = Frame(function, scope, marks=known.read.marks)
    inner.rest = varargs.promoted(machine.inputs, given[len(parameters) :]) if rest else None
    for ctype in known.untold:
        layouts.agree_on_unknown(machine, scope, ctype)
    for name, ctype, value in zip(parameters, known.types, given, strict=False):
        variable = machine.new_local(name, ctype)
        variable.object.store((), convert(machine.inputs, value, ctype))
        inner.blocks[0][name] = variable
    machine.depth += 1
    try:
        result = execute_body(machine, inner, known.read.node)
    finally:
        machine.depth -= 1
    for local in machine.locals[begun:]:
        local.end()
    if result is VOID and not isinstance(known.returns, VoidType | UnknownType):
        message = f"{function.name}() ends without returning a value"
        raise Undefined(message, function.source.name, function.line)
    return convert(machine.inputs, result, known.returns)


class _Prepared(Struct, frozen=True):
    """What a call of a function of C needs to know of it, the same for each."""

    parameters: tuple[str, ...]
    rest: bool
    """Whether it takes others besides."""
    read: Readable
    types: tuple[CType, ...]
    returns: CType
    untold: tuple[CType, ...]
    """Of these types those of which it was not found what they are, or lead to."""


def _prepared(scope: Scope, function: Function) -> _Prepared:
    parameters, rest = varargs.parted(function)
    redefined.refuse_words(scope)
    for parameter in parameters:
        redefined.refuse_macro(scope, parameter.name, "the parameter")
    types, returns = parameter_types(scope, function), return_type(scope, function)
    return _Prepared(
        tuple(parameter.name for parameter in parameters),
        rest,
        readable(function),
        types,
        returns,
        tuple(ctype for ctype in (*types, returns) if layouts.is_untold(ctype)),
    )


def _scope_of(frame: Frame | None, function: Function, machine: Machine) -> Scope:
    if frame is not None and frame.scope.source is function.source:
        return frame.scope
    return machine.bindings.scope(function.source)


def configured(machine: Machine, found: Sequence[Function]) -> Function:
    """Return the definition that the configuration chooses; a split where there are several."""
    for function in found[:-1]:
        if compiled(machine, function.source, function.arms):
            return function
    return found[-1]


def _call_inline(
    machine: Machine, frame: Frame, node: Node, found: Sequence[Function], given: Sequence[Value]
) -> Value:
    """Execute a header's inline function; where that can't be done, it is unknown code.

    One of the file's own headers is not both: what only one version can execute is refused.
    """
    name, namer = found[0].name, machine.memory.namer
    own = not of_kernel(found[0].source.name)
    with machine.attempt() as take_back:
        try:
            result = call_function(machine, frame, configured(machine, found), given)
        except Undefined:
            raise
        except NotModelled:
            if name in namer.executed:
                raise
            take_back()
            namer.opaque.update([name] if own else ())
        else:
            if name in namer.opaque:
                raise machine.failure(frame, node, f"{name}(), which can't be followed in all runs")
            namer.executed.update([name] if own else ())
            return result
    where = f"{frame.function.source.name}:{frame.line(node)}"
    return unknown.call_unknown(machine, frame, found[0].name, given, where)


def _indirect(
    machine: Machine, frame: Frame, node: Node, function: Node, arguments: Sequence[Node]
) -> Value:
    """Call through a pointer: the function that it names, or unknown code."""
    target = evaluate(machine, frame, function)
    given = [evaluate(machine, frame, argument) for argument in arguments]
    return _call_target(machine, frame, node, target, given)


def _call_target(
    machine: Machine, frame: Frame, node: Node, target: Value, given: Sequence[Value]
) -> Value:
    if isinstance(target.data, FunctionName):
        return call_named(machine, frame, node, target.data.name, given)
    where = f"{frame.function.source.name}:{frame.line(node)}"
    place = target.data.place if isinstance(target.data, Pointer) else None
    name = f"({place})" if place is not None else f"({short(node)})"
    callees.agree(machine, frame.scope, name)
    pointed = target.type.target if isinstance(target.type, PointerType) else target.type
    returns = settled(pointed.result) if isinstance(pointed, FunctionType) else None
    return unknown.call_unknown(machine, frame, name, given, where, returns)


def _macro(machine: Machine, frame: Frame, name: str) -> Macro | None:
    """Return the function-like macro of that name, unless something better is known of it."""
    if name in frame.expanding or name in COMPUTED or name in model_calls.MODEL:
        return None
    found = function_like(frame.scope, name)
    if found.refused is not None:
        raise NotModelled(found.refused)
    if found.several:
        text = f"{name}() may be defined differently"
        layouts.agree_on_names(machine, frame.scope, name, text)
    for each in found.choices:
        if compiled(machine, each.source, each.arms):
            return each
    return found.macro


def _evaluate_macro(
    machine: Machine, frame: Frame, node: Node, macro: Macro, arguments: Sequence[Node]
) -> Value:
    """Evaluate what a macro expands to: an expression, or a statement without a value.

    Raises Left where the statement returns or jumps, and its use is a statement of its own.
    """
    found = expansion.expand(machine, frame, node, macro, arguments)
    if not found.statement:
        try:
            return evaluate(machine, found.frame, found.read.node)
        except Left as left:
            raise _left(machine, frame, node, macro, left.outcome) from None
    if not pasting.is_one_statement(node, found.read.node):
        raise machine.failure(frame, node, f"macro {macro.name} is no single statement here")
    outcome = execute(machine, found.frame, found.read.node)
    if outcome is not None:
        raise _left(machine, frame, node, macro, outcome)
    return VOID


def _left(machine: Machine, frame: Frame, node: Node, macro: Macro, outcome: Jump) -> Exception:
    if node.parent is None or node.parent.type != "expression_statement":
        return machine.failure(frame, node, f"macro {macro.name} returns or jumps")
    return Left(node, outcome)


@places("call_expression")
def _macro_place(machine: Machine, frame: Frame, node: Node) -> tuple[Place, CType]:
    """Find the place that a macro's use names."""
    name = callee(node)
    macro = _macro(machine, frame, name) if name is not None and name not in SPECIAL else None
    if macro is None:
        raise machine.failure(frame, node, f"`{short(node)}` is used as a place in memory")
    found = expansion.expand(machine, frame, node, macro, arguments_of(node))
    if found.statement:
        raise machine.failure(frame, node, f"macro {name} is no expression")
    return place_of(machine, found.frame, found.read.node)
