# SPDX-License-Identifier: GPL-2.0-only
"""What is done at the end of a scope: guard(), scoped_guard(), CLASS(), __free(), __cleanup().

(include/linux/cleanup.h.) Whatever way control leaves the block, its clean-ups run, the last one
declared first; the value that `return` gives was computed before. What a guard or a class takes
and gives back is read from its definition (`premap.csource.cleanups`).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from tree_sitter import Node

from premap.csource.cleanups import Definition, cleanup, standard
from premap.csource.ctypes import PointerType, VoidType
from premap.csource.errors import NotC
from premap.csource.nodes import parse_expression, parse_statement
from premap.csource.scope import Scope
from premap.interp.dispatch import Jump, Outcome, evaluate, execute, place_of
from premap.interp.kernel_macros import FIRST_ERROR, SPECIAL
from premap.interp.lvalues import read, write
from premap.interp.machine import Block, Cleanup, Frame, Machine, Variable
from premap.interp.operators import convert
from premap.interp.scalars import truth, word_of, zero_of
from premap.interp.syntax import arguments_of, inner_of, part, text_of
from premap.interp.types import named_type
from premap.interp.values import INT, LONG, Place, Pointer, Value
from premap.model.errors import NotModelled
from premap.model.words import select, sub

_ANYTHING = PointerType(VoidType())
_VOID = Value(VoidType(), 0)
_LOCK_MEMBER = re.compile(r"(?:\(\s*_T\s*\)|\b_T)\s*->\s*lock\b")
_OTHER_MEMBER = re.compile(r"(?:\(\s*_T\s*\)|\b_T)\s*->\s*(\w+)")
_MEMBER = re.compile(r"(.*?)(\w+)\s*\Z", re.DOTALL)


class Class(Struct, frozen=True):
    """What guard(name) or CLASS(name, …) does, as C in which `_T` is the lock or the object."""

    type: str
    take: str
    give: str
    value: bool = False
    """Whether `take` is an expression that gives the object; else it is a statement."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Types and names of the arguments."""
    members: tuple[tuple[str, str], ...] = ()
    """Types and names of what it remembers besides, such as interrupt flags."""
    condition: str | None = None
    """Of a conditional guard: whether it was taken, of which `_RET` is what `take` returned."""


class _Opened(Struct, frozen=True):
    """A guard or an object that was taken, or could not be: then there is nothing to give back."""

    value: Value
    inner: Frame
    text: str
    """What gives it back, and the frame in which that is executed."""
    taken: bool = True

    def give(self, machine: Machine) -> None:
        """Give it back."""
        _run(machine, self.inner, self.text)

    def give_value(self, machine: Machine, value: Value) -> None:
        """Give back an object, of which its variable now holds this."""
        held = machine.new_local("_T", value.type)
        held.object.store((), value)
        self.inner.blocks[-1]["_T"] = held
        _run(machine, self.inner, self.text)


def _known(scope: Scope, kind: str, name: str) -> Definition | None:
    """Return the definition that the sources have, else that of the kernel's headers."""
    return cleanup(scope, kind, name) or standard(kind, name)


def class_of(frame: Frame, name: str) -> Class:
    """Return what guard(name) and CLASS(name, …) do. Raises NotModelled if that was not found."""
    found = _known(frame.scope, "class", name)
    reader = None if found is None else _READERS.get(found.macro)
    if found is None or reader is None:
        raise NotModelled(f"what guard({name}) or CLASS({name}) does was not found")
    try:
        return reader(frame, found)
    except (IndexError, ValueError):
        raise NotModelled(f"the definition of class {name} could not be read") from None


def _guard(_frame: Frame, found: Definition) -> Class:
    ctype, take, give = found.arguments
    return Class(ctype, take, give, parameters=((ctype, "_T"),))


def _lock_guard_1(_frame: Frame, found: Definition) -> Class:
    ctype, take, give, *rest = found.arguments
    members = tuple(_member(text, "guard_") for text in rest if text)
    pointer = f"{ctype} *"
    return Class(
        pointer, _plain(take), _plain(give), parameters=((pointer, "_T"),), members=members
    )


