# SPDX-License-Identifier: GPL-2.0-only
"""What calls of functions do whose code is not at hand.

`functions.toml` says of many kernel functions what they are. Without an entry a call is an event,
everything reachable is forgotten, and its result is made up.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from tree_sitter import Node

from premap.csource.ctypes import CType, EnumType, IntType, PointerType, StructType, VoidType
from premap.csource.meanings import meaning
from premap.csource.nodes import walk
from premap.interp import handover, reach
from premap.interp.dispatch import evaluate
from premap.interp.machine import Frame, Machine
from premap.interp.operators import UNKNOWN, convert
from premap.interp.scalars import word_of
from premap.interp.syntax import part, text_of
from premap.interp.types import named_type, settled
from premap.interp.values import (
    Aggregate,
    FunctionName,
    Pointer,
    StructCopy,
    Value,
    int_type,
    is_unknown,
    made_up_address,
    normalise,
)
from premap.model.constants import MAX_ERRNO
from premap.model.errors import NotModelled
from premap.model.words import U64_MAX, sub

_ORDERS = frozenset({"lock", "unlock", "order"})


class Effect(Struct, frozen=True):
    """What a function of the table does."""

    effect: str
    """"pure", "reads", "event", or "unknown": anything, and what its kind says."""
    kind: str
    object: int | None
    """Index of the argument that the event concerns: the lock, the reference."""
    null: bool
    """Whether nothing happens where that is NULL."""
    bytes: bool
    """Whether it is given bytes, by a pointer and their number."""
    zeroed: bool
    """Whether what it allocates is filled with 0."""
    returns: str
    result: str
    takes: str
    """The type of its first argument, if it converts that."""
    writes: tuple[int, ...]
    assigns: tuple[int, ...]
    """Arguments that a macro assigns to, as spin_lock_irqsave() does to its flags."""
    undoes: tuple[str, ...]
    """Functions that it takes back, called for the same thing: of inc, dec."""

    @property
    def orders(self) -> bool:
        """Whether it orders accesses of memory: read-modify-write that returns something does.

        (Documentation/atomic_t.txt)
        """
        return self.kind in _ORDERS or (self.kind == "atomic" and self.returns != "void")


class _Table(Mapping[str, Effect]):
    """The entries of functions.toml, one a line; a line is read when it is asked for."""

    def __init__(self, text: str) -> None:
        self._lines = {match[1]: match[0] for match in _LINE.finditer(text)}
        self._known: dict[str, Effect] = {}

    def __getitem__(self, name: str) -> Effect:
        if name not in self._known:
            self._known[name] = _entry(tomllib.loads(self._lines[name])[name])
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


_LINE = re.compile(r"^(\w+) = .*", re.MULTILINE)


@functools.cache
def table() -> Mapping[str, Effect]:
    """Return the table of functions.toml."""
    return _Table(Path(__file__).with_name("functions.toml").read_text(encoding="utf-8"))


def _entry(entry: dict[str, Any]) -> Effect:
    return Effect(
        entry["effect"],
        entry.get("kind", ""),
        entry.get("object"),
        entry.get("null", False),
        entry.get("bytes", False),
        entry.get("zeroed", False),
        entry.get("returns", ""),
        entry.get("result", ""),
        entry.get("takes", ""),
        tuple(entry.get("writes", ())),
        tuple(entry.get("assigns", ())),
        tuple(entry.get("undoes", ())),
    )


def call_unknown(
    machine: Machine,
    frame: Frame,
    name: str,
    given: Sequence[Value],
    where: str,
    returns: CType | None = None,
) -> Value:
    """Call a function that is not executed, as the table says; forget everything if it doesn't.

    `returns` is the type of its result where that is known from a pointer's type.
    """
    entry = table().get(name)
    if entry is None or entry.effect == "unknown":
        given = _as_declared(machine, frame, name, given)
    elif entry.takes and given and isinstance(given[0].type, IntType | EnumType):
        first = convert(machine.inputs, given[0], named_type(frame.scope, entry.takes))
        given = [first, *given[1:]]
    for value, bytes_too in zip(given, _gets_bytes(frame, name, entry, given), strict=True):
        _note_bytes(value, whole=bytes_too)
    lent = [mapping for value in given if (mapping := handover.mapping_in(value)) is not None]
    arguments = tuple(shown(machine, name, value) for value in given)
    kept = reach.shown_of_kept(machine)
    if lent and entry is not None:
        raise NotModelled(f"{name}() gets the mapping, and what it does with it is not known")
    if entry is None:
        arguments += kept
        machine.record("call", name, arguments, where, given)
        returns = returns or _returns(frame, name, "")
        result = _call_anything(machine, returns, name, given, arguments)
        for mapping in lent:
            handover.come_back(machine, mapping, name, f"{name}@{machine.memory.history}")
        return result
    returns = _returns(frame, name, entry.returns)
    if entry.kind == "log":
        arguments += _prefix(frame, name)
    if entry.null and _is_null(machine, entry, given):
        return Value(returns, 0)
    if entry.effect == "unknown":
        arguments += kept
        return _call_with_kind(machine, name, entry, returns, given, arguments, where)
    if entry.effect == "pure":
        return _result(machine, name, returns, entry.result, _words(given))
    if entry.effect == "reads":
        for value in given:
            machine.memory.note_number(value)
        content = machine.memory.number("reads", arguments)
        key = f"{name}@{content}"
        return _result(machine, key, returns, entry.result, _words(given))
    return _call_event(machine, name, entry, returns, given, arguments, where)


def _gets_bytes(
    frame: Frame, name: str, entry: Effect | None, given: Sequence[Value]
) -> Iterator[bool]:
    """Yield of each argument whether a call looks at its bytes: a `void *`, and a number behind it.

    That of the table says so itself. Nothing is known of one that no file declares.
    """
    for number, value in enumerate(given):
        target = value.type.target if isinstance(value.type, PointerType) else None
        if not isinstance(target, StructType):
            yield entry is not None and entry.bytes
            continue
        behind = (
            each.type for each in given[number + 1 :] if not isinstance(each.type, PointerType)
        )
        counted = isinstance(next(behind, None), IntType)
        if entry is not None or not counted:
            yield entry is not None and entry.bytes
            continue
        declared = frame.scope.function_type(name)
        types = () if declared is None else declared.parameters[number : number + 1]
        yield declared is None or types == (PointerType(VoidType()),)


def _note_bytes(value: Value, *, whole: bool) -> None:
    """Note of which structure a call gets bytes: by another kind of pointer, or as it does."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or not isinstance(value.type, PointerType):
        return
    place.object.note_bytes(place.path, value.type.target)
    if whole:
        note_all_bytes(value)


def note_all_bytes(pointer: Value) -> None:
    """Note that bytes are accessed from where a pointer leads on, whatever their members are."""
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    target = pointer.type.target if isinstance(pointer.type, PointerType) else None
    if place is None or place.object.local:
        return
    known = place.object.within.get(place.path)
    around = place.object.typed.get(place.path), target, known[0] if known else None
    place.object.memory.bytes_of.update({e: None for e in around if isinstance(e, StructType)})


def changes(node: Node) -> bool:
    """Return whether an expression writes something, calls left out."""
    return any(each.type in ("assignment_expression", "update_expression") for each in walk(node))


def may_be_skipped(name: str) -> bool:
    """Return whether a macro of the log, or of lockdep's, may do nothing, and evaluate nothing."""
    entry = table().get(name) if _SELDOM.search(name) else None
    return entry is not None and (entry.kind == "log" or name.startswith("lockdep_"))


_SELDOM = re.compile(r"(?i)_once\Z|_ratelimited\Z|_v?dbg|debug|devel|\Alockdep_assert")


def evaluated_seldom(
    machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]
) -> list[Value]:
    """Evaluate what a call may leave out; refuse what writes, or does something known.

    Functions that are not executed are taken to be harmless there.
    """
    written = sum(map(len, machine.memory.written.values()))
    done = len(machine.events)
    given = [evaluate(machine, frame, each) for each in arguments]
    if (
        any(map(changes, arguments))
        or sum(map(len, machine.memory.written.values())) != written
        or any(event.kind not in _HARMLESS for event in machine.events[done:])
    ):
        name = text_of(part(node, "function"))
        raise machine.failure(frame, node, f"{name}() may not evaluate an argument that changes")
    return given