def _lock_guard_0(_frame: Frame, found: Definition) -> Class:
    take, give, *rest = found.arguments
    members = tuple(_member(text, "guard_") for text in rest if text)
    return Class("void *", _plain(take), _plain(give), members=members)


def _conditional(frame: Frame, found: Definition) -> Class:
    base = class_of(frame, found.base)
    take, *rest = found.arguments
    condition = rest[0] if rest else "_RET"
    return Class(
        base.type,
        _plain(take),
        base.give,
        parameters=base.parameters,
        members=base.members,
        condition=condition,
    )


def _class(_frame: Frame, found: Definition) -> Class:
    ctype, give, take, *parameters = found.arguments
    named = tuple(_member(text, "") for text in parameters if text not in ("", "void"))
    return Class(ctype, take, give, value=True, parameters=named)


def _extended(frame: Frame, found: Definition) -> Class:
    base = class_of(frame, found.base)
    take, *parameters = found.arguments
    named = tuple(_member(text, "") for text in parameters if text not in ("", "void"))
    return Class(base.type, take, base.give, value=True, parameters=named)


_READERS = {
    "DEFINE_GUARD": _guard,
    "DEFINE_LOCK_GUARD_1": _lock_guard_1,
    "DEFINE_LOCK_GUARD_0": _lock_guard_0,
    "DEFINE_GUARD_COND": _conditional,
    "DEFINE_LOCK_GUARD_1_COND": _conditional,
    "DEFINE_CLASS": _class,
    "EXTEND_CLASS": _extended,
}


def _plain(text: str) -> str:
    """Return what a lock guard does with `_T` as the lock itself, and members as variables."""
    return _OTHER_MEMBER.sub(r"guard_\1", _LOCK_MEMBER.sub("_T", text))


def _member(text: str, prefix: str) -> tuple[str, str]:
    found = _MEMBER.match(text)
    if found is None or not found[1].strip():
        raise ValueError(text)
    return found[1].strip(), prefix + found[2]


def leave(machine: Machine, block: Block, first: int = 0) -> None:
    """Run the clean-ups of a block that were declared from the byte `first` on, last one first."""
    while block.cleanups and block.cleanups[-1].declared >= first:
        last = block.cleanups.pop()
        try:
            last.run(machine)
        except NotModelled as error:
            if error.line is None:
                error.file, error.line = last.where
            raise


def declares(frame: Frame, statement: Node) -> bool:
    """Return whether a statement declares something that is cleaned up at the end of its block."""
    if statement.type == "declaration":
        inside = (
            mark
            for at, mark in frame.marks.items()
            if statement.start_byte <= at < statement.end_byte
        )
        return any(mark.startswith(ATTRIBUTES) for mark in inside)
    if statement.type != "expression_statement" or not statement.named_children:
        return False
    call = statement.named_children[0]
    head = part(call, "function") if call.type == "call_expression" else None
    return head is not None and head.type == "call_expression"


def _innermost(frame: Frame) -> Frame:
    """Return the frame whose block a declaration here is in: a macro that is one has none."""
    while frame.outer is not None and len(frame.blocks) == 1:
        frame = frame.outer
    return frame


def _inner_frame(frame: Frame, node: Node, variables: dict[str, Variable]) -> Frame:
    """Return a frame for the C of a definition: it sees these variables only."""
    return Frame(
        frame.function,
        frame.scope,
        [Block(variables)],
        {},
        frame.line(node),
        use=(node, frame),
    )


def _run(machine: Machine, inner: Frame, text: str) -> Value:
    """Execute C of a definition: an expression or a statement."""
    if not text.strip(" ;"):
        return _VOID
    try:
        return evaluate(machine, inner, parse_expression(text))
    except NotC:
        pass
    try:
        outcome = execute(machine, inner, parse_statement(f"{text};"))
    except NotC:
        raise NotModelled(f"`{text[:60]}` of a clean-up could not be read") from None
    if outcome is not None:
        raise NotModelled(f"`{text[:60]}` of a clean-up returns or jumps")
    return _VOID


def _local(machine: Machine, frame: Frame, ctype: str, name: str, value: Value | None) -> Variable:
    variable = machine.new_local(name, named_type(frame.scope, ctype))
    if value is not None:
        write(machine, Place(variable.object), variable.type, value)
    return variable