_HARMLESS = frozenset({"call", "log"})


def _as_declared(
    machine: Machine, frame: Frame, name: str, given: Sequence[Value]
) -> Sequence[Value]:
    """Return numbers as the types that a prototype gives to them."""
    declared = frame.scope.function_type(name) if name.isidentifier() else None
    types = () if declared is None else declared.parameters
    if len(types) > len(given):
        return given
    numbers = (IntType, EnumType)
    return [
        convert(machine.inputs, value, ctype)
        if isinstance(value.type, numbers) and isinstance(ctype, numbers)
        else value
        for value, ctype in itertools.zip_longest(given, map(settled, types))
    ]


def _prefix(frame: Frame, name: str) -> tuple[str, ...]:
    """Return what the file puts around the format of its messages, if it says that."""
    macro = next((macro for begin, macro in _FORMATS.items() if name.startswith(begin)), "")
    written = meaning(frame.scope, macro) if macro else ()
    return ("; ".join(sorted(written)),) if written else ()


_FORMATS = {"pr_": "pr_fmt", "dev_": "dev_fmt"}
"""Macros that messages put around their format (include/linux/printk.h, dev_printk.h)."""


def _is_null(machine: Machine, entry: Effect, given: Sequence[Value]) -> bool:
    """Tell whether what a call concerns is NULL; where that is not known, the run splits here."""
    if entry.object is None or entry.object >= len(given):
        return False
    null = word_of(given[entry.object]) == 0
    machine.splits += not isinstance(null, bool)
    return bool(null)


def shown(machine: Machine, name: str, value: Value) -> Any:
    """Return what a call shows of an argument."""
    mapping = handover.mapping_in(value)
    return reach.shown(value) if mapping is None else handover.shown(machine, mapping, name)


def _call_with_kind(
    machine: Machine,
    name: str,
    entry: Effect,
    returns: CType,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    where: str,
) -> Value:
    """Call a function that may do anything, and of which one thing is known."""
    machine.record(entry.kind, name, arguments, where, given)
    result = _call_anything(machine, returns, name, given, arguments, entry.result)
    return _resulted(machine, entry, result)


def _resulted(machine: Machine, entry: Effect, result: Value) -> Value:
    """Note with the event what its result is, and whether that means success."""
    if isinstance(result.type, PointerType):
        word = word_of(result)
        machine.resulted(word, succeeded=(word != 0) & (word <= U64_MAX - MAX_ERRNO))
    elif entry.result in ("0-or-negative-errno", "0-if-done"):
        machine.resulted(None, succeeded=word_of(result) == 0)
    elif "bool" in (entry.result, entry.returns):
        machine.resulted(None, succeeded=word_of(result) != 0)
    return result


def _call_event(
    machine: Machine,
    name: str,
    entry: Effect,
    returns: CType,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    where: str,
) -> Value:
    machine.record(entry.kind or "event", name, arguments, where, given)
    if entry.orders:
        let_others(machine, entry.kind, name, arguments)
    if entry.kind == "free" and entry.object is not None and entry.object < len(given):
        _free(given[entry.object])
    key = _numbered(machine, name, arguments)
    for index in entry.writes:
        if index < len(given) and not reach.change(machine, f"{key}:*{index}", given[index]):
            machine.memory.forget_shared(("through", name, arguments))
    if entry.result == "argument" and entry.object is not None:
        return given[entry.object]
    result = _resulted(machine, entry, _result(machine, key, returns, entry.result, _words(given)))
    if entry.zeroed and isinstance(result.data, Pointer) and result.data.place is not None:
        result.data.place.object.fill(zeroed=True)
    if entry.kind in ("lock", "unlock"):
        _lock(machine, entry, name, arguments)
    return result