def _open(machine: Machine, frame: Frame, node: Node, name: str, given: Sequence[Value]) -> _Opened:
    """Take a guard, or make an object of a class."""
    known = class_of(frame, name)
    if len(given) != len(known.parameters):
        raise NotModelled(f"class {name} is given {len(given)} arguments")
    variables = {
        parameter: _local(machine, frame, ctype, parameter, value)
        for (ctype, parameter), value in zip(known.parameters, given, strict=True)
    }
    for ctype, member in known.members:
        variables[member] = _local(machine, frame, ctype, member, None)
    inner = _inner_frame(frame, node, variables)
    result = _run(machine, inner, known.take)
    if known.value:
        held = convert(machine.inputs, result, named_type(frame.scope, known.type))
        return _Opened(held, inner, known.give)
    lock = variables.get("_T")
    value = Value(_ANYTHING, Pointer(None, 1))
    if lock is not None:
        value = read(machine, inner, Place(lock.object), lock.type)
    opened = _Opened(value, inner, known.give)
    if known.condition is None:
        return opened
    return _conditionally(machine, frame, node, result, known.condition, opened)


def _conditionally(
    machine: Machine,
    frame: Frame,
    node: Node,
    result: Value,
    condition: str,
    opened: _Opened,
) -> _Opened:
    """Return what came of a conditional guard: where it was not taken, the error as a pointer."""
    inner = opened.inner
    inner.blocks[-1]["_RET"] = returned = _local(machine, frame, "int", "_RET", result)
    success = truth(_run(machine, inner, condition))
    if machine.decide(frame, node, success):
        return opened
    error = word_of(read(machine, inner, Place(returned.object), INT))
    return replace(opened, value=Value(_ANYTHING, Pointer(None, error)), taken=False)


def _remember(frame: Frame, node: Node, run: Callable[[Machine], None]) -> None:
    block = _innermost(frame).blocks[-1]
    where = frame.function.source.name, frame.line(node)
    block.cleanups.append(Cleanup(block.latest, where, run))


def open_scoped(machine: Machine, frame: Frame, node: Node, head: Node) -> Value:
    """Execute `guard(name)(…)`, `CLASS(name, variable)(…)` or `ACQUIRE(name, variable)(…)`."""
    kind = text_of(part(head, "function"))
    names = [text_of(argument) for argument in arguments_of(head)]
    if kind not in _HEADS or len(names) != _HEADS[kind]:
        raise machine.failure(frame, node, f"`{text_of(node)[:40]}` calls what a call returned")
    given = [evaluate(machine, frame, argument) for argument in arguments_of(node)]
    opened = _open(machine, frame, node, names[0], given)
    if kind == "guard":
        if opened.taken:
            _remember(frame, node, opened.give)
        return _VOID
    known = class_of(frame, names[0])
    variable = machine.new_local(names[1], named_type(frame.scope, known.type))
    write(machine, Place(variable.object), variable.type, opened.value)
    _innermost(frame).blocks[-1][names[1]] = variable
    if opened.taken:
        place = Place(variable.object)

        def give_back(machine: Machine) -> None:
            if known.value:
                opened.give_value(machine, read(machine, frame, place, variable.type))
            else:
                opened.give(machine)

        _remember(frame, node, give_back)
    return _VOID


_HEADS = {"guard": 1, "CLASS": 2, "ACQUIRE": 2}
"""What can be called to declare something that is cleaned up, and with how many arguments."""


def clean_up_variable(frame: Frame, node: Node, name: str, variable: Variable, mark: str) -> None:
    """Note that a variable was declared with `__free(x)` or `__cleanup(x)`."""
    word = mark[mark.index("(") + 1 : mark.rindex(")")].strip()
    if mark.startswith("__cleanup"):
        inner = _inner_frame(frame, node, {name: variable})
        _remember(frame, node, _Opened(_VOID, inner, f"{word}(&{name})").give)
        return
    found = _known(frame.scope, "free", word)
    if found is None or len(found.arguments) != 2:
        raise NotModelled(f"what __free({word}) does was not found")
    ctype, text = found.arguments
    target = named_type(frame.scope, ctype)
    opened = _Opened(_VOID, _inner_frame(frame, node, {}), text)

    def free(machine: Machine) -> None:
        value = read(machine, frame, Place(variable.object), variable.type)
        opened.give_value(machine, convert(machine.inputs, value, target))

    _remember(frame, node, free)


def scoped(machine: Machine, frame: Frame, name: str, given: Sequence[Node], body: Node) -> Outcome:
    """Execute `scoped_guard(name, …) body`, or `scoped_cond_guard(name, fail, …) body`.

    Each is a loop that runs once: `break` and `continue` in it lead to its end.
    """
    fail = None
    if name == "scoped_cond_guard":
        fail, given = given[1], [given[0], *given[2:]]
    block = Block()
    frame.blocks.append(block)
    try:
        values = [evaluate(machine, frame, argument) for argument in given[1:]]
        opened = _open(machine, frame, given[0], text_of(given[0]), values)
        if opened.taken:
            where = frame.function.source.name, frame.line(given[0])
            block.cleanups.append(Cleanup(0, where, opened.give))
            outcome = execute(machine, frame, body)
        elif fail is not None:
            outcome = _fail(machine, frame, fail)
        else:
            outcome = None
        leave(machine, block)
    finally:
        frame.blocks.pop()
    return None if outcome is not None and outcome.kind in ("break", "continue") else outcome


SCOPED = frozenset({"scoped_guard", "scoped_cond_guard"})
ATTRIBUTES = ("__free", "__cleanup")
"""What a declaration is marked with."""


def _fail(machine: Machine, frame: Frame, node: Node) -> Outcome:
    """Execute the statement that is an argument of scoped_cond_guard()."""
    try:
        statement = parse_statement(f"{text_of(node)};")
    except NotC:
        raise machine.failure(frame, node, f"`{text_of(node)[:40]}` is no statement") from None
    line, expanding = frame.line(node), frame.expanding
    inner = Frame(
        frame.function,
        frame.scope,
        [Block()],
        dict(frame.macros),
        line,
        expanding,
        frame,
        use=(node, frame),
    )
    return execute(machine, inner, statement)


def listed(node: Node) -> list[Node]:
    """Return the arguments of what was made a `while (…)`: operands of the comma."""
    condition = part(node, "condition")
    inner = None if condition is None else condition.named_children
    if not inner:
        raise NotModelled("a scope without a guard")
    found: list[Node] = []
    pending = [inner[-1]]
    while pending:
        here = pending.pop()
        if here.type == "comma_expression":
            pending += inner_of(here)[::-1]
        else:
            found.append(here)
    return found


def give_away(machine: Machine, frame: Frame, node: Node, given: Sequence[Node]) -> Value:
    """Return what a variable holds, and set it to NULL: `no_free_ptr(p)`."""
    del node
    place, ctype = place_of(machine, frame, given[0])
    value = read(machine, frame, place, ctype)
    write(machine, place, ctype, zero_of(ctype))
    return value


def _retain(machine: Machine, frame: Frame, node: Node, given: Sequence[Node]) -> Value:
    give_away(machine, frame, node, given)
    return _VOID


def returned_pointer(machine: Machine, frame: Frame, node: Node) -> Outcome:
    """Execute `return_ptr(p);`."""
    return Jump("return", give_away(machine, frame, node, arguments_of(node)))


def _acquire_error(machine: Machine, frame: Frame, node: Node, given: Sequence[Node]) -> Value:
    """Return `ACQUIRE_ERR(name, &variable)`: 0 if the guard was taken, else why not."""
    pointer = evaluate(machine, frame, given[1])
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    if place is None:
        raise machine.failure(frame, node, "ACQUIRE_ERR() of no variable")
    word = word_of(read(machine, frame, place, _ANYTHING))
    error = select(word == 0, sub(0, errno.EBUSY), word)
    return convert(machine.inputs, Value(LONG, select(error >= FIRST_ERROR, error, 0)), INT)


SPECIAL["no_free_ptr"] = give_away
SPECIAL["retain_and_null_ptr"] = _retain
SPECIAL["ACQUIRE_ERR"] = _acquire_error