def let_others(machine: Machine, kind: str, name: str, arguments: tuple[Any, ...]) -> None:
    """Let other threads see what this one wrote, and change what they can reach."""
    if machine.alone:
        return
    machine.memory.let_others((kind, name, arguments))
    for number, value in enumerate(reach.kept(machine)):
        reach.change(machine, f"{name}@{machine.memory.history}:*{number}", value)


def _free(value: Value) -> None:
    """End the life of what a pointer points to, if it is known."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is not None and not place.path:
        place.object.free()


def _lock(machine: Machine, entry: Effect, name: str, arguments: tuple[Any, ...]) -> None:
    """Hold a lock, if the call says that it was taken, or release it."""
    lock = arguments[entry.object] if entry.object is not None else name
    if entry.kind == "lock":
        succeeded = machine.events[-1].succeeded
        machine.splits += not isinstance(succeeded, bool)
        if succeeded:
            machine.locks.append(lock)
    elif lock in machine.locks:
        machine.locks.remove(lock)
    elif str(lock) not in _tried(machine):
        machine.released += 1  # what was tried in vain may be waited for: `wait_event(…)`


def _tried(machine: Machine) -> set[str]:
    """Return what calls were given before this one, but for those that released a lock."""
    before = (event for event in machine.events[:-1] if event.kind != "unlock")
    return {str(each) for event in before for each in event.arguments}


def _call_anything(
    machine: Machine,
    returns: CType,
    name: str,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    facts: str = "",
) -> Value:
    machine.memory.forget_shared(("call", name, arguments))
    key = _numbered(machine, name, arguments)
    told = {value.data.place for value in reach.reached(given)}
    for number, value in enumerate(reach.reached([*reach.kept(machine), *given])):
        if value.data.place in told or not reach.is_over(value):
            reach.change(machine, f"{key}:*{number}", value)
        if all(value.data.place != known.data.place for known in machine.escaped):
            machine.escaped.append(value)
    return _result(machine, key, returns, facts, ())


def _numbered(machine: Machine, name: str, arguments: tuple[Any, ...]) -> str:
    """Return a name for the results of this call, which depend on all that happened before."""
    machine.memory.history = machine.memory.number("event", name, arguments)
    return f"{name}@{machine.memory.history}"


def computed(machine: Machine, name: str, words: Sequence[int], returns: CType) -> Value:
    """Return what an unknown computation gives for these words: no more than a number."""
    return _result(machine, name, returns, "", tuple(words))


def _result(
    machine: Machine, key: str, returns: CType, facts: str, words: tuple[int, ...]
) -> Value:
    if isinstance(returns, VoidType):
        return Value(returns, 0)
    if isinstance(returns, StructType):
        return machine.memory.named(_named(machine, key, words), returns)
    word = machine.inputs.apply(key, *words) if words else machine.inputs.word(key)
    if facts == "0-or-negative-errno":
        return Value(returns, sub(0, word & 0xFFF))
    if facts == "nonnull":
        word = made_up_address(word)
    if isinstance(returns, PointerType) or is_unknown(returns):
        return machine.memory.named(_named(machine, key, words), returns, word)
    return Value(returns, normalise(word, int_type(returns)))


def _named(machine: Machine, key: str, words: Sequence[int]) -> str:
    texts = ", ".join(machine.memory.namer.text(word) for word in words)
    return f"{key}({texts})" if words else key


def _returns(frame: Frame, name: str, stated: str) -> CType:
    if stated:
        return named_type(frame.scope, stated)
    declared = frame.scope.function_type(name) if name.isidentifier() else None
    return declared.result if declared is not None else UNKNOWN


def _words(given: Sequence[Value]) -> tuple[int, ...]:
    if any(isinstance(value.data, StructCopy | Aggregate) for value in given):
        raise NotModelled("a structure is passed by value to what computes")
    return tuple(word_of(value) for value in given if not isinstance(value.data, FunctionName))
